"""`duokua scenario install`."""

import sys
from collections.abc import Mapping
from typing import Annotated

import typer
from rich.console import Console

from chassis.clock import new_id
from chassis.settings import Settings
from cli.arrival import once_arrived
from cli.connection import connect
from cli.options import AsJson
from cli.organs import organ_id_of
from cli.output import as_dict, counted, print_json, say
from cli.scenarios.folders import OverlayPath, SkipTests, Where, files_of, overlay_sent, read_overlay, sent
from cli.scenarios.listing import newest_bundles
from duokua.matters.v1 import matter_service_pb2 as pb
from duokua.matters.v1 import package_pb2


def install(
    where: Where,
    overlay: OverlayPath = None,
    lead: Annotated[
        str, typer.Option(help="The leading organ: its id, or its unified social credit code; or the overlay names it.")
    ] = "",
    skip_tests: SkipTests = False,  # noqa: FBT002 - an option
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Install a package: publish its matters and its bundle as a new version. The same again changes nothing.

    First its tests, and those of the overlay, are run here with the region's decisions; when one fails nothing is
    installed.
    """
    package, said = sent(where), read_overlay(overlay)  # once: what is tested is what is installed
    tests = 0 if skip_tests else tests_held(files_of(package), said)
    with connect(Settings()) as platform:
        organ_id = organ_id_of(platform, lead) if lead else ""
        before = {(bundle.bundle_id, bundle.version) for bundle in newest_bundles(platform)}
        request = pb.InstallScenarioRequest(
            request_id=new_id(), package=package, lead_organ_id=organ_id, overlay=overlay_sent(said)
        )
        answer = once_arrived(lambda: platform.matters.InstallScenario(request), "ORGAN_NOT_FOUND")
    warn_of_unsigned(answer.installation)
    if json:
        print_json(as_dict(answer))
        return
    bundle = answer.bundle
    say_tests(tests)
    done = "is unchanged" if (bundle.bundle_id, bundle.version) in before else "is published"
    say(f"{bundle.name} ({bundle.bundle_id}) version {bundle.version} {done}")
    for each in answer.advice:
        say(f"note: step {each.step_id} ({each.catalog_code}) {each.message}")


def tests_held(files: Mapping[str, bytes], overlay: Mapping[str, bytes] | None) -> int:
    """How many tests hold with a region's decisions. Raises Invalid TESTS_FAILED, TESTS_INVALID."""
    from cli.rehearsal.rehearsing import hold  # noqa: PLC0415 - only what a command needs is loaded

    return hold(files, overlay)


def say_tests(tests: int) -> None:
    """Say how many tests held."""
    if tests:
        say(f"{counted(tests, 'test')} passed with the region's decisions")


def warn_of_unsigned(installation: package_pb2.Installation) -> None:
    """Say on standard error that nobody vouches for a package, where that is so."""
    if not installation.signers:
        message = f"warning: nobody signed {installation.package_id} {installation.package_version}"
        say(f"{message}; only you vouch for it", Console(file=sys.stderr))
