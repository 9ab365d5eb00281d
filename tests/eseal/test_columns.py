"""Tables on paper: columns, lines of rows, and rules around them, as PDF and OFD."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import ofdkit
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.eseal.domain import font
from services.eseal.domain.blocks import Table
from services.eseal.domain.columns import RowLine, set_table
from services.eseal.domain.notice import render
from services.eseal.domain.sheet import Rule, Text, lay
from services.eseal.domain.wording import Notice
from services.eseal.national.ofd.document import draw
from services.eseal.national.ofd.package import write
from tests.eseal.builders import NOON, notice
from tests.eseal.test_notice import needs_poppler, poppler
from tests.eseal.test_typesetting import width

MEASURE = 28


def set_rows(*rows: tuple[str, ...], headed: bool = False) -> list[RowLine]:
    return list(set_table(Table(rows, headed), measure=MEASURE, em=1, width=width))


def listed(rows: int, problem: str = "疏散通道堵塞") -> Notice:
    template = "西湖面馆：\n| 序号 | 问题 |\n|---|---|\n" + f"| 1 | {problem} |\n" * rows + "请改正。"
    return notice(template)


def test_a_short_table_is_stretched_to_the_width_of_the_text() -> None:
    (line,) = set_rows(("名称", "面馆"))
    assert line.edges == (0.0, MEASURE / 2, float(MEASURE))
    assert [cell.text for cell in line.cells] == ["名称", "面馆"]
    assert (line.begins, line.opens, line.heading) == (True, True, False)


def test_a_narrow_column_keeps_its_width_where_another_has_to_be_broken() -> None:
    lines = set_rows(("1", "字" * 60))
    assert lines[0].edges == pytest.approx((0, 1.3, MEASURE))
    assert len(lines) == 3
    assert [line.begins for line in lines] == [True, False, False]
    assert "".join(cell.text for line in lines for cell in line.cells) == "1" + "字" * 60


@pytest.mark.parametrize("characters", range(1, 12))
def test_the_widest_cell_of_a_narrow_column_is_not_broken(characters: int) -> None:
    table = Table((("序" * characters, "字" * 200),), headed=False)
    lines = list(set_table(table, measure=442.2, em=13.4, width=partial(font.width, size=13.4)))
    assert lines[0].cells[0].text == "序" * characters


def test_a_heading_is_centred_over_its_column() -> None:
    heading, row = set_rows(("问题",), ("字" * 10,), headed=True)
    assert heading.heading
    assert heading.cells[0].x == (MEASURE - 2) / 2
    assert row.cells[0].x < 1


@given(
    rows=st.lists(st.tuples(*[st.text("字a1，。（ ", max_size=80)] * 5), min_size=1, max_size=4), headed=st.booleans()
)
@example(
    rows=[("", "", "。。。", "", "。。。。。"), ("1。", "11。。。。。。。。", "", "1。。。。。", "")], headed=False
)
def test_no_cell_leaves_its_column_and_nothing_is_lost(rows: list[tuple[str, ...]], *, headed: bool) -> None:
    lines = set_rows(*rows, headed=headed)
    for line in lines:
        assert line.edges[-1] == pytest.approx(MEASURE)
        for cell in line.cells:
            left = max(edge for edge in line.edges if edge <= cell.x)
            right = min(edge for edge in line.edges if edge > cell.x)
            assert left < cell.x
            assert cell.x + width(cell.text) <= right
    shown = sorted("".join(cell.text for line in lines for cell in line.cells).replace(" ", ""))
    assert shown == sorted("".join("".join(row) for row in rows).replace(" ", ""))
    assert sum(line.begins for line in lines) == len(rows)


def test_a_row_has_a_rule_above_and_the_last_one_below() -> None:
    (page,) = lay(listed(3)).pages
    wide = [item for item in page if isinstance(item, Rule) and item.length > 400 and item.width < 1]
    assert len(wide) == 1 + 3 + 1
    assert len({round(item.y, 3) for item in wide}) == len(wide)


def test_a_table_over_several_pages_is_closed_on_each() -> None:
    pages = lay(listed(60)).pages
    assert len(pages) > 2
    for page in pages:
        rows = [item for item in page if isinstance(item, Text) and item.text == "疏散通道堵塞"]
        wide = [item for item in page if isinstance(item, Rule) and item.length > 400 and item.width < 1]
        assert len(wide) == len(rows) + 1 + (page is pages[0])


@needs_poppler
def test_a_reader_finds_the_cells_in_a_pdf(tmp_path: Path) -> None:
    text = poppler("pdftotext", render(listed(2)).content, tmp_path, "-layout")
    rows = [line.split() for line in text.splitlines() if "疏散通道堵塞" in line]
    assert rows == [["1", "疏散通道堵塞"]] * 2


def test_another_program_finds_the_cells_in_an_ofd() -> None:
    document = ofdkit.open(write(draw(lay(listed(2)), NOON.date()).files))
    assert [run.text for page in document.pages for run in page.runs].count("疏散通道堵塞") == 2
    assert not document.warnings


def test_another_process_gives_the_same_bytes() -> None:
    """Sets and mappings are in another order there."""
    script = (
        "import hashlib\nfrom dataclasses import replace\n"
        "from tests.eseal.test_columns import *\n"
        "made = replace(listed(40), qr_text='https://example.gov.cn/v/1', code='1.2.3', annotation='仅供测试使用')\n"
        "print(hashlib.sha256(render(made).content).hexdigest())\n"
        "print(hashlib.sha256(write(draw(lay(made), NOON.date()).files)).hexdigest())\n"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            check=True,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Shanghai"))
    ]
    assert said[0] == said[1]
    assert len(said[0].split()) == 2
