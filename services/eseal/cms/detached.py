"""Judging a file whose signature lies apart from it, in CMS (DER or PEM)."""

import hashlib
import logging
from datetime import UTC, datetime

from asn1crypto import cms, parser, pem  # type: ignore[import-untyped]

from services.eseal.cms.evidence import Evidence
from services.eseal.cms.judging import Signed, judge
from services.eseal.cms.waiting import at_once
from services.eseal.domain.answers import Code
from services.eseal.domain.findings import (
    Answer,
    Finding,
    Format,
    Kind,
    SealedAt,
    UnreadableError,
    conclude,
)
from services.eseal.domain.trust import Trust

# What it logs of each certificate that is not in order, anybody could fill the log with.
logging.getLogger("pyhanko").setLevel(logging.CRITICAL)


def inspect(
    content: bytes, signature: bytes, trust: Trust, sealed_at: SealedAt, now: datetime | None = None
) -> Finding:
    """Judges a file by its detached signature. Raises UnreadableError BROKEN_SIGNATURE, also for one by several."""
    try:
        data = _signed_data(signature)
        signed = Signed(data, lambda algorithm: hashlib.new(algorithm, content).digest(), kind=Kind.SIGNATURE)
        found = at_once(judge(signed, Evidence(trust), sealed_at, now or datetime.now(UTC)))
    except (UnreadableError, MemoryError):
        raise
    except Exception as fault:
        # A hostile signature can make a parser raise anything.
        raise UnreadableError("BROKEN_SIGNATURE", "the signature cannot be read as CMS, in DER or PEM") from fault
    return conclude(Format.DETACHED, [found.answered(Answer(Code.COVERS_ALL))])


def _signed_data(signature: bytes) -> cms.SignedData:
    if pem.detect(signature):
        _, _, signature = pem.unarmor(signature)
    # As a PDF holds it, and as `pdfsig -dump` writes it, zeros fill it up to the room that was kept for it.
    length = parser.peek(signature)
    info = cms.ContentInfo.load(signature if signature[length:].strip(b"\0") else signature[:length], strict=True)
    if info["content_type"].native != "signed_data":
        raise UnreadableError("BROKEN_SIGNATURE", "the signature is not of the type SignedData")
    if info["content"]["encap_content_info"]["content"].native is not None:
        raise UnreadableError("BROKEN_SIGNATURE", "the signature brings its own content, and says nothing of the file")
    return info["content"]
