"""Use cases of the offices' systems: leasing tasks, answering them, fetching materials."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from sqlalchemy import ColumnElement, Row, and_, or_, select, update

from chassis.clock import new_id
from chassis.database import UnitOfWork
from chassis.problems import Conflict, NotFound, Problem
from chassis.settings import Settings
from duokua.cases.v1 import task_pb2
from services.cases import materials, store
from services.cases.domain.case import OPEN_TASK, CaseStatus, TaskStatus
from services.cases.domain.decide import decide
from services.cases.domain.inputs import KEEPING, Accepted, Answer, Resumed
from services.cases.domain.refusal import Refusal
from services.cases.materials import Found
from services.cases.plans import Plans
from services.cases.saga import Decide, Pending, Running, Saga
from services.cases.service import as_problem
from services.cases.writes import TASKS_TOPIC

tasks = store.tasks

MOST_AT_ONCE = 1000
MOST_CODES = 200
"""More codes of one office are not put into the query: it would grow with whatever clients say."""
EVERY = frozenset({"*"})
"""In place of codes: all of the office's."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one client can take: tasks of its organ, of some matters (none named: of all)."""

    organ_id: str
    catalog_codes: frozenset[str]
    capacity: int
    client: str
    """Who will hold the leases: "client:<id>"."""

    def fits(self, row: Row[Any, Any, Any]) -> bool:
        """Whether a task is one of these."""
        return row.organ_id == self.organ_id and (not self.catalog_codes or row.catalog_code in self.catalog_codes)


@dataclass(frozen=True, slots=True)
class Given:
    """An answer of an office's system: to a task, under a lease.

    `answer` is None when only the lease is meant: it is extended, or with `releases` given back.
    """

    organ_id: str
    actor: str
    request_id: str
    task_id: str
    lease: str
    answer: Answer | None
    releases: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an answer: a problem, or with a lease that goes on, its new end."""

    problem: Problem | None = None
    lease_until: datetime | None = None


class Tasks:
    """The queue of open tasks, each held by at most one client at a time."""

    def __init__(self, plans: Plans, lease: timedelta, decide: Decide = decide) -> None:
        self._saga = Saga(plans, decide)
        self._lease = lease

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The queue as an installation has it."""
        return cls(Plans(), timedelta(seconds=settings.lease_seconds))

    def lease(self, work: UnitOfWork, wishes: Sequence[Wish]) -> tuple[list[list[task_pb2.Task]], bool]:
        """Lease what is available, the oldest first: for each wish at most as many tasks as it has capacity for.

        Also says whether more may be available: the look was as full as it could be, perhaps of one client's tasks.
        """
        rows = self._available(work, wishes)
        chosen: list[list[str]] = [[] for _ in wishes]
        for row in rows:
            fitting = [
                (wish.capacity - len(chosen[index]), -index) for index, wish in enumerate(wishes) if wish.fits(row)
            ]
            room, place = max(fitting, default=(0, 0))  # among the clients of an office, whoever has most room
            if room > 0:
                chosen[-place].append(row.task_id)
        leased = [self._lease_to(work, wish, ids) for wish, ids in zip(wishes, chosen, strict=True)]
        return leased, len(rows) == _limit(wishes)

    def give_back(self, work: UnitOfWork, leased: Sequence[task_pb2.Task]) -> None:
        """Take back leases that no client has heard of."""
        by_id = {task.task_id: task.lease for task in leased}
        rows = store.lock_tasks(work.connection, sorted(by_id))
        self._release(work, [task_id for task_id, row in rows.items() if row.lease == by_id[task_id]])

    def answer(self, work: UnitOfWork, answers: Sequence[Given]) -> list[Outcome]:
        """Take answers, each for itself: what is wrong with one does not touch the others."""
        cases = self._saga.load(work, [case_id_of(given.task_id) for given in answers])
        rows = store.lock_tasks(work.connection, sorted({given.task_id for given in answers}))
        outcomes: list[Outcome | None] = [self._objection(given, cases, rows) for given in answers]
        taken = [
            (index, Pending(case_id_of(given.task_id), given.answer, given.actor))
            for index, given in enumerate(answers)
            if outcomes[index] is None and given.answer is not None
        ]
        for (index, _), result in zip(
            taken, self._saga.apply(work, cases, [pending for _, pending in taken]), strict=True
        ):
            if isinstance(result, Refusal):
                outcomes[index] = Outcome(as_problem(result))
        until = work.now + self._lease
        kept = [
            {"key": given.task_id, "until": until, "accepts": isinstance(given.answer, Accepted)}
            for given, outcome in zip(answers, outcomes, strict=True)
            if outcome is None and _goes_on(given) and given.task_id in rows
        ]
        store.keep_leases(work.connection, kept)
        self._release(
            work,
            [
                given.task_id
                for given, outcome in zip(answers, outcomes, strict=True)
                if outcome is None and given.releases
            ],
        )
        return [
            outcome or Outcome(lease_until=until if _goes_on(given) else None)
            for given, outcome in zip(answers, outcomes, strict=True)
        ]

    @staticmethod
    def _release(work: UnitOfWork, task_ids: Sequence[str]) -> None:
        if task_ids:
            store.release_tasks(work.connection, task_ids, work.now)
            work.wake(TASKS_TOPIC)

    def material(self, work: UnitOfWork, organ_id: str, task_id: str, digest: str) -> Found:
        """A material that an open task of this organ declares; raises NotFound TASK_NOT_FOUND, MATERIAL_NOT_FOUND."""
        row = store.find_task(work.connection, task_id)
        if row is None or row.organ_id != organ_id:
            raise task_not_found(task_id)
        return materials.of_task(work, row, digest)

    @staticmethod
    def _available(work: UnitOfWork, wishes: Sequence[Wish]) -> Sequence[Row[Any, Any, Any]]:
        query = (
            select(tasks.c.task_id, tasks.c.organ_id, tasks.c.catalog_code)
            .where(or_(*_conditions(wishes)), tasks.c.available_at <= work.now)
            .order_by(tasks.c.available_at, tasks.c.task_id)
            .limit(_limit(wishes))
            .with_for_update(skip_locked=True)
        )
        return work.connection.execute(query).all()

    def _lease_to(self, work: UnitOfWork, wish: Wish, task_ids: Sequence[str]) -> list[task_pb2.Task]:
        if not task_ids:
            return []
        until, lease = work.now + self._lease, new_id()
        statement = (
            update(tasks)
            .where(tasks.c.task_id.in_(task_ids))
            .values(lease=lease, leased_by=wish.client, available_at=until)
            .returning(tasks.c.task_id, tasks.c.body, tasks.c.accepted)
        )
        leased = []
        for row in work.connection.execute(statement):
            task = task_pb2.Task.FromString(row.body)
            task.lease = lease
            task.lease_expires_at.FromDatetime(until)
            task.accepted = row.accepted
            leased.append(task)
        return sorted(leased, key=lambda task: task.task_id)

    @staticmethod
    def _objection(
        given: Given, cases: Mapping[str, Running], rows: Mapping[str, Row[Any, Any, Any]]
    ) -> Outcome | None:
        row = rows.get(given.task_id)
        running = cases.get(case_id_of(given.task_id))
        case = running.case if running is not None else None
        known = case.tasks.get(given.task_id) if case is not None else None
        if case is None or known is None or known.organ_id != given.organ_id:
            return Outcome(task_not_found(given.task_id))
        if row is None:
            # It has its answer, or was taken back: the core knows what to make of another; a lease cannot be extended.
            if given.answer is not None and known.status not in OPEN_TASK:
                return None
            taken_back = known.status is TaskStatus.CLOSED and case.status in (CaseStatus.UNDOING, CaseStatus.UNDONE)
            return Outcome(_taken_back(given.task_id) if taken_back else _settled(given.task_id))
        if isinstance(given.answer, Resumed):
            return None  # it is about a task before; the core says that nothing was begun on this one
        if row.lease != given.lease or not given.lease:
            message = f"task {given.task_id} has been given to somebody else since; drop it"
            return Outcome(Conflict("STALE_LEASE", message, task_id=given.task_id))
        return None


def case_id_of(task_id: str) -> str:
    """The case that a task belongs to: its id is the first part of the task's."""
    return task_id.partition(":")[0]


def task_not_found(task_id: str) -> NotFound:
    """The same for a task that is not there and for another organ's."""
    return NotFound("TASK_NOT_FOUND", f"there is no task {task_id} of your organ", task_id=task_id)


def _taken_back(task_id: str) -> Conflict:
    message = f"task {task_id} was taken back: its case is undone; complete it only if its act is done"
    return Conflict("CASE_UNDOING", message, task_id=task_id)


def _settled(task_id: str) -> Conflict:
    return Conflict("TASK_SETTLED", f"task {task_id} has its answer already", task_id=task_id)


def _goes_on(given: Given) -> bool:
    return not given.releases and (given.answer is None or isinstance(given.answer, KEEPING))


def _limit(wishes: Iterable[Wish]) -> int:
    return min(sum(wish.capacity for wish in wishes), MOST_AT_ONCE)


def _conditions(wishes: Iterable[Wish]) -> list[ColumnElement[bool]]:
    """One for each office; the codes of its clients together, and none when they are too many to name."""
    codes_of: dict[str, set[str]] = {}
    for wish in wishes:
        codes_of.setdefault(wish.organ_id, set()).update(wish.catalog_codes or EVERY)
    return [
        tasks.c.organ_id == organ_id
        if codes >= EVERY or len(codes) > MOST_CODES
        else and_(tasks.c.organ_id == organ_id, tasks.c.catalog_code.in_(sorted(codes)))
        for organ_id, codes in codes_of.items()
    ]
