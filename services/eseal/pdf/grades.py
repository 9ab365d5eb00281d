"""At which level of PAdES (ETSI EN 319 142-1) a PDF is sealed, and what that takes. Loads nothing that reads PDF."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from services.eseal.cms.signing import Stamp
from services.eseal.pdf.prepared import ROOM, ROOM_WITH_TIMESTAMP, Validation


class Level(StrEnum):
    """How long a signature can be checked, and with what."""

    B_B = "B-B"
    """As long as the certificate is valid; the time is what the signer says."""
    B_T = "B-T"
    """With a timestamp, which proves the time."""
    B_LT = "B-LT"
    """With certificates and revocation lists too: by itself, while the authority of the timestamp is valid."""


@dataclass(frozen=True, slots=True)
class Grade:
    """What a level takes: B-T a source of timestamps, B-LT also what it is checked by later, as of now."""

    level: Level = Level.B_B
    stamp: Stamp | None = None
    validation: Callable[[], Validation] | None = None

    def __post_init__(self) -> None:
        if (self.stamp is None) != (self.level is Level.B_B):
            raise ValueError(f"level {self.level} and a source of timestamps do not go together")
        if (self.validation is None) != (self.level is not Level.B_LT):
            raise ValueError(f"level {self.level} and validation data do not go together")

    @property
    def room(self) -> int:
        """Bytes for the signature."""
        return ROOM if self.stamp is None else ROOM_WITH_TIMESTAMP
