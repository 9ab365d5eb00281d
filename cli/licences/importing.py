"""`duokua licence import`: licences that were issued before, from a table."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from cli.connection import operator
from cli.licences.tables import Table, heading_of, read_table
from cli.licences.types import TypeName
from cli.options import AsJson
from cli.organs import organ_id_of
from cli.output import as_dict, counted, print_json, say
from duokua.licences.v1 import licence_service_pb2 as pb

BATCH = 500
MOST_SHOWN = 500
"""Faults: nobody reads more than these, and who does wants JSON."""
LARGEST_BATCH = 3_000_000
"""In bytes; the contract takes 4 MiB."""


def import_licences(
    name: TypeName,
    file: Annotated[Path, typer.Argument(help="A table: .xlsx, .csv.", exists=True, dir_okay=False)],
    issuer: Annotated[
        str, typer.Option(help="For an operator: the issuing organ's id, or its unified social credit code.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell all faults, and write nothing.")] = False,  # noqa: FBT002
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Import licences from a table; every fault is named with its row, and nothing is imported then: exit status 1.

    Columns: 证照编号, 持证主体, 持证主体类型 (自然人, 法人), 持证主体代码, 颁发日期, 有效期起始日期, 有效期截止日期
    (长期 for no last day), 版本号, and the type's fields by their labels or names. Days are written 2026-01-31.
    The same command goes on with an import that was broken off.
    """
    with operator() as platform:
        of = platform.licences.GetType(pb.GetTypeRequest(type=name)).type
        table = read_table(file, of)
        issuer_id = organ_id_of(platform, issuer) if issuer else ""
        done, faults = _imported(platform, of.type_code, issuer_id, table, dry_run=dry_run)
    created, unchanged = sum(each.created for each in done), sum(each.unchanged for each in done)
    written = any(each.written for each in done)
    if json:
        told = [as_dict(fault) for fault in faults]
        print_json({"faults": told, "created": created, "unchanged": unchanged, "written": written})
    else:
        for fault in faults[:MOST_SHOWN]:
            say(f"row {fault.row}, {heading_of(fault.field, of)}: {fault.message}")
        if len(faults) > MOST_SHOWN:
            say(f"and {len(faults) - MOST_SHOWN} more faults, which --json tells")
        if faults:
            state = "imported in part, for somebody else wrote meanwhile" if written else "nothing is imported"
        else:
            state = "would be imported" if dry_run else "imported"
        say(f"{state}: {counted(len(faults), 'fault')}, {created} new, {unchanged} unchanged")
    if faults:
        raise typer.Exit(1)


def _imported(
    platform: Any, code: str, issuer: str, table: Table, *, dry_run: bool
) -> tuple[list[pb.ImportLicencesResponse], list[pb.RowFault]]:
    """The answers, and all faults by their rows.

    All is checked before anything is written: a table of many batches is imported whole or not at all.
    """
    checked = _sent(platform, code, issuer, table.rows, dry_run=True)
    faults = [*table.faults, *(fault for answer in checked for fault in answer.faults)]
    if faults or dry_run:
        return checked, sorted(faults, key=lambda fault: fault.row)
    done = _sent(platform, code, issuer, table.rows, dry_run=False)
    return done, [fault for answer in done for fault in answer.faults]


def _sent(
    platform: Any, code: str, issuer: str, rows: Sequence[pb.LicenceRow], *, dry_run: bool
) -> list[pb.ImportLicencesResponse]:
    """The answers to all batches, with a bar on standard error when that is a terminal."""
    console = Console(stderr=True)
    answers = []
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("checking rows" if dry_run else "importing rows", total=len(rows))
        for batch in _batches(rows):
            request = pb.ImportLicencesRequest(type=code, issuer_organ_id=issuer, dry_run=dry_run, rows=batch)
            answers.append(platform.licences.ImportLicences(request))
            progress.advance(bar, len(batch))
    return answers


def _batches(rows: Sequence[pb.LicenceRow]) -> Iterator[list[pb.LicenceRow]]:
    """The rows in their order, as many at once as a request may have."""
    batch: list[pb.LicenceRow] = []
    size = 0
    for row in rows:
        own = row.ByteSize()
        if batch and (len(batch) == BATCH or size + own > LARGEST_BATCH):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += own
    if batch:
        yield batch
