"""`duokua scenario test`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cli.options import AsJson
from cli.output import console, counted, one_line, print_json, say
from cli.scenarios.faulty import faults_as_json, print_faults
from cli.scenarios.folders import SUFFIX, OverlayPath, package_of, read_files, read_folder, read_overlay

if TYPE_CHECKING:
    from cli.rehearsal.running import Outcome

_WAYS = ("completed", "refused", "skipped", "undone")


def rehearse(
    where: Annotated[
        Path, typer.Argument(help="The package: its folder, a *.duokua file, or one file of its tests.", exists=True)
    ],
    overlay: OverlayPath = None,
    only: Annotated[str, typer.Option("-k", help="Only tests with this in their name.")] = "",
    stories: Annotated[bool, typer.Option("--stories", help="Tell what happened in every test.")] = False,  # noqa: FBT002
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Run a package's tests: given, when, then, with simulated offices and clock. No platform is needed.

    With --overlay, those of the overlay too, in its tests/: they know the steps that a region adds.
    Exit status 1 when one fails, when the package or a file of tests is faulty, or when there is no such test.
    """
    from cli.rehearsal import rehearsing  # noqa: PLC0415 - only what a command needs is loaded

    folder, file = (where, "") if where.suffix == SUFFIX else package_of(where)
    files = read_files(where) if where.suffix == SUFFIX else read_folder(folder)
    rehearsed = rehearsing.rehearse(
        files,
        read_overlay(overlay),
        lambda trial: only in trial.part.name and (not file or trial.source.file == file),
    )
    faults, outcomes = rehearsed.faults, rehearsed.outcomes
    if faults:
        if json:
            print_json({"faults": faults_as_json(faults), "tests": []})
        else:
            print_faults(faults)
            say(f"{folder}: {counted(len(faults), 'fault')}, so nothing was tested")
        raise typer.Exit(1)
    if json:
        left_out = [each.part.name for each in rehearsed.left_out]
        tests = [_as_json(each) for each in outcomes]
        print_json({"faults": [], "tests": tests, "left_out": left_out, "steps": _ways_of(outcomes)})
    else:
        _print_all(outcomes, len(rehearsed.left_out), folder, stories=stories)
    raise typer.Exit(0 if outcomes and all(each.passed for each in outcomes) else 1)


def _print_all(outcomes: Sequence["Outcome"], left_out: int, folder: Path, *, stories: bool) -> None:
    if left_out:
        say(f"{counted(left_out, 'test')} left out: about other values of parameters")
    if not outcomes:
        say(f"{folder} has no such test: they are in tests/<name>.test.yaml")
        return
    file = ""
    for outcome in outcomes:
        if outcome.file != file:
            file = outcome.file
            say(file)
        _print_one(outcome, stories=stories)
    say("")
    _print_ways(_ways_of(outcomes))
    failed = sum(not each.passed for each in outcomes)
    took = sum(each.milliseconds for each in outcomes)
    said = (
        f"{counted(len(outcomes), 'test')}, {failed} failed" if failed else f"{counted(len(outcomes), 'test')} passed"
    )
    console.print(f"[{'red' if failed else 'green'}]{said}[/] in {took:.0f} ms", highlight=False)


def _print_one(outcome: "Outcome", *, stories: bool) -> None:
    mark = "[green]✓[/green]" if outcome.passed else "[red]✗[/red]"
    took = f"[dim]{outcome.milliseconds:.0f} ms[/dim]"
    console.print(f"  {mark} {escape(one_line(outcome.name))}  {took}", soft_wrap=True, highlight=False)
    for miss in outcome.missed:
        place = f"[red]{escape(f'{miss.file}:{miss.line}:{miss.column}')}[/red]"
        path = f"[bold]{escape(one_line(miss.path))}[/bold]"
        console.print(f"      {place} {path}", soft_wrap=True, highlight=False)
        _print_value("expected", miss.expected)
        _print_value("found", miss.found)
    if stories or not outcome.passed:
        say("      what happened:")
        for line in outcome.story:
            say(f"        {line}")


def _print_value(title: str, value: str) -> None:
    """A value, of more than one line below its title."""
    lines = value.splitlines() or [""]
    if len(lines) == 1:
        say(f"        {title:<8}  {value}")
        return
    say(f"        {title}")
    for line in lines:
        say(f"          {line}")


def _print_ways(ways: Mapping[str, Mapping[str, int]]) -> None:
    """In how many tests each step ended in which way."""
    if not console.is_terminal:
        for step_id, counts in ways.items():
            said = ", ".join(f"{counts[way]} {way}" for way in _WAYS if counts[way])
            say(f"{step_id}: {said or 'never ended'}")
        return
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("step", *_WAYS):
        table.add_column(title, justify="left" if title == "step" else "right")
    for step_id, counts in ways.items():
        table.add_row(step_id, *(Text(str(counts[way]) if counts[way] else "-") for way in _WAYS))
    console.print(table)


def _ways_of(outcomes: Sequence["Outcome"]) -> dict[str, dict[str, int]]:
    steps = dict.fromkeys(step_id for each in outcomes for step_id in each.ways)
    return {
        step_id: {way: sum(way in each.ways.get(step_id, ()) for each in outcomes) for way in _WAYS}
        for step_id in steps
    }


def _as_json(outcome: "Outcome") -> dict[str, object]:
    return {
        "file": outcome.file,
        "line": outcome.line,
        "name": outcome.name,
        "passed": outcome.passed,
        "milliseconds": round(outcome.milliseconds, 1),
        "missed": [
            {
                "file": each.file,
                "line": each.line,
                "column": each.column,
                "path": each.path,
                "expected": each.expected,
                "found": each.found,
            }
            for each in outcome.missed
        ],
        "story": [str(line) for line in outcome.story],
    }
