"""The one typeface of notices and seal pictures. Where it comes from: `fonts/README.md`."""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from reportlab.pdfbase.ttfonts import TTFontFace

NAME = "DuokuaSong"
POSTSCRIPT_NAME = "DuokuaSong-Regular"
PATH = Path(__file__).parent.parent / "fonts" / "DuokuaSong-Regular.ttf"


@dataclass(frozen=True, slots=True)
class Shape:
    """What PDF says of a typeface as a whole, in thousandths of the size; the box is left, bottom, right, top."""

    ascent: int
    descent: int
    capital_height: int
    stem: int
    box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Cut:
    """The typeface with a few characters alone."""

    program: bytes
    """TrueType."""
    codes: Sequence[int]
    """Of the characters."""
    glyphs: Sequence[int]
    """The number of each one's glyph in the program."""
    widths: Sequence[int]
    """Of each, in thousandths of the size."""

    def tables(self) -> dict[str, bytes]:
        """The tables of the program by their tags."""
        return _tables(self.program)


@cache
def _typeface() -> TTFontFace:
    """The typeface; loading takes about 30 ms and 13 MB, once in a process."""
    face = TTFontFace(str(PATH))
    # It would copy the table of all glyphs, 4 MB, for every document.
    face.get_table = cache(face.get_table)
    return face


def width(text: str, size: float) -> float:
    """How wide a text is, in the unit of `size`."""
    face = _typeface()
    return float(sum(face.charWidths.get(ord(character), face.defaultWidth) for character in text) * size / 1000)


def unprintable(text: str) -> list[str]:
    """The characters of `text` that the typeface cannot show, each once, in order of appearance."""
    covered = _typeface().charToGlyph
    return list(dict.fromkeys(character for character in text if ord(character) not in covered))


def shape() -> Shape:
    """The typeface as a whole."""
    face = _typeface()
    left, bottom, right, top = (round(edge) for edge in face.bbox)
    return Shape(round(face.ascent), round(face.descent), round(face.capHeight), face.stemV, (left, bottom, right, top))


def cut(characters: Iterable[str]) -> Cut:
    """The typeface with these characters alone, each of which it must have, in the order of their codes."""
    face = _typeface()
    codes = sorted({ord(character) for character in characters})
    program: bytes = face.makeSubset(codes)
    # reportlab's own map of characters: a header of 22 bytes, then the glyph of each.
    glyphs = struct.unpack_from(f">{len(codes)}H", _tables(program)["cmap"], 22)
    return Cut(program, codes, glyphs, [round(face.charWidths[code]) for code in codes])


def _tables(program: bytes) -> dict[str, bytes]:
    (count,) = struct.unpack_from(">H", program, 4)
    found = {}
    for number in range(count):
        tag, _, start, size = struct.unpack_from(">4s3L", program, 12 + 16 * number)
        found[tag.decode("ascii")] = program[start : start + size]
    return found
