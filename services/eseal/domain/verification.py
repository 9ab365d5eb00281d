"""Judging an uploaded PDF: whether it is genuine, changed, not sealed at all, or sealed by somebody else.

The file may be anything, made by anybody: nothing is fetched over the network, whatever the file says, and whatever
pyHanko raises is a finding about the file.
"""

import asyncio
import io
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum, auto

from asn1crypto import pem, x509  # type: ignore[import-untyped]
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from services.eseal.domain.records import Document

# A notice has 0.1 MB. What a hostile file can cost grows with its size: about 1.3 s of CPU a megabyte at the worst.
LARGEST_FILE = 5_000_000
# More signatures than any office puts on one paper; each costs time to check.
MOST_SIGNATURES = 20
_DIGEST = "sha256"

# For each file that is not in order pyHanko logs a warning with a traceback: anybody could fill the log with uploads.
logging.getLogger("pyhanko").setLevel(logging.CRITICAL)

SealedAt = Callable[[str], datetime | None]


class Verdict(Enum):
    """What was found."""

    GENUINE = auto()
    ALTERED = auto()
    NOT_SEALED = auto()
    UNTRUSTED = auto()
    REVOKED = auto()


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on a file, in one sentence for a clerk, and what the signature says of itself.

    `signed_digest` is the SHA-256 of what the signature covers, in hexadecimal, empty when it cannot be told.
    """

    verdict: Verdict
    explanation: str
    sealed_by: str = ""
    sealed_at: datetime | None = None
    signed_digest: str = ""


class UnreadableError(Exception):
    """The file is not a PDF that can be judged: `reason` in UPPER_SNAKE, and a sentence."""

    def __init__(self, reason: str, description: str) -> None:
        super().__init__(description)
        self.reason = reason
        self.description = description


_ALTERED = "文件在盖章之后被改动，或者签名与内容不符。"


def inspect(content: bytes, anchors: Sequence[str], sealed_at: SealedAt) -> Finding:
    """Judges a file by its signatures alone, without the register's word on revocation.

    `anchors`: root certificates, PEM. `sealed_at`: the moment at which the register saw a document with this signed
    digest sealed, or None; certificates are judged as of then, so that a document outlives its seal's certificate.
    Raises UnreadableError for what is too large, no PDF, encrypted, or too broken to carry a seal.
    """
    if len(content) > LARGEST_FILE:
        raise UnreadableError("TOO_LARGE", f"the file has {len(content)} bytes, the most is {LARGEST_FILE}")
    if b"%PDF-" not in content[:1024]:
        raise UnreadableError("NOT_A_PDF", "the file is not a PDF")
    try:
        reader = PdfFileReader(io.BytesIO(content))
        encrypted = reader.encrypted
        signatures = [] if encrypted else _signatures(reader)
        findings = [_judge(signature, anchors, sealed_at) for signature in signatures]
    except UnreadableError:
        raise
    except Exception as fault:
        # A hostile file can make a parser raise anything. With a signature in it, it was a sealed file once.
        if b"/ByteRange" in content:
            return Finding(Verdict.ALTERED, _ALTERED)
        raise UnreadableError("BROKEN_PDF", f"the file cannot be read as a PDF: {type(fault).__name__}") from fault
    if encrypted:
        raise UnreadableError("ENCRYPTED_PDF", "the file is encrypted; verify it without its password")
    return _conclude(findings)


def compare(finding: Finding, record: Document, sha256: str) -> Finding:
    """The verdict on a file whose signed bytes are those of a document in the register.

    A file with the same signed bytes and another hash had its signature's container rewritten. The text is the same,
    but such a copy is nobody's original, and must not outlive a revocation by not being found under its hash.
    """
    if finding.verdict is not Verdict.GENUINE:
        return finding
    if record.sha256 != sha256:
        return replace(finding, verdict=Verdict.ALTERED, explanation=_ALTERED)
    if record.revoked_at is not None:
        return replace(finding, verdict=Verdict.REVOKED, explanation=f"文件曾由{finding.sealed_by}盖章，现已撤销。")
    return finding


def _signatures(reader: PdfFileReader) -> list[EmbeddedPdfSignature]:
    signatures = list(reader.embedded_signatures)
    if len(signatures) > MOST_SIGNATURES:
        raise UnreadableError("TOO_MANY_SIGNATURES", f"the file has more than {MOST_SIGNATURES} signatures")
    return signatures


def _conclude(findings: Sequence[Finding]) -> Finding:
    if not findings:
        return Finding(Verdict.NOT_SEALED, "文件上没有电子印章。")
    if len(findings) == 1:
        return findings[0]
    # The platform seals a document once and last. Whatever else was signed into the file came from outside.
    worst = next((finding for finding in findings if finding.verdict is not Verdict.UNTRUSTED), None)
    if worst is None:
        return findings[0]
    return Finding(Verdict.ALTERED, _ALTERED, worst.sealed_by, worst.sealed_at)


def _judge(signature: EmbeddedPdfSignature, anchors: Sequence[str], sealed_at: SealedAt) -> Finding:
    digest = signature.compute_digest().hex() if signature.md_algorithm == _DIGEST else ""
    context = ValidationContext(
        trust_roots=[_load(anchor) for anchor in anchors],
        moment=(sealed_at(digest) if digest else None) or datetime.now(UTC),
        allow_fetching=False,
        revocation_mode="soft-fail",
    )
    # Nothing may follow our signature, so what follows need not be analysed either (`skip_diff`).
    status = asyncio.run(async_validate_pdf_signature(signature, context, skip_diff=True))
    return _finding(status, signature, digest)


def _finding(status: PdfSignatureStatus, signature: EmbeddedPdfSignature, digest: str) -> Finding:
    sealed_by, claimed = _named(signature.signer_cert), status.signer_reported_dt
    if not (status.intact and status.valid):
        return Finding(Verdict.ALTERED, _ALTERED, sealed_by, claimed)
    if not status.trusted:
        return Finding(Verdict.UNTRUSTED, "文件上的印章不是本平台信任的机构签发的。", sealed_by, claimed)
    whole = status.coverage == SignatureCoverageLevel.ENTIRE_FILE and status.bottom_line
    if not whole:
        return Finding(Verdict.ALTERED, _ALTERED, sealed_by, claimed)
    explanation = f"文件由{sealed_by}盖章，盖章后未被改动。"
    return Finding(Verdict.GENUINE, explanation, sealed_by, claimed, digest)


def _named(certificate: x509.Certificate) -> str:
    try:
        names = certificate.subject.native
        name = names.get("organization_name") or names.get("common_name", "")
    except (UnicodeDecodeError, ValueError, TypeError):
        # Real certificates hold names in wrong encodings; the verdict does not hang on the name.
        return ""
    return name[:200] if isinstance(name, str) else ""


def _load(anchor: str) -> x509.Certificate:
    _, _, der = pem.unarmor(anchor.encode())
    return x509.Certificate.load(der)
