"""What is to be done to a PDF: where the seal goes, and what may be done to the file afterwards.

Lengths are in points (1/72 inch) of the page as it is shown, from its lower left corner; sizes of seals in millimetres.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

POINTS_A_MM = 72 / 25.4
# A round seal of an organ has 42 mm (国发〔1999〕25号).
ROUND_SEAL_MM = 42.0


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

    Without a place the signature is not shown. `riding` draws slices of the picture over the right edges of all pages
    (骑缝章); `certify` forbids every later change (DocMDP, level 1). Both want a file that carries no signature yet.
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
