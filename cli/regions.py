"""`duokua region`: the tree of administrative regions."""

from typing import Annotated

import typer

from chassis.settings import Settings
from cli.connection import connect
from cli.options import AsJson
from cli.output import as_dict, every_page, print_json, print_rows, say
from duokua.identity.v1 import directory_pb2, directory_service_pb2

pb = directory_service_pb2
app = typer.Typer()


@app.command()
def register(
    code: Annotated[str, typer.Argument(help="The region's code, six digits (GB/T 2260).")],
    name: Annotated[str, typer.Argument(help="Its name.")],
    parent: Annotated[str, typer.Option(help="The code of the region above, registered before.")] = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Register a region, or give a registered one its new name and parent."""
    region = directory_pb2.Region(code=code, name=name, parent_code=parent)
    with connect(Settings()) as platform:
        platform.directory.RegisterRegions(pb.RegisterRegionsRequest(regions=[region]))
    if json:
        print_json(as_dict(region))
    else:
        say(f"region {code} {name} is registered")


@app.command(name="list")
def list_regions(json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """List the regions, by code."""
    with connect(Settings()) as platform:
        found = every_page(
            lambda token: platform.directory.ListRegions(pb.ListRegionsRequest(page_size=1000, page_token=token)),
            lambda answer: answer.regions,
        )
    columns = [
        ("code", lambda region: region.code),
        ("name", lambda region: region.name),
        ("parent", lambda region: region.parent_code),
    ]
    print_rows(found, columns, as_json=json, empty="no region is registered")
