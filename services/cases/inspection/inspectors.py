"""Has contents looked into by processes of their own (`inspector.py`), few at once and under limits."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from chassis.confined.pool import ConfinedProcesses, LateError, LostError, OverLimitError
from chassis.problems import Exhausted, Unavailable

AT_ONCE = 2
MOST_WAITING = 32
WALL_SECONDS = 20.0
"""For one content; what is read from a bucket takes its time."""
TOO_COMPLEX = "is too complex to be looked into"

Read = Callable[[int, int], bytes]
"""So many bytes of a content from a start on; may wait."""


class Inspectors:
    """At most `AT_ONCE` processes; started when they are needed, kept while they are."""

    def __init__(self, *, wall_seconds: float = WALL_SECONDS) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="inspect")
        self._waiting = 0
        module = "services.cases.inspection.inspector"
        self._processes = ConfinedProcesses(module, kept=AT_ONCE, wall_seconds=wall_seconds)

    async def fault_of(self, media_type: str, size: int, read: Read) -> str:
        """What is wrong with a content, such as "says application/pdf, but is image/png"; empty when nothing is.

        Raises Exhausted CHECKS_BUSY when too many wait, Unavailable CHECK_LOST when something outside ended the
        process, and what `read` raises.
        """
        if self._waiting >= AT_ONCE + MOST_WAITING:
            message = "too many materials are being checked; try again in a few seconds"
            raise Exhausted("CHECKS_BUSY", message, retry_after=2.0)
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, self._fault_of, media_type, size, read)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """End the idle processes."""
        self._threads.shutdown(cancel_futures=True)
        self._processes.close()

    def _fault_of(self, media_type: str, size: int, read: Read) -> str:
        def reply(answer: dict[str, Any]) -> bytes | None:
            return read(*answer["read"]) if "read" in answer else None

        try:
            return str(self._processes.ask({"media_type": media_type, "size": size}, b"", reply)["fault"])
        except (OverLimitError, LateError):
            return TOO_COMPLEX
        except LostError as fault:
            raise Unavailable("CHECK_LOST", "the process that looks into materials was ended; try again") from fault
