"""Pictures that a template brings, such as an emblem.

A line `![30 mm](data:image/png;base64,...)` of a template is a picture so wide, in the middle of its line. Pictures are
taken out before the template is rendered: no value can bring one, and none counts as text.
"""

import base64
import binascii
import io
import re
from functools import lru_cache

from chassis.png import BadPngError, decode
from services.eseal.domain.blocks import PICTURE, Picture
from services.eseal.domain.budget import BadTemplateError

LARGEST_FILE = 20_000
MOST_PIXELS_A_SIDE = 1_000
NARROWEST_MM, WIDEST_MM = 5, 150
HIGHEST_MM = 80
MOST_PICTURES = 5
_LINE = re.compile(r"^[ \t]*!\[([0-9]{1,3}) mm\]\(data:image/png;base64,([A-Za-z0-9+/=]*)\)[ \t\r]*$", re.MULTILINE)


def take_out(source: str) -> tuple[str, list[Picture]]:
    """A template with a mark in each picture's place, and its pictures. Raises BadTemplateError."""
    pictures: list[Picture] = []

    def taken(found: re.Match[str]) -> str:
        if len(pictures) == MOST_PICTURES:
            raise BadTemplateError(f"a template has {MOST_PICTURES} pictures at most")
        pictures.append(_picture(found[2], int(found[1])))
        return f"{PICTURE}{len(pictures) - 1}"

    return _LINE.sub(taken, source), pictures


@lru_cache(maxsize=64)
def _picture(encoded: str, width_mm: int) -> Picture:
    """Decoded once, and written anew with nothing else in it."""
    if not NARROWEST_MM <= width_mm <= WIDEST_MM:
        raise BadTemplateError(f"a picture is {NARROWEST_MM} to {WIDEST_MM} mm wide, not {width_mm}")
    try:
        content = base64.b64decode(encoded, validate=True)
        pixels, _ = decode(content, largest=LARGEST_FILE, fewest=1, most=MOST_PIXELS_A_SIDE)
    except (BadPngError, binascii.Error) as fault:
        raise BadTemplateError(f"a picture is not sound: {fault}") from fault
    height_mm = width_mm * pixels.height / pixels.width
    if height_mm > HIGHEST_MM:
        raise BadTemplateError(f"a picture is {HIGHEST_MM} mm high at most, not {height_mm:.0f}")
    out = io.BytesIO()
    pixels.save(out, "PNG")
    return Picture(out.getvalue(), width_mm, height_mm)
