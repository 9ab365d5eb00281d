"""Judging an uploaded PDF: whether it is genuine, changed, not sealed at all, or sealed by somebody else.

The file may be anything, made by anybody: nothing is fetched over the network, whatever the file says, and whatever
pyHanko raises is a finding about the file. What it costs to read is bounded by the process that this runs in
(`verifier.py`), never here.
"""

import asyncio
import io
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from asn1crypto import pem, x509  # type: ignore[import-untyped]
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from services.eseal.domain.findings import ALTERED, Finding, SealedAt, UnreadableError, Verdict, refuse_at_a_glance

# More signatures than any office puts on one paper; each costs time to check.
MOST_SIGNATURES = 20
_DIGEST = "sha256"

# For each file that is not in order pyHanko logs a warning with a traceback: anybody could fill the log with uploads.
logging.getLogger("pyhanko").setLevel(logging.CRITICAL)


def inspect(content: bytes, anchors: Sequence[str], sealed_at: SealedAt) -> Finding:
    """Judges a file by its signatures alone, without the register's word on revocation.

    `anchors`: root certificates, PEM. `sealed_at`: the moment at which the register saw a document with this signed
    digest sealed, or None; certificates are judged as of then, so that a document outlives its seal's certificate.
    Raises UnreadableError for what is too large, no PDF, encrypted, or too broken to carry a seal,
    MemoryError when there is not enough.
    """
    refuse_at_a_glance(content)
    try:
        reader = PdfFileReader(io.BytesIO(content))
        encrypted = reader.encrypted
        signatures = [] if encrypted else _signatures(reader)
        findings = [_judge(signature, anchors, sealed_at) for signature in signatures]
    except (UnreadableError, MemoryError):
        raise
    except Exception as fault:
        # A hostile file can make a parser raise anything. With a signature in it, it was a sealed file once.
        if b"/ByteRange" in content:
            return Finding(Verdict.ALTERED, ALTERED)
        raise UnreadableError("BROKEN_PDF", f"the file cannot be read as a PDF: {type(fault).__name__}") from fault
    if encrypted:
        raise UnreadableError("ENCRYPTED_PDF", "the file is encrypted; verify it without its password")
    return _conclude(findings)


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
    return Finding(Verdict.ALTERED, ALTERED, worst.sealed_by, worst.sealed_at)


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
        return Finding(Verdict.ALTERED, ALTERED, sealed_by, claimed)
    if not status.trusted:
        return Finding(Verdict.UNTRUSTED, "文件上的印章不是本平台信任的机构签发的。", sealed_by, claimed)
    whole = status.coverage == SignatureCoverageLevel.ENTIRE_FILE and status.bottom_line
    if not whole:
        return Finding(Verdict.ALTERED, ALTERED, sealed_by, claimed)
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
