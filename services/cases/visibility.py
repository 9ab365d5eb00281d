"""Which cases a caller may see: an applicant its own, an operator all."""

from typing import Any

from sqlalchemy import Row

from chassis.api import Caller
from chassis.database import UnitOfWork
from services.cases.service import Cases, case_not_found


def visible_case(cases: Cases, work: UnitOfWork, caller: Caller, case_id: str) -> Row[Any]:
    """A case by its id or its number; raises NotFound CASE_NOT_FOUND when the caller may not see it."""
    row = cases.row(work, case_id)
    if not caller.may("cases.read_all") and (not caller.person_id or row.applicant_id != caller.person_id):
        raise case_not_found(case_id)
    return row
