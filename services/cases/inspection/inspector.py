"""The process that looks into contents: `python -m services.cases.inspection.inspector`, fed by `inspectors.py`.

A small file can cost hours and gigabytes in a parser, and nothing can stop a thread. So contents are looked at here,
under limits of the kernel; a process that runs into one dies, and takes nothing with it.

On stdin, for each content: a line of JSON `{"media_type": ..., "size": bytes}`. On stdout lines of JSON: any number of
`{"read": [start, length]}`, each answered on stdin by so many bytes, and then `{"fault": text}`, empty when there is
none. It ends by itself when its parent closes stdin or is gone, when nothing comes for a minute, and after a dear one.
"""

import io
import json
import math
import os
import resource
import select
import sys
import time
import traceback
from typing import BinaryIO

from services.cases.inspection import rules
from services.cases.inspection.inspectors import OUT_OF_MEMORY

CPU_SECONDS = 5
ADDRESS_SPACE = 1024 * 1024 * 1024
"""In bytes. Loaded it has about 300 MiB of it, most of them never touched."""
IDLE_SECONDS = 60
MOST_FILES = 500
DEAR_CPU_SECONDS = 0.5
READ_AHEAD = 64 * 1024


class _Remote(io.RawIOBase):
    """The content, which the parent reads in ranges."""

    def __init__(self, size: int, questions: BinaryIO, answers: BinaryIO) -> None:
        self._size = size
        self._questions = questions
        self._answers = answers
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise OSError("before the beginning")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        length = min(len(buffer), max(0, self._size - self._position))
        if length == 0:
            return 0
        say(self._answers, {"read": [self._position, length]})
        content = self._questions.read(length)
        if len(content) != length:
            raise EOFError
        buffer[:length] = content
        self._position += length
        return length


def say(answers: BinaryIO, message: dict[str, object]) -> None:
    """Send a line to the parent."""
    answers.write(json.dumps(message).encode() + b"\n")
    answers.flush()


def main() -> None:
    """Look into contents until there is a reason to end."""
    # What a library prints must not get into the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    questions = sys.stdin.buffer
    for _ in range(MOST_FILES):
        ready, _, _ = select.select([questions], [], [], IDLE_SECONDS)
        head = questions.readline() if ready else b""
        if not head:
            return
        if _inspect(json.loads(head), questions, answers) > DEAR_CPU_SECONDS:
            return


def _inspect(head: dict[str, object], questions: BinaryIO, answers: BinaryIO) -> float:
    """Answer for one content; gives the seconds of CPU that it took."""
    started = time.process_time()
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(started) + CPU_SECONDS, hard))
    size = int(str(head["size"]))
    file = io.BufferedReader(_Remote(size, questions, answers), READ_AHEAD)
    fault = ""
    try:
        rules.check(str(head["media_type"]), file, size)
    except rules.WrongContentError as wrong:
        fault = str(wrong)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except EOFError:
        raise  # the parent is gone
    except Exception:  # noqa: BLE001 - a library met what its makers had not thought of
        traceback.print_exc()
        fault = f"says {head['media_type']}, but cannot be read as one"
    say(answers, {"fault": fault})
    return time.process_time() - started


if __name__ == "__main__":
    main()
