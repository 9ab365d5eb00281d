"""Breaking text into lines and pages."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from services.eseal.domain.typesetting import Line, centre, paginate, set_paragraphs

MEASURE = 20


def width(text: str) -> float:
    """One for a Chinese character, a half for others."""
    return sum(1.0 if unicodedata.east_asian_width(character) in "WF" else 0.5 for character in text)


def lines(text: str) -> list[Line]:
    return set_paragraphs(text, measure=MEASURE, em=1, width=width)


def test_paragraphs_are_indented_by_two_characters_and_a_salutation_is_not() -> None:
    assert [(line.text, line.indent) for line in lines("西湖面馆：\n准予许可。\n\n特此通知。")] == [
        ("西湖面馆：", 0),
        ("准予许可。", 2),
        ("特此通知。", 2),
    ]


def test_a_full_stop_does_not_begin_a_line() -> None:
    first, second = lines("字" * 18 + "。" + "尾")
    assert (first.text, second.text) == ("字" * 17, "字。尾")


def test_an_opening_bracket_does_not_end_a_line() -> None:
    first, second = lines("字" * 17 + "《法》")
    assert (first.text, second.text) == ("字" * 17, "《法》")


def test_a_number_is_not_torn_apart() -> None:
    first, second = lines("字" * 16 + "JY23301060012345号")
    assert (first.text, second.text) == ("字" * 16, "JY23301060012345号")


def test_a_line_that_is_not_the_last_of_its_paragraph_is_stretched() -> None:
    first, second = lines("字" * 16 + "JY23301060012345号")
    assert (first.slack, second.slack) == (2.0, 0.0)


def test_a_word_wider_than_a_line_is_broken() -> None:
    assert "".join(line.text for line in lines("x" * 100)) == "x" * 100


@given(st.text(alphabet="一二三，。《》（）ab1 \n：", max_size=400))
def test_no_line_is_too_wide_and_nothing_is_lost(text: str) -> None:
    found = lines(text)
    assert all(width(line.text) + line.indent <= MEASURE for line in found)
    assert "".join("".join(line.text for line in found).split()) == "".join(text.split())


@given(st.integers(0, 200), st.integers(8, 30), st.integers(8, 30), st.integers(1, 7))
def test_every_line_gets_a_page_and_the_last_page_has_room_for_the_seal(
    count: int, first: int, following: int, closing: int
) -> None:
    every = [Line(str(number), 0, 0) for number in range(count)]
    pages = paginate(every, first=first, following=following, closing=closing)
    assert [line for page in pages for line in page] == every
    rooms = [first, *[following] * (len(pages) - 1)]
    assert all(len(page) <= room for page, room in zip(pages, rooms, strict=True))
    assert len(pages[-1]) <= rooms[-1] - closing
    assert not every or pages[-1]


def test_a_long_title_breaks_into_lines_of_nearly_equal_length() -> None:
    found = centre("关于准予设置大型户外广告设施许可决定的通知书", measure=MEASURE, width=width)
    assert len(found) == 2
    assert abs(width(found[0]) - width(found[1])) <= 2


def test_a_long_title_breaks_after_a_comma_that_is_near_the_middle() -> None:
    found = centre("公众聚集场所投入使用、营业前消防安全检查意见书", measure=MEASURE, width=width)
    assert found == ["公众聚集场所投入使用、", "营业前消防安全检查意见书"]
    found = centre("关于一、准予设置大型户外广告设施许可决定的通知书", measure=MEASURE, width=width)
    assert found[0] != "关于一、"
