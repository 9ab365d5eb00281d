"""`duokua scenario install`."""

from typing import Annotated

import typer

from chassis.clock import new_id
from chassis.settings import Settings
from cli.arrival import once_arrived
from cli.connection import connect
from cli.options import AsJson
from cli.organs import organ_id_of
from cli.output import as_dict, print_json, say
from cli.scenarios.folders import Folder, read_package
from cli.scenarios.listing import newest_bundles
from duokua.matters.v1 import matter_service_pb2 as pb


def install(
    folder: Folder,
    lead: Annotated[str, typer.Option(help="The leading organ: its id, or its unified social credit code.")],
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Install a package: publish its matters and its bundle as a new version. The same again changes nothing."""
    with connect(Settings()) as platform:
        organ_id = organ_id_of(platform, lead)
        before = {(bundle.bundle_id, bundle.version) for bundle in newest_bundles(platform)}
        request = pb.InstallScenarioRequest(request_id=new_id(), files=read_package(folder), lead_organ_id=organ_id)
        answer = once_arrived(lambda: platform.matters.InstallScenario(request), "ORGAN_NOT_FOUND")
    if json:
        print_json(as_dict(answer))
        return
    bundle = answer.bundle
    done = "is unchanged" if (bundle.bundle_id, bundle.version) in before else "is published"
    say(f"{bundle.name} ({bundle.bundle_id}) version {bundle.version} {done}")
