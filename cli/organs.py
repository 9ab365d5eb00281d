"""`duokua organ`: the organs that handle matters, and how other commands find one."""

from typing import TYPE_CHECKING, Annotated

import typer

from chassis.problems import NotFound
from chassis.settings import Settings
from cli.connection import connect
from cli.options import AsJson, Level
from cli.output import as_dict, enum_name, every_page, print_json, print_rows, say
from duokua.identity.v1 import directory_pb2, directory_service_pb2

if TYPE_CHECKING:
    from duokua.client import Session

pb = directory_service_pb2
app = typer.Typer()


def all_organs(platform: "Session") -> list[directory_pb2.Organ]:
    """Every registered organ."""
    return every_page(
        lambda token: platform.directory.ListOrgans(pb.ListOrgansRequest(page_size=1000, page_token=token)),
        lambda answer: answer.organs,
    )


def organ_id_of(platform: "Session", organ: str) -> str:
    """The id of the organ with this id or unified social credit code; raises NotFound when there is none."""
    for known in all_organs(platform):
        if organ in (known.organ_id, known.uscc):
            return known.organ_id
    message = f"there is no organ with the id or unified social credit code {organ}; `duokua organ list` shows all"
    raise NotFound("ORGAN_NOT_FOUND", message, organ=organ)


@app.command()
def register(
    uscc: Annotated[str, typer.Option(help="Its unified social credit code (GB 32100).")],
    name: Annotated[str, typer.Option(help="Its full name, which is also around its seal.")],
    region: Annotated[str, typer.Option(help="The code of its region.")],
    level: Annotated[Level, typer.Option(help="Its level (GB/T 39554.1).")],
    parent: Annotated[str, typer.Option(help="The organ above it: its id or unified social credit code.")] = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Register an organ, or give the one with this code its new name, region, level and parent."""
    organ = directory_pb2.Organ(
        uscc=uscc,
        name=name,
        region_code=region,
        level=directory_pb2.OrganLevel.Value(f"ORGAN_LEVEL_{level.name}"),
    )
    with connect(Settings()) as platform:
        if parent:
            organ.parent_organ_id = organ_id_of(platform, parent)
        answer = platform.directory.RegisterOrgan(pb.RegisterOrganRequest(organ=organ))
    if json:
        print_json(as_dict(answer.organ))
    else:
        say(f"organ {answer.organ.organ_id} {name} is registered")


@app.command(name="list")
def list_organs(json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """List the organs."""
    with connect(Settings()) as platform:
        found = all_organs(platform)
    columns = [
        ("organ", lambda organ: organ.organ_id),
        ("uscc", lambda organ: organ.uscc),
        ("name", lambda organ: organ.name),
        ("region", lambda organ: organ.region_code),
        ("level", lambda organ: enum_name(organ, "level")),
        ("parent", lambda organ: organ.parent_organ_id),
    ]
    print_rows(found, columns, as_json=json, empty="no organ is registered")
