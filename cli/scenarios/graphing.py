"""`duokua scenario graph`."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.options import AsJson
from cli.output import console, counted, print_json, say
from cli.scenarios.faulty import print_faults
from cli.scenarios.folders import OverlayPath, Where, read_files, read_overlay

WHOLE = 10_000
"""Wider than any line."""


def graph(
    where: Where,
    overlay: OverlayPath = None,
    svg: Annotated[
        Path | None,
        typer.Option(help="Write the drawing as SVG into this file; - for standard output.", dir_okay=False),
    ] = None,
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Draw the order of a bundle's steps: as a tree on the terminal, or as SVG. No platform is needed.

    Exit status 1 when the package is faulty.
    """
    from cli.drawing.svg import draw  # noqa: PLC0415 - only what a command needs is loaded
    from cli.drawing.tree import tree_of  # noqa: PLC0415
    from services.matters.package.compiler import check_package  # noqa: PLC0415

    scenario, faults = check_package(read_files(where), read_overlay(overlay))
    if scenario is None:
        print_faults(faults)
        say(f"{where}: {counted(len(faults), 'fault')}, so nothing was drawn")
        raise typer.Exit(1)
    if svg == Path("-"):
        sys.stdout.write(draw(scenario))
    elif svg is not None:
        svg.write_text(draw(scenario), encoding="utf-8")
        say(f"drawn: {svg}")
    elif json:
        steps = [
            {"id": step.step_id, "name": step.matter.name.zh, "after": list(step.after), "when": step.when}
            for step in scenario.steps
        ]
        print_json({"bundle": scenario.scenario_id, "name": scenario.name.zh, "steps": steps})
    else:
        # A terminal folds long lines; a file has them whole.
        whole = console if console.is_terminal else Console(width=WHOLE)
        whole.print(tree_of(scenario))
