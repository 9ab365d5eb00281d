"""What the registers know of notices, documents and pictures."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

PDF = "application/pdf"
OFD = "application/ofd"


class NoticeStatus(StrEnum):
    """How far a notice has come. SEALED and WITHDRAWN are final, as far as sealing goes."""

    FAILED = "FAILED"
    SEALED = "SEALED"
    WITHDRAWN = "WITHDRAWN"


@dataclass(frozen=True, slots=True)
class Picture:
    """What a seal looks like: a PNG with transparency, and its size as printed, in millimetres."""

    png: bytes
    width_mm: int
    height_mm: int


@dataclass(frozen=True, slots=True)
class Document:
    """A sealed document, without its content.

    `sha256` is that of the whole file; `signed_digest` that of the bytes which the signature covers (all but the
    signature's own container), which stays the same when somebody rewrites the container.
    """

    document_id: str
    notice_id: str
    case_id: str
    case_number: str
    step_id: str
    organ_id: str
    applicant_id: str
    seal_id: str
    title: str
    sha256: str
    signed_digest: str
    size: int
    sealed_at: datetime
    media_type: str = PDF
    revoked_at: datetime | None = None
    revocation_reason: str = ""
    request_digest: str = ""
    """SHA-256 of the request, in hexadecimal; empty where it is not known."""
