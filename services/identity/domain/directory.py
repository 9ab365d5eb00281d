"""Regions, organs, persons, clients and mandates, and the rules between them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from chassis.problems import Forbidden, Invalid, Violation
from services.identity.domain.identifiers import check_resident_number, check_uscc
from services.identity.domain.permissions import Role

# GB/T 2260 knows three levels, organs six, and orders seldom pass more: a longer chain is a mistake in the data.
LONGEST_CHAIN = 20
LONGEST_MANDATE = timedelta(days=366)
HIGHEST_ASSURANCE = 3


@dataclass(frozen=True, slots=True)
class Region:
    """An administrative region (行政区划); `version` grows with each change."""

    code: str
    name: str
    parent_code: str = ""
    version: int = 1


class Level(Enum):
    """The level at which an organ exercises its power (GB/T 39554.1: 行使层级)."""

    NATIONAL = "national"
    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    TOWN = "town"
    VILLAGE = "village"


@dataclass(frozen=True, slots=True)
class Organ:
    """A legal body that handles matters (机关, 部门, 实施主体); `version` grows with each change."""

    organ_id: str
    name: str
    uscc: str
    region_code: str
    level: Level
    parent_organ_id: str = ""
    version: int = 1


class PersonKind(Enum):
    """Whether a person is a human being or an organisation."""

    NATURAL = "natural"
    LEGAL = "legal"


@dataclass(frozen=True, slots=True)
class Person:
    """A natural or legal person, without the identity number. `assurance` is 0 (none) to 3 (high).

    `version` grows with each change.
    """

    person_id: str
    kind: PersonKind
    name: str
    masked_number: str
    assurance: int
    version: int = 1

    def seen_again(self, name: str, assurance: int) -> "Person":
        """Return the person after one more registration of the same number.

        A portal that vouches for less cannot rename whom a better one has identified; assurance never falls.
        """
        same = (name, assurance) == (self.name, self.assurance)
        if same or assurance < self.assurance:
            return self
        return replace(self, name=name, assurance=assurance, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class Client:
    """A system that calls the platform. `public_jwk` has the members kty, crv, x and y only."""

    client_id: str
    name: str
    role: Role
    organ_id: str
    public_jwk: dict[str, str]
    disabled: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Mandate:
    """Leave for an agent (经办人) to act for a principal until a time."""

    mandate_id: str
    agent_person_id: str
    principal_person_id: str
    expires_at: datetime
    revoked: bool = False


def check_identity_number(kind: PersonKind, number: str) -> str:
    """Return the identity number of a person of this kind in its one written form, or raise Invalid."""
    check = check_resident_number if kind is PersonKind.NATURAL else check_uscc
    return check(number, "identity_number")


def check_assurance(assurance: int) -> int:
    """Return the level of assurance, or raise Invalid BAD_ASSURANCE when it is above 3."""
    if assurance > HIGHEST_ASSURANCE:
        raise _invalid("BAD_ASSURANCE", "assurance", f"should be 0 to {HIGHEST_ASSURANCE}")
    return assurance


def is_own_ancestor(child: str, parent: str, parent_of: Callable[[str], str]) -> bool:
    """Tell whether hanging `child` below `parent` would make it its own ancestor.

    `parent_of` gives the key above a key, empty at the top.
    """
    above = parent
    for _ in range(LONGEST_CHAIN):
        if not above:
            return False
        if above == child:
            return True
        above = parent_of(above)
    return True


def check_client_organ(role: Role, organ_id: str) -> None:
    """Raise Invalid BAD_CLIENT_ORGAN unless an organ is named for a department's system, and for no other."""
    if role is Role.DEPARTMENT and not organ_id:
        raise _invalid("BAD_CLIENT_ORGAN", "organ_id", "a department's system needs the organ that it works for")
    if role is not Role.DEPARTMENT and organ_id:
        raise _invalid("BAD_CLIENT_ORGAN", "organ_id", "only a department's system works for an organ; leave it empty")


def check_mandate(agent: Person, principal: Person, expires_at: datetime, now: datetime) -> None:
    """Raise Invalid BAD_MANDATE unless a natural person gets leave to act for another, for a year at most."""
    if agent.kind is not PersonKind.NATURAL:
        raise _invalid("BAD_MANDATE", "agent_person_id", "an agent should be a natural person")
    if agent.person_id == principal.person_id:
        raise _invalid("BAD_MANDATE", "principal_person_id", "nobody needs leave to act for themself")
    if expires_at <= now:
        raise _invalid("BAD_MANDATE", "expires_at", "should be in the future")
    if expires_at > now + LONGEST_MANDATE:
        raise _invalid("BAD_MANDATE", "expires_at", "should be at most a year from now")


def check_grantor(principal_person_id: str, acting: str, acting_for: str) -> None:
    """Raise Forbidden NOT_YOUR_MANDATE unless the caller may give leave in the principal's name.

    `acting` is the person who uses a portal, `acting_for` the person the case would belong to; both empty for a system
    that acts for nobody. An agent cannot pass the leave on: the principal has to act in person.
    """
    if acting_for and not acting == acting_for == principal_person_id:
        raise _not_yours(principal_person_id)


def check_revoker(mandate: Mandate, acting: str) -> None:
    """Raise Forbidden NOT_YOUR_MANDATE unless the caller is a system, or one of the mandate's two persons."""
    if acting and acting not in {mandate.agent_person_id, mandate.principal_person_id}:
        raise _not_yours(mandate.principal_person_id)


def _not_yours(principal_person_id: str) -> Forbidden:
    return Forbidden(
        "NOT_YOUR_MANDATE",
        f"only person {principal_person_id} in person decides who acts for them",
        principal_person_id=principal_person_id,
    )


def _invalid(reason: str, field: str, expectation: str) -> Invalid:
    return Invalid(reason, f"{field}: {expectation}", violations=[Violation(field, expectation)], field=field)
