"""Judging an uploaded PDF: its seals one by one, and whether the file as a whole is what was sealed.

The file may be anything, made by anybody: nothing is fetched over the network, whatever the file says, and whatever
pyHanko raises is a finding about the file. What it costs to read is bounded by the process that this runs in
(`verification/process.py`), never here.
"""

import io
import logging
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice

from asn1crypto import crl, ocsp  # type: ignore[import-untyped]
from pyhanko.pdf_utils.misc import PdfReadError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.general import byte_range_digest
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.errors import NoDSSFoundError
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

from services.eseal.cms.evidence import Evidence
from services.eseal.cms.judging import Signed, judge, judge_timestamp
from services.eseal.cms.waiting import at_once
from services.eseal.domain.answers import Code
from services.eseal.domain.findings import (
    MOST_SEALS,
    Answer,
    Finding,
    Format,
    Kind,
    SealedAt,
    SealFinding,
    UnreadableError,
    conclude,
    too_many_seals,
)
from services.eseal.domain.trust import Trust
from services.eseal.pdf.coverage import Covered, Since, end_of, since

_TIMESTAMP = "/DocTimeStamp"
# What every signature has, also one that nothing in the file points at any more.
_RANGE = re.compile(rb"/ByteRange\s*\[\s*\d+\s+\d+\s+\d+\s+\d+\s*\]")
_SINCE = {
    Since.NOTHING: (Code.UNCHANGED, Code.COVERS_ALL),
    Since.SEALS_AND_EVIDENCE: (Code.SEALED_AFTERWARDS, Code.COVERED_THEN),
    Since.FORBIDDEN: (Code.CHANGED_AFTER_CERTIFICATION, Code.COVERED_THEN),
    Since.CHANGED: (Code.CONTENT_CHANGED, Code.COVERED_THEN),
    Since.NOT_COVERED: (Code.CONTENT_CHANGED, Code.COVERS_PART),
}

# For each file that is not in order pyHanko logs a warning with a traceback: anybody could fill the log with uploads.
logging.getLogger("pyhanko").setLevel(logging.CRITICAL)
logging.getLogger("pyhanko_certvalidator").setLevel(logging.CRITICAL)


def inspect(content: bytes, trust: Trust, sealed_at: SealedAt, now: datetime | None = None) -> Finding:
    """Judges a file by its signatures alone, without the register's word on revocation.

    `sealed_at`: the moment at which the register saw a document with this signed digest sealed, or None; certificates
    are judged as of then, so that a document outlives its seal's certificate. Raises UnreadableError for what is
    encrypted, or too broken to carry a seal, MemoryError when there is not enough.
    """
    try:
        reader = PdfFileReader(io.BytesIO(content))
        return at_once(_File(reader, content, trust, sealed_at, now or datetime.now(UTC)).judged())
    except (UnreadableError, MemoryError):
        raise
    except Exception as fault:
        # A hostile file can make a parser raise anything. With a signature in it, it was a sealed file once.
        if b"/ByteRange" in content:
            return Finding(Format.PDF, remarks=(Answer(Code.BROKEN_SEALED_FILE),))
        raise UnreadableError(
            "BROKEN_PDF", "the file is damaged: it begins as a PDF and cannot be read as one"
        ) from fault


class _File:
    """One file being judged."""

    def __init__(self, reader: PdfFileReader, content: bytes, trust: Trust, sealed_at: SealedAt, now: datetime) -> None:
        self._reader = reader
        self._content = content
        self._trust = trust
        self._sealed_at = sealed_at
        self._now = now

    async def judged(self) -> Finding:
        if self._reader.encrypted:
            raise UnreadableError("ENCRYPTED_PDF", "the file is encrypted; verify it without its password")
        fields = list(enumerate_sig_fields(self._reader, filled_status=True))
        if len(fields) > MOST_SEALS:
            raise too_many_seals()
        signatures = list(self._reader.embedded_signatures)
        if all(_kind(signature) is Kind.TIMESTAMP for signature in signatures) and self._lies_elsewhere(len(fields)):
            return conclude(Format.PDF, [], [Answer(Code.SEALS_REMOVED)])
        covered, evidence = self._covered(signatures), self._evidence()
        seals = [await self._judge(signature, evidence, covered) for signature in signatures]
        # Kinds of signatures that pyHanko does not know are not in its list.
        unread = [SealFinding(Kind.SIGNATURE, (Answer(Code.SIGNATURE_UNREADABLE),))] * (len(fields) - len(signatures))
        return conclude(Format.PDF, seals + unread)

    def _lies_elsewhere(self, listed: int) -> bool:
        """Whether there are more signatures in the file than its form lists."""
        return next(islice(_RANGE.finditer(self._content), listed, None), None) is not None

    def _covered(self, signatures: Sequence[EmbeddedPdfSignature]) -> Covered:
        ends = [(_kind(signature), end_of(signature, self._content) or 0) for signature in signatures]
        by_seals = max((end for kind, end in ends if kind is not Kind.TIMESTAMP), default=0)
        return Covered(by_seals, any(end == len(self._content) for _, end in ends))

    async def _judge(self, signature: EmbeddedPdfSignature, evidence: Evidence, covered: Covered) -> SealFinding:
        signed = Signed(
            signature.signed_data,
            lambda algorithm: byte_range_digest(io.BytesIO(self._content), signature.byte_range, algorithm)[1],
            _claimed_at(signature),
            _kind(signature),
        )
        if signed.kind is Kind.TIMESTAMP:
            found = await judge_timestamp(signed, evidence, self._now)
        else:
            found = await judge(signed, evidence, self._sealed_at, self._now)
        if any(answer.code is Code.SIGNATURE_KIND_UNKNOWN for answer in found.answers):
            return found
        changed, coverage = _SINCE[since(signature, self._content, covered)]
        unchanged = any(answer.code is Code.UNCHANGED for answer in found.answers)
        return found.answered(*[Answer(changed)] if unchanged else [], Answer(coverage))

    def _evidence(self) -> Evidence:
        try:
            store = DocumentSecurityStore.read_dss(self._reader)
        except NoDSSFoundError:
            return Evidence(self._trust)
        return Evidence(
            self._trust,
            certificates=list(store.load_certs()),
            revocation_lists=[crl.CertificateList.load(data) for data in _streams(store.crls)],
            responses=[ocsp.OCSPResponse.load(data) for data in _streams(store.ocsps)],
        )


def _claimed_at(signature: EmbeddedPdfSignature) -> datetime | None:
    try:
        return signature.self_reported_timestamp
    except (PdfReadError, ValueError):
        # What cannot be read as a date says nothing of the time, and nobody believes it anyway.
        return None


def _kind(signature: EmbeddedPdfSignature) -> Kind:
    if signature.sig_object_type == _TIMESTAMP:
        return Kind.TIMESTAMP
    field = signature.sig_field
    left, bottom, right, top = field["/Rect"] if "/Rect" in field else (0, 0, 0, 0)  # noqa: SIM401 - `get` reads none
    return Kind.SEAL if left != right and bottom != top else Kind.SIGNATURE


def _streams(references: Sequence[object]) -> list[bytes]:
    return [reference.get_object().data for reference in references]  # type: ignore[attr-defined]
