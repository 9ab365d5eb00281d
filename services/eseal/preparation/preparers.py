"""Has files of strangers prepared for a seal in processes of their own (`process.py`), few at once and under limits.

What comes back is believed no further than it has to be: what it is put into is the file that was handed in, and the
digest that is signed is reckoned by who signs it.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from chassis.confined.pool import ConfinedProcesses, LateError, LostError, OverLimitError
from chassis.problems import Exhausted, Unavailable
from services.eseal.domain.findings import LARGEST_FILE, Format, format_of, too_complex, too_large
from services.eseal.domain.orders import Order, SealingError
from services.eseal.domain.trust import Trust
from services.eseal.pdf.prepared import ROOM, Validation
from services.eseal.turns import Turns

AT_ONCE = 2
MOST_WAITING = 2
WAIT_SECONDS = 2.0
# A file has 6 s of CPU; the rest is for loading and for a busy machine.
WALL_SECONDS = 15.0
KEPT = 1


@dataclass(frozen=True, slots=True)
class Wanted:
    """A seal that is to be put on a file of this format: where, when, and what of the seal goes into it.

    `seal` is its picture (PNG), or for an OFD the seal itself (DER). `room` and `validation`: what the level of a PDF
    takes.
    """

    format: Format
    order: Order
    now: datetime
    seal: bytes
    room: int = ROOM
    validation: Validation | None = None


@dataclass(frozen=True, slots=True)
class Addition:
    """What a process would put into a file, and where in it everything is; it may be anything."""

    data: bytes
    places: Mapping[str, Any]


class Preparers:
    """At most `AT_ONCE` processes that prepare files; started when they are needed."""

    def __init__(self, *, wall_seconds: float = WALL_SECONDS, wait_seconds: float = WAIT_SECONDS) -> None:
        self._turns = Turns(AT_ONCE, MOST_WAITING, wait_seconds)
        self._processes = ConfinedProcesses("services.eseal.preparation.process", kept=KEPT, wall_seconds=wall_seconds)

    def prepare(self, content: bytes, wanted: Wanted, trust: Trust) -> Addition:
        """What puts the seal on a file but for the signature; `trust`: by whom seals may be on it already.

        Raises SealingError and UnreadableError as `process.py` does, and with SEAL_NOT_FOR_FORMAT, TOO_LARGE,
        UNKNOWN_FORMAT, AMBIGUOUS_FORMAT, TOO_COMPLEX; Exhausted SEALING_BUSY, Unavailable SEALING_LOST.
        """
        found = format_of(content)
        if found is not wanted.format:
            message = (
                f"the file is {_a(found)}, and this seal goes on {_a(wanted.format)} only; use one of the other suite"
            )
            raise SealingError("SEAL_NOT_FOR_FORMAT", message)
        with self._turns.one(_busy()):
            return self._ask(content, wanted, trust)

    def close(self) -> None:
        """Ends the idle processes."""
        self._processes.close()

    def _ask(self, content: bytes, wanted: Wanted, trust: Trust) -> Addition:
        added = bytearray()

        def reply(answer: dict[str, Any]) -> bytes | None:
            if "piece" not in answer:
                return None
            added.extend(base64.b64decode(answer["piece"]))
            if len(content) + len(added) > LARGEST_FILE:
                raise too_large(len(content) + len(added))
            return b"null\n"

        message = {
            "format": wanted.format.value,
            "size": len(content),
            "seal_size": len(wanted.seal),
            "order": asdict(wanted.order),
            "now": wanted.now.isoformat(),
            "room": wanted.room,
            "trust": _encoded(asdict(trust)),
            "validation": _encoded(asdict(wanted.validation)) if wanted.validation else None,
        }
        try:
            answer = self._processes.ask(message, content + wanted.seal, reply)
        except OverLimitError as fault:
            raise too_complex() from fault
        except LateError as fault:
            raise _busy() from fault
        except LostError as fault:
            raise Unavailable("SEALING_LOST", "the process that reads files was ended; try again") from fault
        if "refused" in answer:
            raise SealingError(*answer["refused"])
        return Addition(bytes(added), answer["places"])


def _encoded(ders: Mapping[str, Sequence[bytes]]) -> dict[str, list[str]]:
    return {name: [base64.b64encode(der).decode() for der in values] for name, values in ders.items()}


def _busy() -> Exhausted:
    return Exhausted("SEALING_BUSY", "too many files are being sealed; try again in a few seconds")


def _a(of: Format) -> str:
    return f"a {of}" if of is Format.PDF else f"an {of}"
