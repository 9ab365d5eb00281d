"""`duokua licence import`: licences that were issued before, from a table."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from cli.connection import operator
from cli.licences.types import TypeName
from cli.options import AsJson
from cli.organs import organ_id_of
from cli.output import as_dict, counted, print_json, say
from duokua.data import to_struct
from duokua.licences.v1 import licence_pb2
from duokua.licences.v1 import licence_service_pb2 as pb

BATCH = 500
COLUMNS = {
    "证照编号": "serial",
    "版本号": "version",
    "持证主体": "holder_name",
    "持证主体类型": "holder_kind",
    "持证主体代码": "holder_number",
    "有效期起始日期": "valid_from",
    "有效期截止日期": "valid_until",
}
"""Headings, and what they are in the contract; either may stand in the table."""
_KINDS = {"自然人": "NATURAL", "natural": "NATURAL", "法人": "LEGAL", "legal": "LEGAL"}
_TRUTHS = {"是": True, "true": True, "否": False, "false": False}


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

    Columns: 证照编号, 持证主体, 持证主体类型 (自然人, 法人), 持证主体代码, 有效期起始日期, 有效期截止日期, 版本号, and
    the type's fields by their labels or names.
    """
    with operator() as platform:
        of = platform.licences.GetType(pb.GetTypeRequest(type=name)).type
        rows = list(_rows(file, of))
        issuer_id = organ_id_of(platform, issuer) if issuer else ""
        # All is checked before anything is written: a table of many batches is imported whole or not at all.
        checked = _sent(platform, of.type_code, issuer_id, rows, dry_run=True)
        faults = [fault for answer in checked for fault in answer.faults]
        done = checked if faults or dry_run else _sent(platform, of.type_code, issuer_id, rows, dry_run=False)
        faults += [] if done is checked else [fault for answer in done for fault in answer.faults]
    created, unchanged = sum(each.created for each in done), sum(each.unchanged for each in done)
    written = any(each.written for each in done)
    if json:
        told = [as_dict(fault) for fault in faults]
        print_json({"faults": told, "created": created, "unchanged": unchanged, "written": written})
    else:
        for fault in faults:
            say(f"row {fault.row}, {fault.field}: {fault.message}")
        state = "nothing is imported" if faults else "would be imported" if dry_run else "imported"
        say(f"{state}: {counted(len(faults), 'fault')}, {created} new, {unchanged} unchanged")
    if faults:
        raise typer.Exit(1)


def _sent(
    platform: Any, code: str, issuer: str, rows: Sequence[pb.LicenceRow], *, dry_run: bool
) -> list[pb.ImportLicencesResponse]:
    """The answers to all batches, with a bar on standard error when that is a terminal."""
    console = Console(stderr=True)
    answers = []
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("checking rows" if dry_run else "importing rows", total=len(rows))
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            request = pb.ImportLicencesRequest(type=code, issuer_organ_id=issuer, dry_run=dry_run, rows=batch)
            answers.append(platform.licences.ImportLicences(request))
            progress.advance(bar, len(batch))
    return answers


def _rows(file: Path, of: licence_pb2.LicenceType) -> Iterator[pb.LicenceRow]:
    """The rows of a table. Raises BadParameter for a file or a heading that cannot be read."""
    table = _xlsx(file) if file.suffix.lower() == ".xlsx" else _csv(file)
    headings = [str(cell or "").strip() for cell in next(table, [])]
    fields = {each.label: each for each in of.fields} | {each.name: each for each in of.fields}
    own = COLUMNS | {name: name for name in COLUMNS.values()}
    unknown = [each for each in headings if each and each not in own and each not in fields]
    if unknown or not any(each in own for each in headings):
        known = ", ".join([*COLUMNS, *(each.label for each in of.fields)])
        raise typer.BadParameter(f"{file}: no column is called {', '.join(unknown) or 'anything'}; there are {known}")
    for number, cells in enumerate(table, start=2):
        said = {head: cell for head, cell in zip(headings, cells, strict=False) if head and cell not in (None, "")}
        if said:
            yield _row(number, said, own, fields)


def _row(
    number: int, said: Mapping[str, Any], own: Mapping[str, str], fields: Mapping[str, licence_pb2.LicenceField]
) -> pb.LicenceRow:
    row = pb.LicenceRow(row=number)
    for head, cell in said.items():
        if head not in own:
            continue
        name, text = own[head], _text(cell)
        if name == "version":
            row.version = int(text) if text.isdecimal() and len(text) < 6 else 2**32 - 1
        elif name == "holder_kind":
            row.holder_kind = licence_pb2.HolderKind.Value(f"HOLDER_KIND_{_KINDS.get(text, 'UNSPECIFIED')}")
        else:
            setattr(row, name, text)
    data = {fields[head].name: _value(cell, fields[head]) for head, cell in said.items() if head in fields}
    row.data.CopyFrom(to_struct(data))
    return row


def _value(cell: Any, field: licence_pb2.LicenceField) -> Any:
    """A cell as its field wants it; what does not fit stays text, and the platform says what is wrong with it."""
    text = _text(cell)
    try:
        if field.type == licence_pb2.FIELD_TYPE_INTEGER:
            return int(text)
        if field.type == licence_pb2.FIELD_TYPE_NUMBER:
            return float(text)
    except ValueError:
        return text
    if field.type == licence_pb2.FIELD_TYPE_BOOLEAN:
        return _TRUTHS.get(text.lower(), text)
    return text


def _text(cell: Any) -> str:
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _csv(file: Path) -> Iterator[Sequence[Any]]:
    try:
        yield from csv.reader(file.read_text("utf-8-sig").splitlines())
    except (UnicodeDecodeError, csv.Error) as error:
        raise typer.BadParameter(f"{file} is no table in UTF-8: {error}") from error


def _xlsx(file: Path) -> Iterator[Sequence[Any]]:
    from zipfile import BadZipFile  # noqa: PLC0415 - only what a command needs is loaded

    import openpyxl  # noqa: PLC0415
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415

    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
    except (BadZipFile, InvalidFileException, KeyError, OSError) as error:
        raise typer.BadParameter(f"{file} is no workbook: {error}") from error
    try:
        yield from book.worksheets[0].iter_rows(values_only=True)
    finally:
        book.close()
