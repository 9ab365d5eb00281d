"""Where seals come to lie: by coordinates, across edges, several on a file; looked at on printed pages."""

import io
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops
from pyhanko.pdf_utils.reader import PdfFileReader

from services.eseal.domain.answers import Verdict
from services.eseal.domain.notice import render
from services.eseal.domain.orders import At, AtText, Order, SealingError
from services.eseal.pdf.grades import Level
from services.eseal.pdf.pages import Page
from services.eseal.pdf.searching import find
from tests.eseal.builders import NOON, OFFICE, credential, notice
from tests.eseal.pdf.builders import PLACE, codes, judged, pages, sealed, sealer_of, signatures
from tests.eseal.pdf.oracles import openssl_cms, pdfsig


def printed(content: bytes, folder: Path) -> list[Image.Image]:
    """The pages as Poppler draws them, a pixel a point."""
    (folder / "sealed.pdf").write_bytes(content)
    subprocess.run(["pdftoppm", "-r", "72", "-png", "sealed.pdf", "page"], cwd=folder, check=True)
    return [Image.open(path).convert("RGB") for path in sorted(folder.glob("page*.png"))]


def is_red(page: Image.Image, x: float, y: float) -> bool:
    """Whether there is red at a place, which counts from the lower left corner."""
    pixel = page.getpixel((round(x), round(page.height - y)))
    assert isinstance(pixel, tuple)
    return pixel[0] > 150 and max(pixel[1:]) < 120


def red_box(page: Image.Image) -> tuple[int, int, int, int]:
    """The smallest rectangle with all red in it: left, bottom, right, top."""
    red, green, _ = page.split()
    marked = ImageChops.multiply(
        red.point(lambda value: 255 * (value > 150)), green.point(lambda value: 255 * (value < 120))
    )
    box = marked.getbbox()
    assert box is not None
    left, top, right, bottom = box
    return left, page.height - bottom, right, page.height - top


def reason(content: bytes, order: Order) -> str:
    with pytest.raises(SealingError) as raised:
        sealer_of().seal(content, order, NOON)
    return raised.value.reason


@pytest.mark.usefixtures("poppler_tools")
@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_a_seal_lies_where_it_is_wanted_however_the_page_is_turned(turned: int, tmp_path: Path) -> None:
    content = sealed(pages(2, turned=turned), Order(At(2, 200, 300)))
    first, second = printed(content, tmp_path)
    left, bottom, right, top = red_box(second)
    assert [(left + right) / 2, (bottom + top) / 2] == pytest.approx([200, 300], abs=2)
    assert right - left == pytest.approx(42 / 25.4 * 72, abs=3)
    # The star's upper tip is red and stands on the middle line; below the star there is nothing.
    assert is_red(second, 200, 300 + 15)
    assert not is_red(second, 200, 300 - 17)
    assert not any(is_red(first, x, 300) for x in range(0, first.width, 3))
    assert judged(content).verdict is Verdict.GENUINE


@given(st.sampled_from([0, 90, 180, 270]), st.tuples(*[st.floats(-500, 500)] * 2), st.floats(0, 900), st.floats(0, 900))
def test_places_of_a_turned_page_lead_there_and_back(
    turned: int, corner: tuple[float, float], x: float, y: float
) -> None:
    left, bottom = corner
    page = Page(0, (left, bottom, left + 600, bottom + 800), turned)
    assert list(page.shown(*page.own(x, y))) == pytest.approx([x, y], abs=1e-6)
    own = page.own(0, 0)
    assert own[0] in (pytest.approx(left), pytest.approx(left + 600))
    assert own[1] in (pytest.approx(bottom), pytest.approx(bottom + 800))


@pytest.mark.parametrize(
    ("place", "reason_"),
    [
        (At(3, 300, 300), "NO_SUCH_PAGE"),
        (At(0, 300, 300), "NO_SUCH_PAGE"),
        (At(-3, 300, 300), "NO_SUCH_PAGE"),
        (At(1, 10, 300), "OFF_THE_PAGE"),
        (At(1, 300, 840), "OFF_THE_PAGE"),
        (At(1, -300, 300), "OFF_THE_PAGE"),
        (At(1, float("nan"), 300), "OFF_THE_PAGE"),
    ],
)
def test_a_place_that_is_not_on_the_file_is_refused(place: At, reason_: str) -> None:
    assert reason(pages(2), Order(place)) == reason_


def test_pages_count_from_both_ends() -> None:
    def lies_on(number: int) -> int:
        content = sealed(pages(2), Order(At(number, 300, 300)))
        tree = PdfFileReader(io.BytesIO(content)).root["/Pages"]["/Kids"]
        field = signatures(content)[0].sig_field.raw_get("/P")
        return [each.idnum for each in tree].index(field.idnum)

    assert [lies_on(number) for number in (1, 2, -1, -2)] == [0, 1, 1, 0]


@pytest.mark.usefixtures("poppler_tools")
def test_a_signature_need_not_be_shown(tmp_path: Path) -> None:
    content = sealed(order=Order(None))
    (page,) = printed(content, tmp_path)
    assert not any(is_red(page, x, y) for x in range(0, 595, 5) for y in range(5, 842, 5))
    found = judged(content)
    assert (found.verdict, found.seals[0].kind.value) == (Verdict.GENUINE, "SIGNATURE")


@pytest.mark.usefixtures("poppler_tools")
@pytest.mark.parametrize("turned", [0, 90])
def test_a_seal_across_the_edges_is_whole_when_the_pages_are_laid_on_each_other(turned: int, tmp_path: Path) -> None:
    content = sealed(pages(4, turned=turned), Order(None, riding=True))
    drawn = printed(content, tmp_path)
    width = 42 / 25.4 * 72
    together = Image.new("RGB", (round(width), drawn[0].height), "white")
    for number, page in enumerate(drawn):
        left = round(number * width / 4)
        part = page.crop((page.width - round(width / 4), 0, page.width, page.height))
        together.paste(part, (left, 0))
        assert red_box(page)[0] >= page.width - width / 4 - 2
    left, bottom, right, top = red_box(together)
    assert [right - left, top - bottom] == pytest.approx([width, width], abs=3)
    assert (bottom + top) / 2 == pytest.approx(drawn[0].height / 2, abs=3)
    assert is_red(together, width / 2, drawn[0].height / 2 + 12)
    assert judged(content).verdict is Verdict.GENUINE


def test_many_pages_get_a_seal_for_each_twenty() -> None:
    content = sealed(pages(45), Order(PLACE, riding=True))
    assert judged(content).verdict is Verdict.GENUINE


def test_a_page_cannot_be_taken_out_of_what_is_sealed_across_the_edges() -> None:
    assert reason(pages(1), Order(None, riding=True)) == "ONE_PAGE"
    assert reason(sealed(pages(2)), Order(PLACE, riding=True)) == "ALREADY_SEALED"


@pytest.mark.usefixtures("poppler_tools", "nss_tools")
def test_several_seals_on_one_file_are_each_told_and_all_verifiers_accept_them(tmp_path: Path) -> None:
    second, third = "杭州市西湖区城市管理局", "杭州市西湖区消防救援大队"
    content = sealed(pages(2), Order(At(1, 150, 300)))
    for number, by in enumerate((second, third), start=1):
        sealer = sealer_of(Level.B_T, by=credential(NOON, by))
        content = sealer.seal(content, Order(At(1, 150 + 130 * number, 300)), NOON).content
    found = judged(content)
    assert (found.verdict, [seal.signer for seal in found.seals]) == (Verdict.GENUINE, [OFFICE, second, third])
    assert [("SEALED_AFTERWARDS" in each, "COVERED_THEN" in each) for each in codes(found)] == [
        (True, True), (True, True), (False, False)
    ]  # fmt: skip
    said = pdfsig(content, tmp_path)
    assert said.count("Signature is Valid.") == 3
    assert said.count("Certificate is Trusted.") == 3
    for number in range(3):
        assert "CMS Verification successful" in openssl_cms(content, tmp_path, number)


def test_a_certified_file_takes_no_further_seal() -> None:
    content = sealed(order=Order(PLACE, certify=True))
    (signature,) = signatures(content)
    assert signature.docmdp_level is not None
    assert signature.docmdp_level.value == 1
    assert judged(content).verdict is Verdict.GENUINE
    assert reason(content, Order(PLACE)) == "CERTIFIED"
    assert reason(sealed(), Order(PLACE, certify=True)) == "ALREADY_SEALED"


@pytest.mark.usefixtures("poppler_tools", "nss_tools")
def test_a_certified_file_of_the_highest_level_is_accepted_by_others(tmp_path: Path) -> None:
    content = sealed(pages(3), Order(PLACE, certify=True, riding=True, reason="批准"), level=Level.B_LT)
    assert "Signature is Valid." in pdfsig(content, tmp_path)
    assert judged(content).verdict is Verdict.GENUINE


def test_the_same_picture_lies_in_a_file_once_for_each_seal() -> None:
    one, riding = sealed(pages(30)), sealed(pages(30), Order(PLACE, riding=True))
    assert len(riding) - len(one) < 20_000
    assert io.BytesIO(one).read(5) == b"%PDF-"


def drawn_words(page: Image.Image) -> tuple[float, float]:
    """The middle of what is black on a page."""
    box = page.convert("L").point(lambda value: 255 * (value < 100)).getbbox()
    assert box is not None
    return (box[0] + box[2]) / 2, page.height - (box[1] + box[3]) / 2


@pytest.mark.usefixtures("poppler_tools")
@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_a_seal_is_put_over_a_text_however_the_page_is_turned(turned: int, tmp_path: Path) -> None:
    plain = pages(3, turned=turned, text="Sealed here, page")
    (tmp_path / "plain").mkdir()
    x, y = drawn_words(printed(plain, tmp_path / "plain")[1])
    content = sealed(plain, Order(AtText("page 2", 1, dx=0, dy=0), width_mm=20))
    left, bottom, right, top = red_box(printed(content, tmp_path)[1])
    along = abs((left + right) / 2 - x) + abs((bottom + top) / 2 - y)
    # The text that was looked for is the end of the line, which is 100 points away from its middle.
    assert 40 < along < 140
    assert judged(content).verdict is Verdict.GENUINE


@pytest.mark.usefixtures("poppler_tools")
def test_a_seal_is_put_over_the_organs_name_on_a_notice(tmp_path: Path) -> None:
    rendered = render(notice())
    content = sealed(rendered.content, Order(AtText(OFFICE), reason="1"))
    box = red_box(printed(content, tmp_path)[0].crop((0, 300, 595, 842)))
    wanted = rendered.seal_middle
    assert (box[0] + box[2]) / 2 == pytest.approx(wanted[0], abs=3)
    assert (box[1] + box[3]) / 2 == pytest.approx(wanted[1], abs=20)


def test_occurrences_count_from_both_ends() -> None:
    places = [find(pages(4), "Page", occurrence) for occurrence in (1, 4, -1, -4)]
    assert [place[0] for place in places] == [0, 3, 3, 0]


@pytest.mark.parametrize(
    ("text", "occurrence", "reason_"),
    [
        ("nowhere", 1, "TEXT_NOT_FOUND"),
        ("Page", 5, "TEXT_NOT_FOUND"),
        ("Page", -5, "TEXT_NOT_FOUND"),
        ("Page", 0, "BAD_TEXT"),
        (" ", 1, "BAD_TEXT"),
        ("x" * 201, 1, "BAD_TEXT"),
    ],
)
def test_a_text_that_is_not_there_is_refused(text: str, occurrence: int, reason_: str) -> None:
    assert reason(pages(4), Order(AtText(text, occurrence))) == reason_
