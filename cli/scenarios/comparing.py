"""`duokua scenario diff`."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from chassis.settings import Settings
from cli.connection import connect
from cli.options import AsJson
from cli.output import console, one_line, print_json, say
from cli.scenarios.folders import OverlayPath, Where, read_files, read_overlay
from duokua.matters.v1 import scenario_service_pb2 as pb

if TYPE_CHECKING:
    from services.matters.domain.bundle import Scenario


def diff(
    where: Where,
    other: Annotated[
        Path | None,
        typer.Argument(metavar="[NEWER]", help="The other package; by default PACKAGE is the newer.", exists=True),
    ] = None,
    overlay: OverlayPath = None,
    bundle: Annotated[str, typer.Option(help="The installed bundle; by default called like the package.")] = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Say in words how two packages differ; or, with one, how it differs from what is installed. Exit status 1 then."""
    from services.matters.domain.differences import differences  # noqa: PLC0415 - only what a command needs is loaded

    said = read_overlay(overlay)
    if other:
        old, new = _scenario(read_files(where), said), _scenario(read_files(other), said)
    else:
        files = read_files(where)
        installed, bound = _installed(files, bundle)
        old, new = _scenario(installed, bound), _scenario(files, bound if said is None else said)
    changes = differences(old, new)
    if json:
        print_json([asdict(change) for change in changes])
    else:
        for change in changes:
            say_change(change.area, change.subject, change.text)
        if not changes:
            say("they say the same")
    raise typer.Exit(1 if changes else 0)


def say_change(area: str, subject: str, text: str) -> None:
    """One difference on one line."""
    about = " ".join(part for part in (area, subject) if part)
    console.print(f"[bold]{escape(one_line(about))}[/bold] {escape(one_line(text))}", soft_wrap=True, highlight=False)


def _scenario(files: Mapping[str, bytes], overlay: Mapping[str, bytes] | None) -> "Scenario":
    from services.matters.package.compiler import compile_package  # noqa: PLC0415 - only what a command needs is loaded

    return compile_package(files, overlay)


def _installed(files: Mapping[str, bytes], bundle_id: str) -> tuple[dict[str, bytes], dict[str, bytes] | None]:
    """The files of the installed package, and of its overlay."""
    from services.matters.package.archive import unpack  # noqa: PLC0415 - only what a command needs is loaded
    from services.matters.package.compiler import package_id_of  # noqa: PLC0415

    request = pb.ExportScenarioRequest(bundle_id=bundle_id or package_id_of(files))
    with connect(Settings()) as platform:
        answer = platform.scenarios.ExportScenario(request)
    return dict(unpack(answer.package).files), {file.path: file.content for file in answer.overlay} or None
