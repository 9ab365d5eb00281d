"""Where the picture of a seal is shown."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.eseal.domain.orders import slices
from services.eseal.national.ofd.structure import Page


class BadPlaceError(Exception):
    """A place that is not on the document; the message says why."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """The picture on a page: its box, and the part of it that shows, both (left, top, width, height) in millimetres.

    The box is measured from the page's upper left corner, the part that shows from the box's.
    """

    page_id: str
    box: tuple[float, float, float, float]
    shown: tuple[float, float, float, float] | None = None


def centred(page_id: str, box: tuple[float, float, float, float], width: float, height: float) -> Stamp:
    """A picture of this size over the middle of a box."""
    left, top, box_width, box_height = box
    return Stamp(page_id, (left + (box_width - width) / 2, top + (box_height - height) / 2, width, height))


def riding(pages: Sequence[Page], width: float, height: float) -> list[Stamp]:
    """A seal across the edges of all pages (骑缝章): each shows its slice halfway up its right edge.

    Raises SealingError ONE_PAGE; BadPlaceError for pages that are too small.
    """
    stamps = []
    for page, (number, count) in zip(pages, slices(len(pages)), strict=True):
        slice_width = width / count
        box = (page.width - slice_width * (number + 1), (page.height - height) / 2, width, height)
        stamps.append(Stamp(page.id, box, (slice_width * number, 0.0, slice_width, height)))
    check(stamps, pages)
    return stamps


def check(stamps: Sequence[Stamp], pages: Sequence[Page]) -> None:
    """Raises BadPlaceError unless what shows of each stamp lies on its page."""
    sizes = {page.id: (page.width, page.height) for page in pages}
    if not stamps:
        raise BadPlaceError("a seal is shown in one place at least")
    for stamp in stamps:
        if stamp.page_id not in sizes:
            raise BadPlaceError(f"the document has no page {stamp.page_id}")
        left, top, width, height = stamp.box
        from_left, from_top, shown_width, shown_height = stamp.shown or (0.0, 0.0, width, height)
        page_width, page_height = sizes[stamp.page_id]
        # Half a millimetre is lost by rounding.
        inside = (
            left + from_left >= -0.5
            and top + from_top >= -0.5
            and left + from_left + shown_width <= page_width + 0.5
            and top + from_top + shown_height <= page_height + 0.5
        )
        if not inside or min(width, height, shown_width, shown_height) <= 0:
            raise BadPlaceError(f"the seal does not lie on page {stamp.page_id}")
