"""Has processes of a module (`worker.py`) read what strangers send, and tells how it ended when it ended badly."""

import json
import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from chassis.confined.worker import OUT_OF_MEMORY

_LONGEST_ANSWER = 1024 * 1024
BY_THE_CONTENT = frozenset({-signal.SIGXCPU, -signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, OUT_OF_MEMORY})
"""Statuses that a content brings about: no CPU time left, the stack overflown, an allocation failed in a C library."""

Reply: TypeAlias = Callable[[dict[str, Any]], bytes | None]
"""What the process is sent when it asks something; None when it has answered."""


class OverLimitError(Exception):
    """The content took more CPU time or memory than there is for one, or has more to tell than anybody reads."""


class LateError(Exception):
    """The content took more time by the clock than there is for one; the machine may have been busy."""


class LostError(Exception):
    """Something outside ended the process."""


class ConfinedProcesses:
    """Started when they are needed; up to `kept` that are idle stay. The caller bounds how many read at once."""

    def __init__(self, module: str, *, kept: int, wall_seconds: float) -> None:
        self._module = module
        self._kept = kept
        self._wall_seconds = wall_seconds
        self._lock = threading.Lock()
        self._idle: list[_Process] = []
        # Also when this process ends in order; when it does not, the closing of their stdin ends them.
        weakref.finalize(self, _end_all, self._idle)

    def ask(self, message: Mapping[str, object], content: bytes, reply: Reply) -> dict[str, Any]:
        """Give a process's answer; raises OverLimitError, LateError, LostError, and what `reply` raises."""
        with self._lock:
            process = self._idle.pop() if self._idle else None
        if process is not None:
            try:
                return self._asked(process, message, content, reply)
            except _RetiredError:
                pass  # between two contents it may end at any moment, and had not begun this one
        try:
            return self._asked(_Process(self._module), message, content, reply)
        except _RetiredError as fault:
            raise RuntimeError(f"a new process of {self._module} ended before its first content") from fault

    def close(self) -> None:
        """End the idle processes."""
        with self._lock:
            _end_all(self._idle)

    def _asked(
        self, process: "_Process", message: Mapping[str, object], content: bytes, reply: Reply
    ) -> dict[str, Any]:
        kept = False
        try:
            answer = process.ask(message, content, reply, self._wall_seconds)
            with self._lock:
                kept = len(self._idle) < self._kept
                if kept:
                    self._idle.append(process)
        finally:
            if not kept:
                process.end()
        return answer


def start(module: str) -> "subprocess.Popen[bytes]":
    """A process of a module that is spoken with by stdin and stdout; the module puts itself under limits.

    It parses what strangers send, so it gets no secrets: of the environment only where the code is.
    """
    # A group of its own, for an interrupt at the terminal is for the parent; stdin closes with the parent, and ends it.
    return subprocess.Popen(  # noqa: S603 - modules of ours, named in code
        [sys.executable, "-P", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": os.pathsep.join(map(os.path.abspath, filter(None, sys.path))), "PYTHONUTF8": "1"},
        process_group=0,
    )


class _RetiredError(Exception):
    """The process had ended in order, or between two contents."""


class _Process:
    """One process."""

    def __init__(self, module: str) -> None:
        self._module = module
        self._process = start(module)

    def ask(self, message: Mapping[str, object], content: bytes, reply: Reply, seconds: float) -> dict[str, Any]:
        """The process's answer; `seconds` by the clock are left to it."""
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
            self._say(json.dumps(message).encode() + b"\n" + content)
            while (said := reply(answer := self._answer())) is not None:
                self._say(said)
        except (BrokenPipeError, EOFError) as fault:
            status = self._process.wait()
            raise LateError if late.is_set() else self._ended(status) from fault
        finally:
            timer.cancel()
        return answer

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
        if len(line) == _LONGEST_ANSWER:
            # The process is well and waits for the rest to be read, which may be without end.
            raise OverLimitError
        if not line.endswith(b"\n"):
            raise EOFError
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _ended(self, status: int) -> Exception:
        if status == 0:
            return _RetiredError()
        if status in BY_THE_CONTENT:
            return OverLimitError()
        if status < 0:
            return LostError()
        return RuntimeError(f"a process of {self._module} failed with status {status}; its stderr says why")


def _end_all(processes: list[_Process]) -> None:
    while processes:
        processes.pop().end()


def _close(pipe: Any) -> None:
    try:
        pipe.close()
    except BrokenPipeError:
        return  # what was still to be written has nobody to read it
