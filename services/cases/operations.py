"""Use cases of operators: incidents, and what is decided about steps and cases that do not go on by themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select

from chassis.database import UnitOfWork
from chassis.paging import Page
from chassis.problems import NotFound
from services.cases import store
from services.cases.domain.case import Case
from services.cases.domain.decisions import DecisionKind, possible_decisions
from services.cases.domain.inputs import Order
from services.cases.domain.refusal import Refusal
from services.cases.domain.snapshot import from_json
from services.cases.saga import Pending
from services.cases.service import Cases, as_problem

incidents = store.incidents


@dataclass(frozen=True, slots=True)
class Filter:
    """Which incidents are meant; what is empty does not matter."""

    reason: str = ""
    bundle_id: str = ""
    organ_id: str = ""
    step_id: str = ""
    case_id: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """An incident, and what can be decided about it as its case stands."""

    row: Row[Any]
    possible: tuple[DecisionKind, ...]


class Operations:
    """What operators see and decide."""

    def __init__(self, cases: Cases) -> None:
        self._cases = cases

    def list_incidents(self, work: UnitOfWork, page: Page, wanted: Filter, *, resolved: bool) -> list[Found]:
        """Incidents, oldest first; open ones only unless `resolved`."""
        query = _filtered(wanted).limit(page.fetch)
        if not resolved:
            query = query.where(incidents.c.resolved_at.is_(None))
        if page.after:
            query = query.where(incidents.c.incident_id > str(page.after[0]))
        return self._with_decisions(work, work.connection.execute(query).all())

    def open_since(self, work: UnitOfWork, wanted: Filter, after: str, until: datetime, limit: int) -> list[str]:
        """The ids of open incidents after one, that were opened by a time, oldest first."""
        query = _filtered(wanted).where(incidents.c.resolved_at.is_(None), incidents.c.opened_at <= until)
        rows = work.connection.execute(query.where(incidents.c.incident_id > after).limit(limit)).all()
        return [row.incident_id for row in rows]

    def incident(self, work: UnitOfWork, incident_id: str) -> Found:
        """One incident; raises NotFound INCIDENT_NOT_FOUND."""
        (found,) = self._with_decisions(work, [self.incident_row(work, incident_id)])
        return found

    @staticmethod
    def incident_row(work: UnitOfWork, incident_id: str) -> Row[Any]:
        """The stored incident; raises NotFound INCIDENT_NOT_FOUND."""
        row = store.find_incident(work.connection, incident_id)
        if row is None:
            raise NotFound("INCIDENT_NOT_FOUND", f"there is no incident {incident_id}", incident_id=incident_id)
        return row

    def decide(self, work: UnitOfWork, case_id: str, order: Order, actor: str) -> bool:
        """Take an operator's decision; false when it was taken before.

        Raises NotFound CASE_NOT_FOUND, INCIDENT_NOT_FOUND, STEP_NOT_FOUND, and Conflict with each other reason of
        `domain/decisions.py`.
        """
        cases = self._cases.saga.load(work, [case_id])
        (result,) = self._cases.saga.apply(work, cases, [Pending(case_id, order, actor)])
        if isinstance(result, Refusal):
            raise as_problem(result)
        return result.changed

    def _with_decisions(self, work: UnitOfWork, rows: Sequence[Row[Any]]) -> list[Found]:
        """Each with what its case allows now; cases that are not touched by an open incident are not read."""
        case_ids = {row.case_id for row in rows if row.resolved_at is None}
        table = store.cases
        query = select(table.c.case_id, table.c.snapshot).where(table.c.case_id.in_(sorted(case_ids)))
        stored = {row.case_id: from_json(row.snapshot) for row in work.connection.execute(query)} if case_ids else {}
        return [Found(row, self._possible(work, row, stored.get(row.case_id))) for row in rows]

    def _possible(self, work: UnitOfWork, row: Row[Any], case: Case | None) -> tuple[DecisionKind, ...]:
        if case is None:
            return ()
        plan = self._cases.plans.of(work.connection, case.bundle_id, case.bundle_version).plan
        return possible_decisions(plan, case, row.incident_id)


def _filtered(wanted: Filter) -> Select[Any]:
    query = select(incidents).order_by(incidents.c.incident_id)
    for name in ("reason", "bundle_id", "organ_id", "step_id", "case_id"):
        value = getattr(wanted, name)
        if value:
            query = query.where(incidents.c[name] == value)
    return query
