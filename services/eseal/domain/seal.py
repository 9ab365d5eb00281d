"""The life of a seal (电子印章): what it is, what may be done to it, and by whom.

    APPLIED ──approve──> APPROVED ──make──> MADE ──activate──> ACTIVE <──resume/suspend──> SUSPENDED
       │                    │                 │                  │                            │
       └─reject─> REJECTED  └─────────────────┴──────revoke──────┴─────────> REVOKED <────────┘
                                                                 └─replace─> REPLACED ──revoke──> REVOKED

Kinds follow the measures for electronic seals of 2025 (国办发〔2025〕33号): the organ's full name, its departments, its
special business, and the names of persons in office. A certificate stands in the seal, so a renewed certificate means a
remade seal: renewal is an application for a seal that replaces another.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from chassis.problems import Conflict, Forbidden

ALL = "*"
MOST_YEARS = 5


class Kind(StrEnum):
    """Whose name is on it."""

    ORGAN = "ORGAN"
    """法定名称章."""
    DEPARTMENT = "DEPARTMENT"
    """内设机构章."""
    SPECIAL = "SPECIAL"
    """业务专用章."""
    PERSONAL = "PERSONAL"
    """个人名章."""


class Suite(StrEnum):
    """The algorithms of its key and certificate."""

    INTERNATIONAL = "INTERNATIONAL"
    NATIONAL = "NATIONAL"


class State(StrEnum):
    """How far a seal has come. It may be used when it is ACTIVE, and at no other time."""

    APPLIED = "APPLIED"
    REJECTED = "REJECTED"
    APPROVED = "APPROVED"
    MADE = "MADE"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    REVOKED = "REVOKED"
    REPLACED = "REPLACED"


class Act(StrEnum):
    """What can be done to a seal; each is an entry of its history."""

    APPLIED = "APPLIED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    MADE = "MADE"
    ACTIVATED = "ACTIVATED"
    SUSPENDED = "SUSPENDED"
    RESUMED = "RESUMED"
    REVOKED = "REVOKED"
    REPLACED = "REPLACED"


IN_USE = frozenset({State.ACTIVE, State.SUSPENDED})
ON_THE_WAY = frozenset({State.APPLIED, State.APPROVED, State.MADE})
_MADE = frozenset({State.MADE, *IN_USE})

# From which states an act is possible, and where it leads. Applying is how a seal begins.
_COURSE: dict[Act, tuple[frozenset[State], State]] = {
    Act.APPROVED: (frozenset({State.APPLIED}), State.APPROVED),
    Act.REJECTED: (frozenset({State.APPLIED}), State.REJECTED),
    Act.MADE: (frozenset({State.APPROVED}), State.MADE),
    Act.ACTIVATED: (frozenset({State.MADE}), State.ACTIVE),
    Act.SUSPENDED: (frozenset({State.ACTIVE}), State.SUSPENDED),
    Act.RESUMED: (frozenset({State.SUSPENDED}), State.ACTIVE),
    # A key may be stolen long after its seal was replaced; until its certificate has expired that has to be told.
    Act.REVOKED: (frozenset({State.APPROVED, *_MADE, State.REPLACED}), State.REVOKED),
    Act.REPLACED: (frozenset({State.ACTIVE}), State.REPLACED),
}


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal as the register knows it, without its key and picture."""

    seal_id: str
    organ_id: str
    organ_name: str
    kind: Kind
    suite: Suite
    name: str
    """What is written on it."""
    matters: tuple[str, ...]
    """Catalogue codes, or ALL; none for a personal seal, which no case uses."""
    served_organs: tuple[str, ...]
    """Other organs for whose steps it may be used."""
    years: int
    outside: bool
    """Whether its certificate comes from an authority outside the platform."""
    applied_by: str
    applied_at: datetime
    replaces: str = ""
    state: State = State.APPLIED
    certificate_pem: str = ""
    chain_pem: str = ""
    """The authorities between its certificate and a root, one PEM after the other."""
    issuer_id: str = ""
    """Which authority of the platform issued its certificate; empty for one from outside."""
    serial_number: str = ""
    """Of its certificate, in decimal."""
    key_id: str = ""
    uploaded: bool = False
    """Whether its picture came from outside; else it was drawn here."""
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    @property
    def slot(self) -> str:
        """What there can be only one of at a time: an organ has one seal with its own name, and one of each other."""
        name = "" if self.kind is Kind.ORGAN else self.name
        return f"{self.organ_id}/{self.suite}/{self.kind}/{name}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done to a seal."""

    seal_id: str
    number: int
    """Counted from 1."""
    act: Act
    actor: str
    """The subject that did it, such as "client:<id>"."""
    at: datetime
    reason: str


def perform(seal: Seal, act: Act, actor: str) -> Seal:
    """The seal after an act. Raises Conflict WRONG_SEAL_STATE, Forbidden FOUR_EYES."""
    before, after = _COURSE[act]
    if seal.state not in before:
        possible = ", ".join(sorted(before))
        message = f"seal {seal.seal_id} is {seal.state}; it can be {act} only when it is {possible}"
        raise Conflict("WRONG_SEAL_STATE", message, seal_id=seal.seal_id, state=seal.state)
    if act is Act.APPROVED and actor == seal.applied_by:
        message = f"you applied for seal {seal.seal_id}: somebody else has to approve it"
        raise Forbidden("FOUR_EYES", message, seal_id=seal.seal_id)
    return replace(seal, state=after)


def check_replaceable(seal: Seal, by: Seal) -> None:
    """Raise Conflict SEAL_NOT_REPLACEABLE unless `by` may take the place of the seal."""
    if seal.slot != by.slot:
        message = f"seal {seal.seal_id} has another organ, kind, name or suite: only the same seal can be remade"
        raise Conflict("SEAL_NOT_REPLACEABLE", message, seal_id=seal.seal_id)
    if seal.state is not State.ACTIVE:
        message = (
            f"seal {seal.seal_id} is {seal.state}: only one that is ACTIVE can be replaced; have it resumed, "
            "or where it has ended apply for a new one that replaces none"
        )
        raise Conflict("SEAL_NOT_REPLACEABLE", message, seal_id=seal.seal_id, state=seal.state)
