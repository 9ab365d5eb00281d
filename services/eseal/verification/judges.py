"""Has uploaded files judged in processes of their own (`process.py`), few at once and under limits."""

import base64
import json
from dataclasses import asdict
from typing import Any

from chassis.confined.pool import ConfinedProcesses, LateError, LostError, OverLimitError
from chassis.problems import Exhausted, Unavailable
from services.eseal.domain.finding_json import from_json
from services.eseal.domain.findings import Finding, Format, SealedAt, UnreadableError, format_of, too_complex
from services.eseal.domain.trust import Trust
from services.eseal.turns import Turns

AT_ONCE = 2
MOST_WAITING = 2
WAIT_SECONDS = 2.0
# A file has 3 s of CPU; a second or two more is for loading, the rest for a busy machine.
WALL_SECONDS = 8.0
# Kept loaded between files, until it has been idle for a minute; a second one only lives for its file.
KEPT = 1


class Judges:
    """At most `AT_ONCE` processes that judge files; started when they are needed."""

    def __init__(self, *, wall_seconds: float = WALL_SECONDS, wait_seconds: float = WAIT_SECONDS) -> None:
        self._turns = Turns(AT_ONCE, MOST_WAITING, wait_seconds)
        self._processes = ConfinedProcesses("services.eseal.verification.process", kept=KEPT, wall_seconds=wall_seconds)

    def inspect(self, content: bytes, trust: Trust, sealed_at: SealedAt, signature: bytes = b"") -> Finding:
        """Judges a file of any kind, or with `signature` one whose signature lies apart.

        Raises UnreadableError with TOO_LARGE, UNKNOWN_FORMAT, AMBIGUOUS_FORMAT, ENCRYPTED_PDF, BROKEN_PDF, BROKEN_OFD,
        BROKEN_SIGNATURE, TOO_MANY_SIGNATURES or TOO_COMPLEX, Exhausted VERIFIER_BUSY when too many files are being
        judged or the machine is too busy for this one, and Unavailable VERIFIER_LOST when something outside ended the
        process.
        """
        of = format_of(content, signature)
        with self._turns.one(_busy()):
            return self._inspect(of, content, trust, sealed_at, signature)

    def close(self) -> None:
        """Ends the idle processes."""
        self._processes.close()

    def _inspect(self, of: Format, content: bytes, trust: Trust, sealed_at: SealedAt, signature: bytes) -> Finding:
        def reply(answer: dict[str, Any]) -> bytes | None:
            if "sealed_at" not in answer:
                return None
            moment = sealed_at(answer["sealed_at"])
            return json.dumps(moment.isoformat() if moment else None).encode() + b"\n"

        message = {
            "format": of.value,
            "size": len(content),
            "signature_size": len(signature),
            "trust": {name: [base64.b64encode(der).decode() for der in ders] for name, ders in asdict(trust).items()},
        }
        try:
            return _finding(self._processes.ask(message, content + signature, reply))
        except OverLimitError as fault:
            raise too_complex() from fault
        except LateError as fault:
            raise _busy() from fault
        except LostError as fault:
            raise Unavailable("VERIFIER_LOST", "the process that reads files was ended; try again") from fault


def _busy() -> Exhausted:
    return Exhausted("VERIFIER_BUSY", "too many files are being verified; try again in a few seconds")


def _finding(answer: dict[str, Any]) -> Finding:
    if "unreadable" in answer:
        reason, description = answer["unreadable"]
        raise UnreadableError(reason, description)
    return from_json(answer["finding"])
