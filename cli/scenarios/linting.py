"""`duokua scenario lint`."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import AsJson
from cli.output import counted, print_json, say
from cli.scenarios.faulty import faults_as_json, print_faults
from cli.scenarios.folders import OverlayPath, Where, read_files, read_overlay

if TYPE_CHECKING:
    from services.matters.package.faults import Fault


@dataclass(frozen=True, slots=True)
class Found:
    """What is to be said about a package."""

    faults: list["Fault"]
    advice: list["Fault"]


def lint(
    where: Where,
    overlay: OverlayPath = None,
    strict: Annotated[bool, typer.Option("--strict", help="Take advice as faults.")] = False,  # noqa: FBT002
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Check a package, its examples and tests: every fault with file, line and remedy; then advice. No platform needed.

    Exit status 1 when there is a fault, or with --strict advice.
    """
    found = look_over(read_files(where), read_overlay(overlay))
    if json:
        print_json({"faults": faults_as_json(found.faults), "advice": faults_as_json(found.advice)})
    else:
        _print(found, where)
    raise typer.Exit(1 if found.faults or (strict and found.advice) else 0)


def look_over(files: Mapping[str, bytes], overlay: Mapping[str, bytes] | None = None) -> Found:
    """All that is to be said about a package, with the overlay of a region if there is one."""
    from cli.rehearsal.examples import check_examples  # noqa: PLC0415 - only what a command needs is loaded
    from cli.rehearsal.publishing import publish  # noqa: PLC0415
    from services.matters.package.advice import advise  # noqa: PLC0415
    from services.matters.package.compiler import examine_package  # noqa: PLC0415
    from services.matters.package.trialchecks import read_trials  # noqa: PLC0415

    examined = examine_package(files, overlay)
    trials, of_trials = read_trials(files, examined, overlay)
    of_examples = check_examples(publish(examined.scenario), files, overlay) if examined.scenario else []
    faults = [*examined.faults, *of_trials, *of_examples]
    return Found(sorted(faults), [] if faults else advise(files, examined, trials))


def _print(found: Found, folder: Path) -> None:
    print_faults(found.faults)
    print_faults(found.advice, "yellow")
    advice = f", {counted(len(found.advice), 'piece')} of advice" if found.advice else ""
    if found.faults:
        say(f"{folder}: {counted(len(found.faults), 'fault')}{advice}")
    else:
        say(f"{folder} is in order{advice}")
