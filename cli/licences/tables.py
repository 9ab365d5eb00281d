"""Tables of licences that were issued before: their rows as the contract has them, and their faults."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import typer

from duokua.data import LARGEST_INTEGER, to_struct
from duokua.licences.v1 import licence_pb2
from duokua.licences.v1 import licence_service_pb2 as pb

COLUMNS = {
    "证照编号": "serial",
    "版本号": "version",
    "持证主体": "holder_name",
    "持证主体类型": "holder_kind",
    "持证主体代码": "holder_number",
    "颁发日期": "issued_on",
    "有效期起始日期": "valid_from",
    "有效期截止日期": "valid_until",
}
"""Headings, and what they are in the contract; either may stand in the table."""
WITHOUT_END = "长期"
_LAST_DAY = "9999-12-31"
_KINDS = {"自然人": "NATURAL", "natural": "NATURAL", "法人": "LEGAL", "legal": "LEGAL"}
_TRUTHS = {"是": True, "true": True, "否": False, "false": False}
_NO_VERSION = 2**32 - 1
_FORMULA = "has a formula: copy the column, and paste it as values only"


def heading_of(name: str, of: licence_pb2.LicenceType) -> str:
    """The heading of what a fault calls by its name in the contract; that name itself when it has none."""
    headings = {own: heading for heading, own in COLUMNS.items()}
    headings |= {f"data.{each.name}": each.label for each in of.fields}
    return headings.get(name, name)


@dataclass(slots=True)
class Table:
    """What a table says: rows without faults of their own, and what is wrong with the others."""

    rows: list[pb.LicenceRow] = field(default_factory=list)
    faults: list[pb.RowFault] = field(default_factory=list)


def read_table(file: Path, of: licence_pb2.LicenceType) -> Table:
    """The rows of a table. Raises BadParameter for a file or headings that cannot be read."""
    from services.matters.catalogue.files.tables import Findings  # noqa: PLC0415 - only what a command needs is loaded

    findings, made = Findings(), Table()
    rows = ((number, cells) for number, cells in _cells(file, findings) if any(_said(cell) for cell in cells))
    _, first = next(rows, (0, []))
    headings = _headings(file, first, of)
    numbers: dict[tuple[str, int], int] = {}
    for number, cells in rows:
        row, faults = _row(number, cells, headings)
        named = row.serial, row.version or 1
        if row.serial and named in numbers:
            faults.append(("serial", f"is in the table twice: row {numbers[named]} has it too"))
        numbers.setdefault(named, number)
        made.faults += [pb.RowFault(row=number, field=place, message=message) for place, message in faults]
        if not faults:
            made.rows.append(row)
    if findings.faults:
        raise typer.BadParameter(
            "; ".join(f"{file.name} row {each.row} {each.message}" for each in findings.faults[:5])
        )
    if not made.rows and not made.faults:
        raise typer.BadParameter(f"{file} has no rows below its headings")
    return made


@dataclass(frozen=True, slots=True)
class _Heading:
    """What a column is: one of the contract's own, a field of the type, or both."""

    text: str
    own: str
    field: licence_pb2.LicenceField | None


def _headings(file: Path, cells: Sequence[Any], of: licence_pb2.LicenceType) -> list[_Heading | None]:
    fields = {each.label: each for each in of.fields} | {each.name: each for each in of.fields}
    own = COLUMNS | {name: name for name in COLUMNS.values()}
    found: list[_Heading | None] = []
    for cell in cells:
        text = _text(cell)
        found.append(_Heading(text, own.get(text, ""), fields.get(text)) if text else None)
    unknown = [each.text for each in found if each and not each.own and not each.field]
    if unknown or not any(each and each.own for each in found):
        known = ", ".join([*COLUMNS, *(each.label for each in of.fields)])
        raise typer.BadParameter(f"{file}: no column is called {', '.join(unknown) or 'anything'}; there are {known}")
    meant = [each.own or (each.field.name if each.field else "") for each in found if each]
    twice = sorted({each for each in meant if meant.count(each) > 1})
    if twice:
        raise typer.BadParameter(f"{file}: more than one column is {', '.join(twice)}; keep the right one")
    return found


def _row(
    number: int, cells: Sequence[Any], headings: Sequence[_Heading | None]
) -> tuple[pb.LicenceRow, list[tuple[str, str]]]:
    """A row, and what is wrong with cells of it: where, and what."""
    row, data, faults = pb.LicenceRow(row=number), dict[str, Any](), list[tuple[str, str]]()
    for index, cell in enumerate(cells):
        heading = headings[index] if index < len(headings) else None
        if not _said(cell):
            continue
        if heading is None:
            faults.append((f"column {index + 1}", "has no heading: give it one, or delete it; is a comma unquoted?"))
        elif message := _unreadable(cell):
            faults.append((heading.text, message))
        else:
            _put(row, data, heading, cell)
    row.data.CopyFrom(to_struct(data))
    return row, faults


def _put(row: pb.LicenceRow, data: dict[str, Any], heading: _Heading, cell: Any) -> None:
    text = _text(cell)
    if heading.own == "version":
        row.version = int(text) if text.isdecimal() and len(text) < 6 else _NO_VERSION
    elif heading.own == "holder_kind":
        row.holder_kind = licence_pb2.HolderKind.Value(f"HOLDER_KIND_{_KINDS.get(text, 'UNSPECIFIED')}")
    elif heading.own == "valid_until" and text == WITHOUT_END:
        row.valid_until = _LAST_DAY
    elif heading.own:
        setattr(row, heading.own, text)
    if heading.field:
        data[heading.field.name] = _value(cell, heading.field)


def _value(cell: Any, of: licence_pb2.LicenceField) -> Any:
    """A cell as its field wants it; what does not fit stays text, and the platform says what is wrong with it."""
    text = _text(cell)
    try:
        if of.type == licence_pb2.FIELD_TYPE_INTEGER:
            whole = int(text)
            return whole if abs(whole) <= LARGEST_INTEGER else text
        if of.type == licence_pb2.FIELD_TYPE_NUMBER:
            number = float(text)
            return number if abs(number) <= LARGEST_INTEGER else text
    except ValueError:
        return text
    if of.type == licence_pb2.FIELD_TYPE_BOOLEAN:
        return _TRUTHS.get(text.lower(), text)
    return text


def _text(cell: Any) -> str:
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell).strip()


def _said(cell: Any) -> bool:
    return cell is not None and (not isinstance(cell, str) or bool(cell.strip()))


def _unreadable(cell: Any) -> str:
    """Why nothing can be taken of a cell; empty where something can."""
    from services.matters.catalogue.files.tables import Unreadable  # noqa: PLC0415 - only what a command needs is loaded

    if isinstance(cell, Unreadable):
        return cell.message
    return _FORMULA if isinstance(cell, str) and cell.startswith("=") else ""


def _cells(file: Path, findings: Any) -> Iterator[tuple[int, Sequence[Any]]]:
    """The rows of the first sheet that can be seen, with their numbers."""
    from services.matters.catalogue.files.csvs import read_csv  # noqa: PLC0415 - only what a command needs is loaded
    from services.matters.catalogue.files.tables import UnreadableFileError  # noqa: PLC0415
    from services.matters.catalogue.files.workbooks import read_workbook  # noqa: PLC0415

    content = file.read_bytes()
    try:
        match file.suffix.lower():
            case ".xlsx" | ".xlsm":
                for sheet in read_workbook(io.BytesIO(content), findings):
                    yield from sheet.rows
                    return
            case ".csv":
                yield from read_csv(file.name, content, findings).rows
            case _:
                raise typer.BadParameter(f"{file} ends in neither .xlsx nor .csv: save it as one of them")
    except UnreadableFileError as unreadable:
        raise typer.BadParameter(f"{file} {unreadable}") from unreadable
