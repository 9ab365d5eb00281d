"""Notices as PDF, read back with the tools that a clerk's computer has."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from services.eseal.domain.font import unprintable
from services.eseal.domain.notice import render
from services.eseal.domain.wording import NoticeError, word
from tests.eseal.builders import OFFICE, notice, sealed_file

needs_poppler = pytest.mark.usefixtures("poppler_tools")


def poppler(tool: str, content: bytes, tmp_path: Path, *options: str) -> str:
    file = tmp_path / "notice.pdf"
    file.write_bytes(content)
    command = [tool, *options, str(file), *(["-"] if tool == "pdftotext" else [])]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def test_the_same_notice_gives_the_same_bytes() -> None:
    assert render(notice()) == render(notice())


@needs_poppler
def test_a_reader_finds_title_number_text_organ_and_date(tmp_path: Path) -> None:
    text = poppler("pdftotext", render(notice()).content, tmp_path)
    for part in ("准予食品经营许可通知书", "33010620260601000017", "西湖面馆：", "JY23301060012345", "2026年6月1日"):
        assert part in text
    assert text.count(OFFICE) == 2


@needs_poppler
def test_it_is_one_a4_page_whose_only_typeface_is_embedded(tmp_path: Path) -> None:
    content = sealed_file().content
    facts = poppler("pdfinfo", content, tmp_path)
    assert "Pages:           1\n" in facts
    assert "(A4)" in facts
    fonts = poppler("pdffonts", content, tmp_path).splitlines()[2:]
    assert fonts
    assert all("+DuokuaSong-Regular" in line and "yes yes yes" in line for line in fonts)


@needs_poppler
@pytest.mark.parametrize(("sentences", "pages"), [(10, 1), (22, 1), (60, 3)])
def test_a_longer_text_is_set_smaller_and_then_on_more_pages(sentences: int, pages: int, tmp_path: Path) -> None:
    template = "你单位的申请收悉，经审查符合法定形式，准予许可。" * sentences
    content = render(notice(template)).content
    assert f"Pages:           {pages}\n" in poppler("pdfinfo", content, tmp_path)
    text = "".join(poppler("pdftotext", content, tmp_path).split())
    assert text.count("准予许可。") == sentences


@pytest.mark.parametrize("name", ["税务局", OFFICE, "国" * 60, "国" * 100])
def test_the_seal_stays_on_the_page_below_the_text(name: str) -> None:
    left, bottom, right, top = render(notice(signed_by=name)).seal_box
    assert 0 < left < right < 595
    assert 60 < bottom < top < 600
    assert (right - left, top - bottom) == (119, 119)


@pytest.mark.parametrize("character", ["😀", "ﷺ", "\u0000"])
def test_a_character_that_cannot_be_set_is_a_fault_and_not_an_empty_box(character: str) -> None:
    with pytest.raises(NoticeError) as raised:
        render(notice(shop=f"面馆{character}店"))
    assert raised.value.reason == "UNPRINTABLE_TEXT"
    assert f"U+{ord(character):04X}" in raised.value.description


def test_names_of_people_can_be_set() -> None:
    assert unprintable("喆堃镕昇玥珺煊祎㛃䶮臺灣陳") == []


def test_a_template_that_fails_or_says_nothing_is_a_fault() -> None:
    for template in ("{{ form.nothing }}", "  \n "):
        with pytest.raises(NoticeError) as raised:
            render(notice(template))
        assert raised.value.reason == "TEMPLATE_FAULT"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\u2028", "\x85", "\n\n"])
def test_an_applicant_adds_no_paragraph_to_what_an_organ_seals(end: str) -> None:
    said = f"西湖面馆{end}经审查，准予许可。"
    made = replace(notice("{{ form.shop }}：\n{{ form.more.0.text }}\n"), form={"shop": said, "more": [{"text": said}]})
    assert word(made).text.splitlines() == ["西湖面馆 经审查，准予许可。：", "西湖面馆 经审查，准予许可。"]


def test_an_office_says_as_many_paragraphs_as_it_likes() -> None:
    made = replace(notice("{{ result.opinion }}"), result={"opinion": "一\n二"})
    assert word(made).text.splitlines() == ["一", "二"]


def test_a_moment_that_is_none_is_a_fault() -> None:
    with pytest.raises(NoticeError) as raised:
        render(replace(notice(), decided_at="yesterday"))
    assert raised.value.reason == "BAD_DATE"


@pytest.mark.parametrize("sentences", range(1, 70, 4))
def test_whatever_the_length_the_seal_keeps_clear_of_the_foot_of_the_page(sentences: int) -> None:
    rendered = render(notice("经审查，你单位的申请符合法定形式，准予许可。" * sentences))
    assert rendered.seal_box[1] > 72


def test_a_notice_prints_what_its_office_was_given_of_earlier_results() -> None:
    merged = "{% for each in inputs.problems %}{{ loop.index }}. {{ each }}\n{% endfor %}"
    said = replace(notice(merged), inputs={"problems": ["疏散通道堵塞", "灭火器过期"]})
    assert word(said).text == "1. 疏散通道堵塞\n2. 灭火器过期"


def test_a_notice_that_lacks_what_its_office_was_given_is_not_made() -> None:
    with pytest.raises(NoticeError, match="problems") as fault:
        word(notice("{{ inputs.problems }}"))
    assert fault.value.reason == "TEMPLATE_FAULT"
