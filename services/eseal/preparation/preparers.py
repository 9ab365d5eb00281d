"""Has files of strangers prepared for a seal in processes of their own (`process.py`), few at once and under limits.

What comes back is believed no further than it has to be: the file that is sealed is the one that was handed in, with
something appended, and the digest that is signed is reckoned here.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from chassis.confined.pool import ConfinedProcesses, LateError, LostError, OverLimitError
from chassis.problems import Exhausted, Unavailable
from services.eseal.domain.findings import LARGEST_FILE, Format, UnreadableError, format_of, too_complex
from services.eseal.domain.trust import Trust
from services.eseal.pdf.orders import Order, SealingError
from services.eseal.pdf.prepared import ROOM, Prepared, Validation
from services.eseal.turns import Turns

AT_ONCE = 2
MOST_WAITING = 2
WAIT_SECONDS = 2.0
# A file has 6 s of CPU; the rest is for loading and for a busy machine.
WALL_SECONDS = 15.0
KEPT = 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """A seal that is to be put on a file: its picture (PNG), where, when, and what the level takes."""

    picture: bytes
    order: Order
    now: datetime
    room: int = ROOM
    validation: Validation | None = None


class Preparers:
    """At most `AT_ONCE` processes that prepare files; started when they are needed."""

    def __init__(self, *, wall_seconds: float = WALL_SECONDS, wait_seconds: float = WAIT_SECONDS) -> None:
        self._turns = Turns(AT_ONCE, MOST_WAITING, wait_seconds)
        self._processes = ConfinedProcesses("services.eseal.preparation.process", kept=KEPT, wall_seconds=wall_seconds)

    def prepare(self, content: bytes, wanted: Wanted, trust: Trust) -> Prepared:
        """A PDF with the seal on it but for the signature; `trust`: by whom seals may be on it already.

        Raises SealingError and UnreadableError as `screen` and `prepare` do, and with TOO_LARGE, UNKNOWN_FORMAT,
        AMBIGUOUS_FORMAT, NOT_A_PDF, TOO_COMPLEX; Exhausted SEALING_BUSY, Unavailable SEALING_LOST.
        """
        if format_of(content) is not Format.PDF:
            raise SealingError("NOT_A_PDF", "only a PDF is sealed by hand")
        with self._turns.one(_busy()):
            prepared = self._ask(content, wanted, trust)
        if len(prepared.content) > LARGEST_FILE:
            raise _too_large(len(prepared.content))
        return prepared

    def close(self) -> None:
        """Ends the idle processes."""
        self._processes.close()

    def _ask(self, content: bytes, wanted: Wanted, trust: Trust) -> Prepared:
        appended = bytearray()

        def reply(answer: dict[str, Any]) -> bytes | None:
            if "piece" not in answer:
                return None
            appended.extend(base64.b64decode(answer["piece"]))
            if len(content) + len(appended) > LARGEST_FILE:
                raise _too_large(len(content) + len(appended))
            return b"null\n"

        message = {
            "size": len(content),
            "picture_size": len(wanted.picture),
            "order": asdict(wanted.order),
            "now": wanted.now.isoformat(),
            "room": wanted.room,
            "trust": _encoded(asdict(trust)),
            "validation": _encoded(asdict(wanted.validation)) if wanted.validation else None,
        }
        try:
            answer = self._processes.ask(message, content + wanted.picture, reply)
        except OverLimitError as fault:
            raise too_complex() from fault
        except LateError as fault:
            raise _busy() from fault
        except LostError as fault:
            raise Unavailable("SEALING_LOST", "the process that reads files was ended; try again") from fault
        if "refused" in answer:
            raise SealingError(*answer["refused"])
        return Prepared.appended(content, bytes(appended), answer["start"], answer["end"], wanted.room)


def _encoded(ders: Mapping[str, Sequence[bytes]]) -> dict[str, list[str]]:
    return {name: [base64.b64encode(der).decode() for der in values] for name, values in ders.items()}


def _busy() -> Exhausted:
    return Exhausted("SEALING_BUSY", "too many files are being sealed; try again in a few seconds")


def _too_large(size: int) -> UnreadableError:
    return UnreadableError("TOO_LARGE", f"the sealed file would have {size} bytes, the most is {LARGEST_FILE}")
