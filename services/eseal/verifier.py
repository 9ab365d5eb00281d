"""The process that reads uploaded files: `python -m services.eseal.verifier`, started and fed by `judges.py`.

A few hundred bytes of PDF can cost hours and gigabytes in a parser, and nothing can stop a thread. So files are read
here, under limits of the kernel; a process that runs into one dies, and takes nothing with it.

On stdin, for each file: a line of JSON `{"size": bytes, "anchors": [PEM]}`, then the file. On stdout lines of JSON: any
number of `{"sealed_at": signed digest}`, each answered on stdin by a line with a moment in RFC 3339 or null, and then
`{"finding": {...}}` or `{"unreadable": [reason, description]}`. It ends by itself when its parent closes stdin or is
gone, when nothing comes for a minute, after many files, and after a dear one, which may have left memory in pieces.
"""

import json
import math
import os
import resource
import select
import sys
import time
from dataclasses import asdict
from datetime import datetime
from typing import BinaryIO

from services.eseal.domain import verification
from services.eseal.domain.findings import Finding, UnreadableError
from services.eseal.judges import OUT_OF_MEMORY

CPU_SECONDS = 3
# Loaded it has 66 MB; a file of 5 MB takes 40 MB more.
ADDRESS_SPACE = 384 * 1024 * 1024
IDLE_SECONDS = 60
MOST_FILES = 500
DEAR_CPU_SECONDS = 0.5


def main() -> None:
    """Judges files until there is a reason to end."""
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
        if _judge(json.loads(head), questions, answers) > DEAR_CPU_SECONDS:
            return


def _judge(head: dict[str, object], questions: BinaryIO, answers: BinaryIO) -> float:
    """Answers for one file; gives the seconds of CPU that it took."""
    started = time.process_time()
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(started) + CPU_SECONDS, hard))

    def say(message: dict[str, object]) -> None:
        answers.write(json.dumps(message).encode() + b"\n")
        answers.flush()

    def sealed_at(signed_digest: str) -> datetime | None:
        say({"sealed_at": signed_digest})
        moment = json.loads(questions.readline())
        return datetime.fromisoformat(moment) if moment else None

    try:
        content = questions.read(int(str(head["size"])))
        anchors = head["anchors"]
        if not isinstance(anchors, list):
            raise TypeError("anchors must be a list")
        say({"finding": _plain(verification.inspect(content, anchors, sealed_at))})
    except UnreadableError as fault:
        say({"unreadable": [fault.reason, fault.description]})
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    return time.process_time() - started


def _plain(finding: Finding) -> dict[str, object]:
    moment = finding.sealed_at.isoformat() if finding.sealed_at else None
    return asdict(finding) | {"verdict": finding.verdict.name, "sealed_at": moment}


if __name__ == "__main__":
    main()
