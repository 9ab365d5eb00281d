"""Pictures in notice templates: files of the package, checked with it, and a part of the compiled template."""

import base64
import io

import pytest
from PIL import Image

from services.eseal.domain import pictures as setting
from services.eseal.domain.blocks import Picture
from services.eseal.domain.template import render_blocks
from services.matters.package import files, pictures
from services.matters.package.compiler import check_package
from tests.matters.builders import faults_of, package

EMBLEM = "templates/emblem.png"


def png(width: int = 40, height: int = 20) -> bytes:
    out = io.BytesIO()
    Image.new("RGBA", (width, height), (200, 0, 0, 128)).save(out, "PNG")
    return out.getvalue()


def shows(line: str, **pictures_of: bytes) -> dict[str, bytes]:
    brought = {f"templates/{name}.png": content for name, content in pictures_of.items()}
    return package(template=("准予许可。", f"{line}\n准予许可。")) | brought


def test_a_compiled_template_holds_its_picture_and_can_be_set() -> None:
    scenario, faults = check_package(shows("![30 mm](emblem.png)", emblem=png()))
    assert faults == []
    assert scenario is not None
    templates = {step.matter.notice.template for step in scenario.steps if step.matter.notice}
    (template,) = [each for each in templates if "![" in each]
    line = f"![30 mm](data:image/png;base64,{base64.b64encode(png()).decode()})"
    assert line in template.split("\n")
    (picture,) = render_blocks(line, {})
    assert isinstance(picture, Picture)
    assert (picture.width_mm, picture.height_mm) == (30, 15)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("![30 mm](emblen.png)", 'did you mean "emblem.png"?'),
        ("![30 mm](../emblem.png)", "there is no picture"),
        ("![30 mm](data:image/png;base64,AAAA)", "there is no picture"),
        ("![emblem](emblem.png)", "should say how wide"),
        ("![4 mm](emblem.png)", "5 to 150 mm"),
        ("前![30 mm](emblem.png)", "on a line of its own"),
        ("![30 mm](emblem.png)\n" * 6, "one picture too many"),
    ],
)
def test_a_line_that_shows_no_picture_is_a_fault(line: str, message: str) -> None:
    faults = faults_of(shows(f"{line}\n![30 mm](emblem.png)" if "too many" not in message else line, emblem=png()))
    ((place, said),) = faults.items()
    assert place.startswith("templates/")
    assert message in said


def test_a_template_with_line_ends_of_windows_may_show_pictures() -> None:
    files_of = shows("![30 mm](emblem.png)", emblem=png())
    files_of["templates/permit.txt"] = files_of["templates/permit.txt"].replace(b"\n", b"\r\n")
    assert faults_of(files_of) == {}


def test_a_picture_that_would_be_too_high_is_a_fault() -> None:
    ((_, said),) = faults_of(shows("![30 mm](emblem.png)", emblem=png(10, 40))).items()
    assert "120 mm high, 80 at most" in said


@pytest.mark.parametrize("content", [b"GIF89a", png()[:-20], png(1001, 1)])
def test_a_file_that_is_no_sound_picture_is_a_fault(content: bytes) -> None:
    ((place, said),) = faults_of(shows("![30 mm](emblem.png)", emblem=content)).items()
    assert place == EMBLEM
    assert "is no picture for a notice" in said


def test_a_picture_that_no_template_shows_is_a_fault() -> None:
    assert "no template shows it" in faults_of(package() | {EMBLEM: png()})[EMBLEM]


def test_a_large_picture_is_refused_before_it_is_read() -> None:
    assert "20000 at most" in faults_of(package() | {EMBLEM: bytes(20_001)})[EMBLEM]


def test_the_check_and_the_setting_have_the_same_bounds() -> None:
    assert files.LARGEST_PICTURE == setting.LARGEST_FILE
    for name in ("MOST_PIXELS_A_SIDE", "NARROWEST_MM", "WIDEST_MM", "HIGHEST_MM", "MOST_PICTURES"):
        assert getattr(pictures, name) == getattr(setting, name)
