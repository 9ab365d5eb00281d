"""Running cases that go on by a newer version of their bundle: which, what is checked before, and what would change.

What may follow in a case is the core's to say (`domain/migrating.py`); here are the things that the core does not have:
both versions side by side, the form and the materials.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select

from chassis.database import UnitOfWork
from chassis.problems import Invalid, Violation
from services.cases import store
from services.cases.applications import (
    form_faults,
    missing_materials,
    region_faults,
    step_organs,
    step_regions,
    value_at,
)
from services.cases.branching import decide_conditions
from services.cases.domain.case import Case, CaseStatus, StepStatus
from services.cases.domain.decide import decide
from services.cases.domain.inputs import Migrated
from services.cases.domain.migrating import check_state, places_of
from services.cases.domain.refusal import Refusal
from services.cases.domain.snapshot import from_json
from services.cases.domain.versions import check_versions, moved_steps
from services.cases.published import Published
from services.cases.saga import Pending
from services.cases.service import Cases, as_problem

MOST_NAMED = 5
"""Faults of a form that the message of a refusal names."""


@dataclass(frozen=True, slots=True)
class Move:
    """From which version of a bundle to which, and what becomes of its steps."""

    bundle_id: str
    from_version: int
    to_version: int
    mapping: Mapping[str, str]
    """By step of the version before, the step in its place, or ""; for others than those that both have."""
    reason: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Change:
    """A step that is new, gone, or stands otherwise; None where it is not."""

    step_id: str
    before: StepStatus | None
    after: StepStatus | None


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of a case, or would become."""

    changed: bool
    """False when it runs the new version already."""
    changes: tuple[Change, ...] = ()


class CaseMigration:
    """Takes cases from one version of a bundle to a newer one."""

    def __init__(self, cases: Cases) -> None:
        self._cases = cases

    def check(self, work: UnitOfWork, move: Move) -> None:
        """Raise what is wrong with the move whatever the case: NotFound BUNDLE_NOT_FOUND, Invalid MIGRATION_MAPPING."""
        if move.to_version <= move.from_version:
            fault = Violation("to_version", f"must be newer than {move.from_version}")
            raise Invalid("BAD_REQUEST", "cases go to newer versions only", [fault])
        before = self._cases.plans.published(work.connection, move.bundle_id, move.from_version)
        after = self._cases.plans.published(work.connection, move.bundle_id, move.to_version)
        try:
            places_of(before.plan.by_id, after.plan.by_id, move.mapping)
        except Refusal as refusal:
            raise as_problem(refusal) from None

    @staticmethod
    def running(work: UnitOfWork, move: Move, after: str, limit: int) -> Sequence[str]:
        """The ids of running cases of the version before, after one, the oldest first."""
        found = store.search.cases
        query = select(found.c.case_id).where(
            found.c.bundle_id == move.bundle_id,
            found.c.bundle_version == move.from_version,
            found.c.status == str(CaseStatus.RUNNING),
            found.c.case_id > after,
        )
        return work.connection.scalars(query.order_by(found.c.case_id).limit(limit)).all()

    def preview(self, work: UnitOfWork, row: Row[Any], move: Move) -> Moved:
        """What would become of a case as it stands now; raises what `migrate` would. Nothing is written."""
        case = from_json(row.snapshot)
        given = self._given(work, case, row.form, row.materials, move)
        if given is None:
            return Moved(changed=False)
        published = self._cases.plans.of(work.connection, move.bundle_id, move.to_version)
        try:
            after = decide(published.plan, case, given, work.now).case
        except Refusal as refusal:
            raise as_problem(refusal) from None
        return Moved(changed=True, changes=_changes(case, after))

    def migrate(self, work: UnitOfWork, case_id: str, move: Move, actor: str) -> Moved:
        """Take a case to the new version.

        Raises Conflict or Invalid with the reasons of `domain/migrating.py`, and Invalid MIGRATION_FORM.
        """
        cases = self._cases.saga.load(work, [case_id])
        running = cases[case_id]
        case = running.case
        assert case is not None  # noqa: S101 - it was loaded
        given = self._given(work, case, running.form, running.materials, move)
        if given is None:
            return Moved(changed=False)
        (result,) = self._cases.saga.apply(work, cases, [Pending(case_id, given, actor)])
        if isinstance(result, Refusal):
            raise as_problem(result)
        return Moved(changed=result.changed, changes=_changes(case, running.case or case))

    def _given(
        self,
        work: UnitOfWork,
        case: Case,
        form: Mapping[str, Any],
        materials: Sequence[Mapping[str, Any]],
        move: Move,
    ) -> Migrated | None:
        """The input for a case, once all was checked that the core cannot; None when it runs the version already."""
        try:
            return self._checked(work, case, form, {each["kind"] for each in materials}, move)
        except Refusal as refusal:
            raise as_problem(refusal) from None

    def _checked(
        self, work: UnitOfWork, case: Case, form: Mapping[str, Any], kinds: set[str], move: Move
    ) -> Migrated | None:
        if case.bundle_id != move.bundle_id:
            message = f"case {case.case_id} is of bundle {case.bundle_id}, not of {move.bundle_id}"
            raise Refusal("MIGRATION_VERSION", message)
        if case.bundle_version == move.to_version:
            return None
        check_state(case, move.from_version, move.to_version)
        before = self._cases.plans.of(work.connection, move.bundle_id, move.from_version)
        after = self._cases.plans.of(work.connection, move.bundle_id, move.to_version)
        places = places_of(case.steps, after.plan.by_id, move.mapping)
        check_versions(before.plan, after.plan, case)
        skipped = _skipped(after, case, form, kinds)
        return Migrated(
            move.from_version,
            move.to_version,
            move.reason,
            dict(move.mapping),
            moved_steps(before.plan, after.plan, places),
            tuple(skipped),
            tuple(skipped.values()),
            move.request_id,
            after.digest,
            step_regions(after.plan, form, skipped),
            step_organs=step_organs(after.plan, form, skipped),
        )


def _skipped(published: Published, case: Case, form: Mapping[str, Any], kinds: set[str]) -> dict[str, str]:
    """The steps whose condition does not hold. Raises Refusal MIGRATION_FORM, which names each field."""
    skipped: dict[str, str] = {}
    faults = list(form_faults(published, form))
    faults += missing_materials(published, None if faults else form, kinds)
    region = published.plan.region_field
    if value_at(form, region) != case.region_code:
        faults.append(Violation(f"form.{region}", f"is not {case.region_code}, for which the offices were found"))
    if not faults:
        faults = list(decide_conditions(published, form, skipped, set()))
        faults += region_faults(published.plan, form, skipped)
    if faults:
        told = "; ".join(f"{each.field} {each.description}" for each in faults[:MOST_NAMED])
        message = (
            f"what case {case.case_id} has handed in does not fit version {published.plan.version}: {told}. "
            "Have it corrected first, or let it go on as it is"
        )
        raise Refusal("MIGRATION_FORM", message, tuple((each.field, each.description) for each in faults))
    return skipped


def _changes(before: Case, after: Case) -> tuple[Change, ...]:
    changes = []
    for step_id in dict.fromkeys([*before.steps, *after.steps]):
        was, will_be = before.steps.get(step_id), after.steps.get(step_id)
        change = Change(step_id, was.status if was else None, will_be.status if will_be else None)
        if change.before is not change.after:
            changes.append(change)
    return tuple(changes)
