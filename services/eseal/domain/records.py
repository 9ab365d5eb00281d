"""What the register knows of seals, notices and documents."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class NoticeStatus(StrEnum):
    """How far a notice has come. SEALED and WITHDRAWN are final, as far as sealing goes."""

    FAILED = "FAILED"
    SEALED = "SEALED"
    WITHDRAWN = "WITHDRAWN"


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal of an organ, without its key and picture."""

    seal_id: str
    organ_id: str
    name: str
    certificate_pem: str
    valid_from: datetime
    valid_until: datetime
    revoked_at: datetime | None


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
    revoked_at: datetime | None = None
    revocation_reason: str = ""
