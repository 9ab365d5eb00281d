"""What can be found about an uploaded file. Loads nothing: the judging itself is done in a process of its own."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto

from services.eseal.domain.records import Document

# A notice has 0.1 MB.
LARGEST_FILE = 5_000_000
ALTERED = "文件在盖章之后被改动，或者签名与内容不符。"

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


def too_complex() -> UnreadableError:
    """The file costs more time or memory than any document of the platform."""
    return UnreadableError(
        "TOO_COMPLEX", "this file takes too much work to read; a document of this platform never does"
    )


def refuse_at_a_glance(content: bytes) -> None:
    """Raises UnreadableError TOO_LARGE or NOT_A_PDF for what need not be read to be refused."""
    if len(content) > LARGEST_FILE:
        raise UnreadableError("TOO_LARGE", f"the file has {len(content)} bytes, the most is {LARGEST_FILE}")
    if b"%PDF-" not in content[:1024]:
        raise UnreadableError("NOT_A_PDF", "the file is not a PDF")


def compare(finding: Finding, record: Document, sha256: str) -> Finding:
    """The verdict on a file whose signed bytes are those of a document in the register.

    A file with the same signed bytes and another hash had its signature's container rewritten. The text is the same,
    but such a copy is nobody's original, and must not outlive a revocation by not being found under its hash.
    """
    if finding.verdict is not Verdict.GENUINE:
        return finding
    if record.sha256 != sha256:
        return replace(finding, verdict=Verdict.ALTERED, explanation=ALTERED)
    if record.revoked_at is not None:
        return replace(finding, verdict=Verdict.REVOKED, explanation=f"文件曾由{finding.sealed_by}盖章，现已撤销。")
    return finding
