"""A seal across the edges (骑缝章): each page shows its slice of the picture at its right edge.

The slices are part of the pages, not notes on them, so that no viewer leaves them out on screen or on paper. They are
not signatures: one signature covers all pages, and nobody can take a page out or put one in without breaking it.
"""

from collections.abc import Sequence

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from services.eseal.domain.orders import POINTS_A_MM, Order, slices
from services.eseal.pdf.pages import Page


def ride(
    writer: IncrementalPdfFileWriter,
    image: generic.IndirectObject,
    pages: Sequence[Page],
    order: Order,
    aspect: float,
) -> None:
    """Draws the slices, of pages as they are shown, halfway up the right edge; raises SealingError ONE_PAGE."""
    for page, part in zip(pages, slices(len(pages)), strict=True):
        _slice(writer, image, page, part, order.width_mm * POINTS_A_MM, aspect)


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
