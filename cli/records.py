"""`duokua case export`: exchange records of one case, or of all from a position of the case log on."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from chassis.settings import Settings
from cli.connection import connect
from cli.exchange import files_of, lines, tables
from cli.options import AsJson
from cli.output import as_dict, counted, print_json, say
from duokua.cases.v1 import record_pb2, record_service_pb2
from duokua.client import Session

pb = record_service_pb2


class Format(StrEnum):
    """How records are written."""

    JSONL = "jsonl"
    CSV = "csv"


class Headings(StrEnum):
    """What the columns of tables are called."""

    CODES = "codes"
    CHINESE = "chinese"


class Position:
    """Where an export of all cases has come to."""

    def __init__(self, start: int) -> None:
        self.next = start
        self.unreadable: dict[str, pb.UnreadableCase] = {}
        """By case id, what could not be exported."""


def export(
    output: Annotated[Path, typer.Option(help="The folder for the files; made when it is not there.")],
    case_id: Annotated[
        str, typer.Argument(metavar="[CASE]", help="The case's id or number; all cases without it.")
    ] = "",
    position: Annotated[int, typer.Option(min=0, help="Of all cases: where an earlier export ended.")] = 0,
    form: Annotated[Format, typer.Option("--format", help="Lines of JSON, or one table a kind.")] = Format.JSONL,
    headings: Annotated[Headings, typer.Option(help="Of tables.")] = Headings.CODES,
    bom: Annotated[bool, typer.Option("--bom", help="Mark tables as UTF-8, for spreadsheets.")] = False,  # noqa: FBT002 - an option
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Export exchange records: acceptance, process, results, special procedures, materials.

    Ends with status 1 when histories cannot be read; they are named, and those of all others are written.
    """
    output.mkdir(parents=True, exist_ok=True)
    files = files_of(output, tables=form is Format.CSV)
    chinese = headings is Headings.CHINESE
    sink = tables(files, chinese=chinese, bom=bom) if form is Format.CSV else lines(files[0])
    at, written = Position(position), 0
    with connect(Settings()) as platform, sink as write:
        for record in _of_case(platform, case_id) if case_id else _of_all(platform, at):
            write(record)
            written += 1
    where = [str(path) for path in files]
    if json:
        unreadable = [as_dict(each) for each in at.unreadable.values()]
        of_all = {"next_position": at.next, "unreadable": unreadable}
        print_json({"records": written, "files": where, **({} if case_id else of_all)})
    else:
        say(f"{counted(written, 'record')} in {', '.join(where)}")
        for each in at.unreadable.values():
            say(f"not all of case {each.case_number}: {each.message}")
        if not case_id:
            say(f"go on with --position {at.next}")
    if at.unreadable:
        raise typer.Exit(1)


def _of_case(platform: Session, case_id: str) -> Iterator[record_pb2.ExchangeRecord]:
    for answer in platform.records.ExportCase(pb.ExportCaseRequest(case_id=case_id), timeout=None):
        yield from answer.records


def _of_all(platform: Session, at: Position) -> Iterator[record_pb2.ExchangeRecord]:
    more = True
    while more:
        answer = platform.records.ExportRecords(pb.ExportRecordsRequest(position=at.next, page_size=500))
        yield from answer.records
        at.unreadable |= {each.case_id: each for each in answer.unreadable}
        at.next, more = answer.next_position, answer.more
