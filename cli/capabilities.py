"""`duokua capability`: which organ handles which matters."""

from typing import Annotated

import typer

from chassis.settings import Settings
from cli.arrival import once_arrived
from cli.connection import connect
from cli.options import AsJson, Codes, OrganName
from cli.organs import all_organs, organ_id_of
from cli.output import as_dict, counted, every_page, print_json, print_rows, say
from duokua.routing.v1 import routing_service_pb2

pb = routing_service_pb2
app = typer.Typer()


@app.command()
def declare(organ: OrganName, codes: Codes, json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Declare that an organ handles matters. Those that it has declared before stay."""
    with connect(Settings()) as platform:
        request = pb.DeclareCapabilitiesRequest(organ_id=organ_id_of(platform, organ), catalog_codes=codes)
        answer = once_arrived(lambda: platform.routing.DeclareCapabilities(request), "ORGAN_NOT_FOUND")
    if json:
        print_json(as_dict(answer))
    else:
        say(f"organ {request.organ_id} handles {', '.join(each.catalog_code for each in answer.capabilities)}")


@app.command()
def withdraw(organ: OrganName, codes: Codes, json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Take matters from an organ; steps that were routed to it stay there."""
    with connect(Settings()) as platform:
        request = pb.WithdrawCapabilitiesRequest(organ_id=organ_id_of(platform, organ), catalog_codes=codes)
        answer = once_arrived(lambda: platform.routing.WithdrawCapabilities(request), "ORGAN_NOT_FOUND")
    if json:
        print_json(as_dict(answer))
    else:
        say(f"organ {request.organ_id} no longer handles {counted(len(answer.capabilities), 'matter')}")


@app.command(name="list")
def list_capabilities(
    organ: Annotated[str, typer.Option(help="Only those of this organ: its id or unified social credit code.")] = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """List which organ handles which matters."""
    with connect(Settings()) as platform:
        organ_id = organ_id_of(platform, organ) if organ else ""
        names = {known.organ_id: known.name for known in all_organs(platform)}
        found = every_page(
            lambda token: platform.routing.ListCapabilities(
                pb.ListCapabilitiesRequest(page_size=1000, page_token=token, organ_id=organ_id)
            ),
            lambda answer: answer.capabilities,
        )
    columns = [
        ("organ", lambda capability: capability.organ_id),
        ("name", lambda capability: names.get(capability.organ_id, "")),
        ("matter", lambda capability: capability.catalog_code),
    ]
    print_rows(found, columns, as_json=json, empty="no organ handles anything")
