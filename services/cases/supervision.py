"""Use cases of who watches over offices: urging them, counting how often that was needed, and giving them more time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from chassis.database import UnitOfWork
from chassis.paging import Page
from chassis.problems import NotFound
from services.cases.domain.case import Case
from services.cases.domain.inputs import ExtensionGranted, Order, Urged
from services.cases.domain.plan import Plan
from services.cases.domain.proceedings import Urge, UrgeKind
from services.cases.domain.refusal import Refusal
from services.cases.domain.snapshot import from_json
from services.cases.saga import Pending
from services.cases.service import Cases, as_problem, case_not_found
from services.cases.urge_store import count_urges


class Supervision:
    """催办, 督办, 延长."""

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
        row, plan = self._found(work, case_id)
        if lead_organ_id is not None and (not lead_organ_id or plan.lead.organ_id != lead_organ_id):
            raise case_not_found(case_id)
        case = self._decided(work, row.case_id, Urged(step_id, kind, reason), actor)
        return case.proceedings.urges[-1]

    def extend(
        self, work: UnitOfWork, case_id: str, given: ExtensionGranted, *, actor: str, organ_id: str | None = None
    ) -> tuple[Case, Plan]:
        """Give more time; with ``organ_id`` only that organ's to give: the lead's of the whole case, or its own steps'.

        Raises NotFound CASE_NOT_FOUND, STEP_NOT_FOUND; Conflict NO_LIMIT, LIMIT_PASSED, ALREADY_EXTENDED,
        EXTENSION_TOO_SHORT, EXTENSION_TOO_LONG.
        """
        row, plan = self._found(work, case_id)
        if organ_id is not None:
            _check_organ(from_json(row.snapshot), plan, organ_id, case_id, given.step_id)
        return self._decided(work, row.case_id, given, actor), plan

    def _found(self, work: UnitOfWork, case_id: str) -> tuple[Row[Any], Plan]:
        row = self._cases.row(work, case_id)
        return row, self._cases.plans.of(work.connection, row.bundle_id, row.bundle_version).plan

    def _decided(self, work: UnitOfWork, case_id: str, order: Order, actor: str) -> Case:
        cases = self._cases.saga.load(work, [case_id])
        (result,) = self._cases.saga.apply(work, cases, [Pending(case_id, order, actor)])
        if isinstance(result, Refusal):
            raise as_problem(result)
        return result.case

    def counts(
        self, work: UnitOfWork, page: Page, organ_id: str, begins: datetime | None, ends: datetime | None
    ) -> Sequence[Row[Any]]:
        """How often each office was urged from ``begins`` to before ``ends``; those without a limit are None."""
        after = str(page.after[0]) if page.after else ""
        return count_urges(work.connection, begins, ends, organ_id, after, page.fetch)


def _check_organ(case: Case, plan: Plan, organ_id: str, case_id: str, step_id: str) -> None:
    """Raise NotFound unless leave is the organ's to give: the lead's for the case, the office's for its own step."""
    leads = plan.lead.organ_id == organ_id
    if not organ_id or not (leads or organ_id in case.organs):
        raise case_not_found(case_id)
    step = case.steps.get(step_id)
    if not (leads if not step_id else step is not None and step.organ_id == organ_id):
        what = f"step {step_id} of case {case_id}" if step_id else f"the limit of the whole case {case_id}"
        raise NotFound("STEP_NOT_FOUND", f"{what} is not your organ's to extend; its own office can", case_id=case_id)
