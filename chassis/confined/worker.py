"""The side of the process that reads: a module calls `serve` and is started by `pool.py`.

A few hundred bytes can cost hours and gigabytes in a parser, and nothing can stop a thread. So contents are read here,
under limits of the kernel; a process that runs into one dies, and takes nothing with it.

On stdin comes a line of JSON for each content, and what belongs to it. On stdout go lines of JSON: any number of
questions, each answered on stdin, and then the answer. The process ends by itself when its parent closes stdin or is
gone, when nothing comes for a minute, after many contents, and after a dear one, which may have left memory in pieces.
"""

import json
import math
import os
import resource
import select
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, TypeAlias

OUT_OF_MEMORY = 86
"""The status with which a process ends that had not enough memory for a content."""
IDLE_SECONDS = 60
MOST_CONTENTS = 500
DEAR_CPU_SECONDS = 0.5


class Parent:
    """The process that asked."""

    def __init__(self, incoming: BinaryIO, outgoing: BinaryIO) -> None:
        self._incoming = incoming
        self._outgoing = outgoing

    def say(self, message: Mapping[str, object]) -> None:
        """Send a line."""
        self._outgoing.write(json.dumps(message).encode() + b"\n")
        self._outgoing.flush()

    def line(self) -> Any:
        """The next line, as JSON."""
        return json.loads(self._incoming.readline())

    def read(self, length: int) -> bytes:
        """So many bytes; raises EOFError when the parent is gone."""
        content = self._incoming.read(length)
        if len(content) != length:
            raise EOFError
        return content


Answer: TypeAlias = Callable[[dict[str, Any], Parent], Mapping[str, object]]
"""Answers what a line asks; it may ask the parent meanwhile."""


def confine(address_space: int) -> BinaryIO:
    """Put this process under limits of the kernel, and give what leads to the parent; `address_space` is in bytes."""
    # What a library prints must not get into the answers.
    outgoing = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return outgoing


def serve(answer: Answer, *, cpu_seconds: int, address_space: int) -> None:
    """Answer until there is a reason to end; `cpu_seconds` are for each content, `address_space` is in bytes."""
    outgoing = confine(address_space)
    os.nice(10)
    incoming = sys.stdin.buffer
    for _ in range(MOST_CONTENTS):
        ready, _, _ = select.select([incoming], [], [], IDLE_SECONDS)
        head = incoming.readline() if ready else b""
        if not head:
            return
        started = time.process_time()
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(started) + cpu_seconds, hard))
        parent = Parent(incoming, outgoing)
        try:
            parent.say(answer(json.loads(head), parent))
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        if time.process_time() - started > DEAR_CPU_SECONDS:
            return
