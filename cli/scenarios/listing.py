"""`duokua scenario list`."""

from typing import TYPE_CHECKING, Annotated

import typer

from chassis.settings import Settings
from cli.connection import connect
from cli.options import AsJson
from cli.output import every_page, print_rows
from duokua.matters.v1 import bundle_pb2, package_pb2, scenario_service_pb2
from duokua.matters.v1 import matter_service_pb2 as pb

if TYPE_CHECKING:
    from duokua.client import Platform


def newest_bundles(platform: "Platform") -> list[bundle_pb2.Bundle]:
    """The newest version of each bundle."""
    return every_page(
        lambda token: platform.matters.ListBundles(pb.ListBundlesRequest(page_size=1000, page_token=token)),
        lambda answer: answer.bundles,
    )


def list_installed(
    bundle: Annotated[str, typer.Argument(metavar="[BUNDLE]", help="Show all installations of this bundle.")] = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """List what is installed: the package and its version, who signed it, and for which region."""
    with connect(Settings()) as platform:
        installed = _installations(platform, bundle)
    columns = [
        ("bundle", lambda each: each.bundle_id),
        ("version", lambda each: str(each.bundle_version)),
        ("name", lambda each: each.name),
        ("package", lambda each: f"{each.package_id} {each.package_version}"),
        ("signed by", lambda each: ", ".join(_signer(signer) for signer in each.signers) or "nobody"),
        ("region", lambda each: each.region_code),
        ("installed", lambda each: f"{each.installed_at.ToDatetime():%Y-%m-%d %H:%M}"),
    ]
    print_rows(installed, columns, as_json=json, empty="no scenario is installed")


def _installations(platform: "Platform", bundle_id: str) -> list[package_pb2.Installation]:
    return every_page(
        lambda token: platform.scenarios.ListInstallations(
            scenario_service_pb2.ListInstallationsRequest(page_size=1000, page_token=token, bundle_id=bundle_id)
        ),
        lambda answer: answer.installations,
    )


def _signer(signer: package_pb2.Signer) -> str:
    return signer.publisher if signer.trusted else f"{signer.publisher} (not trusted)"
