"""Files of the catalogue, of any form: what they say of each entry, and all that is wrong with them."""

import io
import json
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from pathlib import PurePath

from services.matters.catalogue.files.assembling import MOST_ENTRIES, Assembler, Given, TooManyEntriesError
from services.matters.catalogue.files.csvs import read_csv
from services.matters.catalogue.files.tables import FileFault, Findings, RawTable, UnreadableFileError
from services.matters.catalogue.files.workbooks import read_workbook
from services.matters.catalogue.files.yamls import read_documents_of

LARGEST_ENTRY = 1_000_000
"""In characters of JSON: what one version of an entry says."""
ROWS_A_REPORT = 1_000
Columns = dict[str, dict[str, str]]


class Form(StrEnum):
    """A form of file."""

    EXCEL = "xlsx"
    CSV = "csv"
    YAML = "yaml"


_ENDINGS = {".xlsx": Form.EXCEL, ".xlsm": Form.EXCEL, ".csv": Form.CSV, ".yaml": Form.YAML, ".yml": Form.YAML}


def form_of(name: str) -> Form | None:
    """The form of a file, by the ending of its name."""
    return _ENDINGS.get(PurePath(name).suffix.lower())


class Reading:
    """Reads files; afterwards `findings` and `columns` are whole."""

    def __init__(self, report: Callable[[int], None] = lambda _: None) -> None:
        self.findings = Findings()
        self._report = report
        self._rows = 0
        self._assembler = Assembler(self.findings)

    @property
    def columns(self) -> Columns:
        """By sheet and by key where the column of an element is."""
        return self._assembler.columns

    def entries(self, files: Iterable[tuple[str, bytes]]) -> Iterator[Given]:
        """What the files say of each entry; the rows of sheets are put together over all of them."""
        try:
            for name, content in files:
                yield from map(self._bounded, self._of_file(name, content))
            yield from map(self._bounded, self._assembler.entries())
        except TooManyEntriesError:
            self.findings.fault(FileFault("", 0, "", f"more than {MOST_ENTRIES} entries: import them in parts"))

    def _of_file(self, name: str, content: bytes) -> Iterator[Given]:
        form = form_of(name)
        if form is None:
            say = f"is of no known form: its name ends in none of {', '.join(_ENDINGS)}"
            self.findings.fault(FileFault(name, 0, "", say))
            return
        try:
            if form is Form.EXCEL:
                for table in read_workbook(io.BytesIO(content), self.findings):
                    self._assembler.take(self._counted(table))
            elif form is Form.CSV:
                self._assembler.take(self._counted(read_csv(name, content, self.findings)))
            else:
                for given in read_documents_of(name, _text(content), self.findings):
                    self._count()
                    yield given
        except UnreadableFileError as unreadable:
            self.findings.fault(FileFault(name, 0, "", str(unreadable)))

    def _counted(self, table: RawTable) -> RawTable:
        def counted() -> Iterator[tuple[int, list[object]]]:
            for row in table.rows:
                self._count()
                yield row

        return RawTable(table.name, counted())

    def _count(self) -> None:
        self._rows += 1
        if self._rows % ROWS_A_REPORT == 0:
            self._report(self._rows)

    def _bounded(self, given: Given) -> Given:
        size = len(json.dumps(given.values, ensure_ascii=False))
        if size > LARGEST_ENTRY:
            say = f"{given.code} has {size} characters in all: at most {LARGEST_ENTRY} are kept of one"
            self.findings.fault(FileFault(given.sheet, given.row, "", say, given.code))
            given.faulty = True
        return given


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFileError("is not UTF-8: save it so") from None
