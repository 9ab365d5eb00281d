"""From the rows of sheets to what is said of each entry, with every fault at its place."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from services.matters.catalogue.domain.codelists import LEVELS, TYPES
from services.matters.catalogue.domain.contents import plain
from services.matters.catalogue.domain.element import Element
from services.matters.catalogue.domain.elements import TASK_CODE_LENGTH, Implementation, lists_of
from services.matters.catalogue.domain.rules import CODE_HEADERS, Slip, code_of, limit_slips, missing_in
from services.matters.catalogue.domain.values import WrongValueError, code_text, tidy, value_of
from services.matters.catalogue.files.sheets import (
    GUIDE,
    ROW_CODE,
    Sheet,
    columns_of,
    plain_header,
    sheet_named,
    sheet_with,
)
from services.matters.catalogue.files.tables import FileFault, Findings, RawTable, Unreadable
from services.matters.domain.codes import handling_code_fault, task_code_fault

MOST_ENTRIES = 50_000
HEADER_WITHIN = 20
"""Rows that are not blank; above the headings there may be a title and a note."""
FEWEST_HEADINGS = 2
MOST_KNOWN = 1_000
_TYPE_LENGTH = 2


@dataclass(slots=True)
class Given:
    """What a file says of one entry; of what it does not say, nothing changes."""

    code: str
    sheet: str
    row: int
    values: dict[str, Any] = field(default_factory=dict)
    """By element: its value as JSON, None for one that is said to be empty; by list: its rows."""
    faulty: bool = False
    wrong: list[str] = field(default_factory=list)
    """Elements that were given, and could not be taken."""


@dataclass(frozen=True, slots=True)
class _Column:
    index: int
    place: str
    key: str
    element: Element | None
    known: dict[str, Any] = field(default_factory=dict)
    """By some of the texts that were read, the value: most columns say the same over and over."""


class Assembler:
    """Takes tables one by one, then gives the entries."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._entries: dict[str, Given] = {}
        self._main: set[str] = set()
        self._listed: dict[str, set[str]] = {}
        """By list of which there are rows, the codes that have some."""
        self.columns: dict[str, dict[str, str]] = {}
        """By sheet as the file calls it and by key, where the column is."""

    def take(self, table: RawTable) -> None:
        """Take the rows of a sheet."""
        found = self._headed(table)
        if found is None:
            return
        sheet, columns, rows = found
        self.columns[table.name] = {column.key: column.place for column in columns}
        for number, cells in rows:
            if any(not _is_blank(cell) for cell in cells):
                self._row(_Reader(self._findings, table.name, number, cells), sheet, columns)

    def entries(self) -> Iterator[Given]:
        """What is said of each entry, after all tables: an empty list of a file that has rows of it for others too."""
        for code, given in self._entries.items():
            if code in self._main and len(code) >= TASK_CODE_LENGTH:
                for key in self._listed:
                    given.values.setdefault(key, [])
            yield given

    def _headed(self, table: RawTable) -> tuple[Sheet, list[_Column], Iterator[tuple[int, list[Any]]]] | None:
        """The sheet that a table is, its columns, and the rows below its headings."""
        looked_at: list[tuple[int, list[Any]]] = []
        for number, cells in table.rows:
            if any(not _is_blank(cell) for cell in cells):
                looked_at.append((number, cells))
            if len(looked_at) == HEADER_WITHIN:
                break
        best, sheet, found = 0, None, FEWEST_HEADINGS - 1
        for position, (_, cells) in enumerate(looked_at):
            headings = [cell for cell in cells if isinstance(cell, str)]
            candidate = sheet_named(table.name) or sheet_with(headings)
            known = columns_of(candidate) if candidate else {}
            count = len({plain_header(heading) for heading in headings} & known.keys())
            if count > found:
                best, sheet, found = position, candidate, count
        if sheet is None:
            if looked_at and table.name != GUIDE:
                say = "is not read: none of its first rows has known headings; `duokua matter template` writes all"
                self._findings.notice(FileFault(table.name, 0, "", say))
            return None
        columns = self._columns(table.name, sheet, *looked_at[best])
        return (sheet, columns, chain(looked_at[best + 1 :], table.rows)) if columns else None

    def _columns(self, name: str, sheet: Sheet, row: int, cells: list[Any]) -> list[_Column]:
        known, by_key = columns_of(sheet), {each.key: each for each in sheet.elements}
        columns: dict[str, _Column] = {}
        for index, cell in enumerate(cells):
            heading = tidy(str(cell)) if isinstance(cell, str) else ""
            if not heading:
                continue
            place, key = f"{letter(index)} {' '.join(heading.split())}", known.get(plain_header(heading))
            if key in columns:
                message = f"is the same as column {columns[key].place}: delete one of the two"
                self._findings.fault(FileFault(name, row, place, message))
            elif key is None:
                self._unknown(FileFault(name, row, place, "is not read: no element is called so"), heading, known)
            elif key:
                columns[key] = _Column(index, place, key, by_key.get(key))
        if not sheet.list_key and not columns.keys() & set(sheet.parts):
            message = f"has no column with codes, such as {CODE_HEADERS[sheet.parts[-2]]}: add it"
            self._findings.fault(FileFault(name, row, "", message))
            return []
        if sheet.list_key and ROW_CODE not in columns:
            message = f"has no column {ROW_CODE}, which says whose rows they are: add it"
            self._findings.fault(FileFault(name, row, "", message))
            return []
        return list(columns.values())

    def _unknown(self, found: FileFault, heading: str, known: Mapping[str, str]) -> None:
        near = difflib.get_close_matches(plain_header(heading)[:60], known, n=1, cutoff=0.75)
        if near:
            message = f"is no element: did you mean {near[0]}?"
            self._findings.fault(FileFault(found.sheet, found.row, found.column, message))
        else:
            self._findings.notice(found)

    def _row(self, reader: "_Reader", sheet: Sheet, columns: list[_Column]) -> None:
        values = {column.key: reader.value(column, column.element) for column in columns if column.element is not None}
        texts = {column.key: text for column in columns if column.element is None and (text := reader.code(column))}
        places = {column.key: column.place for column in columns}
        if sheet.list_key:
            self._list_row(reader, sheet, values, texts.get(ROW_CODE, ""), places)
        elif not reader.wrong_code:
            self._main_row(reader, sheet, values, texts, places)

    def _main_row(
        self, reader: "_Reader", sheet: Sheet, values: dict[str, Any], parts: dict[str, str], places: Mapping[str, str]
    ) -> None:
        code, slips = code_of(parts, implementation=sheet.entry is Implementation)
        reader.slips(slips, sheet, places)
        if not code:
            return
        before = self._entries.get(code)
        if before is not None and code in self._main:
            reader.fault("", f"is about {code}, as row {before.row} of {before.sheet} is: keep one of the two", code)
            before.faulty = True
            return
        given = self._entry(code, reader)
        given.sheet, given.row = reader.sheet, reader.row
        self._main.add(code)
        given.faulty |= reader.faulty
        given.values |= values
        given.wrong += reader.wrong

    def _list_row(
        self, reader: "_Reader", sheet: Sheet, values: dict[str, Any], code: str, places: Mapping[str, str]
    ) -> None:
        if not code:
            if not reader.wrong_code:
                reader.fault(places[ROW_CODE], "is missing: say whose row it is", "")
            return
        check = task_code_fault if len(code) <= TASK_CODE_LENGTH else handling_code_fault
        if code not in self._entries and (fault := check(code)):
            reader.fault(places[ROW_CODE], fault, "")
            return
        said = {key: value for key, value in values.items() if value is not None}
        record = sheet.record(**said)
        slips = [slip for slip in (*missing_in(record), *limit_slips(record)) if slip.key not in reader.wrong]
        reader.slips(slips, sheet, places)
        given = self._entry(code, reader)
        given.faulty |= reader.faulty
        listed = given.values.setdefault(sheet.list_key, [])
        most = next(each.most for each in lists_of(sheet.entry) if each.key == sheet.list_key)
        if len(listed) >= most:
            reader.fault("", f"{code} has more than {most} rows in {sheet.title}: so many are not taken", code)
            given.faulty = True
            return
        self._listed.setdefault(sheet.list_key, set()).add(code)
        listed.append(said)

    def _entry(self, code: str, reader: "_Reader") -> Given:
        if code not in self._entries:
            if len(self._entries) >= MOST_ENTRIES:
                raise TooManyEntriesError
            self._entries[code] = Given(code, reader.sheet, reader.row)
        return self._entries[code]


class TooManyEntriesError(Exception):
    """A file speaks of more entries than one import takes."""


class _Reader:
    """One row, and what is wrong with it."""

    def __init__(self, findings: Findings, sheet: str, row: int, cells: list[Any]) -> None:
        self._findings = findings
        self.sheet = sheet
        self.row = row
        self._cells = cells
        self.faulty = False
        self.wrong: list[str] = []
        self.wrong_code = False

    def fault(self, column: str, message: str, code: str) -> None:
        self.faulty = True
        self._findings.fault(FileFault(self.sheet, self.row, column, message, code))

    def slips(self, slips: list[Slip], sheet: Sheet, places: Mapping[str, str]) -> None:
        for slip in slips:
            self.fault(places.get(slip.key, sheet.header_of(slip.key)), slip.message, "")

    def value(self, column: _Column, element: Element) -> Any:
        """A value as JSON; None for an empty one."""
        given = self._cell(column)
        if given is None:
            return None
        is_text = isinstance(given, str)
        if is_text and given in column.known:
            return column.known[given]
        try:
            value = value_of(element, self._readable(given))
        except WrongValueError as wrong:
            self.fault(column.place, str(wrong), "")
            self.wrong.append(column.key)
            return None
        read = plain(value) if value != element.empty else None
        if is_text and len(column.known) < MOST_KNOWN:
            column.known[given] = read
        return read

    def code(self, column: _Column) -> str:
        """A code, or a part of one; empty when it is blank or wrong."""
        given = self._cell(column)
        if given is None or _is_blank(given):
            return ""
        try:
            return _part(column.key, code_text(self._readable(given)))
        except WrongValueError as wrong:
            self.fault(column.place, str(wrong), "")
            self.wrong_code = True
            return ""

    def _cell(self, column: _Column) -> Any:
        return self._cells[column.index] if column.index < len(self._cells) else None

    @staticmethod
    def _readable(given: Any) -> Any:
        if isinstance(given, Unreadable):
            raise WrongValueError(given.message)
        return given


def letter(index: int) -> str:
    """What a spreadsheet calls a column, counted from 0."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _part(key: str, text: str) -> str:
    """A part of a code that may be written as a name. Raises WrongValueError."""
    if key not in ("type", "level"):
        return text
    codes = TYPES if key == "type" else LEVELS
    code = codes.code_of(text)
    if code is None and key == "type" and len(text) == _TYPE_LENGTH and text.isdigit():
        code = text  # an extension
    if code is None:
        raise WrongValueError(f"{text[:40]!r} is none of {'、'.join(codes.names.values())}")
    return code


def _is_blank(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())
