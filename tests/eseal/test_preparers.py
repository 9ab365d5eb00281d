"""Preparing files of strangers in processes of their own: large ones too, and none that costs much."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from chassis.problems import Exhausted
from services.eseal.domain.findings import LARGEST_FILE, Format, UnreadableError
from services.eseal.domain.orders import AtText, Order
from services.eseal.pdf.prepared import ROOM, Prepared
from services.eseal.preparation.preparers import Addition, Preparers, Wanted
from tests.eseal.builders import NOON, seal_picture, trust
from tests.eseal.pdf.builders import PLACE, judged, pages, sealer_of
from tests.eseal.verification.test_judges import moved


@pytest.fixture
def own() -> Iterator[Preparers]:
    made = Preparers(wall_seconds=60)
    yield made
    made.close()


def wanted(order: Order | None = None) -> Wanted:
    return Wanted(Format.PDF, order or Order(PLACE), NOON, seal_picture())


def sealed(content: bytes, addition: Addition) -> bytes:
    places = addition.places
    return sealer_of().sign(Prepared.appended(content, addition.data, places["start"], places["end"], ROOM)).content


def padded(size: int) -> bytes:
    """A page with a comment that makes the file this long."""
    plain = pages()
    shift = size - len(plain)
    return moved(plain, shift, plain.replace(b"%PDF-1.3\n", b"%PDF-1.3\n%" + b"x" * (shift - 2) + b"\n"))


def idle(by: Preparers) -> "subprocess.Popen[bytes]":
    (process,) = by._processes._idle
    return process._process


def test_a_large_file_is_prepared_and_one_that_would_be_too_large_with_its_seal_is_not(own: Preparers) -> None:
    content = padded(15_000_000)
    whole = sealed(content, own.prepare(content, wanted(Order(AtText("Page 1"))), trust()))
    assert whole.startswith(content)
    assert judged(whole).sealed_by
    with pytest.raises(UnreadableError) as raised:
        own.prepare(padded(LARGEST_FILE - 10_000), wanted(), trust())
    assert raised.value.reason == "TOO_LARGE"


def test_the_process_has_no_secret_and_no_key(own: Preparers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOKUA_DATABASE_URL", "postgresql://user:password@host/db")
    own.prepare(pages(), wanted(), trust())
    environment = Path(f"/proc/{idle(own).pid}/environ").read_bytes().split(b"\0")
    assert {entry.split(b"=")[0] for entry in environment if entry} == {b"PYTHONPATH", b"PYTHONUTF8"}


def test_a_file_that_gets_no_time_is_for_later() -> None:
    with pytest.raises(Exhausted, match="SEALING_BUSY"):
        Preparers(wall_seconds=0.01).prepare(pages(), wanted(), trust())
