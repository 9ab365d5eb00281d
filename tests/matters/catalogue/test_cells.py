"""Cells of worksheets: the same values as openpyxl reads from them, and what no spreadsheet writes is refused."""

import io
import zipfile
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from services.matters.catalogue.files.tables import Findings, Unreadable
from services.matters.catalogue.files.workbooks import read_workbook
from tests.matters.catalogue.builders import ITEM, faults_of, repacked, saved, sheets, workbook

FIRST = "xl/worksheets/sheet1.xml"
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
DAMAGED = "cannot be read from here on ({}): open it in Excel and save it anew"
# What XML can carry, and Excel takes.
_TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=20).filter(
    lambda text: not text.startswith("=") and not text.startswith("#") and "x005F_" not in text
)
_DAYS = st.datetimes(datetime(1950, 1, 1), datetime(2090, 1, 1)).map(lambda day: day.replace(microsecond=0))  # noqa: DTZ001 - as Excel has them
_NUMBERS = st.integers(-(10**12), 10**12) | st.floats(-1e9, 1e9).map(lambda number: round(number, 6))
_VALUES = st.none() | _TEXTS | _NUMBERS | st.booleans() | _DAYS
_TABLES = st.lists(st.lists(_VALUES, max_size=5), min_size=1, max_size=6)


def rows(content: bytes) -> list[tuple[int, list[Any]]]:
    """The rows of a workbook's first sheet."""
    findings = Findings()
    (found,) = [list(table.rows) for table in read_workbook(io.BytesIO(content), findings)]
    assert findings.faults == []
    return found


def sheet(rows_of_it: str) -> bytes:
    """A workbook whose only sheet has this XML for its rows."""
    content = workbook({"甲": [{"乙": "丙"}]})
    return repacked(content, **{FIRST: f"<worksheet {MAIN}><sheetData>{rows_of_it}</sheetData></worksheet>".encode()})


def faults(content: bytes) -> list[tuple[int, str]]:
    findings = Findings()
    for table in read_workbook(io.BytesIO(content), findings):
        list(table.rows)
    return [(each.row, each.message) for each in findings.faults]


@given(_TABLES, st.booleans(), st.booleans())
def test_values_are_those_that_openpyxl_reads(table: list[list[Any]], inline: bool, mac: bool) -> None:  # noqa: FBT001 - drawn
    book = Workbook(write_only=inline)  # which writes texts into the cells, and not to where they are shared
    if mac:
        book.epoch = CALENDAR_MAC_1904
    written = book.create_sheet("甲")
    for each in table:
        written.append(each)
    if not inline:
        book.remove(book.worksheets[0])
    content = saved(book)
    expected = [
        (number, list(values))
        for number, values in enumerate(load_workbook(io.BytesIO(content)).worksheets[0].values, start=1)
        if any(value is not None for value in values)
    ]
    width = max((len(values) for _, values in expected), default=0)
    assert [(number, values + [None] * (width - len(values))) for number, values in rows(content)] == expected


def test_durations_and_dates_that_are_none_are_told_from_days() -> None:
    book = Workbook()
    for value, shown in ((1.5, "[h]:mm"), (10**9, "yyyy-mm-dd"), (7, "0000"), (1.5, "0.00"), (7, "@")):
        book.worksheets[0].append([value])
        book.worksheets[0].cell(book.worksheets[0].max_row, 1).number_format = shown
    found = [values[0] for _, values in rows(saved(book))]
    assert found[0] == timedelta(days=1.5)
    assert found[1] == Unreadable("is formatted as a date, but 1000000000 is none: put it right in the workbook")
    assert found[2:] == ["0007", 1.5, 7]


def test_a_text_is_put_together_from_its_runs_without_how_it_is_read_aloud() -> None:
    runs = "<r><t>食品</t></r><r><t xml:space='preserve'> 经营</t></r><rPh sb='0' eb='1'><t>しょく</t></rPh>"
    found = rows(sheet(f"<row r='1'><c r='A1' t='inlineStr'><is>{runs}</is></c></row>"))
    assert found == [(1, ["食品 经营"])]


def test_cells_and_rows_without_their_places_follow_each_other() -> None:
    found = rows(sheet("<row><c><v>1</v></c><c/><c><v>3</v></c></row><row r='7'><c r='C7'><v>4</v></c></row><row/>"))
    assert found == [(1, [1, None, 3]), (7, [None, None, 4])]


def test_names_of_elements_may_have_a_prefix() -> None:
    prefixed = MAIN.replace("xmlns", "xmlns:x") + "><x:sheetData><x:row r='1'><x:c r='A1'><x:v>1</x:v></x:c></x:row>"
    content = f"<x:worksheet {prefixed}</x:sheetData></x:worksheet>".encode()
    assert rows(repacked(workbook({"甲": [{"乙": "丙"}]}), **{FIRST: content})) == [(1, [1])]


@pytest.mark.parametrize(
    "cell", ["<f>A1</f><v>1</v>", "<f t='shared' si='0'/><v>1</v>", "<f t='array' ref='A1:A1'>1</f>", "<f/>"]
)
def test_whatever_kind_of_formula_a_cell_has_its_last_result_is_not_taken(cell: str) -> None:
    ((_, (found,)),) = rows(sheet(f"<row r='1'><c r='A1'>{cell}</c></row>"))
    assert found == Unreadable("has a formula: copy the column, and paste it as values only")


@pytest.mark.parametrize(
    ("damaged", "row", "error"),
    [
        ("<row r='2'/><row r='2'><c r='A2'><v>1</v></c></row>", 1, "ValueError"),
        ("<row r='-1'><c><v>1</v></c></row>", 1, "ValueError"),
        ("<row r='1'><c r='B1'><v>1</v></c><c r='A1'><v>1</v></c></row>", 1, "ValueError"),
        ("<row r='1'><c r='ZZZZ1'><v>1</v></c></row>", 1, "ValueError"),
        ("<row r='1'><c r='A1'><v>one</v></c></row>", 1, "ValueError"),
        ("<row r='1'><c r='A1' t='s'><v>99</v></c></row>", 1, "IndexError"),
        ("<row r='1'><c r='A1' s='99'><v>1</v></c></row>", 1, "IndexError"),
        ("<row r='1'><c r='A1' t='z'><v>1</v></c></row>", 1, "KeyError"),
        (f"<row r='1'><c r='A1'><v>{'9' * 5000}</v></c></row>", 1, "ValueError"),
    ],
)
def test_what_no_spreadsheet_writes_is_a_fault_from_there_on(damaged: str, row: int, error: str) -> None:
    assert faults(sheet(damaged)) == [(row, DAMAGED.format(error))]


def test_rows_may_be_far_down_at_no_cost_and_columns_may_not_be_far_right() -> None:
    assert rows(sheet("<row r='1048576'><c r='A1048576'><v>1</v></c></row>")) == [(1048576, [1])]
    wide = "<row r='3'><c r='A3'><v>1</v></c><c r='XFD3'><v>1</v></c></row>"
    message = "has something beyond its first 500 columns: delete the columns from there on"
    assert faults(sheet(wide)) == [(3, message)]
    assert rows(sheet(wide.replace("<c r='XFD3'><v>1</v></c>", "<c r='XFD3' s='0'/>"))) == [(3, [1])]


def test_more_rows_than_are_taken_are_a_fault() -> None:
    many = "".join(f"<row r='{number}'><c><v>1</v></c></row>" for number in range(1, 300_002))
    assert faults(sheet(many)) == [(300_001, "has more than 300000 rows: import it in parts")]


def test_a_row_that_is_only_merged_into_the_one_above_is_blank() -> None:
    book = load_workbook(io.BytesIO(workbook(sheets())))
    book["基本目录"].merge_cells("A2:A3")
    assert faults_of(saved(book)) == []


def test_a_workbook_may_have_a_sheet_of_a_chart_and_a_sheet_that_is_missing() -> None:
    book = load_workbook(io.BytesIO(workbook(sheets())))
    book.create_chartsheet("图")
    assert faults_of(saved(book)) == []
    content = workbook({**sheets(), "备": [{ITEM: 1}]})
    with zipfile.ZipFile(io.BytesIO(content)) as whole, zipfile.ZipFile(cut := io.BytesIO(), "w") as archive:
        for name in whole.namelist():
            if name != "xl/worksheets/sheet4.xml":
                archive.writestr(name, whole.read(name))
    assert faults_of(cut.getvalue()) == []
