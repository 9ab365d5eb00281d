"""`duokua person`: those who apply, for whom a portal acts."""

from enum import StrEnum
from typing import Annotated

import typer

from chassis.settings import Settings
from cli.connection import connect
from cli.options import AsJson
from cli.output import as_dict, print_json, say
from duokua.identity.v1 import directory_pb2, directory_service_pb2

app = typer.Typer()


class Kind(StrEnum):
    """Whether a person is a human being or an organisation."""

    NATURAL = "natural"
    LEGAL = "legal"


@app.callback()
def persons() -> None:
    """Persons, those who apply: register."""


@app.command()
def register(
    name: Annotated[str, typer.Argument(help="The person's name.")],
    number: Annotated[
        str,
        typer.Option(help="The resident id, or a firm's unified social credit code; without it, it is asked for."),
    ] = "",
    kind: Annotated[Kind, typer.Option(help="A human being, or a firm.")] = Kind.NATURAL,
    assurance: Annotated[int, typer.Option(min=0, max=3, help="How surely it is that person: 0 not, 3 highly.")] = 0,
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Register who applies, and tell the id that `--person` takes. The same number again is the same person."""
    # Asked for on standard error: what is on a command line is in the shell's history, and `--json` has the output.
    number = number or typer.prompt("identity number", err=True)
    request = directory_service_pb2.RegisterPersonRequest(
        kind=directory_pb2.PersonKind.Value(f"PERSON_KIND_{kind.name}"),
        name=name,
        identity_number=number,
        assurance=assurance,
    )
    with connect(Settings()) as platform:
        person = platform.directory.RegisterPerson(request).person
    if json:
        print_json(as_dict(person))
    else:
        say(f"person {person.person_id} {person.name} {person.masked_number} is registered")
