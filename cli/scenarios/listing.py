"""`duokua scenario list`."""

from chassis.settings import Settings
from cli.connection import connect
from cli.options import AsJson
from cli.output import every_page, print_rows
from duokua.client import Platform
from duokua.matters.v1 import bundle_pb2
from duokua.matters.v1 import matter_service_pb2 as pb


def newest_bundles(platform: Platform) -> list[bundle_pb2.Bundle]:
    """The newest version of each bundle."""
    return every_page(
        lambda token: platform.matters.ListBundles(pb.ListBundlesRequest(page_size=1000, page_token=token)),
        lambda answer: answer.bundles,
    )


def list_bundles(json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """List the newest version of each bundle."""
    with connect(Settings()) as platform:
        bundles = newest_bundles(platform)
    columns = [
        ("bundle", lambda bundle: bundle.bundle_id),
        ("version", lambda bundle: str(bundle.version)),
        ("name", lambda bundle: bundle.name),
        ("steps", lambda bundle: str(len(bundle.steps))),
    ]
    print_rows(bundles, columns, as_json=json, empty="no bundle is installed")
