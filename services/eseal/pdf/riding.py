"""A seal across the edges (骑缝章): each page shows its slice of the picture at its right edge.

The slices are part of the pages, not notes on them, so that no viewer leaves them out on screen or on paper. They are
not signatures: one signature covers all pages, and nobody can take a page out or put one in without breaking it.
"""

import math
from collections.abc import Sequence

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from services.eseal.pdf.orders import POINTS_A_MM, Order
from services.eseal.pdf.pages import Page

# A narrower slice shows nothing; thicker files get one seal for so many pages, as with a stamp and paper.
_MOST_SLICES = 20


def ride(
    writer: IncrementalPdfFileWriter,
    image: generic.IndirectObject,
    pages: Sequence[Page],
    order: Order,
    aspect: float,
) -> None:
    """Draws the slices, of pages as they are shown, halfway up the right edge."""
    groups = math.ceil(len(pages) / _MOST_SLICES)
    for group in range(groups):
        # As even as can be: the last group is not one page.
        together = pages[group * len(pages) // groups : (group + 1) * len(pages) // groups]
        for number, page in enumerate(together):
            _slice(writer, image, page, (number, len(together)), order.width_mm * POINTS_A_MM, aspect)


def _slice(
    writer: IncrementalPdfFileWriter,
    image: generic.IndirectObject,
    page: Page,
    part: tuple[int, int],
    width: float,
    aspect: float,
) -> None:
    number, count = part
    name = f"/Riding{page.number}"
    across, height = width / count, width * aspect
    left, bottom = page.width - across, (page.height - height) / 2
    placed = " ".join(f"{value:g}" for value in page.matrix)
    draw = (
        f"q {placed} cm {left:.3f} {bottom:.3f} {across:.3f} {height:.3f} re W n "
        f"{width:.3f} 0 0 {height:.3f} {left - number * across:.3f} {bottom:.3f} cm {name} Do Q"
    )
    resources = generic.DictionaryObject({pdf_name("/XObject"): generic.DictionaryObject({pdf_name(name): image})})
    # What the page draws itself may leave the coordinates turned: it is put between q and Q.
    opening = writer.add_object(generic.StreamObject(stream_data=b"q\n"))
    closing = writer.add_object(generic.StreamObject(stream_data=b"\nQ\n" + draw.encode()))
    writer.add_stream_to_page(page.number, opening, prepend=True)
    writer.add_stream_to_page(page.number, closing, resources)
