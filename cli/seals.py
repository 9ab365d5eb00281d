"""`duokua seal`: whether a sealed document is genuine."""

from pathlib import Path
from typing import Annotated

import typer

from chassis.settings import Settings
from cli.connection import connect
from cli.output import as_dict, console, enum_name, print_json
from duokua.eseal.v1 import seal_service_pb2

pb = seal_service_pb2
app = typer.Typer(no_args_is_help=True, help="Seals: verify documents.")


@app.callback()
def seals() -> None:
    """Seals: verify documents."""


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A PDF.", exists=True, dir_okay=False)],
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,  # noqa: FBT002 - an option
) -> None:
    """Say who sealed a PDF, and whether it is genuine; the exit status is 1 when it is not."""
    with connect(Settings()) as platform:
        answer = platform.seals.VerifyDocument(pb.VerifyDocumentRequest(content=file.read_bytes()))
    if json:
        print_json(as_dict(answer))
    else:
        console.print(f"{file}: [bold]{enum_name(answer, 'verdict')}[/bold]. {answer.explanation}")
    raise typer.Exit(0 if answer.verdict == pb.VERDICT_GENUINE else 1)
