"""Has files read and written by processes of their own (`converter.py`), few at once and under limits."""

import json
import signal
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from chassis.confined.pool import BY_THE_CONTENT, start
from chassis.problems import Exhausted, Invalid, Unavailable, Violation
from services.matters.catalogue.files.assembling import Given
from services.matters.catalogue.files.tables import FileFault, Findings

AT_ONCE = 2
WALL_SECONDS = 300.0
LARGEST_IN_MEMORY = 4 * 1024 * 1024
_PIECE = 1024 * 1024
_BY_THE_FILES = BY_THE_CONTENT | {-signal.SIGKILL}
"""It is killed when it takes too long by the clock, and files are what takes long."""
_ends = threading.BoundedSemaphore(AT_ONCE)


@dataclass(slots=True)
class WhatFilesSay:
    """What was read."""

    entries: list[Given] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)
    columns: dict[str, dict[str, str]] = field(default_factory=dict)


def read_files(files: Sequence[tuple[str, bytes]], report: Callable[[int], None]) -> WhatFilesSay:
    """What files say of each entry; `report` hears now and then how many rows were read.

    Raises Invalid FILE_TOO_COMPLEX, Exhausted CONVERSIONS_BUSY, Unavailable CONVERSION_LOST.
    """
    said = WhatFilesSay()
    with _process() as (stdin, stdout):
        asked = {"read": [[name, len(content)] for name, content in files]}
        _feed(stdin, [json.dumps(asked).encode() + b"\n", *(content for _, content in files)])
        while (line := stdout.readline()).endswith(b"\n"):
            kind, *rest = json.loads(line)
            _take(said, kind, rest, report)
    return said


def _take(said: WhatFilesSay, kind: str, rest: list[Any], report: Callable[[int], None]) -> None:
    if kind == "rows":
        report(rest[0])
    elif kind == "entry":
        said.entries.append(Given(*rest))
    elif kind == "fault":
        said.findings.faults.append(FileFault(*rest))
    elif kind == "notice":
        said.findings.notices.append(FileFault(*rest))
    else:
        said.columns, said.findings.more = rest


def write_files(form: str, entries: Iterable[tuple[str, Any]]) -> list[tuple[str, IO[bytes]]]:
    """Entries as files: each file's name with its content, which is at its beginning.

    Raises Invalid FILE_TOO_COMPLEX, Exhausted CONVERSIONS_BUSY, Unavailable CONVERSION_LOST.
    """
    files: list[tuple[str, IO[bytes]]] = []
    with _process() as (stdin, stdout):
        lines = (json.dumps(entry, ensure_ascii=False).encode() + b"\n" for entry in entries)
        _feed(stdin, [json.dumps({"write": form}).encode() + b"\n"], lines)
        while (head := stdout.readline()).endswith(b"\n"):
            _, name, size = json.loads(head)
            content: IO[bytes] = tempfile.SpooledTemporaryFile(LARGEST_IN_MEMORY)  # noqa: SIM115 - whoever reads it closes it
            while size and (piece := stdout.read(min(size, _PIECE))):
                content.write(piece)
                size -= len(piece)
            content.seek(0)
            files.append((name, content))
    return files


@contextmanager
def _process() -> Iterator[tuple[IO[bytes], IO[bytes]]]:
    """A converter's stdin and stdout; what ended it early is told as a problem."""
    if not _ends.acquire(blocking=False):
        message = "too many files are being read or written; try again in a few seconds"
        raise Exhausted("CONVERSIONS_BUSY", message, retry_after=5.0)
    try:
        with start("services.matters.catalogue.files.converter") as process:
            timer = threading.Timer(WALL_SECONDS, process.kill)
            timer.daemon = True
            timer.start()
            try:
                yield process.stdin, process.stdout  # type: ignore[misc] # both are pipes
            except BaseException:
                process.kill()
                raise
            finally:
                timer.cancel()
                status = process.wait()
        if status:
            raise _ended(status)
    finally:
        _ends.release()


def _feed(stdin: IO[bytes], *parts: Iterable[bytes]) -> None:
    try:
        for part in parts:
            for piece in part:
                stdin.write(piece)
        stdin.close()
    except BrokenPipeError:
        return  # it has ended, and how is told by its status


def _ended(status: int) -> Exception:
    if status in _BY_THE_FILES:
        message = "the files need more time or memory than they are given: import them in parts"
        return Invalid("FILE_TOO_COMPLEX", message, [Violation("files", "give less at once")])
    return Unavailable("CONVERSION_LOST", f"the process that converts files failed with status {status}; try again")
