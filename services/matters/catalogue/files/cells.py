"""The rows of a worksheet, from its XML (Office Open XML, ISO/IEC 29500-1, 18.3.1), a piece at a time.

openpyxl makes several objects for each cell, which was most of what reading a large workbook cost. So it reads what a
workbook has few of, such as styles, and here expat reads the cells.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any
from xml.parsers import expat

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.styles.stylesheet import Stylesheet
from openpyxl.utils.cell import column_index_from_string
from openpyxl.utils.datetime import from_excel, from_ISO8601

from services.matters.catalogue.files.tables import Unreadable

MOST_COLUMNS = 500
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_ROW, _CELL, _VALUE, _TEXT, _FORMULA, _PHONETIC = (f"{_MAIN} {name}" for name in ("row", "c", "v", "t", "f", "rPh"))
_OWN_FORMATS = 164
"""Number formats from here on are the workbook's own."""
_ZEROS = re.compile(r"0{2,40}")
_PIECE = 1 << 16
Row = tuple[int, list[Any]]


@dataclass(frozen=True, slots=True)
class Style:
    """What the number format of a cell says about its number."""

    digits: int = 0
    """How many are shown, zeros in front; 0 for no such format."""
    is_date: bool = False
    is_duration: bool = False


@dataclass(frozen=True, slots=True)
class Shared:
    """What the cells of all sheets refer to."""

    strings: Sequence[str]
    styles: Sequence[Style]
    epoch: datetime
    """The day from which dates are counted."""


def styles_of(sheet: Stylesheet) -> list[Style]:
    """The styles in the order in which cells count them."""
    found = []
    for each in sheet.cell_styles:
        own = each.numFmtId - _OWN_FORMATS
        shown = sheet.number_formats[own] if own >= 0 else BUILTIN_FORMATS.get(each.numFmtId, "General")
        digits = len(shown) if _ZEROS.fullmatch(shown) else 0
        found.append(Style(digits, is_date_format(shown), is_timedelta_format(shown)))
    return found


def rows_of(part: IO[bytes], shared: Shared) -> Iterator[Row]:
    """Each row that says anything, with its number from 1 and None for what is blank.

    A row that says something beyond MOST_COLUMNS is one longer than that. Raises ValueError, KeyError and IndexError
    where the XML is not a worksheet's.
    """
    cells = _Cells(shared)
    while piece := part.read(_PIECE):
        cells.parser.Parse(piece)
        yield from cells.taken()
    cells.parser.Parse(b"", True)  # noqa: FBT003 - the parser's own signature
    yield from cells.taken()


class _Cells:
    """Collects rows while the parser goes through a sheet."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._rows: list[Row] = []
        self._row: list[Any] = []
        self._number = 0
        self._column = 0
        self._columns: dict[str, int] = {}
        self._attributes: dict[str, str] = {}
        self._is_formula = self._is_phonetic = False
        self._pieces: list[str] = []
        self._texts: list[str] = []
        self._readers: dict[str, Callable[[str], Any]] = {
            "s": self._string,
            "inlineStr": str,
            "str": str,
            "n": self._number_of,
            "d": from_ISO8601,
            "b": _yes_no,
            "e": _error,
        }
        """By the type of a cell."""
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._pieces.append

    def taken(self) -> list[Row]:
        """The rows that have ended since this was asked before."""
        rows, self._rows = self._rows, []
        return rows

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == _CELL:
            self._attributes = attributes
            self._is_formula = False
            self._texts.clear()
        elif name in {_VALUE, _TEXT}:
            self._pieces.clear()
        elif name == _FORMULA:
            self._is_formula = True
        elif name == _PHONETIC:
            self._is_phonetic = True
        elif name == _ROW:
            number = int(attributes.get("r", self._number + 1))
            if number <= self._number:
                raise ValueError(f"row {number} comes after row {self._number}")
            self._number, self._row, self._column = number, [], 0

    def _end(self, name: str) -> None:
        if name in {_VALUE, _TEXT}:
            if not self._is_phonetic:
                self._texts.append("".join(self._pieces))
            self._pieces.clear()
        elif name == _CELL:
            self._place(self._value("".join(self._texts)))
        elif name == _PHONETIC:
            self._is_phonetic = False
        elif name == _ROW and self._row:
            self._rows.append((self._number, self._row))

    def _place(self, value: Any) -> None:
        reference = self._attributes.get("r")
        column = self._column_of(reference) if reference else self._column + 1
        if column <= self._column:
            raise ValueError(f"cell {reference} comes after a cell to the right of it")
        self._column = column
        if value is None:
            return
        column = min(column, MOST_COLUMNS + 1)
        row = self._row
        if len(row) < column:
            row.extend([None] * (column - len(row)))
        row[column - 1] = value

    def _column_of(self, reference: str) -> int:
        letters = reference.rstrip("0123456789")
        known = self._columns.get(letters)
        if known is None:
            known = self._columns[letters] = column_index_from_string(letters)
        return known

    def _value(self, text: str) -> Any:
        if self._is_formula:
            return Unreadable("has a formula: copy the column, and paste it as values only")
        return self._readers[self._attributes.get("t", "n")](text) if text else None

    def _string(self, text: str) -> str | None:
        return self._shared.strings[int(text)] or None

    def _number_of(self, text: str) -> Any:
        number = int(text) if text.isdigit() else float(text)
        style = self._shared.styles[int(self._attributes.get("s", 0))]
        if style.is_date:
            try:
                return from_excel(number, self._shared.epoch, timedelta=style.is_duration)
            except (OverflowError, ValueError):
                return Unreadable(f"is formatted as a date, but {text[:40]} is none: put it right in the workbook")
        if style.digits and isinstance(number, int):
            return str(number).zfill(style.digits)
        return number


def _error(text: str) -> Unreadable:
    return Unreadable(f"has the error {text[:40]}: put it right in the workbook")


def _yes_no(text: str) -> bool:
    return bool(int(text))
