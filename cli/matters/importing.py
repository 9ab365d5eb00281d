"""`duokua matter import`."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from chassis.clock import new_id
from cli.connection import operator
from cli.matters.desk import RequestId
from cli.options import AsJson
from cli.output import as_dict, counted, print_json, say
from duokua.matters.v1 import catalogue_service_pb2 as pb

if TYPE_CHECKING:
    from duokua.client import Platform

CHUNK = 1024 * 1024
ENDINGS = (".xlsx", ".xlsm", ".csv", ".yaml", ".yml")
Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE...", help="Excel, CSV or YAML; a folder stands for its files.", exists=True),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would become of each, and write nothing.")]
KeepGoing = Annotated[bool, typer.Option("--keep-going", help="Import what has no fault, though others have.")]


@dataclass(slots=True)
class Answer:
    """All that an import told, but for its progress."""

    faults: list[pb.ImportFault] = field(default_factory=list)
    notices: list[pb.ImportFault] = field(default_factory=list)
    outcomes: list[pb.ImportOutcome] = field(default_factory=list)
    summary: pb.ImportSummary | None = None


def import_files(
    files: Files,
    dry_run: DryRun = False,  # noqa: FBT002 - an option
    keep_going: KeepGoing = False,  # noqa: FBT002 - an option
    request_id: RequestId = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Import entries from files: what is new or changed becomes drafts, and what says the same changes nothing.

    Every fault is named with sheet, row and column, and nothing is imported then, unless --keep-going says so: exit
    status 1. What a file has no column for stays as it is.
    """
    request_id = request_id or new_id()
    start = pb.ImportStart(request_id=request_id, dry_run=dry_run, keep_going=keep_going)
    paths = list(_paths(files))
    start.files.extend(pb.ImportFile(name=path.name, size=path.stat().st_size) for path in paths)
    with operator() as platform:
        answer = _imported(platform, start, paths)
    summary = answer.summary
    if summary is None:
        raise ValueError(f"the answer broke off; the same command with --request-id {request_id} goes on")
    if json:
        print_json(
            {
                "faults": [as_dict(each) for each in answer.faults],
                "notices": [as_dict(each) for each in answer.notices],
                "outcomes": [as_dict(each) for each in answer.outcomes],
                "summary": as_dict(summary),
            }
        )
    else:
        _tell(answer, summary, dry_run=dry_run)
    if summary.faults:
        raise typer.Exit(1)


def place_of(fault: pb.ImportFault) -> str:
    """Where a fault is: "实施清单 row 3, C 事项名称"."""
    row = f"{fault.sheet} row {fault.row}" if fault.row else fault.sheet
    return f"{row}, {fault.column}" if fault.column else row


def _paths(given: Sequence[Path]) -> Iterator[Path]:
    for path in given:
        if path.is_dir():
            found = sorted(each for each in path.iterdir() if each.suffix.lower() in ENDINGS)
            if not found:
                raise typer.BadParameter(f"{path} has no file that ends in one of {', '.join(ENDINGS)}")
            yield from found
        else:
            yield path


def _imported(platform: "Platform", start: pb.ImportStart, paths: Sequence[Path]) -> Answer:
    answer = Answer()
    with _progress() as told:
        for each in platform.catalogue.ImportMatters(_requests(start, paths), timeout=None):
            match each.WhichOneof("answer"):
                case "progress":
                    told(each.progress)
                case "fault":
                    answer.faults.append(each.fault)
                case "notice":
                    answer.notices.append(each.notice)
                case "outcome":
                    answer.outcomes.append(each.outcome)
                case _:
                    answer.summary = each.summary
    return answer


def _requests(start: pb.ImportStart, paths: Sequence[Path]) -> Iterator[pb.ImportMattersRequest]:
    yield pb.ImportMattersRequest(start=start)
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield pb.ImportMattersRequest(chunk=chunk)


@contextmanager
def _progress() -> Iterator[Callable[[pb.ImportProgress], None]]:
    """A bar on standard error, when that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("sending", total=None)

        def told(now: pb.ImportProgress) -> None:
            unit = "rows" if now.stage == "reading" else "entries"
            progress.update(bar, description=f"{now.stage} {unit}", completed=now.done, total=now.total or None)

        yield told


def _tell(answer: Answer, summary: pb.ImportSummary, *, dry_run: bool) -> None:
    for each in answer.notices:
        say(f"note: {place_of(each)}: {each.message}")
    for each in answer.faults:
        say(f"{place_of(each)}: {each.message}")
    if summary.faults > len(answer.faults):
        say(f"and {summary.faults - len(answer.faults)} more faults")
    counts = f"{summary.created} new, {summary.changed} changed, {summary.unchanged} unchanged"
    if summary.refused:
        counts = f"{counts}, {summary.refused} with faults"
    if dry_run:
        say(f"would be imported: {counts}; nothing is written")
    elif summary.written:
        say(f"imported: {counts}; what is new or changed is a draft until `duokua matter submit` and `publish`")
    else:
        say(f"nothing is imported: {counted(summary.faults, 'fault')}; of the entries {counts}")
