"""For whom a caller acts; which cases it may see: an applicant its own, an operator all; and what of them."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from chassis.api import Caller
from chassis.database import UnitOfWork
from chassis.problems import Forbidden
from duokua.cases.v1 import case_pb2
from services.cases.domain.snapshot import from_json
from services.cases.service import Cases, case_not_found


@dataclass(frozen=True, slots=True)
class Sight:
    """What of a history somebody sees."""

    open: bool = True
    """The open part of each entry."""
    internal: bool = False
    """The internal part of each entry."""
    task_ids: frozenset[str] = frozenset()
    """The tasks of which all entries are seen as a whole."""

    def of(self, entry: Row[Any]) -> tuple[bool, bool]:
        """Whether the open and the internal part of a stored entry are seen."""
        own = bool(self.task_ids) and entry.input.get("task_id") in self.task_ids
        return self.open or own, self.internal or own


def applicant_of(caller: Caller) -> str:
    """The person or firm for whom the caller acts; raises Forbidden NO_APPLICANT."""
    if not caller.person_id:
        raise Forbidden("NO_APPLICANT", "this token acts for nobody; ask for one with subject_person_id")
    return caller.person_id


def led_case(cases: Cases, work: UnitOfWork, caller: Caller, case_id: str) -> Row[Any]:
    """A case for an operator, or for the organ that leads its bundle; raises NotFound CASE_NOT_FOUND for others."""
    row = cases.row(work, case_id)
    lead = cases.plans.of(work.connection, row.bundle_id, row.bundle_version).plan.lead
    if not caller.may("cases.read_all") and (not caller.organ_id or caller.organ_id != lead.organ_id):
        raise case_not_found(case_id)
    return row


def visible_case(cases: Cases, work: UnitOfWork, caller: Caller, case_id: str) -> Row[Any]:
    """A case by its id or its number; raises NotFound CASE_NOT_FOUND when the caller may not see it."""
    row = cases.row(work, case_id)
    if not caller.may("cases.read_all") and (not caller.person_id or row.applicant_id != caller.person_id):
        raise case_not_found(case_id)
    return row


def visible_history(cases: Cases, work: UnitOfWork, caller: Caller, case_id: str) -> tuple[Row[Any], Sight]:
    """A case whose history the caller may see, and what of it; raises NotFound CASE_NOT_FOUND when nothing."""
    row = cases.row(work, case_id)
    if caller.may("cases.read_all"):
        return row, Sight(internal=True)
    if caller.person_id:
        return visible_case(cases, work, caller, case_id), Sight()
    if not caller.organ_id:
        raise case_not_found(case_id)
    if caller.organ_id == cases.plans.of(work.connection, row.bundle_id, row.bundle_version).plan.lead.organ_id:
        return row, Sight(internal=True)
    own = [each.task_id for each in from_json(row.snapshot).tasks.values() if each.organ_id == caller.organ_id]
    if not own:
        raise case_not_found(case_id)
    return row, Sight(open=False, task_ids=frozenset(own))


def shown_to(caller: Caller, case: case_pb2.Case) -> case_pb2.Case:
    """The case as the caller sees it: for an applicant an office is one body, whoever in it handles a step.

    Left out are that person or section, and what offices wrote for each other. The history, which vouches for all that
    happened, has them in the internal parts of its entries (`domain/withholding.py`).
    """
    if not caller.may("cases.read_all"):
        for step in case.steps:
            step.ClearField("handler")
            for review in step.reviews:
                review.ClearField("opinion")
    return case
