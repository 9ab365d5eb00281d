"""Timestamps (RFC 3161) of signatures: from a configured authority over HTTP, or our own.

An authority is asked at the address that the operator has set and nowhere else: no redirect is followed, and what a
document or a certificate says of addresses is never read.
"""

import http.client
import secrets
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import ClassVar
from urllib.parse import urlsplit

from asn1crypto import cms, core, tsp  # type: ignore[import-untyped]

from services.eseal.cms.evidence import Evidence
from services.eseal.cms.judging import Signed, judge_timestamp
from services.eseal.cms.signing import TST_INFO, CmsSigner
from services.eseal.cms.waiting import at_once
from services.eseal.domain.answers import Verdict
from services.eseal.domain.findings import CLOCKS_APART, Kind, SealFinding
from services.eseal.domain.trust import Trust
from services.eseal.keys import Credential
from services.eseal.national.der import encode, generalized_time, integer, octets, oid, sequence

_LARGEST_ANSWER = 64 * 1024
_SHA256 = sequence(oid("2.16.840.1.101.3.4.2.1"), encode(0x05))
_TRUE = encode(0x01, b"\xff")
# Ours has no policy that somebody else has approved; this arc is for those who have none of their own (X.667, UUID).
OWN_POLICY = "2.25.188190063117305312925066303143716410116"


class TimestampError(Exception):
    """No timestamp was to be had, with a sentence that says why."""


@dataclass(frozen=True, slots=True)
class TimestampAuthority:
    """An authority at an address; `trust` says by its `timestamp_roots` who may be found there."""

    url: str
    trust: Trust
    clock: Callable[[], datetime]
    seconds: float = 5.0
    _tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)

    def stamp(self, value: bytes) -> bytes:
        """The token for a signature's value, checked to be of it, of now, and by whom one trusts.

        Raises TimestampError when the authority is away, refuses, or answers something else.
        """
        digest, nonce = sha256(value).digest(), secrets.randbits(63) | 1 << 62
        imprint = sequence(_SHA256, octets(digest))
        answer = self._ask(sequence(integer(1), imprint, integer(nonce), _TRUE))
        now = self.clock()
        try:
            token = _granted(answer)
            found = self._judged(token["content"], digest, nonce, now)
            der: bytes = token.dump()
        except TimestampError:
            raise
        except Exception as fault:
            raise TimestampError(f"the timestamp authority's answer cannot be read: {type(fault).__name__}") from fault
        if found.verdict is not Verdict.GENUINE:
            raise TimestampError(f"the timestamp is not to be believed: {found.worst}")
        # A timestamp that is further off proves another moment than that of the signature.
        if found.sealed_at is None or abs(found.sealed_at - now) > CLOCKS_APART:
            raise TimestampError(f"the timestamp authority's clock says {found.sealed_at}, ours {now}")
        return der

    def _judged(self, data: cms.SignedData, digest: bytes, nonce: int, now: datetime) -> SealFinding:
        told = data["encap_content_info"]["content"].parsed
        if told["nonce"].native != nonce:
            raise TimestampError("the timestamp authority answered another question than was asked")
        signed = Signed(data, lambda algorithm: _only_sha256(algorithm, digest), kind=Kind.TIMESTAMP)
        # Its clock may be a little ahead, and the timestamp no worse for it.
        return at_once(judge_timestamp(signed, Evidence(self.trust), now + CLOCKS_APART))

    def _ask(self, query: bytes) -> bytes:
        parts = urlsplit(self.url)
        host, path = parts.hostname or "", (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(host, parts.port, timeout=self.seconds, context=self._tls)
        else:
            connection = http.client.HTTPConnection(host, parts.port, timeout=self.seconds)
        try:
            connection.connect()
            with _given(connection.sock, self.seconds):
                connection.request("POST", path, query, {"Content-Type": "application/timestamp-query"})
                with connection.getresponse() as response:
                    answer = _read(response)
        except (OSError, http.client.HTTPException) as fault:
            raise TimestampError(f"the timestamp authority at {host} does not answer: {fault}") from fault
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            raise TimestampError(f"the timestamp authority at {host} answered with status {response.status}")
        if len(answer) > _LARGEST_ANSWER:
            raise TimestampError(f"the timestamp authority at {host} answered with more than {_LARGEST_ANSWER} bytes")
        return answer


@contextmanager
def _given(connection: socket.socket, seconds: float) -> Iterator[None]:
    """So long for all that is said: a connection's own timeout is one for each piece, and there may be many.

    Raises TimeoutError.
    """
    late = threading.Event()

    def stop() -> None:
        late.set()
        # Whoever waits for a piece has reached the end; the other side may have been faster.
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, http.client.HTTPException):
        if not late.is_set():
            raise
    finally:
        timer.cancel()
    if late.is_set():
        raise TimeoutError(f"no whole answer within {seconds} s")


def _read(response: http.client.HTTPResponse) -> bytes:
    """All of it, or as much as shows that it is too much."""
    answer = b""
    while len(answer) <= _LARGEST_ANSWER and (piece := response.read1(_LARGEST_ANSWER + 1 - len(answer))):
        answer += piece
    return answer


class OwnTimestamps:
    """The platform's own clock behind a certificate for timestamps: proof to those who trust the platform only."""

    def __init__(self, credential: Credential, clock: Callable[[], datetime]) -> None:
        self._signer = CmsSigner(credential)
        self._clock = clock

    def stamp(self, value: bytes) -> bytes:
        """The token for a signature's value."""
        now = self._clock()
        imprint = sequence(_SHA256, octets(sha256(value).digest()))
        number = integer(secrets.randbits(127))
        told = sequence(integer(1), oid(OWN_POLICY), imprint, number, generalized_time(now))
        return self._signer.enclosing(told, TST_INFO, signed_at=now)


class _Response(core.Sequence):  # type: ignore[misc]
    """TimeStampResp of RFC 3161, 2.4.2; asn1crypto's own wants a token even of a refusal."""

    _fields: ClassVar = [("status", tsp.PKIStatusInfo), ("time_stamp_token", cms.ContentInfo, {"optional": True})]


def _granted(answer: bytes) -> cms.ContentInfo:
    response = _Response.load(answer, strict=True)
    status = response["status"]["status"].native
    if status not in ("granted", "granted_with_mods"):
        raise TimestampError(f"the timestamp authority refused: {status} {_said(response)}".rstrip())
    return response["time_stamp_token"]


def _said(response: "_Response") -> str:
    texts: Sequence[str] = response["status"]["status_string"].native or ()
    return " ".join(texts)[:200]


def _only_sha256(algorithm: str, digest: bytes) -> bytes:
    if algorithm != "sha256":
        raise TimestampError(f"the timestamp is of a digest by {algorithm}, which was not asked for")
    return digest
