"""Excel workbooks (Office Open XML): what is hostile or unclear in them is refused by name."""

import warnings
import zipfile
from collections.abc import Iterator
from typing import Any, BinaryIO
from xml.parsers import expat

from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import Stylesheet
from openpyxl.utils.cell import range_boundaries
from openpyxl.xml.constants import ARC_STYLE
from openpyxl.xml.functions import fromstring

from services.matters.catalogue.files.cells import MOST_COLUMNS, Row, Shared, Style, rows_of, styles_of
from services.matters.catalogue.files.sheets import sheet_named
from services.matters.catalogue.files.tables import FileFault, Findings, RawTable, Unreadable, UnreadableFileError

MOST_MEMBERS = 2_000
LARGEST_UNPACKED = 600_000_000
"""In bytes, of all members; a workbook of 10,000 entries has about 60 million."""
MOST_TIMES_LARGER = 200
SMALL_UNPACKED = 20_000_000
MOST_ROWS = 300_000
MOST_MERGED = 50_000
_OLD_EXCEL = b"\xd0\xcf\x11\xe0"
_READ = 1 << 16
Merged = dict[str, list[tuple[int, int, int, int]]]


def read_workbook(file: BinaryIO, findings: Findings) -> Iterator[RawTable]:
    """The sheets of a workbook; raises UnreadableFileError.

    A hidden sheet that would be read is a fault: nobody looks through what is not seen.
    """
    merged = _inspect(file)
    file.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of extensions that only show something
            reader, shared = _opened(file)
            sheets = list(reader.parser.find_sheets())
    except Exception as error:  # a library met what its makers had not thought of
        raise UnreadableFileError(
            "is too damaged to be read as a workbook: open it in Excel and save it anew"
        ) from error
    for sheet, part in sheets:
        name, path = str(sheet.name), str(part.target)
        if path not in reader.valid_files or not str(part.Type).endswith("/worksheet"):
            continue
        if sheet.state != "visible":
            if sheet_named(name):
                findings.fault(FileFault(name, 0, "", "is hidden: show the sheet, or delete it"))
            continue
        with reader.archive.open(path) as cells:
            yield RawTable(name, _rows(name, rows_of(cells, shared), merged.get(path, []), findings))


def _opened(file: BinaryIO) -> tuple[ExcelReader, Shared]:
    """A workbook but for its sheets, of which openpyxl would go through each to find out how large it is."""
    reader = ExcelReader(file, read_only=True, keep_links=False)
    reader.read_manifest()
    reader.read_strings()
    reader.read_workbook()
    styles = [Style()]
    if ARC_STYLE in reader.valid_files:
        styles = styles_of(Stylesheet.from_tree(fromstring(reader.archive.read(ARC_STYLE))))  # type: ignore[arg-type] # stubs want a protocol that Element does not quite keep
    return reader, Shared(reader.shared_strings, styles, reader.wb.epoch)


def _inspect(file: BinaryIO) -> Merged:
    """Look through the archive before anything is built from it; gives the merged ranges by the sheets' paths."""
    head = file.read(len(_OLD_EXCEL))
    if head == _OLD_EXCEL:
        raise UnreadableFileError("is an old or an encrypted workbook: save it as .xlsx, without a password")
    size = file.seek(0, 2)
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            _check_sizes(members, size)
            found: Merged = {}
            for member in members:
                if member.filename.endswith((".xml", ".rels")):
                    with archive.open(member) as part:
                        found[member.filename] = _ranges_of(part)
            return found
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise UnreadableFileError("is no workbook, or is damaged: save it as .xlsx") from error


def _check_sizes(members: list[zipfile.ZipInfo], size: int) -> None:
    if len(members) > MOST_MEMBERS:
        raise UnreadableFileError(f"has {len(members)} parts: at most {MOST_MEMBERS} are taken")
    unpacked = sum(member.file_size for member in members)
    if unpacked > LARGEST_UNPACKED or unpacked > max(SMALL_UNPACKED, MOST_TIMES_LARGER * size):
        raise UnreadableFileError(
            f"unpacks to {unpacked} bytes, which is out of proportion: save it anew, without pictures"
        )
    if len({member.filename for member in members}) < len(members):
        raise UnreadableFileError("has two parts of one name: save it anew")


def _ranges_of(part: Any) -> list[tuple[int, int, int, int]]:
    """The merged ranges of a part (columns and rows from 1: left, top, right, bottom); refuses document types."""
    ranges: list[tuple[int, int, int, int]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if name.rpartition(":")[2] == "mergeCell" and "ref" in attributes:
            if len(ranges) >= MOST_MERGED:
                raise UnreadableFileError(f"has a sheet with more than {MOST_MERGED} merged ranges: take them apart")
            ranges.append(_boundaries(attributes["ref"]))

    def doctype(*_: object) -> None:
        raise UnreadableFileError("defines entities, as no spreadsheet does: it is not read")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = doctype
    try:
        while content := part.read(_READ):
            parser.Parse(content)
        parser.Parse(b"", True)  # noqa: FBT003 - the parser's own signature
    except expat.ExpatError as error:
        raise UnreadableFileError("is damaged: open it in Excel and save it anew") from error
    return ranges


def _boundaries(reference: str) -> tuple[int, int, int, int]:
    try:
        left, top, right, bottom = range_boundaries(reference)
    except ValueError as error:
        raise UnreadableFileError("has a merged range that is none: open it in Excel and save it anew") from error
    return left or 1, top or 1, right or MOST_COLUMNS, bottom or MOST_ROWS


def _rows(
    name: str, rows: Iterator[Row], merged: list[tuple[int, int, int, int]], findings: Findings
) -> Iterator[tuple[int, list[Any]]]:
    filler = _Merges(merged)
    number = 0
    try:
        for kept, (number, values) in enumerate(rows, start=1):
            if kept > MOST_ROWS:
                findings.fault(FileFault(name, number, "", f"has more than {MOST_ROWS} rows: import it in parts"))
                return
            if len(values) > MOST_COLUMNS:
                message = f"has something beyond its first {MOST_COLUMNS} columns: delete the columns from there on"
                findings.fault(FileFault(name, number, "", message))
                return
            yield number, filler.fill(number, values)
    except (ValueError, KeyError, IndexError, OverflowError) as error:
        message = f"cannot be read from here on ({type(error).__name__}): open it in Excel and save it anew"
        findings.fault(FileFault(name, number + 1, "", message))


class _Merges:
    """Gives every row of a merged range what is shown there; only its first cell has it."""

    def __init__(self, merged: list[tuple[int, int, int, int]]) -> None:
        self._coming = sorted((each for each in merged if each[:2] != each[2:]), key=lambda each: -each[1])
        self._open: list[tuple[int, int, int, int, Any]] = []

    def fill(self, number: int, values: list[Any]) -> list[Any]:
        """A row with the values of the ranges that go through it."""
        while self._coming and self._coming[-1][1] <= number:
            left, top, right, bottom = self._coming.pop()
            value = values[left - 1] if top == number and left <= len(values) else None
            self._open.append((left, top, right, bottom, value))
        if not self._open:
            return values
        self._open = [each for each in self._open if each[3] >= number]
        for left, top, right, _, value in self._open:
            if value is None or left > MOST_COLUMNS:
                continue
            last = min(right, MOST_COLUMNS)
            values += [None] * (last - len(values))
            if left == right:
                values[left - 1] = value
            else:
                beyond = Unreadable("is merged with the column before it: take the cells apart, and fill in each")
                values[left:last] = [beyond] * (last - left)
                if top != number:
                    values[left - 1] = value
        return values
