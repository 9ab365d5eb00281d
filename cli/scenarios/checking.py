"""`duokua scenario check`."""

import typer
from rich.markup import escape

from chassis.settings import Settings
from cli.connection import connect
from cli.options import AsJson
from cli.output import as_dict, console, counted, one_line, print_json, say
from cli.scenarios.folders import Folder, read_package
from duokua.matters.v1 import matter_service_pb2 as pb


def check(folder: Folder, json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Check a package without installing it; every fault is named with its file and line. Exit status 1 when faulty."""
    with connect(Settings()) as platform:
        answer = platform.matters.CheckScenario(pb.CheckScenarioRequest(files=read_package(folder)))
    if json:
        print_json(as_dict(answer))
    else:
        for fault in answer.faults:
            place, path, message = (
                escape(one_line(each))
                for each in (f"{fault.file}:{fault.line}:{fault.column}", fault.path, fault.message)
            )
            console.print(
                f"[red]{place}[/red] [bold]{path}[/bold] {message}",
                soft_wrap=True,
                highlight=False,
            )
        say(f"{folder}: {counted(len(answer.faults), 'fault')}" if answer.faults else f"{folder} is in order")
    raise typer.Exit(1 if answer.faults else 0)
