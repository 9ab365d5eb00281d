"""The QR code beside the seal: read back from the page by a program that shares nothing with what wrote it."""

import io
import subprocess
from collections.abc import Iterator
from dataclasses import replace

import ofdkit
import pypdfium2
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from services.eseal.domain.notice import render
from services.eseal.domain.qr import QUIET, modules, stretches
from services.eseal.domain.sheet import PAGE_HEIGHT, POINTS_PER_MM, Code, Item, Rule, Text, lay
from services.eseal.domain.wording import Notice
from services.eseal.national.ofd import xml
from services.eseal.national.ofd.document import draw
from services.eseal.national.ofd.package import write
from tests.eseal.builders import notice
from tests.eseal.national.builders import NOON

needs_zbar = pytest.mark.usefixtures("zbar_tools")

IDENTIFIER = f"1.2.156.3005.2.{'1' * 21}.{'2' * 18}.{'3' * 32}.001.X"
CODE = "0123456789abcdef0123"
QR = f"duokua-licence:{IDENTIFIER}:{CODE}"
TABLE = "准予许可：\n| 名称 | {{ form.shop }} |\n| 地址 | 西湖区虚构街8号 |"
DOTS_A_MM = 12


def a_licence(template: str = "准予许可。", qr_text: str = QR) -> Notice:
    own = replace(notice(template), case_number=IDENTIFIER, number_label="证照标识")
    return replace(own, qr_text=qr_text, code=CODE)


def zbar(picture: Image.Image) -> str:
    png = io.BytesIO()
    picture.save(png, "PNG")
    command = ["zbarimg", "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", "-"]
    return subprocess.run(command, input=png.getvalue(), capture_output=True, check=True).stdout.decode().rstrip("\n")


def the_code(items: list[Item]) -> Code:
    (code,) = [item for item in items if isinstance(item, Code)]
    return code


def box_of(item: Item) -> tuple[float, float, float, float]:
    """Left, bottom, right, top of what may be near the code; letters are at most 1.2 of their size high."""
    if isinstance(item, Text):
        return item.x, item.y - item.size * 0.25, item.x + item.size * len(item.text), item.y + item.size * 0.95
    assert isinstance(item, Rule)
    return item.x, item.y - item.width / 2, item.x + item.length, item.y + item.width / 2


def filled_paths(page: bytes) -> Iterator[tuple[list[float], list[list[tuple[float, float]]]]]:
    """Of a page of an OFD: the boxes of its filled paths, and the corners of each outline from theirs (mm)."""
    for element in xml.parse(page, "Page").iter(f"{{{xml.NAMESPACE}}}PathObject"):
        if element.get("Fill") == "true":
            (data,) = [text for each in xml.children(element, "AbbreviatedData") if (text := each.text)]
            outlines = []
            for outline in data.removesuffix("C").split("C"):
                numbers = [float(word) for word in outline.split() if word not in {"M", "L"}]
                outlines.append(list(zip(numbers[::2], numbers[1::2], strict=True)))
            yield [float(edge) for edge in element.get("Boundary", "").split()], outlines


@needs_zbar
@pytest.mark.parametrize("template", ["准予许可。", TABLE])
def test_another_program_reads_the_code_from_the_page_of_a_pdf(template: str) -> None:
    document = pypdfium2.PdfDocument(render(a_licence(template)).content)
    assert zbar(document[0].render(scale=200 / 72).to_pil()) == QR


@needs_zbar
def test_another_program_reads_the_code_of_an_ofd() -> None:
    files = draw(lay(a_licence()), NOON.date()).files
    ((box, outlines),) = filled_paths(files["Doc_0/Pages/Page_0/Content.xml"])
    assert (box[2], box[3]) == (30, 30)
    picture = Image.new("L", (40 * DOTS_A_MM, 40 * DOTS_A_MM), 255)
    pen = ImageDraw.Draw(picture)
    for outline in outlines:
        # Pillow draws the last row and column of dots too, which belong to what is beyond the edge.
        (left, top), (right, bottom) = (
            (round((5 + x) * DOTS_A_MM), round((5 + y) * DOTS_A_MM)) for x, y in outline[::2]
        )
        pen.rectangle((left, top, right - 1, bottom - 1), fill=0)
    assert zbar(picture) == QR
    document = ofdkit.open(write(files))
    assert CODE in document.text()
    assert not document.warnings


def test_the_code_is_at_the_same_place_in_both_formats() -> None:
    sheet = lay(a_licence())
    code = the_code(list(sheet.pages[-1]))
    ((box, _),) = filled_paths(draw(sheet, NOON.date()).files["Doc_0/Pages/Page_0/Content.xml"])
    assert box[0] == pytest.approx(code.x / POINTS_PER_MM, abs=0.001)
    assert box[1] == pytest.approx((PAGE_HEIGHT - code.top) / POINTS_PER_MM, abs=0.001)


@pytest.mark.parametrize("template", ["准予许可。", TABLE, "你单位的申请收悉，准予许可。" * 60])
@pytest.mark.parametrize("qr_text", ["1", QR, QR * 4])
def test_four_modules_around_the_code_are_free(template: str, qr_text: str) -> None:
    sheet = lay(a_licence(template, qr_text))
    items = list(sheet.pages[-1])
    code = the_code(items)
    assert code.modules == len(modules(qr_text))
    quiet = QUIET * code.side / code.modules
    left, right, bottom, top = (
        code.x - quiet,
        code.x + code.side + quiet,
        code.top - code.side - quiet,
        code.top + quiet,
    )
    boxes = [box_of(item) for item in items if item is not code]
    assert all(
        box[2] <= left or box[0] >= right or box[3] <= bottom or box[1] >= top for box in [*boxes, sheet.seal_box]
    )
    assert left > 0
    assert any(item.text == CODE for item in items if isinstance(item, Text))
    assert min(box[1] for box in boxes) > 10 * POINTS_PER_MM


def test_the_same_licence_gives_the_same_bytes() -> None:
    assert render(a_licence()) == render(a_licence())


def test_a_notice_has_no_code() -> None:
    assert not any(isinstance(item, Code) for page in lay(notice()).pages for item in page)


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=300))
def test_what_the_modules_say_is_the_text(text: str) -> None:
    rows = modules(text)
    picture = Image.new("L", (len(rows) + 2 * QUIET, len(rows) + 2 * QUIET), 255)
    for number, row in enumerate(rows):
        for place, dark in enumerate(row):
            picture.putpixel((QUIET + place, QUIET + number), 0 if dark else 255)
    large = picture.resize((picture.width * 4, picture.height * 4), Image.Resampling.NEAREST)
    read = zxingcpp.read_barcode(large, zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    assert read is not None
    assert (read.text, read.ec_level) == (text, "M")


@given(st.lists(st.lists(st.booleans(), max_size=60), max_size=5))
def test_stretches_are_what_is_dark(rows: list[list[bool]]) -> None:
    drawn = [[False] * len(row) for row in rows]
    for dark in stretches(rows):
        assert dark.length > 0
        assert dark.start == 0 or not rows[dark.row][dark.start - 1]
        drawn[dark.row][dark.start : dark.start + dark.length] = [True] * dark.length
    assert drawn == rows
