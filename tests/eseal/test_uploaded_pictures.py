"""Pictures of seals that somebody uploads."""

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from services.eseal.domain.uploaded import MOST_PIXELS_A_SIDE, BadPictureError, check

RED = (214, 20, 26)
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def drawn(size: tuple[int, int] = (300, 200), mode: str = "RGBA") -> Image.Image:
    picture = Image.new("RGBA", size, (*RED, 0))
    picture.paste((*RED, 255), (20, 20, size[0] - 20, size[1] - 20))
    return picture.convert(mode)


def png(picture: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG", **options)
    return out.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def made_of(width: int, height: int, data: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


def refusal(content: bytes, width_mm: int = 42) -> str:
    with pytest.raises(BadPictureError) as raised:
        check(content, width_mm)
    return str(raised.value)


def test_a_picture_with_transparency_keeps_its_proportions() -> None:
    kept = check(png(drawn()), 42)
    again = Image.open(io.BytesIO(kept.png))
    assert (kept.width_mm, kept.height_mm, again.size) == (42, 28, (300, 200))
    assert again.convert("RGBA").tobytes() == drawn().tobytes()


def test_a_picture_that_would_be_higher_than_a_seal_is_refused() -> None:
    assert check(png(drawn((300, 428))), 42).height_mm == 60
    assert "60 mm" in refusal(png(drawn((100, 1200))))
    assert "61 mm" in refusal(png(drawn((300, 305))), width_mm=60)


@pytest.mark.parametrize("mode", ["LA", "P"])
def test_other_ways_to_say_transparent_will_do(mode: str) -> None:
    picture = drawn(mode="LA") if mode == "LA" else drawn().quantize(4)
    content = png(picture, transparency=picture.getpixel((0, 0))) if mode == "P" else png(picture)
    assert Image.open(io.BytesIO(check(content, 42).png)).mode == "RGBA"


def test_what_a_file_carries_beside_its_picture_is_not_kept() -> None:
    notes = PngInfo()
    notes.add_text("secret", "hidden words", zip=True)
    content = png(drawn(), pnginfo=notes) + b"and something behind the end"
    kept = check(content, 42).png
    assert b"tEXt" not in kept
    assert b"zTXt" not in kept
    assert kept.endswith(b"IEND" + struct.pack(">I", zlib.crc32(b"IEND")))


def test_a_small_file_that_unpacks_to_very_much_is_refused_unread() -> None:
    assert "pixels" in refusal(made_of(50_000, 50_000, b""))
    bomb = made_of(200, 200, b"\0" * 100_000_000)
    assert len(bomb) < 200_000
    assert "do not fit its size" in refusal(bomb)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a PNG"),
        (b"GIF89a", "not a PNG"),
        (b"x" * 600_000, "more than 512000 bytes"),
        (SIGNATURE, "cut short"),
        (png(drawn())[:-20], "damaged"),
        (png(drawn()).replace(b"IDAT", b"IDAU", 1), "damaged"),
        (SIGNATURE + chunk(b"IDAT", b"") + chunk(b"IEND", b""), "does not begin"),
        (SIGNATURE + chunk(b"tIME", b"") * 1_001, "more than 1000 chunks"),
        (png(drawn((99, 200))), "100 to 1200"),
        (png(drawn((MOST_PIXELS_A_SIDE + 1, 200))), "100 to 1200"),
        (png(drawn(mode="RGB")), "no transparency"),
        (png(Image.new("RGBA", (200, 200), (*RED, 255))), "covers everything"),
        (png(Image.new("RGBA", (200, 200), (*RED, 0))), "empty"),
        (made_of(200, 200, b"\0" * 10), "cannot be decoded"),
    ],
)
def test_what_cannot_be_a_seal_s_picture_is_refused_with_what_is_wrong(content: bytes, said: str) -> None:
    assert said in refusal(content)


@pytest.mark.parametrize("width_mm", [9, 61])
def test_a_seal_has_the_size_of_a_seal(width_mm: int) -> None:
    assert "10 to 60 mm" in refusal(png(drawn()), width_mm)


GOOD = png(drawn((120, 120)))


@settings(max_examples=200)
@given(st.integers(0, len(GOOD) - 1), st.binary(max_size=8))
def test_a_damaged_file_is_refused_or_a_picture_and_nothing_else(position: int, put: bytes) -> None:
    try:
        check(GOOD[:position] + put + GOOD[position + len(put) :], 42)
    except BadPictureError as fault:
        assert str(fault)  # noqa: PT017 - any other exception fails the test
