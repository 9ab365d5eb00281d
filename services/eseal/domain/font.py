"""The one typeface of notices and seal pictures. Where it comes from: `fonts/README.md`."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

NAME = "DuokuaSong"
PATH = Path(__file__).parent.parent / "fonts" / "DuokuaSong-Regular.ttf"


@cache
def _typeface() -> TTFont:
    """The typeface, registered with reportlab; loading takes about 30 ms and 9 MB, once in a process."""
    typeface = TTFont(NAME, str(PATH))
    pdfmetrics.registerFont(typeface)
    return typeface


def width(text: str, size: float) -> float:
    """How wide a text is, in the unit of `size`."""
    face = _typeface().face
    return float(sum(face.charWidths.get(ord(character), face.defaultWidth) for character in text) * size / 1000)


def unprintable(text: str) -> list[str]:
    """The characters of `text` that the typeface cannot show, each once, in order of appearance."""
    covered = _typeface().face.charToGlyph
    return list(dict.fromkeys(character for character in text if ord(character) not in covered))


def cut(codes: Sequence[int]) -> bytes:
    """The typeface with the characters of these codes alone, as TrueType; its character map is reportlab's, for PDF."""
    subset: bytes = _typeface().face.makeSubset(codes)
    return subset
