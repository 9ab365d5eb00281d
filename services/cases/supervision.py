"""Use cases of who watches over offices: urging them, and counting how often that was needed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from chassis.database import UnitOfWork
from chassis.paging import Page
from services.cases.domain.inputs import Urged
from services.cases.domain.proceedings import Urge, UrgeKind
from services.cases.domain.refusal import Refusal
from services.cases.saga import Pending
from services.cases.service import Cases, as_problem, case_not_found
from services.cases.urge_store import count_urges


class Supervision:
    """催办, 督办."""

    def __init__(self, cases: Cases) -> None:
        self._cases = cases

    def urge(
        self,
        work: UnitOfWork,
        case_id: str,
        step_id: str,
        kind: UrgeKind,
        reason: str,
        *,
        actor: str,
        lead_organ_id: str | None = None,
    ) -> Urge:
        """Urge the office of a step; with ``lead_organ_id`` only in a case whose bundle that organ leads.

        Raises NotFound CASE_NOT_FOUND, STEP_NOT_FOUND; Conflict NOTHING_TO_URGE, NO_SUPERIOR, URGED_JUST_NOW,
        URGED_TOO_OFTEN, CASE_ENDED.
        """
        row = self._cases.row(work, case_id)
        plan = self._cases.plans.of(work.connection, row.bundle_id, row.bundle_version).plan
        if lead_organ_id is not None and (not lead_organ_id or plan.lead.organ_id != lead_organ_id):
            raise case_not_found(case_id)
        cases = self._cases.saga.load(work, [row.case_id])
        pending = Pending(row.case_id, Urged(step_id, kind, reason), actor)
        (result,) = self._cases.saga.apply(work, cases, [pending])
        if isinstance(result, Refusal):
            raise as_problem(result)
        return result.case.proceedings.urges[-1]

    def counts(
        self, work: UnitOfWork, page: Page, organ_id: str, begins: datetime | None, ends: datetime | None
    ) -> Sequence[Row[Any]]:
        """How often each office was urged from ``begins`` to before ``ends``; those without a limit are None."""
        after = str(page.after[0]) if page.after else ""
        return count_urges(work.connection, begins, ends, organ_id, after, page.fetch)
