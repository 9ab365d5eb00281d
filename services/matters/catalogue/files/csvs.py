"""CSV files, each one sheet: RFC 4180, in UTF-8 or, as Excel in Chinese saves them, GB 18030."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from services.matters.catalogue.files.cells import MOST_COLUMNS
from services.matters.catalogue.files.tables import FileFault, Findings, RawTable, UnreadableFileError
from services.matters.catalogue.files.workbooks import MOST_ROWS

_DELIMITERS = ",\t;"
_STARTS = "=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20"
_GUARDED = re.compile(f"'+[{_STARTS}]")
_FORMULA = re.compile(f"'*[{_STARTS}]")
LARGEST_CELL = 200_000


def read_csv(name: str, content: bytes, findings: Findings) -> RawTable:
    """A CSV file as a table that is called as the file is, without its ending. Raises UnreadableFileError."""
    text = _decoded(content)
    head = text[: text.find("\n")] if "\n" in text else text
    delimiter = max(_DELIMITERS, key=head.count)
    title = PurePath(name).stem
    return RawTable(title, _rows(title, text, delimiter, findings))


def guarded(text: str) -> str:
    """Text that no spreadsheet takes for a formula: behind an apostrophe where it begins like one (OWASP)."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """What was meant by a text that may have been guarded."""
    return text[1:] if _GUARDED.match(text) else text


def _decoded(content: bytes) -> str:
    if b"\0" in content:
        raise UnreadableFileError("is no text: save it as CSV in UTF-8")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableFileError("is neither UTF-8 nor GB 18030: save it as CSV in UTF-8")


def _rows(title: str, text: str, delimiter: str, findings: Findings) -> Iterator[tuple[int, list[Any]]]:
    csv.field_size_limit(LARGEST_CELL)
    number = 0
    try:
        for number, cells in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True), 1):
            if number > MOST_ROWS:
                findings.fault(FileFault(title, number, "", f"has more than {MOST_ROWS} rows: import it in parts"))
                return
            if len(cells) > MOST_COLUMNS:
                findings.fault(
                    FileFault(title, number, "", f"has more than {MOST_COLUMNS} columns: is a quote missing?")
                )
                return
            yield number, [unguarded(cell) or None for cell in cells]
    except csv.Error as error:
        message = f"is not CSV from here on ({error}): is a quote not closed?"
        findings.fault(FileFault(title, number + 1, "", message))
