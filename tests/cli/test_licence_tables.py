"""Tables of licences: what is read of workbooks and CSV, and what is wrong with them."""

from pathlib import Path
from typing import Any

import pytest
import typer
from openpyxl import Workbook

from cli.licences.importing import LARGEST_BATCH, _batches
from cli.licences.tables import read_table
from duokua.data import from_struct
from duokua.licences.v1 import licence_pb2
from duokua.licences.v1 import licence_service_pb2 as pb

TYPE = licence_pb2.LicenceType(
    name="食品经营许可证",
    fields=[
        licence_pb2.LicenceField(name="shop", label="经营者名称", type=licence_pb2.FIELD_TYPE_TEXT),
        licence_pb2.LicenceField(name="seats", label="座位数", type=licence_pb2.FIELD_TYPE_INTEGER),
        licence_pb2.LicenceField(name="area", label="面积", type=licence_pb2.FIELD_TYPE_NUMBER),
        licence_pb2.LicenceField(name="open", label="营业", type=licence_pb2.FIELD_TYPE_BOOLEAN),
    ],
)
HEAD = "证照编号,持证主体,持证主体类型,持证主体代码,有效期起始日期,有效期截止日期,经营者名称"
ROW = "JY1,李雷,自然人,330106199003071236,2025-01-01,长期,西湖面馆"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def csv_of(folder: Path, *lines: str, encoding: str = "utf-8") -> Path:
    file = folder / "table.csv"
    file.write_bytes("\r\n".join(lines).encode(encoding))
    return file


def book_of(folder: Path, *rows: list[Any]) -> Path:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    book.save(folder / "table.xlsx")
    return folder / "table.xlsx"


def faults(file: Path) -> list[tuple[int, str, str]]:
    return [(each.row, each.field, each.message) for each in read_table(file, TYPE).faults]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_is_read_as_excel_in_chinese_saves_it(folder: Path, encoding: str) -> None:
    (row,) = read_table(csv_of(folder, HEAD, ROW, ",,,,,,", encoding=encoding), TYPE).rows
    assert (row.row, row.serial, row.holder_name, row.valid_until) == (2, "JY1", "李雷", "9999-12-31")
    assert from_struct(row.data) == {"shop": "西湖面馆"}


def test_a_cell_of_two_lines_is_one_cell(folder: Path) -> None:
    one, two = read_table(
        csv_of(folder, HEAD, ROW.replace("西湖面馆", '"西湖\n面馆\u2028一店"'), ROW.replace("JY1", "JY2")), TYPE
    ).rows
    assert from_struct(one.data) == {"shop": "西湖\n面馆\u2028一店"}
    assert (two.row, two.serial) == (3, "JY2")


def test_a_cell_beyond_the_headings_is_a_fault(folder: Path) -> None:
    ((row, field, message),) = faults(csv_of(folder, HEAD, ROW, f"{ROW.replace('JY1', 'JY2')},一店"))
    assert (row, field) == (3, "column 8")
    assert "unquoted" in message


def test_a_number_that_is_there_twice_is_a_fault_however_far_apart(folder: Path) -> None:
    lines = [ROW.replace("JY1", f"JY{number}") for number in range(1200)]
    assert faults(csv_of(folder, HEAD, *lines, ROW)) == [(1202, "serial", "is in the table twice: row 3 has it too")]


def test_versions_of_a_number_are_not_the_same(folder: Path) -> None:
    assert not faults(csv_of(folder, f"{HEAD},版本号", f"{ROW},1", f"{ROW},2"))
    assert faults(csv_of(folder, f"{HEAD},版本号", f"{ROW},", f"{ROW},1"))


@pytest.mark.parametrize("text", ["=1+1", '=HYPERLINK("http://x")'])
def test_a_formula_says_nothing(folder: Path, text: str) -> None:
    heads, cells = HEAD.split(","), ROW.split(",")
    in_book = faults(book_of(folder, heads, [*cells[:6], text]))
    quoted = text.replace('"', '""')
    in_csv = faults(csv_of(folder, HEAD, ROW.replace("西湖面馆", f'"{quoted}"')))
    for ((row, field, message),) in (in_book, in_csv):
        assert (row, field) == (2, "经营者名称")
        assert "paste it as values" in message


def test_cells_are_what_their_fields_want_or_stay_text(folder: Path) -> None:
    head = f"{HEAD},座位数,面积,营业"
    big = "9" * 5000
    lines = [f"{ROW},12,88.5,是", f"{ROW},1.5,宽,也许", f"{ROW},{2**60},nan,否", f"{ROW},{big},{'9' * 400},否"]
    lines = [line.replace("JY1", f"JY{number}") for number, line in enumerate(lines)]
    first, second, third, fourth = (
        from_struct(row.data) for row in read_table(csv_of(folder, head, *lines), TYPE).rows
    )
    assert (first["seats"], first["area"], first["open"]) == (12, 88.5, True)
    assert (second["seats"], second["area"], second["open"]) == ("1.5", "宽", "也许")
    assert (third["seats"], third["area"]) == (str(2**60), "nan")
    assert (fourth["seats"], fourth["area"]) == (big, "9" * 400)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([], "no column is called anything"),
        ([HEAD], "no rows below its headings"),
        ([f"{HEAD},颜色", ROW], "颜色"),
        ([f"{HEAD},证照编号", ROW], "more than one column is serial"),
        ([f"{HEAD},shop", ROW], "more than one column is shop"),
        ([HEAD, f'{ROW},"'], "is a quote not closed"),
        (["\0"], "is no text"),
    ],
)
def test_a_table_that_cannot_be_read_is_told_why(folder: Path, lines: list[str], told: str) -> None:
    with pytest.raises(typer.BadParameter, match=told):
        read_table(csv_of(folder, *lines), TYPE)


@pytest.mark.parametrize(
    ("name", "content"), [("t.xlsx", b"x"), ("t.xlsx", b"\xd0\xcf\x11\xe0"), ("t.xls", b"x"), ("t", b"")]
)
def test_a_file_that_is_no_table_is_told_so(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(typer.BadParameter, match="save it as"):
        read_table(folder / name, TYPE)


def test_a_batch_has_as_many_rows_as_a_request_may() -> None:
    small = [pb.LicenceRow(row=number) for number in range(1001)]
    assert [len(batch) for batch in _batches(small)] == [500, 500, 1]
    large = [pb.LicenceRow(row=number, holder_name="x" * (LARGEST_BATCH // 3)) for number in range(5)]
    assert [len(batch) for batch in _batches(large)] == [2, 2, 1]
    assert list(_batches([])) == []
