"""Versions of an entry: their states, who may do what to them, and which of them is in force on a day.

    draft ──submit──> review ──publish──> published ──retire──> retired
      ^                 │
      └────withdraw─────┘

Nothing happens on the day that a version takes effect or ends: publishing fixes from when and until when each version
is in force, and whoever reads asks for a day.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from chassis.problems import Conflict, Forbidden

ONE_DAY = timedelta(days=1)


class State(StrEnum):
    """How far a version has come."""

    DRAFT = "draft"
    REVIEW = "review"
    PUBLISHED = "published"
    RETIRED = "retired"


class Phase(StrEnum):
    """Where a version stands on a day."""

    DRAFT = "draft"
    REVIEW = "review"
    PLANNED = "planned"
    """Published, for a later day."""
    IN_FORCE = "in force"
    ENDED = "ended"
    """At its end date, or because a later version took its place."""
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an entry, without what it says."""

    code: str
    number: int
    state: State
    hands: tuple[str, ...]
    """Who wrote or submitted it: none of them may publish it."""
    effective_on: date | None = None
    """As planned; on the day of its publishing when it is not said, and never before that day."""
    ends_on: date | None = None
    """As planned: the last day; without end when it is not said."""
    begins_on: date | None = None
    """As published."""
    last_on: date | None = None
    """The last day in force, by its own end, its retirement or a later version. Before `begins_on`: never in force."""


def phase_of(version: Version, day: date) -> Phase:
    """Where a version stands on a day."""
    if version.state is State.DRAFT:
        return Phase.DRAFT
    if version.state is State.REVIEW:
        return Phase.REVIEW
    begins, last = version.begins_on or date.max, version.last_on or date.max
    if begins <= day <= last:
        return Phase.IN_FORCE
    if day < begins <= last:
        return Phase.PLANNED
    return Phase.RETIRED if version.state is State.RETIRED else Phase.ENDED


def touched(version: Version, who: str) -> Version:
    """A draft that somebody changed. Raises Conflict IN_REVIEW."""
    if version.state is State.REVIEW:
        message = (
            f"version {version.number} of {version.code} is in review: publish it, or withdraw it from review, first"
        )
        raise Conflict("IN_REVIEW", message, code=version.code, version=version.number)
    return replace(version, hands=_with(version.hands, who))


def submitted(version: Version, who: str) -> Version:
    """A draft that goes into review. Raises Conflict NOT_A_DRAFT."""
    _expect(version, State.DRAFT, "NOT_A_DRAFT", "only a draft can be submitted: import a change of it first")
    return replace(version, state=State.REVIEW, hands=_with(version.hands, who))


def withdrawn(version: Version) -> Version:
    """A version that goes back from review. Raises Conflict NOT_IN_REVIEW."""
    _expect(version, State.REVIEW, "NOT_IN_REVIEW", "only what is in review can be withdrawn from it")
    return replace(version, state=State.DRAFT)


def discarded(version: Version) -> Version:
    """A draft that is given up. Raises Conflict NOT_A_DRAFT."""
    _expect(version, State.DRAFT, "NOT_A_DRAFT", "only a draft can be discarded: withdraw it from review first")
    return version


def published(version: Version, who: str, day: date) -> Version:
    """A version that is published; its last day is settled by `timeline`.

    Raises Conflict NOT_IN_REVIEW, END_DATE_PASSED; Forbidden FOUR_EYES.
    """
    _expect(version, State.REVIEW, "NOT_IN_REVIEW", "submit it for review first")
    if who in version.hands:
        message = f"you wrote or submitted version {version.number} of {version.code}: somebody else has to publish it"
        raise Forbidden("FOUR_EYES", message, code=version.code, version=version.number)
    begins = max(version.effective_on or day, day)
    if version.ends_on and version.ends_on < begins:
        message = f"the end date {version.ends_on} of {version.code} is over before it begins on {begins}: correct it"
        raise Conflict("END_DATE_PASSED", message, code=version.code, ends_on=version.ends_on)
    return replace(version, state=State.PUBLISHED, begins_on=begins, last_on=version.ends_on)


def retired(versions: Iterable[Version], last_day: date, day: date) -> list[Version]:
    """The versions of one entry that change when it is retired after a last day.

    Raises Conflict DAY_PASSED, and NOT_IN_FORCE when there is none to retire.
    """
    if last_day < day - ONE_DAY:
        raise Conflict("DAY_PASSED", f"{last_day} has passed: give yesterday at the earliest", last_day=last_day)
    changed = [
        replace(version, state=State.RETIRED, last_on=min(version.last_on or date.max, last_day))
        for version in versions
        if version.state is State.PUBLISHED and phase_of(version, day) in (Phase.IN_FORCE, Phase.PLANNED)
    ]
    if not changed:
        raise Conflict("NOT_IN_FORCE", "nothing of it is in force or going to be: there is nothing to retire")
    return changed


def timeline(versions: Iterable[Version]) -> Mapping[int, date | None]:
    """The last day in force of each published version of one entry, by its number.

    On each day the version that began last decides, of two that begin on one day the newer; when it has ended, none is
    in force. What was retired keeps its last day unless a later version begins before it.
    """
    announced = [each for each in versions if each.begins_on]
    announced.sort(key=lambda each: (each.begins_on or date.max, each.number))
    last: dict[int, date | None] = {}
    for version, after in zip(announced, [*announced[1:], None], strict=True):
        own = version.last_on
        if after and after.begins_on:
            until = after.begins_on - ONE_DAY
            own = until if own is None else min(own, until)
        last[version.number] = own
    return last


def _expect(version: Version, state: State, reason: str, what_to_do: str) -> None:
    if version.state is not state:
        message = f"version {version.number} of {version.code} is {version.state.value}: {what_to_do}"
        raise Conflict(reason, message, code=version.code, version=version.number, state=version.state.value)


def _with(hands: tuple[str, ...], who: str) -> tuple[str, ...]:
    return hands if who in hands else (*hands, who)
