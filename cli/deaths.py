"""Tells of processes that died: how each ended, and how often it did lately."""

import contextlib
import signal
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import structlog

from chassis import telemetry
from chassis.settings import Settings

LATELY_SECONDS = 600.0


class Deaths:
    """Logs the deaths of processes, to `supervisor.log` in the folder `logs`, or to standard error without one."""

    def __init__(self, settings: Settings, logs: Path | None) -> None:
        self._settings = settings
        self._logs = logs
        self._at: defaultdict[str, list[float]] = defaultdict(list)

    def note(self, name: str, now: float) -> int:
        """Remember that a process died; gives how often it did in the last ten minutes. `now` is in seconds."""
        self._at[name] = [*(at for at in self._at[name] if now - at < LATELY_SECONDS), now]
        return len(self._at[name])

    def tell(self, name: str, pid: int, status: int, *, pause: float, now: float) -> None:
        """Log that a process died with a return code, and is started again after a pause in seconds."""
        lately = self.note(name, now)
        # A full disk, or a terminal that is gone, must not keep the process from being started again.
        with contextlib.suppress(OSError), self._stream() as stream:
            log = structlog.wrap_logger(structlog.PrintLogger(stream), telemetry.processors(self._settings, stream))
            log.error(
                "process_died",
                process="supervisor",
                name=name,
                pid=pid,
                how=how_it_ended(status),
                deaths_in_10_minutes=lately,
                started_again_in_seconds=pause,
            )

    @contextlib.contextmanager
    def _stream(self) -> Iterator[TextIO]:
        if self._logs is None:
            yield sys.stderr
            return
        with (self._logs / "supervisor.log").open("a", encoding="utf-8") as file:
            yield file


def how_it_ended(status: int) -> str:
    """A process's return code in words: "ended with status 1", "killed by SIGKILL"."""
    if status >= 0:
        return f"ended with status {status}"
    known = {number.value: number.name for number in signal.Signals}
    return f"killed by {known.get(-status, f'signal {-status}')}"
