"""Calendars as operators write them: CSV with the columns date, kind and name, a row for each special day.

    date,kind,name
    2026-01-01,holiday,元旦
    2026-01-04,working,元旦

A file has whole years, because a year replaces what was known of it. All faults are found in one reading, each with
its line and column.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from io import StringIO
from itertools import pairwise

from services.cases.domain.calendar import SATURDAY, Calendar, DayKind, SpecialDay

COLUMNS = ("date", "kind", "name")
LONGEST_NAME = 50
MOST_FAULTS = 1000
"""More would help nobody."""
FIXED_HOLIDAYS = ((1, 1), (5, 1), (10, 1))
"""Given off each year by law (全国年节及纪念日放假办法): a year without them is not whole, or has wrong dates."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong, and where; lines count from 1, the line of the titles, and 0 stands for the file as a whole."""

    line: int
    column: str
    """The column's title; empty for the row as a whole."""
    message: str

    @property
    def place(self) -> str:
        """Where it is: "line 3, date"."""
        line = f"line {self.line}" if self.line else "file"
        return f"{line}, {self.column}" if self.column else line


@dataclass(frozen=True, slots=True)
class Row:
    """A row whose cells were right."""

    line: int
    day: SpecialDay


def read_calendar(content: bytes, known: Calendar | None) -> tuple[list[SpecialDay], list[Fault]]:
    """The days of a file that is to be loaded on top of ``known``, and all that is wrong with it; never an exception.

    The days are of use only when there is no fault.
    """
    try:
        text = content.decode("utf-8").removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return [], [Fault(line, "", "is not UTF-8: save the file as CSV in UTF-8")]
    faults: list[Fault] = []
    rows: list[Row] = []
    for line, cells in _table(text, faults):
        found = list(_faults_of_row(line, cells))
        faults += found
        if not found:
            rows.append(Row(line, SpecialDay(date.fromisoformat(cells[0]), DayKind(cells[1]), cells[2])))
    faults += _repeated(rows)
    if not faults:  # what is missing can be told only when every row was understood
        faults += [*_incomplete(rows), *_gaps(rows, known)]
    return [row.day for row in rows], sorted(faults)[:MOST_FAULTS]


def days_of(content: str) -> list[SpecialDay]:
    """The days of a file that was found in order once, whatever would be found wrong with it today.

    Raises KeyError, TypeError or ValueError when it is no such file.
    """
    rows = csv.DictReader(StringIO(content, newline=""), strict=True)
    return [SpecialDay(date.fromisoformat(row["date"]), DayKind(row["kind"]), row["name"]) for row in rows]


def write_calendar(days: Iterable[SpecialDay]) -> str:
    """The file that `read_calendar` and `days_of` read as these days."""
    return "".join(f"{line}\n" for line in (",".join(COLUMNS), *(_line(each) for each in days)))


def _line(day: SpecialDay) -> str:
    name = f'"{day.name.replace(chr(34), chr(34) * 2)}"' if set(day.name) & set('",') else day.name
    return f"{day.day.isoformat()},{day.kind},{name}"


def _table(text: str, faults: list[Fault]) -> Iterator[tuple[int, list[str]]]:
    """The rows below the titles with their lines, cells in the order of COLUMNS; blank rows are left out."""
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    order: list[int] | None = None
    try:
        for read in reader:
            cells = [cell.strip() for cell in read]
            if not any(cells):
                continue
            if order is None:
                if sorted(cells) != sorted(COLUMNS):
                    faults.append(Fault(reader.line_num, "", f"the first line must be {','.join(COLUMNS)}"))
                    return
                order = [cells.index(column) for column in COLUMNS]
            elif len(cells) != len(COLUMNS):
                message = f"has {len(cells)} cells: there are {len(COLUMNS)} columns, {', '.join(COLUMNS)}"
                faults.append(Fault(reader.line_num, "", message))
            else:
                yield reader.line_num, [cells[index] for index in order]
    except csv.Error as error:
        faults.append(Fault(reader.line_num, "", f"is not CSV: {error}"))
        return
    if order is None:
        faults.append(Fault(0, "", f"is empty: the first line must be {','.join(COLUMNS)}"))


def _faults_of_row(line: int, cells: Sequence[str]) -> Iterator[Fault]:
    written, kind, name = cells
    day = _date(written)
    if day is None:
        yield Fault(line, "date", f"{_shown(written)} is no date: write it as 2026-01-31")
    if kind not in tuple(DayKind):
        yield Fault(line, "kind", f"{_shown(kind)} is no kind: write {' or '.join(DayKind)}")
    elif day is not None and kind == DayKind.WORKING and day.weekday() < SATURDAY:
        yield Fault(
            line, "date", f"{written} is a {day:%A} and worked on anyway: correct the date, or leave the row out"
        )
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        yield Fault(line, "name", f"must name the holiday, in 1 to {LONGEST_NAME} printable characters")


def _date(text: str) -> date | None:
    """Only as 2026-01-31: what else the standard library takes (20260131, 2026-W05-6) is rather a slip."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text else None


def _repeated(rows: Iterable[Row]) -> Iterator[Fault]:
    seen: dict[date, int] = {}
    for row in rows:
        if row.day.day in seen:
            yield Fault(row.line, "date", f"{row.day.day} is in line {seen[row.day.day]} already: keep one of them")
        seen.setdefault(row.day.day, row.line)


def _incomplete(rows: Sequence[Row]) -> Iterator[Fault]:
    if not rows:
        yield Fault(0, "", "has no days: give every holiday and every make-up day of a year")
    holidays = {row.day.day for row in rows if row.day.kind is DayKind.HOLIDAY}
    for year, line in _years(rows).items():
        missing = [date(year, month, day) for month, day in FIXED_HOLIDAYS if date(year, month, day) not in holidays]
        if missing:
            days = ", ".join(str(each) for each in missing)
            yield Fault(
                line, "date", f"{year} has no holiday on {days}: a file replaces whole years, give all its days"
            )


def _gaps(rows: Sequence[Row], known: Calendar | None) -> Iterator[Fault]:
    """Years that nobody would know between those of the file and the known ones."""
    lines = _years(rows)
    years = set(lines) | (set(range(known.first_year, known.last_year + 1)) if known else set())
    for below, above in pairwise(sorted(years)):
        if above > below + 1:
            missing = str(below + 1) if above == below + 2 else f"{below + 1} to {above - 1}"
            message = f"{missing} would be missing from the calendar: load it first, or with the same file"
            yield Fault(lines.get(above) or lines[below], "date", message)


def _years(rows: Iterable[Row]) -> dict[int, int]:
    """Each year of a file, and the first line that it is in."""
    years: dict[int, int] = {}
    for row in rows:
        years.setdefault(row.day.day.year, row.line)
    return years


def _shown(text: str) -> str:
    clean = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return f'"{clean[:40]}…"' if len(clean) > 40 else f'"{clean}"'
