"""Has uploaded files judged in processes of their own (`verifier.py`), few at once and under limits.

The threads that wait here are those of the whole api: so few may wait, and not for long.
"""

import json
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chassis.confined.pool import ConfinedProcesses, LateError, LostError, OverLimitError
from chassis.problems import Exhausted, Unavailable
from services.eseal.domain.findings import Finding, SealedAt, UnreadableError, Verdict, refuse_at_a_glance, too_complex

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
        self._wait_seconds = wait_seconds
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._queue = threading.BoundedSemaphore(AT_ONCE + MOST_WAITING)
        self._processes = ConfinedProcesses("services.eseal.verifier", kept=KEPT, wall_seconds=wall_seconds)

    def inspect(self, content: bytes, anchors: Sequence[str], sealed_at: SealedAt) -> Finding:
        """Judges a file as `verification.inspect` does, and raises what that raises, and UnreadableError TOO_COMPLEX.

        Raises Exhausted VERIFIER_BUSY when too many files are being judged or the machine is too busy for this one,
        and Unavailable VERIFIER_LOST when something outside ended the process.
        """
        refuse_at_a_glance(content)
        if not self._queue.acquire(blocking=False):
            raise _busy()
        try:
            if not self._slots.acquire(timeout=self._wait_seconds):
                raise _busy()
            try:
                return self._inspect(content, anchors, sealed_at)
            finally:
                self._slots.release()
        finally:
            self._queue.release()

    def close(self) -> None:
        """Ends the idle processes."""
        self._processes.close()

    def _inspect(self, content: bytes, anchors: Sequence[str], sealed_at: SealedAt) -> Finding:
        def reply(answer: dict[str, Any]) -> bytes | None:
            if "sealed_at" not in answer:
                return None
            moment = sealed_at(answer["sealed_at"])
            return json.dumps(moment.isoformat() if moment else None).encode() + b"\n"

        try:
            return _finding(self._processes.ask({"size": len(content), "anchors": list(anchors)}, content, reply))
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
    found = answer["finding"]
    moment = datetime.fromisoformat(found["sealed_at"]) if found["sealed_at"] else None
    return Finding(Verdict[found["verdict"]], found["explanation"], found["sealed_by"], moment, found["signed_digest"])
