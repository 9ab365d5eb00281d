"""What operators do with versions, many at once and each for itself: submit, withdraw, publish, retire, discard."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import select

from chassis.clock import day_of
from chassis.database import UnitOfWork
from chassis.problems import Conflict, NotFound, Problem
from services.matters.catalogue import store
from services.matters.catalogue.domain import versions as rules
from services.matters.catalogue.domain.elements import TASK_CODE_LENGTH, catalog_code_of
from services.matters.catalogue.domain.versions import Phase, State, Version, phase_of
from services.matters.catalogue.store import Act

AT_ONCE = 200
"""Entries decided about in one transaction."""


class Verb(StrEnum):
    """What is done, as it is recorded."""

    SUBMIT = "submitted"
    WITHDRAW = "withdrawn"
    PUBLISH = "published"
    RETIRE = "retired"
    DISCARD = "discarded"


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody asks for."""

    verb: Verb
    who: str
    reason: str
    request_id: str
    last_day: date | None = None
    """Of a retirement: the last day in force; yesterday when it is not said."""
    seen_at: datetime | None = None
    """Of a publication: when somebody looked at what is in review; now when it is not said."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one entry; a problem means that nothing of it was changed."""

    code: str
    version: int
    problem: Problem | None = None
    before: bool = False
    """Whether this very request had done it when it was called before."""


class Acting:
    """One transaction over some entries."""

    def __init__(self, work: UnitOfWork, order: Order) -> None:
        self._work = work
        self._order = order
        self._day = day_of(work.now)
        self._changed: dict[tuple[str, int], Version] = {}
        self._removed: list[Version] = []
        self._acts: list[Act] = []

    def on(self, codes: Sequence[str]) -> list[Result]:
        """Do what is asked with each entry; those that cannot be are told with their problem."""
        connection = self._work.connection
        store.lock(connection, codes)
        before = store.done_before(connection, self._act(Version("", 0, State.DRAFT, ())), codes)
        found = store.versions_of(connection, codes)
        refuse = self._refusals(codes)
        results = []
        for code in codes:
            if code in before:
                results.append(Result(code, before[code], before=True))
                continue
            results.append(self._one(code, found.get(code, []), refuse))
        store.replace(connection, list(self._changed.values()), self._work.now)
        self._discard()
        store.record(connection, self._acts, self._work.now)
        return results

    def _one(self, code: str, versions: list[Version], refuse: "Callable[[str], None]") -> Result:
        newest = versions[-1] if versions else None
        try:
            if newest is None:
                raise NotFound("MATTER_NOT_FOUND", f"the catalogue has no entry {code}", code=code)
            refuse(code)
            changed = self._decided(newest, versions)
        except Problem as problem:
            return Result(code, newest.number if newest else 0, problem)
        self._changed |= {(code, each.number): each for each in changed}
        self._acts += [self._act(each) for each in changed if self._is_acted_on(each, newest)]
        return Result(code, newest.number)

    def _is_acted_on(self, changed: Version, newest: Version) -> bool:
        return self._order.verb is Verb.RETIRE or changed.number == newest.number

    def _decided(self, newest: Version, versions: list[Version]) -> list[Version]:
        order = self._order
        match order.verb:
            case Verb.SUBMIT:
                return [rules.submitted(newest, order.who)]
            case Verb.WITHDRAW:
                return [rules.withdrawn(newest)]
            case Verb.PUBLISH:
                return _settled(versions, rules.published(newest, order.who, self._day))
            case Verb.RETIRE:
                return rules.retired(versions, order.last_day or self._day - rules.ONE_DAY, self._day)
            case Verb.DISCARD:
                self._removed.append(rules.discarded(newest))
                self._acts.append(self._act(newest))
                return []

    def _act(self, version: Version) -> Act:
        order = self._order
        return Act(version.code, version.number, order.verb.value, order.who, order.reason, order.request_id)

    def _discard(self) -> None:
        codes = [each.code for each in self._removed]
        shared = store.substances_of(self._work.connection, codes)
        if self._removed:
            store.remove(self._work.connection, self._removed)
            store.sweep(self._work.connection, codes, shared)

    def _refusals(self, codes: Sequence[str]) -> "Callable[[str], None]":
        """What refuses an entry for the sake of others."""
        if self._order.verb is Verb.PUBLISH:
            standing = self._standing({catalog_code_of(code) for code in codes})
            return _all_of(_as_seen(self._unseen(codes)), _item_needed(standing))
        if self._order.verb is Verb.RETIRE:
            return _implementations_first(self._implemented([code for code in codes if len(code) < TASK_CODE_LENGTH]))
        return lambda _: None

    def _unseen(self, codes: Sequence[str]) -> set[str]:
        """The entries that came into review after somebody looked at it."""
        columns, seen_at = store.versions.c, self._order.seen_at
        if seen_at is None:
            return set()
        found: set[str] = set()
        for some in store.batches(codes):
            newer = (columns.state == State.REVIEW.value) & (columns.changed_at > seen_at)
            found |= set(self._work.connection.scalars(select(columns.code).where(columns.code.in_(some), newer)))
        return found

    def _standing(self, codes: Iterable[str]) -> set[str]:
        """The entries that are in force, or are going to be."""
        found = store.versions_of(self._work.connection, sorted(codes))
        here = (Phase.IN_FORCE, Phase.PLANNED)
        return {code for code, versions in found.items() if any(phase_of(each, self._day) in here for each in versions)}

    def _implemented(self, items: Sequence[str]) -> set[str]:
        """The items that have an implementation in force, or to be, after the last day."""
        columns, last_day = store.versions.c, self._order.last_day or self._day - rules.ONE_DAY
        found: set[str] = set()
        for some in store.batches(items):
            query = select(columns.catalog_code).where(
                columns.catalog_code.in_(some),
                columns.uscc != "",
                columns.begins_on.is_not(None),
                columns.last_on.is_(None) | (columns.last_on > last_day) & (columns.last_on >= columns.begins_on),
            )
            found |= set(self._work.connection.scalars(query.distinct()))
        return found


def _settled(versions: list[Version], published: Version) -> list[Version]:
    """The published version, and the earlier ones whose last day it changes."""
    all_of_it = [*(each for each in versions if each.number != published.number), published]
    last = rules.timeline(all_of_it)
    settled = [replace(each, last_on=last[each.number]) if each.begins_on else each for each in all_of_it]
    return [new for new, old in zip(settled, all_of_it, strict=True) if new != old or new.number == published.number]


def _all_of(*refusals: Callable[[str], None]) -> Callable[[str], None]:
    def refuse(code: str) -> None:
        for each in refusals:
            each(code)

    return refuse


def _as_seen(unseen: set[str]) -> Callable[[str], None]:
    def refuse(code: str) -> None:
        if code in unseen:
            message = f"{code} came into review after you looked: look at it again"
            raise Conflict("CHANGED_SINCE", message, code=code)

    return refuse


def _item_needed(standing: set[str]) -> Callable[[str], None]:
    def refuse(code: str) -> None:
        item = catalog_code_of(code)
        if len(code) >= TASK_CODE_LENGTH and item not in standing:
            message = f"its item {item} of the catalogue is neither in force nor going to be: publish that first"
            raise Conflict("ITEM_NOT_PUBLISHED", message, code=code, item=item)

    return refuse


def _implementations_first(implemented: set[str]) -> Callable[[str], None]:
    def refuse(code: str) -> None:
        if code in implemented:
            message = f"offices implement {code} beyond that day: retire their implementations first"
            raise Conflict("STILL_IMPLEMENTED", message, code=code)

    return refuse


def in_order(codes: Iterable[str], *, items_first: bool) -> Iterator[list[str]]:
    """Codes as transactions take them: each once, items apart from what implements them, before it or after it."""
    once = list(dict.fromkeys(codes))
    items = [code for code in once if len(code) < TASK_CODE_LENGTH]
    others = [code for code in once if len(code) >= TASK_CODE_LENGTH]
    for kind in (items, others) if items_first else (others, items):
        yield from store.batches(kind, AT_ONCE)
