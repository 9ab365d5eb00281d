"""Timestamps from an authority over HTTP: what is taken from it, and what is not."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import cms, tsp  # type: ignore[import-untyped]

from services.eseal.cms.timestamps import OwnTimestamps, TimestampAuthority, TimestampError
from services.eseal.domain.answers import Verdict
from services.eseal.domain.orders import Order
from services.eseal.domain.trust import Trust
from services.eseal.national import der
from services.eseal.pdf.grades import Grade, Level
from services.eseal.pdf.sealing import Sealer
from tests.eseal.builders import NOON, credential, seal_picture, trust
from tests.eseal.cms.authority import Answer, OpensslAuthority, serving
from tests.eseal.pdf.builders import PLACE, codes, judged, pages, timestamping
from tests.eseal.pdf.oracles import openssl_ts

VALUE = b"a signature's value"


def now() -> datetime:
    return datetime.now(UTC)


def asked(answer: Answer, *, by: Trust | None = None, ahead: timedelta = timedelta(0), seconds: float = 5) -> bytes:
    with serving(answer) as url:
        return TimestampAuthority(url, by or trust(), lambda: now() + ahead, seconds).stamp(VALUE)


def refused(answer: Answer, why: str, **how: object) -> None:
    with pytest.raises(TimestampError, match=why):
        asked(answer, **how)  # type: ignore[arg-type]


@pytest.fixture
def openssl(tmp_path: Path) -> OpensslAuthority:
    return OpensslAuthority(tmp_path)


def test_a_timestamp_by_openssl_is_taken_and_openssl_knows_it_again(openssl: OpensslAuthority, tmp_path: Path) -> None:
    token = cms.ContentInfo.load(asked(openssl))
    assert "Verification: OK" in openssl_ts(token, VALUE, tmp_path)


def test_a_seal_with_a_timestamp_by_openssl_is_genuine(openssl: OpensslAuthority) -> None:
    with serving(openssl) as url:
        stamp = TimestampAuthority(url, trust(), now).stamp
        made = Sealer(credential(), seal_picture(), Grade(Level.B_T, stamp)).seal(pages(), Order(PLACE), NOON)
    found = judged(made.content, now=now())
    assert (found.verdict, "TIME_STAMPED" in codes(found)[0]) == (Verdict.GENUINE, True)


def test_the_authority_is_asked_for_its_certificate_and_a_number_that_is_new_each_time(
    openssl: OpensslAuthority,
) -> None:
    queries = []

    def answer(query: bytes) -> tuple[int, bytes]:
        queries.append(tsp.TimeStampReq.load(query, strict=True).native)
        return openssl(query)

    asked(answer)
    asked(answer)
    assert [query["cert_req"] for query in queries] == [True, True]
    assert queries[0]["nonce"] != queries[1]["nonce"]
    assert queries[0]["message_imprint"] == queries[1]["message_imprint"]


def test_an_answer_to_another_question_is_not_taken(openssl: OpensslAuthority) -> None:
    earlier: list[bytes] = []

    def replay(query: bytes) -> tuple[int, bytes]:
        earlier.append(openssl(query)[1])
        return 200, earlier[0]

    asked(replay)
    refused(replay_of(earlier[0]), "another question")


def replay_of(answer: bytes) -> Answer:
    return lambda _: (200, answer)


def test_a_timestamp_of_something_else_is_not_taken(openssl: OpensslAuthority) -> None:
    def answer(query: bytes) -> tuple[int, bytes]:
        wanted = tsp.TimeStampReq.load(query)
        wanted["message_imprint"]["hashed_message"] = bytes(32)
        return openssl(wanted.dump(force=True))

    refused(answer, "not to be believed: the content was changed since")


def test_an_authority_whom_one_does_not_trust_is_not_believed(openssl: OpensslAuthority) -> None:
    refused(openssl, "not issued by a trusted authority", by=trust(NOON + timedelta(days=1)))


def test_a_clock_that_is_far_off_is_not_believed(openssl: OpensslAuthority) -> None:
    refused(openssl, "clock says", ahead=timedelta(minutes=6))
    refused(openssl, "not to be believed", ahead=-timedelta(minutes=6))
    asked(openssl, ahead=timedelta(minutes=4))
    asked(openssl, ahead=-timedelta(minutes=4))


def test_a_refusal_says_why() -> None:
    body = der.sequence(der.sequence(der.integer(2), der.sequence(der.utf8("no such policy"))))
    refused(lambda _: (200, body), "refused: rejection no such policy")


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (500, b"", "status 500"),
        (302, b"http://169.254.169.254/", "status 302"),
        (200, b"", "cannot be read"),
        (200, b"<html>", "cannot be read"),
        (200, bytes(70_000), "more than 65536 bytes"),
    ],
)
def test_any_other_answer_is_refused_and_no_redirect_followed(status: int, body: bytes, why: str) -> None:
    refused(lambda _: (status, body), why)


def test_an_authority_that_is_away_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"
    with pytest.raises(TimestampError, match="does not answer"):
        TimestampAuthority(url, trust(), now).stamp(VALUE)


def test_an_authority_that_keeps_silent_is_not_waited_for() -> None:
    released = threading.Event()

    def answer(_: bytes) -> tuple[int, bytes]:
        released.wait(10)
        return 200, b""

    with serving(answer) as url:
        with pytest.raises(TimestampError, match="does not answer"):
            TimestampAuthority(url, trust(), now, 0.2).stamp(VALUE)
        released.set()


@contextmanager
def saying(piece: bytes, first: bytes = b"") -> Iterator[str]:
    """The address of a server that says something, and then a piece every 20 ms without end."""
    over = threading.Event()

    def talk() -> None:
        connection, _ = server.accept()
        with connection, suppress(OSError):
            connection.sendall(first)
            while not over.wait(0.02):
                connection.sendall(piece)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/tsa"
        finally:
            over.set()
            thread.join()


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
    ],
)
def test_an_authority_that_never_comes_to_an_end_is_not_listened_to(first: bytes, piece: bytes) -> None:
    started = time.monotonic()
    with saying(piece, first) as url, pytest.raises(TimestampError, match="no whole answer"):
        TimestampAuthority(url, trust(), now, 0.5).stamp(VALUE)
    assert time.monotonic() - started < 10


def test_our_own_timestamps_are_marked_as_our_own(tmp_path: Path) -> None:
    token = cms.ContentInfo.load(OwnTimestamps(timestamping(), lambda: NOON).stamp(VALUE))
    told = token["content"]["encap_content_info"]["content"].parsed
    assert told["gen_time"].native == NOON
    assert told["policy"].native.startswith("2.25.")
    assert "自建" in timestamping().certificate.subject.rfc4514_string()
    assert "Verification: OK" in openssl_ts(token, VALUE, tmp_path)
