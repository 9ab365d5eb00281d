"""`duokua seal verify`: whether a sealed file is genuine."""

from pathlib import Path
from typing import Annotated

import typer

from chassis.settings import Settings
from cli.connection import connect
from cli.options import AsJson
from cli.output import as_dict, enum_name, print_json, say
from duokua.eseal.v1 import finding_pb2, seal_service_pb2

pb = seal_service_pb2


def verify(
    file: Annotated[Path, typer.Argument(help="A PDF.", exists=True, dir_okay=False)],
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Say who sealed a PDF, and whether it is genuine; the exit status is 1 when it is not."""
    with connect(Settings()) as platform:
        answer = platform.seals.VerifyDocument(pb.VerifyDocumentRequest(content=file.read_bytes()))
    if json:
        print_json(as_dict(answer))
    else:
        say(f"{file}: {enum_name(answer, 'verdict')}. {answer.explanation}")
    raise typer.Exit(0 if answer.verdict == finding_pb2.VERDICT_GENUINE else 1)
