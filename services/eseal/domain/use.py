"""Which seal goes on a document of a case's step, whether it may, and whether an official may put one on a file."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.eseal.domain.seal import ALL, IN_USE, Kind, Seal, State, Suite

CASE = "case"
LICENCE = "licence"
# The narrower a seal's use, the more it is meant: a seal for a certain business goes before the organ's own.
_NARROWEST_FIRST = (Kind.SPECIAL, Kind.DEPARTMENT, Kind.ORGAN)


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a seal is wanted for."""

    organ_id: str
    """Whose seal."""
    for_organ_id: str
    """The organ that handles the step; as a rule the same."""
    catalog_code: str
    """The step's matter; empty when it is not known, which only a seal for all matters suits."""
    case_id: str = ""
    step_id: str = ""
    title: str = ""
    """Of the document."""
    actor: str = CASE
    """Who has it used: the step itself, a licence that becomes a document, or an office's system, "client:<id>"."""
    official: str = ""
    """The person in office who has it used, as the office's system says; empty for a step."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no seal may be used."""

    seal_id: str
    """The seal that would have been used; empty for none."""
    reason: str
    """UPPER_SNAKE."""
    description: str
    """What is wrong, and what to do."""


def choose(
    seals: Iterable[Seal], purpose: Purpose, now: datetime, suite: Suite = Suite.INTERNATIONAL
) -> Seal | Refusal:
    """The seal for a purpose, out of those of its organ, or why there is none.

    The seal that is meant most closely decides: when it is suspended or expired, no other one takes its place. Of two
    that are meant as closely it is the one of the organ's `suite`.
    """
    usable = [seal for seal in seals if seal.state in IN_USE and seal.kind in _NARROWEST_FIRST]
    if not usable:
        organ = purpose.organ_id
        return Refusal("", "NO_SEAL", f"organ {organ} has no seal in use; have one made and ask again")
    suitable = (seal for seal in usable if _suits(seal, purpose))
    for_matter = sorted(suitable, key=lambda seal: _distance(seal, purpose, suite))
    if not for_matter:
        what = f"the matter {purpose.catalog_code}" if purpose.catalog_code else "all matters"
        message = f"no seal of organ {purpose.organ_id} is for {what}; have one made for it"
        return Refusal("", "SEAL_NOT_FOR_MATTER", message)
    return refused(for_matter[0], purpose, now) or for_matter[0]


def refused(seal: Seal, purpose: Purpose, now: datetime) -> Refusal | None:
    """Why a seal may not be used for a purpose now; None when it may."""

    def no(reason: str, description: str) -> Refusal:
        return Refusal(seal.seal_id, reason, f"seal {seal.seal_id} {description}")

    if (dormant := _dormant(seal, now)) is not None:
        return dormant
    if purpose.for_organ_id != seal.organ_id and purpose.for_organ_id not in seal.served_organs:
        return no(
            "SEAL_NOT_FOR_ORGAN", f"is not for steps of organ {purpose.for_organ_id}; have it remade so that it is"
        )
    if not _suits(seal, purpose):
        whose = f"is for {' '.join(seal.matters) or 'no matter'} alone"
        if not purpose.catalog_code:
            return no("SEAL_NOT_FOR_MATTER", f"{whose}; say which matter it is about")
        return no("SEAL_NOT_FOR_MATTER", f"{whose}, not for the matter {purpose.catalog_code}")
    return None


def refused_by_hand(seal: Seal, purpose: Purpose, now: datetime) -> Refusal | None:
    """Why an official may not put a seal on a file now; None when they may.

    Only the seal's own organ has it used so; whom else it serves, it serves in their cases. A personal seal is for the
    person whose name it has, whatever the matter.
    """
    if purpose.for_organ_id != seal.organ_id:
        return Refusal(seal.seal_id, "SEAL_OF_ANOTHER_ORGAN", f"there is no seal {seal.seal_id}")
    if seal.kind is not Kind.PERSONAL:
        return refused(seal, purpose, now)
    if purpose.official != seal.name:
        message = f"seal {seal.seal_id} is personal: only {seal.name} may use it"
        return Refusal(seal.seal_id, "SEAL_NOT_FOR_OFFICIAL", message)
    return _dormant(seal, now)


def _dormant(seal: Seal, now: datetime) -> Refusal | None:
    """Why a seal may not be used for anything now; None when it may."""

    def no(reason: str, description: str) -> Refusal:
        return Refusal(seal.seal_id, reason, f"seal {seal.seal_id} {description}")

    if seal.state is not State.ACTIVE:
        return no(f"SEAL_{seal.state}", f"is {seal.state}; have it resumed, or another one made, and ask again")
    if seal.valid_from is None or now < seal.valid_from:
        return no("SEAL_NOT_YET_VALID", f"is good from {seal.valid_from} on")
    if seal.valid_until is None or now >= seal.valid_until:
        return no("SEAL_EXPIRED", "has expired; have it renewed and ask again")
    return None


def _suits(seal: Seal, purpose: Purpose) -> bool:
    return ALL in seal.matters or (bool(purpose.catalog_code) and purpose.catalog_code in seal.matters)


def _distance(seal: Seal, purpose: Purpose, suite: Suite) -> tuple[bool, int, bool, str]:
    """How closely a seal is meant for a purpose; the least is the closest."""
    named = purpose.catalog_code in seal.matters
    return not named, _NARROWEST_FIRST.index(seal.kind), seal.suite is not suite, seal.seal_id
