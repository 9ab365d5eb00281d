"""`duokua scenario export`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from chassis.settings import Settings
from cli.connection import connect
from cli.options import AsJson
from cli.output import as_dict, print_json, say
from cli.scenarios.folders import SUFFIX
from duokua.matters.v1 import scenario_service_pb2 as pb
from duokua.matters.v1.matter_service_pb2 import ScenarioFile
from services.matters.package.files import trick


def export(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="The bundle's id.")],
    version: Annotated[int, typer.Option(min=0, help="The bundle's version; by default the newest.")] = 0,
    out: Annotated[Path | None, typer.Option(help="The file; by default <package>-<version>.duokua here.")] = None,
    overlay_out: Annotated[
        Path | None, typer.Option(help="Write the overlay that it was installed with into this new folder.")
    ] = None,
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Get an installed package out of the platform, with its signatures, as it was brought in."""
    request = pb.ExportScenarioRequest(bundle_id=bundle, bundle_version=version)
    with connect(Settings()) as platform:
        answer = platform.scenarios.ExportScenario(request)
    installed = answer.installation
    file = out or Path(f"{installed.package_id}-{installed.package_version}{SUFFIX}")
    file.write_bytes(answer.package)
    if overlay_out is not None:
        _write_overlay(overlay_out, answer.overlay)
    if json:
        print_json({"file": str(file), "overlay": str(overlay_out or ""), "installation": as_dict(installed)})
        return
    say(
        f"{file}: {installed.package_id} {installed.package_version}, as version {installed.bundle_version} of {bundle}"
    )
    if overlay_out is not None:
        say(f"{overlay_out}: the overlay" if answer.overlay else f"{overlay_out} is empty: there was no overlay")


def _write_overlay(folder: Path, files: Iterable[ScenarioFile]) -> None:
    """Write the files of an overlay into a new folder, and nowhere else, whatever a platform calls them."""
    folder.mkdir(parents=True)
    for each in files:
        if fault := trick(each.path):
            message = f"the platform gave a file whose name {fault}"
            raise ValueError(message)
        path = folder / each.path
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(each.content)
