"""The process that reads and writes files, fed by `conversions.py`.

A small workbook can cost minutes and gigabytes in a parser, and a large one holds the interpreter for long. So files
are converted here, under limits of the kernel, beside the process that answers everybody else.

On stdin a line of JSON. `{"read": [[name, bytes], ...]}` is followed by the files one after another; the answer on
stdout is lines of JSON, each a list that begins with what it is. `{"write": form}` is followed by a line for each
entry; the answer is a line `["file", name, bytes]` with the content after it, for each file.
"""

import dataclasses
import io
import json
import os
import resource
import sys
from collections.abc import Iterator
from typing import Any, BinaryIO

from chassis.confined.worker import OUT_OF_MEMORY, confine
from services.matters.catalogue.files.reading import Form, Reading
from services.matters.catalogue.files.writing import write_csvs, write_workbook
from services.matters.catalogue.files.yamls import write_documents

CPU_SECONDS = 120
ADDRESS_SPACE = 2 * 1024**3
NAME = "catalogue"


def main() -> None:
    """Do what stdin asks for."""
    answers = confine(ADDRESS_SPACE)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    try:
        asked = json.loads(sys.stdin.buffer.readline())
        if "read" in asked:
            _read([(name, sys.stdin.buffer.read(size)) for name, size in asked["read"]], answers)
        else:
            _write(Form(asked["write"]), answers)
        answers.flush()
    except MemoryError:
        os._exit(OUT_OF_MEMORY)


def _read(files: list[tuple[str, bytes]], answers: BinaryIO) -> None:
    def report(rows: int) -> None:
        _say(answers, "rows", rows)
        answers.flush()

    reading = Reading(report)
    for given in reading.entries(files):
        _say(answers, "entry", *(getattr(given, each.name) for each in dataclasses.fields(given)))
    for fault in reading.findings.faults:
        _say(answers, "fault", *dataclasses.astuple(fault))
    for notice in reading.findings.notices:
        _say(answers, "notice", *dataclasses.astuple(notice))
    _say(answers, "end", reading.columns, reading.findings.more)


def _write(form: Form, answers: BinaryIO) -> None:
    def entries() -> Iterator[tuple[str, dict[str, Any]]]:
        for line in sys.stdin.buffer:
            code, content = json.loads(line)
            yield code, content

    if form is Form.CSV:
        for name, content in write_csvs(entries()):
            _send(answers, name, content)
    elif form is Form.YAML:
        _send(answers, f"{NAME}.yaml", "".join(write_documents(entries())).encode())
    else:
        book = io.BytesIO()
        write_workbook(entries(), book)
        _send(answers, f"{NAME}.xlsx", book.getvalue())


def _say(answers: BinaryIO, *message: object) -> None:
    answers.write(json.dumps(message, ensure_ascii=False).encode() + b"\n")


def _send(answers: BinaryIO, name: str, content: bytes) -> None:
    _say(answers, "file", name, len(content))
    answers.write(content)


if __name__ == "__main__":
    main()
