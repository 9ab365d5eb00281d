"""Notices as OFD, read back by another program, and by the library that draws on most screens."""

import io

import ofdkit
import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFont, ImageStat

from services.eseal.domain import font
from services.eseal.domain.sheet import PAGE_HEIGHT, POINTS_PER_MM, Text, lay
from services.eseal.national.ofd.document import draw
from services.eseal.national.ofd.package import write
from services.eseal.national.ofd.structure import Page, read_structure
from services.eseal.national.ofd.typeface import subset
from tests.eseal.builders import OFFICE, notice
from tests.eseal.national.builders import NOON, written

FIRST_PAGE = "Doc_0/Pages/Page_0/Content.xml"


def opened(sentences: int = 1) -> ofdkit.OFDDocument:
    return ofdkit.open(write(written(sentences).files))


def test_the_same_notice_gives_the_same_bytes() -> None:
    assert write(draw(lay(notice()), NOON.date()).files) == write(draw(lay(notice()), NOON.date()).files)


def test_another_program_reads_title_text_organ_and_date() -> None:
    document = ofdkit.open(write(draw(lay(notice()), NOON.date()).files))
    text = document.text()
    for part in ("准予食品经营许可通知书", "33010620260601000017", "西湖面馆：", "JY23301060012345", "2026年6月1日"):
        assert part in text
    assert text.count(OFFICE) == 2
    assert not document.warnings
    (told,) = [document.info]
    assert (told.title, told.author, told.creation_date) == ("准予食品经营许可通知书", OFFICE, "2026-06-01")
    assert told.doc_id is not None
    assert len(told.doc_id) == 32


@pytest.mark.parametrize(("sentences", "pages"), [(10, 1), (60, 3)])
def test_another_program_finds_every_page_and_every_line_in_its_place(sentences: int, pages: int) -> None:
    document = opened(sentences)
    assert [(page.width, page.height) for page in document.pages] == [(210.0, 297.0)] * pages
    laid = lay(notice("你单位的申请收悉，经审查符合法定形式，准予许可。" * sentences))
    for page, items in zip(document.pages, laid.pages, strict=True):
        expected = {
            (item.text, round(item.x / POINTS_PER_MM, 1), round((PAGE_HEIGHT - item.y) / POINTS_PER_MM, 1))
            for item in items
            if isinstance(item, Text)
        }
        assert {(run.text, round(run.x, 1), round(run.y, 1)) for run in page.runs} == expected


def test_the_structure_names_the_pages() -> None:
    document = written(60)
    structure = read_structure(document.files)
    assert structure.pages == [
        Page(each, 210.0, 297.0, f"Doc_0/Pages/Page_{number}/Content.xml")
        for number, each in enumerate(document.page_ids)
    ]
    assert structure.signatures is None


def drawn(typeface: str | io.BytesIO, text: str) -> Image.Image:
    """So large that hints, which depend on what else is in a typeface, move nothing that counts."""
    image = Image.new("L", (420 * len(text), 600), 255)
    ImageDraw.Draw(image).text((5, 5), text, font=ImageFont.truetype(typeface, 400))
    return image


def difference(one: Image.Image, other: Image.Image) -> float:
    """The part of the ink that is in one and not in the other."""
    ink = 255 - ImageStat.Stat(one).mean[0]
    return ImageStat.Stat(ImageChops.difference(one, other)).mean[0] / ink


# The last one begins beyond U+FFFF.
@pytest.mark.parametrize("text", ["准予许可2026年", "a", "㛃䶮", "\U0002c621水"])
def test_the_embedded_typeface_shows_the_same_shapes(text: str) -> None:
    assert not font.unprintable(text)
    assert difference(drawn(str(font.PATH), text), drawn(io.BytesIO(subset(text)), text)) < 0.05


def test_the_embedded_typeface_has_nothing_else() -> None:
    cut = subset("准予许可")
    assert len(cut) < 10_000
    assert difference(drawn(str(font.PATH), "不"), drawn(io.BytesIO(cut), "不")) > 0.5
