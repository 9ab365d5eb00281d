"""Has contents looked into by processes of their own (`inspector.py`), few at once and under limits."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from chassis.problems import Exhausted, Unavailable

AT_ONCE = 2
MOST_WAITING = 32
WALL_SECONDS = 20.0
"""For one content; what is read from a bucket takes its time."""
OUT_OF_MEMORY = 86
"""The status with which a process ends that had not enough memory for a content."""
TOO_COMPLEX = "is too complex to be looked into"
_LONGEST_ANSWER = 64 * 1024
# Ends that a content can bring about: no CPU time left, the stack overflown, an allocation failed in a C library.
_BY_THE_CONTENT = frozenset({-signal.SIGXCPU, -signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, OUT_OF_MEMORY})

Read = Callable[[int, int], bytes]
"""So many bytes of a content from a start on; may wait."""


class Inspectors:
    """At most `AT_ONCE` processes; started when they are needed, kept while they are."""

    def __init__(self, *, wall_seconds: float = WALL_SECONDS) -> None:
        self._wall_seconds = wall_seconds
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="inspect")
        self._waiting = 0
        self._lock = threading.Lock()
        self._idle: list[_Inspector] = []
        # Also when this process ends in order; when it does not, the closing of their stdin ends them.
        weakref.finalize(self, _end_all, self._idle)

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
        with self._lock:
            _end_all(self._idle)

    def _fault_of(self, media_type: str, size: int, read: Read) -> str:
        with self._lock:
            inspector = self._idle.pop() if self._idle else None
        if inspector is not None:
            try:
                return self._asked(inspector, media_type, size, read)
            except _RetiredError:
                pass  # between two contents it may end at any moment, and had not begun this one
        try:
            return self._asked(_Inspector(), media_type, size, read)
        except _RetiredError as fault:
            raise RuntimeError("a new inspector ended before its first content") from fault

    def _asked(self, inspector: "_Inspector", media_type: str, size: int, read: Read) -> str:
        kept = False
        try:
            fault = inspector.ask(media_type, size, read, self._wall_seconds)
            kept = True
        except _TooComplexError:
            return TOO_COMPLEX
        finally:
            if kept:
                with self._lock:
                    self._idle.append(inspector)
            else:
                inspector.end()
        return fault


class _RetiredError(Exception):
    """The process had ended in order."""


class _TooComplexError(Exception):
    """The process ran into a limit."""


class _Inspector:
    """One process."""

    def __init__(self) -> None:
        # It parses what strangers send, so it gets no secrets: of the environment only where the code is. A group of
        # its own, for an interrupt at the terminal is for the parent; stdin closes with the parent, and ends it.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "services.cases.inspection.inspector"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": os.pathsep.join(map(os.path.abspath, filter(None, sys.path))), "PYTHONUTF8": "1"},
            process_group=0,
        )

    def ask(self, media_type: str, size: int, read: Read, seconds: float) -> str:
        """What the process finds; `seconds` by the clock are left to it."""
        if self._process.poll() is not None:
            raise _RetiredError
        late = threading.Event()

        def stop() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(seconds, stop)
        timer.daemon = True
        timer.start()
        try:
            self._say(json.dumps({"media_type": media_type, "size": size}).encode() + b"\n")
            while "read" in (answer := self._answer()):
                start, length = answer["read"]
                self._say(read(start, length))
        except (BrokenPipeError, EOFError) as fault:
            status = self._process.wait()
            raise _TooComplexError if late.is_set() else _ended(status) from fault
        finally:
            timer.cancel()
        return str(answer["fault"])

    def end(self) -> None:
        """End the process, whatever it does, and wait for that."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdout, self._process.stdin):
            _close(pipe)

    def _say(self, message: bytes) -> None:
        pipe = self._process.stdin
        if pipe is None:
            raise EOFError
        pipe.write(message)
        pipe.flush()

    def _answer(self) -> dict[str, Any]:
        pipe = self._process.stdout
        line = pipe.readline(_LONGEST_ANSWER) if pipe else b""
        if not line.endswith(b"\n"):
            raise EOFError
        answer: dict[str, Any] = json.loads(line)
        return answer


def _end_all(inspectors: list[_Inspector]) -> None:
    while inspectors:
        inspectors.pop().end()


def _close(pipe: Any) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        return  # what was still to be written has nobody to read it


def _ended(status: int) -> Exception:
    if status == 0:
        return _RetiredError()
    if status in _BY_THE_CONTENT:
        return _TooComplexError()
    if status < 0:
        return Unavailable("CHECK_LOST", "the process that looks into materials was ended; try again")
    return RuntimeError(f"the inspector failed with status {status}; its stderr says why")
