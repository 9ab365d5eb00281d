"""Sealing a PDF: PAdES B-B, B-T and B-LT (ETSI EN 319 142-1), with the seal's picture on the page.

`preparing.py` writes the file up to the signature, `cms/signing.py` makes the signature. Neither waits for anything but
a timestamp authority, and neither starts an event loop, which a worker under eventlet must not.
"""

from dataclasses import dataclass
from datetime import datetime

from services.eseal.cms.signing import CmsSigner
from services.eseal.domain.orders import Found, Order
from services.eseal.keys import Credential
from services.eseal.pdf.grades import Grade
from services.eseal.pdf.picture import SealPicture
from services.eseal.pdf.prepared import Prepared
from services.eseal.pdf.preparing import prepare


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed PDF, and the SHA-256 (hexadecimal) of the bytes that its signature covers."""

    content: bytes
    signed_digest: str


class Sealer:
    """A seal ready for use: key, certificates and picture loaded once, for any number of documents."""

    def __init__(self, credential: Credential, picture: bytes, grade: Grade | None = None) -> None:
        """`picture`: PNG."""
        self._signer = CmsSigner(credential)
        self._picture = SealPicture(picture)
        self._grade = grade or Grade()

    def seal(self, content: bytes, order: Order, now: datetime) -> Sealed:
        """A document of our own making sealed, at the moment `now`.

        Raises SealingError as `prepare` does, and what the source of timestamps raises.
        """
        validation = self._grade.validation() if self._grade.validation else None
        return self.sign(
            prepare(content, self._picture, order, now, room=self._grade.room, validation=validation, find=_find)
        )

    def sign(self, prepared: Prepared) -> Sealed:
        """A prepared document with its signature."""
        signature = self._signer.detached(prepared.digest, stamp=self._grade.stamp)
        return Sealed(prepared.sealed(signature), prepared.digest.hex())


def _find(content: bytes, text: str, occurrence: int) -> Found:
    from services.eseal.pdf.searching import find  # noqa: PLC0415 - few places are given by a text

    return find(content, text, occurrence)
