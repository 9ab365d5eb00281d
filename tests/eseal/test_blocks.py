"""Tables of notices: made by templates alone, never by what is printed in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.eseal.domain.blocks import MOST_COLUMNS, Prose, Table
from services.eseal.domain.budget import BadTemplateError
from services.eseal.domain.template import render_blocks

LISTED = """下列问题：
| 序号 | 问题 |
|---|---|
{% for each in problems %}
| {{ loop.index }} | {{ each }} |
{% endfor %}
请改正。"""


def test_rows_that_follow_each_other_are_one_table_between_paragraphs() -> None:
    assert render_blocks(LISTED, {"problems": ["通道堵塞", "灭火器过期"]}) == [
        Prose("下列问题："),
        Table((("序号", "问题"), ("1", "通道堵塞"), ("2", "灭火器过期")), headed=True),
        Prose("请改正。"),
    ]


def test_a_table_without_a_row_of_dashes_has_no_heading() -> None:
    assert render_blocks("| 名称 | 面馆 |\n| 地址 |\n", {}) == [Table((("名称", "面馆"), ("地址", "")), headed=False)]


def test_an_empty_line_ends_a_table() -> None:
    assert render_blocks("| a |\n\n| b |", {}) == [Table((("a",),), headed=False), Table((("b",),), headed=False)]


@pytest.mark.parametrize("value", ["| a | b |", "|", "甲|乙", "| a |\n| b |", "前\n| a |\n|---|\n", "---", "--- | ---"])
def test_what_a_value_holds_makes_no_table_and_changes_none(value: str) -> None:
    assert all(isinstance(block, Prose) for block in render_blocks("{{ value }}", {"value": value}))
    shown = " ".join(value.split())
    assert render_blocks("| 甲 |\n| {{ value }} |\n| {{ value }} |", {"value": value}) == [
        Table((("甲",), (shown,), (shown,)), headed=False)
    ]


@given(st.text(st.sampled_from("|-\n 甲a\ufdd0\ufdd1\ufdd2\u2028"), max_size=30))
def test_whatever_a_value_holds_the_table_keeps_its_shape(value: str) -> None:
    table = render_blocks("| {{ value }} | b |\n| {{ value }} | {{ value }} |", {"value": value})
    assert [(len(each.rows), each.headed) for each in table if isinstance(each, Table)] == [(2, False)]
    assert len(table) == 1


@pytest.mark.parametrize("row", ["| a", "|", "|" + "a|" * (MOST_COLUMNS + 1)])
def test_a_row_that_does_not_end_or_is_too_wide_is_a_fault_of_the_template(row: str) -> None:
    with pytest.raises(BadTemplateError):
        render_blocks(row, {})
