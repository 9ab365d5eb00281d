"""Has uploaded files judged in processes of their own (`verifier.py`), few at once and under limits.

The threads that wait here are those of the whole api: so few may wait, and not for long.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from chassis.problems import Exhausted, Unavailable
from services.eseal.domain.findings import Finding, SealedAt, UnreadableError, Verdict, refuse_at_a_glance, too_complex

AT_ONCE = 2
MOST_WAITING = 2
WAIT_SECONDS = 2.0
# A file has 3 s of CPU; a second or two more is for loading, the rest for a busy machine.
WALL_SECONDS = 8.0
# Kept loaded between files, until it has been idle for a minute; a second one only lives for its file.
KEPT = 1
_LONGEST_ANSWER = 64 * 1024
# The status with which a process ends that had not enough memory for a file.
OUT_OF_MEMORY = 86
# Ends that a file can bring about: no CPU time left, the stack overflown, an allocation failed in a C library.
_BY_THE_FILE = frozenset({-signal.SIGXCPU, -signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, OUT_OF_MEMORY})


class Judges:
    """At most `AT_ONCE` processes that judge files; started when they are needed."""

    def __init__(self, *, wall_seconds: float = WALL_SECONDS, wait_seconds: float = WAIT_SECONDS) -> None:
        self._wall_seconds = wall_seconds
        self._wait_seconds = wait_seconds
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._queue = threading.BoundedSemaphore(AT_ONCE + MOST_WAITING)
        self._lock = threading.Lock()
        self._idle: list[_Judge] = []
        # Also when this process ends in order; when it does not, the closing of their stdin ends them.
        weakref.finalize(self, _end_all, self._idle)

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
        with self._lock:
            _end_all(self._idle)

    def _inspect(self, content: bytes, anchors: Sequence[str], sealed_at: SealedAt) -> Finding:
        with self._lock:
            judge = self._idle.pop() if self._idle else None
        if judge is not None:
            try:
                return self._asked(judge, content, anchors, sealed_at)
            except _RetiredError:
                pass  # Between two files it may end at any moment, and had not begun this one.
        try:
            return self._asked(_Judge(), content, anchors, sealed_at)
        except _RetiredError as fault:
            raise RuntimeError("a new verifier ended before its first file") from fault

    def _asked(self, judge: "_Judge", content: bytes, anchors: Sequence[str], sealed_at: SealedAt) -> Finding:
        kept = False
        try:
            answer = judge.ask(content, anchors, sealed_at, self._wall_seconds)
            with self._lock:
                kept = len(self._idle) < KEPT
                if kept:
                    self._idle.append(judge)
        finally:
            if not kept:
                judge.end()
        return _finding(answer)


class _RetiredError(Exception):
    """The process had ended in order."""


class _Judge:
    """One process."""

    def __init__(self) -> None:
        # It parses what strangers send, so it gets no secrets: of the environment only where the code is. A group of
        # its own, for an interrupt at the terminal is for the parent; stdin closes with the parent, and ends it.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "services.eseal.verifier"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={"PYTHONPATH": os.pathsep.join(map(os.path.abspath, filter(None, sys.path))), "PYTHONUTF8": "1"},
            process_group=0,
        )

    def ask(self, content: bytes, anchors: Sequence[str], sealed_at: SealedAt, seconds: float) -> dict[str, Any]:
        """The process's answer for a file; `seconds` by the clock are left to it."""
        late = threading.Event()

        def stop() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(seconds, stop)
        timer.daemon = True
        timer.start()
        try:
            self._say(json.dumps({"size": len(content), "anchors": list(anchors)}).encode() + b"\n" + content)
            while "sealed_at" in (answer := self._answer()):
                moment = sealed_at(answer["sealed_at"])
                self._say(json.dumps(moment.isoformat() if moment else None).encode() + b"\n")
        except (BrokenPipeError, EOFError) as fault:
            status = self._process.wait()
            raise _busy() if late.is_set() else _ended(status) from fault
        finally:
            timer.cancel()
        return answer

    def end(self) -> None:
        """Ends the process, whatever it does, and waits for that."""
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


def _end_all(judges: list[_Judge]) -> None:
    while judges:
        judges.pop().end()


def _close(pipe: Any) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        return  # What was still to be written has nobody to read it.


def _ended(status: int) -> Exception:
    if status == 0:
        return _RetiredError()
    if status in _BY_THE_FILE:
        return too_complex()
    if status < 0:
        return Unavailable("VERIFIER_LOST", "the process that reads files was ended; try again")
    return RuntimeError(f"the verifier failed with status {status}; its stderr says why")


def _busy() -> Exhausted:
    return Exhausted("VERIFIER_BUSY", "too many files are being verified; try again in a few seconds")


def _finding(answer: dict[str, Any]) -> Finding:
    if "unreadable" in answer:
        reason, description = answer["unreadable"]
        raise UnreadableError(reason, description)
    found = answer["finding"]
    moment = datetime.fromisoformat(found["sealed_at"]) if found["sealed_at"] else None
    return Finding(Verdict[found["verdict"]], found["explanation"], found["sealed_by"], moment, found["signed_digest"])
