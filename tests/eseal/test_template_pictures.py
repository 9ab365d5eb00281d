"""Pictures that templates bring: checked, in their place, the same in PDF and OFD; never brought by a value."""

import base64
import io
import zipfile
from pathlib import Path

import ofdkit
import pytest
from PIL import Image as Pillow

from services.eseal.domain.answers import Verdict
from services.eseal.domain.blocks import MOST_SHOWN, Picture, Prose
from services.eseal.domain.budget import BadTemplateError
from services.eseal.domain.notice import render
from services.eseal.domain.pictures import HIGHEST_MM, LARGEST_FILE, MOST_PICTURES
from services.eseal.domain.sheet import PAGE_HEIGHT, POINTS_PER_MM, Image, Text, lay
from services.eseal.domain.template import render_blocks
from services.eseal.national.ofd.document import draw
from services.eseal.national.ofd.package import write
from tests.eseal.builders import NOON, notice
from tests.eseal.national.builders import inspect, sealer, stamps
from tests.eseal.test_notice import needs_poppler, poppler


def png(width: int = 40, height: int = 20, *, noise: bool = False) -> bytes:
    picture = (
        Pillow.effect_noise((width, height), 200) if noise else Pillow.new("RGBA", (width, height), (200, 0, 0, 128))
    )
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def line(content: bytes, width_mm: int = 30) -> str:
    return f"![{width_mm} mm](data:image/png;base64,{base64.b64encode(content).decode()})"


def images(template: str) -> list[list[Image]]:
    return [[item for item in page if isinstance(item, Image)] for page in lay(notice(template)).pages]


def test_a_line_of_a_template_is_a_picture_between_paragraphs() -> None:
    before, picture, after = render_blocks(f"前\n{line(png())}\n后", {})
    assert (before, after) == (Prose("前"), Prose("后"))
    assert isinstance(picture, Picture)
    assert (picture.width_mm, picture.height_mm) == (30, 15)
    assert Pillow.open(io.BytesIO(picture.png)).getpixel((0, 0)) == (200, 0, 0, 128)


def test_line_ends_of_windows_change_nothing() -> None:
    template = f"前\n{line(png())}\n| 甲 |\n后"
    assert render_blocks(template.replace("\n", "\r\n"), {}) == render_blocks(template, {})


def test_what_a_value_holds_brings_no_picture() -> None:
    for value in (line(png()), "\ufdd30", f"\n{line(png())}\n"):
        assert all(isinstance(each, Prose) for each in render_blocks("{{ value }}", {"value": value}))


def test_a_picture_may_depend_on_a_condition() -> None:
    template = f"{{% if yes %}}\n{line(png())}\n{{% endif %}}\n后"
    assert [type(each) for each in render_blocks(template, {"yes": True})] == [Picture, Prose]
    assert render_blocks(template, {"yes": False}) == [Prose("后")]


@pytest.mark.parametrize(
    "template",
    [
        line(b"GIF89a"),
        line(png()[:-20]),
        line(png(1001, 10)),
        line(png(200, 200, noise=True)),
        line(png(10, 40), 40),
        line(png(), 4),
        line(png(), 151),
        f"{line(png())}\n" * (MOST_PICTURES + 1),
        "![30 mm](data:image/png;base64,abc)",
        "\ufdd30",
        "{% for n in range(" + str(MOST_SHOWN + 1) + ") %}\n" + line(png()) + "\n{% endfor %}",
    ],
)
def test_a_picture_that_is_not_sound_or_too_large_is_a_fault_of_the_template(template: str) -> None:
    with pytest.raises(BadTemplateError):
        render_blocks(template, {})


def test_the_bounds_are_those_that_the_cases_above_break() -> None:
    assert len(png(200, 200, noise=True)) > LARGEST_FILE
    assert HIGHEST_MM < 4 * 40


def test_a_picture_is_in_the_middle_and_the_text_goes_on_below_it() -> None:
    (page,) = lay(notice(f"西湖面馆：\n{line(png())}\n准予许可。")).pages
    (image,) = [item for item in page if isinstance(item, Image)]
    texts = {item.text: item for item in page if isinstance(item, Text)}
    assert image.width == pytest.approx(30 * POINTS_PER_MM)
    assert image.x + image.width / 2 == pytest.approx((28 + 156 / 2) * POINTS_PER_MM)
    assert texts["西湖面馆："].y > image.y + image.height
    assert texts["准予许可。"].y + texts["准予许可。"].size * 0.9 < image.y


def test_a_salutation_below_a_picture_is_one_all_the_same() -> None:
    (page,) = lay(notice(f"{line(png())}\n西湖面馆：\n准予许可。")).pages
    texts = {item.text: item for item in page if isinstance(item, Text)}
    assert texts["西湖面馆："].x == pytest.approx(28 * POINTS_PER_MM)
    assert texts["准予许可。"].x > texts["西湖面馆："].x


@pytest.mark.parametrize("paragraphs", range(1, 40))
def test_a_picture_stays_on_one_page_wherever_it_comes(paragraphs: int) -> None:
    template = "准予许可。\n" * paragraphs + f"{line(png(40, 40), 70)}\n" + "准予许可。\n" * 30
    pages = images(template)
    assert sum(map(len, pages)) == 1
    (image,) = [image for page in pages for image in page]
    assert image.y > 30 * POINTS_PER_MM
    assert image.y + image.height < PAGE_HEIGHT - 30 * POINTS_PER_MM


def test_the_same_pictures_give_the_same_bytes() -> None:
    template = f"{line(png())}\n准予许可。\n{line(png(30, 30))}"
    assert render(notice(template)) == render(notice(template))
    assert write(draw(lay(notice(template)), NOON.date()).files) == write(
        draw(lay(notice(template)), NOON.date()).files
    )


def test_an_ofd_has_a_picture_once_and_shows_it_where_it_is_wanted() -> None:
    template = f"{line(png())}\n准予许可。\n{line(png())}"
    content = write(draw(lay(notice(template)), NOON.date()).files)
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        pictures = [name for name in package.namelist() if name.endswith(".png")]
        page = package.read("Doc_0/Pages/Page_0/Content.xml").decode()
    assert len(pictures) == 1
    assert page.count("<ofd:ImageObject ") == 2
    assert "准予许可。" in ofdkit.open(content).text()
    assert not ofdkit.open(content).warnings


@needs_poppler
def test_a_pdf_has_a_picture_once_with_its_transparency(tmp_path: Path) -> None:
    content = render(notice(f"{line(png())}\n准予许可。\n{line(png())}")).content
    listed = poppler("pdfimages", content, tmp_path, "-list").splitlines()[2:]
    assert sorted(each.split()[2] for each in listed) == ["image", "image", "smask", "smask"]
    assert len({each.split()[10] for each in listed if each.split()[2] == "image"}) == 1


def test_a_picture_that_was_changed_in_a_sealed_ofd_is_found_out() -> None:
    document = draw(lay(notice(f"{line(png())}\n准予许可。")), NOON.date())
    files = dict(sealer().seal(document.files, stamps(document), now=NOON).files)
    assert inspect(write(files)).verdict is Verdict.GENUINE
    (name,) = [name for name in files if name.endswith(".png") and "Picture" in name]
    files[name] = png(41, 20)
    assert inspect(write(files)).verdict is Verdict.ALTERED
