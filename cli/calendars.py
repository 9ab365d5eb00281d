"""`duokua calendar`: the working days that time limits are counted in."""

import csv
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from chassis.clock import new_id
from chassis.settings import Settings
from cli.connection import connect
from cli.options import AsJson
from cli.output import as_dict, console, counted, enum_name, every_page, print_json, print_rows, say
from duokua.cases.v1 import calendar_service_pb2

pb = calendar_service_pb2
app = typer.Typer()


@app.command()
def show(
    year: Annotated[int, typer.Argument(min=1, max=9999, help="The year.")],
    version: Annotated[int, typer.Option(min=0, help="The version of the calendar; by default the newest.")] = 0,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the file that `calendar load` takes.")] = False,  # noqa: FBT002 - an option
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Show the holidays and make-up days of a year."""
    with connect(Settings()) as platform:
        found = platform.calendar.GetCalendarYear(pb.GetCalendarYearRequest(year=year, version=version))
    if json:
        print_json(as_dict(found))
        return
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(("date", "kind", "name"))
        writer.writerows((day.date, enum_name(day, "kind"), day.name) for day in found.days)
        return
    columns = [
        ("date", lambda day: day.date),
        ("weekday", lambda day: f"{date.fromisoformat(day.date):%a}"),
        ("kind", lambda day: enum_name(day, "kind")),
        ("name", lambda day: day.name),
    ]
    print_rows(found.days, columns, as_json=False, empty="no special days")
    if console.is_terminal:
        say(f"{year} has {found.working_days} working days; version {found.calendar.version} of the calendar")


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="CSV with the columns date, kind, name.", exists=True, dir_okay=False)],
    check: Annotated[bool, typer.Option("--check", help="Only say what is wrong with it.")] = False,  # noqa: FBT002 - an option
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Load the holidays and make-up days of whole years, each in place of what was known of it.

    Every fault is named with its line and column, and nothing is loaded then: exit status 1. The same again changes
    nothing.
    """
    content = file.read_bytes()
    with connect(Settings()) as platform:
        answer = platform.calendar.CheckCalendar(pb.CheckCalendarRequest(content=content))
        if answer.faults or check:
            _tell_faults(file, answer, json=json)
            raise typer.Exit(1 if answer.faults else 0)
        before = platform.calendar.ListCalendars(pb.ListCalendarsRequest(page_size=1)).calendars[0]
        request = pb.LoadCalendarRequest(request_id=new_id(), content=content, source=file.name[-200:])
        loaded = platform.calendar.LoadCalendar(request).calendar
    if json:
        print_json(as_dict(loaded))
    elif loaded.version == before.version:
        say(f"{file} says what version {loaded.version} of the calendar says already: nothing is changed")
    else:
        known, new = f"{loaded.first_year} to {loaded.last_year}", _in_short(loaded.years)
        say(f"version {loaded.version} of the calendar knows {known}; new or changed: {new}")


def _in_short(years: Sequence[int]) -> str:
    """Years in a row as the first and the last."""
    in_a_row = len(years) > 2 and years[-1] - years[0] == len(years) - 1
    return f"{years[0]} to {years[-1]}" if in_a_row else ", ".join(str(year) for year in years)


def _tell_faults(file: Path, answer: pb.CheckCalendarResponse, *, json: bool) -> None:
    if json:
        print_json(as_dict(answer))
        return
    for fault in answer.faults:
        place = f"{file}:{fault.line}" if fault.line else str(file)
        say(f"{place} {fault.column}: {fault.message}" if fault.column else f"{place}: {fault.message}")
    say(f"{file}: {counted(len(answer.faults), 'fault')}" if answer.faults else f"{file} is in order")


@app.command(name="list")
def list_calendars(json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """List the versions of the calendar, newest first: which years came when, and by whom."""
    with connect(Settings()) as platform:
        found = every_page(
            lambda token: platform.calendar.ListCalendars(pb.ListCalendarsRequest(page_size=1000, page_token=token)),
            lambda answer: answer.calendars,
        )
    columns = [
        ("version", lambda calendar: str(calendar.version)),
        ("from", lambda calendar: str(calendar.first_year)),
        ("to", lambda calendar: str(calendar.last_year)),
        ("new or changed", lambda calendar: _in_short(calendar.years)),
        ("loaded", lambda calendar: calendar.loaded_at.ToJsonString()),
        ("by", lambda calendar: calendar.loaded_by),
        ("source", lambda calendar: calendar.source),
    ]
    print_rows(found, columns, as_json=json, empty="no calendar is there")
