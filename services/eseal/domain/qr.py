"""QR codes (ISO/IEC 18004) as modules, whatever they are drawn with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import zxingcpp
from PIL import Image

QUIET = 4
"""So many modules on every side are kept free of anything else (ISO/IEC 18004, 6.3.8)."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Dark modules side by side: the row from the top, the column where they begin, how many they are."""

    row: int
    start: int
    length: int


def modules(text: str) -> list[list[bool]]:
    """The rows of the code of a text, from the top; true is dark. Level M: 15 in 100 of it may be lost."""
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    pixels = Image.fromarray(code.to_image(add_quiet_zones=False))
    shades = pixels.tobytes()
    return [
        [shade == 0 for shade in shades[start : start + pixels.width]] for start in range(0, len(shades), pixels.width)
    ]


def stretches(rows: Sequence[Sequence[bool]]) -> Iterator[Stretch]:
    """What of a code is dark, row by row."""
    for number, row in enumerate(rows):
        start = None
        for place, dark in enumerate([*row, False]):
            if dark and start is None:
                start = place
            elif not dark and start is not None:
                yield Stretch(number, start, place - start)
                start = None
