"""`duokua scenario upgrade`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from chassis.clock import new_id
from chassis.settings import Settings
from cli.connection import connect
from cli.options import AsJson
from cli.output import as_dict, print_json, say
from cli.scenarios.comparing import say_change
from cli.scenarios.folders import OverlayPath, SkipTests, Where, files_of, overlay_sent, read_overlay, sent
from cli.scenarios.installing import say_tests, tests_held, warn_of_unsigned
from duokua.matters.v1 import scenario_service_pb2 as pb

if TYPE_CHECKING:
    from duokua.client import Platform


def upgrade(
    where: Where,
    overlay: OverlayPath = None,
    bundle: Annotated[str, typer.Option(help="The bundle; by default the one that is called like the package.")] = "",
    downgrade: Annotated[bool, typer.Option("--downgrade", help="Let an older version replace a newer one.")] = False,  # noqa: FBT002
    check: Annotated[bool, typer.Option("--check", help="Only say what would change.")] = False,  # noqa: FBT002
    skip_tests: SkipTests = False,  # noqa: FBT002 - an option
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Install another version of a package that is installed, with the overlay that it has; say what changes.

    Refused, with nothing done, when the overlay does not fit any more: give a new one then. The package's tests, and
    those of the overlay, are run here first; when one fails nothing is done either.
    """
    package, said = sent(where), read_overlay(overlay)  # once: what is tested is what is installed
    request = pb.UpgradeScenarioRequest(
        request_id=new_id(),
        package=package,
        overlay=overlay_sent(said),
        bundle_id=bundle,
        allow_downgrade=downgrade,
        check_only=check,
    )
    with connect(Settings()) as platform:
        tests = 0 if skip_tests else _tests_held(platform, files_of(package), said, bundle)
        answer = platform.scenarios.UpgradeScenario(request)
    warn_of_unsigned(answer.installation)
    if json:
        print_json(as_dict(answer))
        return
    say_tests(tests)
    for change in answer.changes:
        say_change(change.area, change.subject, change.text)
    before, after = answer.before, answer.installation
    told = f"{before.bundle_id}: {before.package_version} → {after.package_version}"
    if check:
        say(f"{told}, version {after.bundle_version} of the bundle; nothing was done")
    elif before == after:
        say(f"{before.bundle_id} {before.package_version} is unchanged")
    else:
        say(f"{told}, version {after.bundle_version} of the bundle")


def _tests_held(platform: "Platform", files: Mapping[str, bytes], said: Mapping[str, bytes] | None, bundle: str) -> int:
    """How many tests hold with the overlay that is given, or is kept. Raises Invalid TESTS_FAILED, TESTS_INVALID."""
    from services.matters.package.compiler import package_id_of  # noqa: PLC0415 - only what a command needs is loaded

    if said is None:
        request = pb.ExportScenarioRequest(bundle_id=bundle or package_id_of(files))
        kept = platform.scenarios.ExportScenario(request).overlay
        said = {file.path: file.content for file in kept} or None
    return tests_held(files, said)
