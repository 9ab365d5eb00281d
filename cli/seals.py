"""`duokua seal`: the organs' seals, and whether a sealed document is genuine."""

from pathlib import Path
from typing import Annotated

import typer

from chassis.settings import Settings
from cli.arrival import once_arrived
from cli.connection import connect
from cli.options import AsJson, OrganName
from cli.organs import organ_id_of
from cli.output import as_dict, enum_name, every_page, print_json, print_rows, say
from duokua.client import Platform
from duokua.errors import AlreadyExists
from duokua.eseal.v1 import document_pb2, finding_pb2, seal_service_pb2

pb = seal_service_pb2
app = typer.Typer()


@app.command()
def create(organ: OrganName, json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Make an organ's seal: key, certificate and picture. One that is in use stays, and is shown."""
    made = True
    with connect(Settings()) as platform:
        request = pb.CreateSealRequest(organ_id=organ_id_of(platform, organ))
        try:
            seal = once_arrived(lambda: platform.seals.CreateSeal(request), "ORGAN_NOT_FOUND").seal
        except AlreadyExists:
            seal = next(seal for seal in all_seals(platform) if seal.organ_id == request.organ_id and not seal.revoked)
            made = False
    if json:
        print_json(as_dict(seal))
    else:
        until = seal.valid_until.ToDatetime().date()
        say(f"seal {seal.seal_id} {seal.name} is {'made' if made else 'there already'}, good until {until}")


def all_seals(platform: Platform) -> list[document_pb2.Seal]:
    """Every seal, revoked ones too."""
    return every_page(
        lambda token: platform.seals.ListSeals(pb.ListSealsRequest(page_size=1000, page_token=token)),
        lambda answer: answer.seals,
    )


@app.command(name="list")
def list_seals(json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """List the seals, revoked ones too."""
    with connect(Settings()) as platform:
        found = all_seals(platform)
    columns = [
        ("seal", lambda seal: seal.seal_id),
        ("organ", lambda seal: seal.organ_id),
        ("name", lambda seal: seal.name),
        ("until", lambda seal: seal.valid_until.ToDatetime().date().isoformat()),
        ("state", lambda seal: "revoked" if seal.revoked else "active"),
    ]
    print_rows(found, columns, as_json=json, empty="there are no seals")


@app.command()
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
