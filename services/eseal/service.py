"""What eseal can do: each method is one use case in one transaction that the caller opens and commits.

pyHanko, reportlab and Pillow take 0.5 s and 40 MB to load. They are imported where they are first needed, so that a
process which has sealed or drawn nothing yet starts fast and stays small; files are verified in other processes.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Self

from chassis.database import UnitOfWork
from chassis.problems import Invalid, NotFound, Violation
from chassis.settings import Settings
from duokua.identity.v1 import events_pb2 as identity_events
from services.eseal import store
from services.eseal.certificates.authorities import Authorities
from services.eseal.certificates.outside import OutsideTrust
from services.eseal.certificates.outside_national import still_trusted
from services.eseal.certificates.publishing import revocation_list
from services.eseal.certificates.revocation import pem_list
from services.eseal.domain.findings import Finding, UnreadableError, compare
from services.eseal.domain.records import Document
from services.eseal.domain.seal import Suite
from services.eseal.domain.trust import Trust, read_trust
from services.eseal.levels import trusted_timestamps
from services.eseal.seals import store as seal_store
from services.eseal.seals.standing import with_standing
from services.eseal.verification.judges import Judges


class Documents:
    """Hands out documents, and judges files. What seals notices is in `notices.py`."""

    def __init__(
        self,
        authorities: Authorities,
        judges: Judges | None = None,
        outside: OutsideTrust | None = None,
        timestamp_trust: str = "",
    ) -> None:
        """`timestamp_trust`: whom to believe about time beside all these, PEM."""
        self._authorities = authorities
        self._judges = judges or Judges()
        self._outside = outside or OutsideTrust()
        self._timestamp_trust = timestamp_trust

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """With the authorities of this installation, and those outside that its settings name."""
        authorities, outside = Authorities.from_settings(settings), OutsideTrust.from_settings(settings)
        return cls(authorities, outside=outside, timestamp_trust=trusted_timestamps(settings))

    def keep_organs(self, work: UnitOfWork, events: Sequence[identity_events.OrganRegistered]) -> None:
        """Keeps the names of organs; an older version never overwrites a newer one."""
        newest = {event.organ.organ_id: event for event in sorted(events, key=lambda event: event.version)}
        rows = [
            {"organ_id": event.organ.organ_id, "name": event.organ.name, "version": event.version}
            for event in newest.values()
        ]
        store.save_organs(work.connection, rows)

    def trust_anchors(self, work: UnitOfWork) -> Sequence[str]:
        """The root certificates, PEM, and the authorities that no OFD brings along; none before the first seal."""
        return self._authorities.trusted(work)

    def revocation_lists(self, work: UnitOfWork) -> Sequence[str]:
        """The revocation lists of all authorities as of now, PEM."""
        return [pem_list(revocation_list(work, self._authorities, each)) for each in self._authorities.all(work)]

    def document(self, work: UnitOfWork, document_id: str) -> Document:
        """A document without its content. Raises NotFound DOCUMENT_NOT_FOUND."""
        document = store.document_by_id(work.connection, document_id)
        if document is None:
            raise document_not_found(document_id)
        return document

    def content(self, work: UnitOfWork, document: Document) -> bytes:
        """The file of a document."""
        return store.content_of(work.connection, document.document_id)

    def verify(self, work: UnitOfWork, content: bytes, signature: bytes = b"") -> tuple[Finding, Document | None]:
        """Judges a file, and gives the register's record when the file is one of its own.

        `signature`: the file's detached one, if it has one. Raises what `Judges.inspect` raises, but Invalid for
        UnreadableError.
        """

        def sealed_at(signed_digest: str) -> datetime | None:
            known = store.document_by_digest(work.connection, signed_digest)
            return known.sealed_at if known else None

        try:
            finding = self._judges.inspect(content, self.trust(work), sealed_at, signature)
        except UnreadableError as fault:
            raise Invalid(fault.reason, fault.description, [Violation("content", fault.description)]) from fault
        finding = with_standing(work, finding)
        record = store.document_by_digest(work.connection, finding.signed_digest) if finding.signed_digest else None
        if record is None:
            return finding, None
        return compare(finding, record, hashlib.sha256(content).hexdigest()), record

    def trust(self, work: UnitOfWork) -> Trust:
        """By whom seals on files are believed: the platform's authorities, and those outside that its settings name."""
        chains = seal_store.outside_chains(work.connection, Suite.NATIONAL)
        below = still_trusted(chains, self._outside)
        trusted = "\n".join((*self.trust_anchors(work), self._outside.text, *below))
        lists = self.revocation_lists(work)
        return read_trust("\n".join((trusted, *lists)), f"{trusted}\n{self._timestamp_trust}")


def document_not_found(document_id: str) -> NotFound:
    """The same answer for what does not exist and for what the caller may not see."""
    return NotFound("DOCUMENT_NOT_FOUND", f"there is no document {document_id}", document_id=document_id)
