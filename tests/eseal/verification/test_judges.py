"""Judging in processes of their own: the same findings, and no file that costs much."""

import os
import re
import resource
import signal
import subprocess
import threading
import time
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from chassis.database import Database
from chassis.problems import Exhausted, Invalid, Unavailable
from services.eseal.domain.answers import Verdict
from services.eseal.domain.findings import Finding, UnreadableError
from services.eseal.pdf.verification import inspect
from services.eseal.verification.judges import AT_ONCE, MOST_WAITING, Judges
from tests.eseal.builders import NOON, OFFICE, documents, judges, sealed_file, trust
from tests.eseal.pdf.builders import pages, sealed
from tests.eseal.pdf.raw import Raw


@pytest.fixture
def own() -> Iterator[Judges]:
    made = Judges(wall_seconds=300)
    yield made
    made.close()


def judged(by: Judges, content: bytes) -> Finding:
    return by.inspect(content, trust(), lambda _: NOON)


def reason(by: Judges, content: bytes) -> str:
    with pytest.raises(UnreadableError) as raised:
        judged(by, content)
    return raised.value.reason


def pdf(objects: list[bytes]) -> bytes:
    """A PDF with these objects, the first of which is its root."""
    out, offsets = bytearray(b"%PDF-1.5\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size, start = len(objects) + 1, len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size + table
    return bytes(out) + b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, start)


def doubling_fields(levels: int) -> bytes:
    """A form in which each field has the next one twice."""
    head = [b"<</Type/Catalog/AcroForm 2 0 R/Pages 3 0 R>>", b"<</Fields[4 0 R 4 0 R]>>", b"<</Type/Pages/Kids[]>>"]
    fields = [b"<</T(a)/Kids[%d 0 R %d 0 R]>>" % (5 + level, 5 + level) for level in range(levels)]
    return pdf([*head, *fields, b"<</T(z)/FT/Sig>>"])


def long_table(entries: int) -> bytes:
    """A small file with a compressed table of very many objects."""
    data = zlib.compress(b"\x01\x00\x09\x00" * entries, 9)
    head = b"<</Type/XRef/Size %d/W[1 2 1]/Root 2 0 R/Filter/FlateDecode/Length %d>>" % (entries, len(data))
    body = b"%PDF-1.5\n1 0 obj\n" + head + b"\nstream\n" + data + b"\nendstream\nendobj\n"
    return body + b"startxref\n9\n%%EOF\n"


def many_fields(count: int) -> bytes:
    """A form of as many empty seals."""
    fields = b"".join(b"%d 0 R " % (4 + number) for number in range(count))
    head = [b"<</Type/Catalog/AcroForm 2 0 R/Pages 3 0 R>>", b"<</Fields[%s]>>" % fields, b"<</Type/Pages/Kids[]>>"]
    return pdf([*head, *(b"<</FT/Sig/T(a%d)>>" % number for number in range(count))])


def children_cpu_seconds() -> float:
    """What the processes that have ended took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def idle(by: Judges) -> "subprocess.Popen[bytes]":
    """The process that waits for the next file."""
    (judge,) = by._processes._idle
    return judge._process


@pytest.mark.parametrize("content", [sealed_file().content, sealed_file().content + b"\n", doubling_fields(1)])
def test_another_process_finds_the_same(content: bytes) -> None:
    assert judged(judges(), content) == inspect(content, trust(), lambda _: NOON)


def test_the_moment_of_the_register_counts_there_too() -> None:
    asked: list[str] = []

    def sealed_at(signed_digest: str) -> datetime | None:
        asked.append(signed_digest)
        return None

    found = judges().inspect(sealed_file().content, trust(), sealed_at)
    assert (asked, found.sealed_by) == ([sealed_file().signed_digest], OFFICE)


@pytest.mark.parametrize("content", [doubling_fields(30), doubling_fields(30) + b"/ByteRange", long_table(5_000_000)])
def test_a_small_file_that_takes_hours_or_gigabytes_is_given_up_soon(own: Judges, content: bytes) -> None:
    here, there = time.process_time(), children_cpu_seconds()
    assert reason(own, content) == "TOO_COMPLEX"
    assert time.process_time() - here < 0.5
    assert children_cpu_seconds() - there < 6
    assert judged(own, sealed_file().content).verdict is Verdict.GENUINE


def test_a_file_that_takes_more_memory_than_there_is_is_given_up(own: Judges) -> None:
    judged(own, sealed_file().content)
    resource.prlimit(idle(own).pid, resource.RLIMIT_AS, (1, 1))
    assert reason(own, sealed_file().content + b"0" * 4_000_000) == "TOO_COMPLEX"
    assert judged(own, sealed_file().content).verdict is Verdict.GENUINE


def test_a_process_that_somebody_kills_is_no_fault_of_the_file(own: Judges) -> None:
    judged(own, sealed_file().content)
    process = idle(own)

    def sealed_at(_: str) -> datetime | None:
        os.kill(process.pid, signal.SIGKILL)
        return None

    with pytest.raises(Unavailable, match="VERIFIER_LOST"):
        own.inspect(sealed_file().content, trust(), sealed_at)


def test_a_process_ends_after_a_dear_file_and_is_replaced_unnoticed(own: Judges) -> None:
    assert judged(own, many_fields(20_000)).verdict is Verdict.NOT_SEALED
    dear = idle(own)
    assert dear.wait(10) == 0
    assert judged(own, sealed_file().content).verdict is Verdict.GENUINE
    assert idle(own).pid != dear.pid


def test_what_is_refused_at_a_glance_starts_no_process(own: Judges) -> None:
    for content in (b"", b"hello", bytes(100_000)):
        assert reason(own, content) == "UNKNOWN_FORMAT"
    assert reason(own, b"PK\x03\x04 %PDF-1.7") == "AMBIGUOUS_FORMAT"
    assert reason(own, b"%PDF-1.7\n" + b"0" * 16_000_000) == "TOO_LARGE"
    assert own._processes._idle == []


def test_one_process_judges_one_file_after_another_until_it_is_closed(own: Judges) -> None:
    judged(own, sealed_file().content)
    first = idle(own)
    judged(own, sealed_file().content)
    assert idle(own) is first
    own.close()
    assert first.poll() is not None
    assert judged(own, sealed_file().content).verdict is Verdict.GENUINE


def test_a_process_gets_no_secret_of_its_parent(own: Judges, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOKUA_DATABASE_URL", "postgresql://user:password@host/db")
    judged(own, sealed_file().content)
    environment = Path(f"/proc/{idle(own).pid}/environ").read_bytes().split(b"\0")
    assert {entry.split(b"=")[0] for entry in environment if entry} == {b"PYTHONPATH", b"PYTHONUTF8"}


def test_a_file_that_gets_no_time_is_for_later() -> None:
    hurried = Judges(wall_seconds=0.01)
    with pytest.raises(Exhausted, match="VERIFIER_BUSY"):
        judged(hurried, sealed_file().content)


def test_few_files_are_judged_at_once_few_wait_and_the_rest_is_refused_at_once() -> None:
    full, held, inside = Judges(wall_seconds=300, wait_seconds=0.2), threading.Event(), threading.Semaphore(0)
    outcomes: list[str] = []

    def sealed_at(_: str) -> datetime | None:
        inside.release()
        held.wait(30)
        return NOON

    def verify() -> None:
        try:
            outcomes.append(full.inspect(sealed_file().content, trust(), sealed_at).verdict.name)
        except Exhausted as fault:
            outcomes.append(fault.reason)

    holding = [threading.Thread(target=verify) for _ in range(AT_ONCE)]
    waiting = [threading.Thread(target=verify) for _ in range(MOST_WAITING)]
    for thread in holding:
        thread.start()
    for _ in holding:
        assert inside.acquire(timeout=10)
    for thread in waiting:
        thread.start()
    for thread in waiting:
        thread.join(10)
    assert outcomes == ["VERIFIER_BUSY"] * MOST_WAITING
    held.set()
    for thread in holding:
        thread.join(10)
    assert outcomes[MOST_WAITING:] == ["GENUINE"] * AT_ONCE
    full.close()


def test_a_process_ends_when_its_parent_is_gone(own: Judges) -> None:
    judged(own, sealed_file().content)
    process = idle(own)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(10) == 0


def test_an_applicant_reads_that_the_file_is_too_complex(database: Database) -> None:
    with database.read() as work, pytest.raises(Invalid, match="TOO_COMPLEX"):
        documents().verify(work, doubling_fields(30))


def compressed(size: int) -> bytes:
    """So many zeros, as an object of a PDF."""
    data = zlib.compress(bytes(size), 9)
    return b"<</Filter/FlateDecode/Length %d>>stream\n" % len(data) + data + b"\nendstream"


def bomb_of_objects() -> bytes:
    data = zlib.compress(b"1 0 2 30 " + b" " * 200_000_000, 9)
    stream = b"<</Type/ObjStm/N 2/First 9/Filter/FlateDecode/Length %d>>stream\n" % len(data) + data + b"\nendstream"
    head = b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[3 0 R]>>>>"
    return pdf([head, b"<</Type/Pages/Kids[]/Count 0>>", b"<</FT/Sig/T(a)/V 9 0 R>>", stream])


@pytest.mark.parametrize(
    ("number", "body"),
    [
        ("the evidence is a bomb", b"<</Type/Catalog/Pages %d 0 R/AcroForm %d 0 R/DSS<</CRLs[900 0 R]>>>>"),
        ("the root is a bomb", b""),
    ],
)
def test_a_bomb_in_a_sealed_file_is_never_believed(own: Judges, number: str, body: bytes) -> None:
    raw = Raw(sealed_file().content)
    form = raw.numbers_of(b"/SigFlags")[0]
    root = body % (raw.pages_number, form) if body else compressed(300_000_000)
    bomb = raw.update({raw.root_number: root, 900: compressed(300_000_000)})
    try:
        assert judged(own, bomb).verdict is Verdict.ALTERED, number
    except UnreadableError as fault:
        assert fault.reason in ("TOO_COMPLEX", "BROKEN_PDF")  # noqa: PT017 - either will do
    assert judged(own, sealed_file().content).verdict is Verdict.GENUINE


def test_a_bomb_of_objects_is_never_believed(own: Judges) -> None:
    try:
        assert judged(own, bomb_of_objects()).verdict is not Verdict.GENUINE
    except UnreadableError as fault:
        assert fault.reason in ("TOO_COMPLEX", "BROKEN_PDF")  # noqa: PT017 - either will do


@pytest.mark.parametrize("content", [pages(size=(14_000, 14_000)), pages(300)])
def test_huge_pages_and_many_pages_are_judged(own: Judges, content: bytes) -> None:
    assert judged(own, sealed(content)).verdict is Verdict.GENUINE


def test_the_largest_files_are_judged(own: Judges) -> None:
    content = pages(1).replace(b"%PDF-1.3\n", b"%PDF-1.3\n%" + b"x" * 15_000_000 + b"\n")
    shift = len(content) - len(pages(1))
    assert shift > 15_000_000
    large = sealed(moved(pages(1), shift, content))
    assert judged(own, large).verdict is Verdict.GENUINE


def moved(plain: bytes, shift: int, content: bytes) -> bytes:
    """The content, its table of objects telling of the places that they have moved to."""
    table = plain[plain.index(b"xref\n") :]
    entries = re.sub(rb"(\d{10}) 00000 n", lambda found: b"%010d 00000 n" % (int(found[1]) + shift), table)
    entries = re.sub(rb"startxref\n(\d+)", lambda found: b"startxref\n%d" % (int(found[1]) + shift), entries)
    return content[: len(content) - len(table)] + entries
