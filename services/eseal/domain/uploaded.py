"""Pictures of seals that somebody uploads: checked before anything is decoded, and never kept as they came."""

import io

from chassis.png import BadPngError, decode
from services.eseal.domain.records import Picture

LARGEST_FILE = 512_000
MOST_PIXELS_A_SIDE = 1_200
"""About 700 dots per inch for a seal of 42 mm."""
FEWEST_PIXELS_A_SIDE = 100
NARROWEST_MM = 10
WIDEST_MM = 60


class BadPictureError(Exception):
    """A picture that cannot be a seal's; the message says what would be right."""


def check(content: bytes, width_mm: int) -> Picture:
    """The picture of a seal in an uploaded PNG, printed so wide. Raises BadPictureError."""
    if not NARROWEST_MM <= width_mm <= WIDEST_MM:
        raise BadPictureError(f"a seal is {NARROWEST_MM} to {WIDEST_MM} mm wide")
    try:
        picture, has_opacity = decode(
            content, largest=LARGEST_FILE, fewest=FEWEST_PIXELS_A_SIDE, most=MOST_PIXELS_A_SIDE
        )
    except BadPngError as fault:
        raise BadPictureError(str(fault)) from fault
    if not has_opacity:
        raise BadPictureError("the picture has no transparency: its background must be transparent")
    lowest, highest = picture.getchannel("A").getextrema()
    if lowest == 255:
        raise BadPictureError("the picture covers everything: its background must be transparent")
    if highest == 0:
        raise BadPictureError("the picture is empty: all of it is transparent")
    height_mm = max(1, round(width_mm * picture.height / picture.width))
    if height_mm > WIDEST_MM:
        raise BadPictureError(
            f"printed {width_mm} mm wide it is {height_mm} mm high; at most {WIDEST_MM} mm are allowed"
        )
    out = io.BytesIO()
    picture.save(out, "PNG")
    return Picture(out.getvalue(), width_mm, height_mm)
