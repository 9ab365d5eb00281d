"""What is to be done to a file, PDF or OFD: where the seal goes, and what may be done to the file afterwards.

Lengths are in points (1/72 inch) of the page as it is shown, from its lower left corner; sizes of seals in millimetres.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

POINTS_A_MM = 72 / 25.4
# A round seal of an organ has 42 mm (国发〔1999〕25号).
ROUND_SEAL_MM = 42.0
LONGEST_TEXT = 200
_MOST_FOUND = 10_000
# A narrower slice shows nothing; thicker files get one seal for so many pages, as with a stamp and paper.
_MOST_SLICES = 20


@dataclass(frozen=True, slots=True)
class At:
    """The seal's middle at a place on a page; pages count from 1, and from the last backwards as -1, -2 ..."""

    page: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class AtText:
    """The seal's middle over the middle of a text, found by reading the pages from the first to the last.

    `occurrence` counts from 1, and from the last backwards; `dx` and `dy` move the seal away from there.
    """

    text: str
    occurrence: int = -1
    dx: float = 0.0
    dy: float = 0.0


@dataclass(frozen=True, slots=True)
class Order:
    """How one seal is put on a file.

    Without a place the signature is not shown, which an OFD does not allow. `riding` draws slices of the picture over
    the right edges of all pages (骑缝章); `certify` forbids every later change (in a PDF DocMDP, level 1; in an OFD the
    list of seals is sealed too). Both want a PDF that carries no signature yet; an OFD may carry some.
    """

    place: At | AtText | None
    width_mm: float = ROUND_SEAL_MM
    riding: bool = False
    certify: bool = False
    reason: str = ""


def order_of(fields: Mapping[str, Any]) -> Order:
    """The order that `asdict` took apart."""
    place = fields["place"]
    if place is not None:
        place = AtText(**place) if "text" in place else At(**place)
    return Order(**{**fields, "place": place})


class SealingError(Exception):
    """The file cannot be sealed so: `reason` in UPPER_SNAKE, and a sentence that says what to do."""

    def __init__(self, reason: str, description: str) -> None:
        super().__init__(description)
        self.reason = reason
        self.description = description


def slices(pages: int) -> list[tuple[int, int]]:
    """Of a seal across the edges, which slice out of how many each page shows; raises SealingError ONE_PAGE."""
    if pages < 2:
        raise SealingError("ONE_PAGE", "a seal across the edges needs at least two pages")
    groups = math.ceil(pages / _MOST_SLICES)
    # As even as can be: the last group is not one page.
    sizes = [(group + 1) * pages // groups - group * pages // groups for group in range(groups)]
    return [(number, size) for size in sizes for number in range(size)]


def page_index(wanted: int, pages: int) -> int:
    """The page that an order names, from 0; raises SealingError NO_SUCH_PAGE."""
    number = wanted - 1 if wanted > 0 else pages + wanted
    if wanted == 0 or not 0 <= number < pages:
        raise SealingError("NO_SUCH_PAGE", f"there is no page {wanted}; the file has {pages}")
    return number


Found: TypeAlias = tuple[int, float, float]
"""Where a text has its middle: the page, from 0, and the place in the page's own coordinates."""


def chosen(found: Iterable[Found], text: str, occurrence: int) -> Found:
    """The occurrence that is meant, out of all in the order of pages: from 1, and from the last backwards as -1, -2.

    Raises SealingError BAD_TEXT, TEXT_NOT_FOUND.
    """
    if not text.strip() or len(text) > LONGEST_TEXT or occurrence == 0:
        raise SealingError("BAD_TEXT", f"a text to look for has 1 to {LONGEST_TEXT} characters, counted from 1 or -1")
    places: list[Found] = []
    for place in found:
        places.append(place)
        if len(places) == occurrence:
            return place
        if len(places) > _MOST_FOUND:
            raise SealingError("BAD_TEXT", f"{text!r} stands more than {_MOST_FOUND} times in the file")
    if occurrence > 0 or -occurrence > len(places):
        times = f"only {len(places)} times" if places else "nowhere"
        raise SealingError("TEXT_NOT_FOUND", f"{text!r} stands {times} in the file")
    return places[occurrence]
