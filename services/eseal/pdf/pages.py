"""Pages of a PDF: how they are shown, and where a place on a shown page lies in the page's own coordinates."""

from dataclasses import dataclass
from decimal import Decimal

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.rw_common import PdfHandler

from services.eseal.domain.orders import SealingError

# A page is at most 200 inches wide (ISO 32000-1, annex C); more than this many take seconds to go through.
LARGEST_SIDE = 14_400.0
MOST_PAGES = 2_000
_INHERITED = ("/MediaBox", "/CropBox", "/Rotate")
_A4 = (0.0, 0.0, 595.28, 841.89)


@dataclass(frozen=True, slots=True)
class Page:
    """A page: what of it is shown (left, bottom, right, top in its own coordinates), and how it is turned (degrees)."""

    number: int
    """From 0."""
    box: tuple[float, float, float, float]
    turned: int

    @property
    def width(self) -> float:
        """As it is shown."""
        across, up = self._sides
        return up if self.turned in (90, 270) else across

    @property
    def height(self) -> float:
        """As it is shown."""
        across, up = self._sides
        return across if self.turned in (90, 270) else up

    @property
    def _sides(self) -> tuple[float, float]:
        left, bottom, right, top = self.box
        return right - left, top - bottom

    @property
    def matrix(self) -> tuple[float, float, float, float, float, float]:
        """From the page as it is shown, its lower left corner at (0, 0), to the page's own coordinates."""
        left, bottom, right, top = self.box
        return {
            0: (1, 0, 0, 1, left, bottom),
            90: (0, 1, -1, 0, right, bottom),
            180: (-1, 0, 0, -1, right, top),
            270: (0, -1, 1, 0, left, top),
        }[self.turned]

    def own(self, x: float, y: float) -> tuple[float, float]:
        """A place of the page as it is shown in the page's own coordinates."""
        a, b, c, d, e, f = self.matrix
        return a * x + c * y + e, b * x + d * y + f

    def shown(self, x: float, y: float) -> tuple[float, float]:
        """A place in the page's own coordinates as it is shown."""
        a, b, c, d, e, f = self.matrix
        return a * (x - e) + b * (y - f), c * (x - e) + d * (y - f)


def page_count(handler: PdfHandler) -> int:
    """How many pages the file says it has; raises SealingError TOO_MANY_PAGES, BROKEN_PDF."""
    count = handler.root["/Pages"]["/Count"]
    if not isinstance(count, int) or count < 1:
        raise SealingError("BROKEN_PDF", "the file has no pages")
    if count > MOST_PAGES:
        raise SealingError("TOO_MANY_PAGES", f"the file has {count} pages, the most is {MOST_PAGES}")
    return count


def page_at(handler: PdfHandler, number: int) -> Page:
    """A page, from 0; raises SealingError BROKEN_PDF for one that cannot be shown."""
    reference, _ = handler.find_page_for_modification(number)
    found = _inherited(reference.get_object())
    media = _rectangle(found.get("/MediaBox"), _A4)
    crop = _rectangle(found.get("/CropBox"), media)
    box = (max(media[0], crop[0]), max(media[1], crop[1]), min(media[2], crop[2]), min(media[3], crop[3]))
    turned = found.get("/Rotate", 0)
    if not isinstance(turned, int) or turned % 90:
        raise SealingError("BROKEN_PDF", f"page {number + 1} is turned by {turned!r}, not by a multiple of 90 degrees")
    sides = (box[2] - box[0], box[3] - box[1])
    if min(sides) <= 0 or max(sides) > LARGEST_SIDE:
        raise SealingError("BROKEN_PDF", f"page {number + 1} has no size that a page can have")
    return Page(number, box, turned % 360)


def _inherited(page: generic.DictionaryObject) -> dict[str, object]:
    found: dict[str, object] = {}
    node: generic.DictionaryObject | None = page
    for _ in range(100):
        if node is None:
            return found
        for name in _INHERITED:
            if name in node and name not in found:
                found[name] = node[name]
        node = node["/Parent"] if "/Parent" in node else None  # noqa: SIM401 - `get` gives a reference, unread
    raise SealingError("BROKEN_PDF", "the tree of pages is too deep")


def _rectangle(value: object, default: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    if value is None:
        return default
    if not isinstance(value, generic.ArrayObject) or len(value) != 4:
        raise SealingError("BROKEN_PDF", "a page has a box that is not four numbers")
    corners = [each.get_object() if isinstance(each, generic.IndirectObject) else each for each in value]
    if not all(isinstance(each, (int, Decimal)) for each in corners):
        raise SealingError("BROKEN_PDF", "a page has a box that is not four numbers")
    x1, y1, x2, y2 = (float(each) for each in corners)
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)
