"""A licence in one version, and the steps of its life."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Self

from services.licences.domain.identifiers import Identifier
from services.licences.domain.life import Act, Status, after, standing
from services.licences.domain.types import HolderKind

PLATFORM = "platform"
"""Who did what nobody did: time, or an event."""


@dataclass(frozen=True, slots=True)
class Organ:
    """An organ as identity has it."""

    organ_id: str
    name: str
    uscc: str


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a licence. A person is known by the keyed fingerprint of the identity number until registered."""

    person_id: str
    kind: HolderKind
    name: str
    masked_number: str
    number_fingerprint: str


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to a licence, and where it stood afterwards."""

    revision: int
    at: datetime
    act: Act
    status: Status
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence in one version, without its data. No last day means without end."""

    licence_id: str
    identifier: str
    type_code: str
    issuer_organ_id: str
    issuer_uscc: str
    issuer_name: str
    serial: str
    version: int
    holder_person_id: str
    holder_name: str
    masked_number: str
    number_fingerprint: str
    valid_from: date
    valid_until: date | None
    issued_at: datetime
    status: Status = Status.VALID
    previous_licence_id: str = ""
    next_licence_id: str = ""
    case_id: str = ""
    revision: int = 1

    @property
    def named(self) -> Identifier:
        """Its identifier in parts."""
        return Identifier(self.type_code, self.issuer_uscc, self.serial, self.version)

    def on(self, today: date) -> Self:
        """The same as it stands on a day."""
        return replace(self, status=standing(self.status, self.valid_until, today))

    def good_on(self, today: date) -> bool:
        """Whether it is valid on a day."""
        return self.on(today).status is Status.VALID and self.valid_from <= today

    def changed(self, act: Act) -> Self:
        """The same after an act. Raises Conflict where that is not possible; see `life.after`."""
        return replace(self, status=after(self.status, act), revision=self.revision + 1)
