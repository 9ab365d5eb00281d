"""Newer versions of a bundle, and a running case that is migrated to one: refused by name, or nothing is lost."""

from collections.abc import Sequence
from dataclasses import replace
from graphlib import TopologicalSorter
from typing import Any

from hypothesis import event
from hypothesis import strategies as st

from services.cases.domain.case import Case
from services.cases.domain.clocks import ACCEPTANCE, DECISION
from services.cases.domain.inputs import Migrated
from services.cases.domain.migrating import has_begun
from services.cases.domain.plan import Limits, Notice, Plan, PlanStep, Visit
from services.cases.domain.refusal import Refusal
from tests.cases.domain.plans import a_step
from tests.cases.domain.saga import Saga

REASONS = ("MIGRATION_MAPPING", "MIGRATION_STATE", "MIGRATION_PLAN", "CASE_ENDED", "CASE_UNDOING")
_FLAGS = ["undoable", "pivot", "optional", "without_application", "late", "pre_check"]
_CHANGES = ["drop", "rename", "add", "insert", "visits", "matter", "wait", "notice", "limits", "quorum", *_FLAGS]
_LIMITS = st.sampled_from([Limits(), Limits(ACCEPTANCE, DECISION), Limits(statutory=DECISION)])


@st.composite
def newer(draw: st.DrawFn, plan: Plan) -> tuple[Plan, dict[str, str]]:
    """The next version with some changes, and what becomes of the steps: mostly said rightly."""
    order = TopologicalSorter({step.step_id: step.after for step in plan.steps}).static_order()
    steps, mapping, visits = [plan.by_id[step_id] for step_id in order], dict[str, str](), plan.visits
    for number, change in enumerate(draw(st.lists(st.sampled_from(_CHANGES), max_size=3))):
        place, fresh = draw(st.integers(0, len(steps) - 1)), f"n{plan.version}{number}"
        if change in ("drop", "rename"):
            becomes = fresh if change == "rename" else ""
            mapping[steps[place].step_id] = becomes
            steps = _replaced(steps, steps[place].step_id, becomes) or steps
        elif change in ("add", "insert"):
            added = draw(_added(fresh, steps[:place]))
            steps.insert(place, added)
            if change == "insert":
                steps[place + 1] = replace(steps[place + 1], after=(*steps[place + 1].after, fresh))
        elif change == "visits":
            visits = () if visits else _visits(steps)
        else:
            steps[place] = draw(_changed(steps[place], change, steps[:place]))
    known = [step.step_id for step in steps]
    if draw(st.booleans()):
        steps = list(draw(st.permutations(steps)))
    mapping = {old: new for old, new in mapping.items() if old in plan.by_id and (not new or new in known)}
    if draw(st.integers(0, 9)) == 9:
        mapping[draw(st.sampled_from(["unknown", *plan.by_id]))] = draw(st.sampled_from(["", "unknown", *known]))
    later = replace(
        plan,
        version=plan.version + 1,
        steps=tuple(steps),
        visits=tuple(each for each in visits if set(each.steps) <= set(known)),
        undo_order=tuple(each for each in plan.undo_order if each in known),
    )
    return later, mapping


def migrate(saga: Saga, plan: Plan, mapping: dict[str, str], skipped: Sequence[str]) -> None:
    """Migrate the case, or be refused by name; whatever has begun stays what it is."""
    before, work, reason = saga.case, dict(saga.open), ""
    try:
        assert saga.migrate(plan, *skipped, **mapping).changed
    except Refusal as refusal:
        reason = refusal.reason
    if reason:
        assert reason in REASONS
        assert saga.case is before
        assert saga.plan.version == before.bundle_version
        event(f"a migration was refused: {reason}")
        return
    event("a case was migrated")
    after = saga.case
    assert after.bundle_version == plan.version
    begun = {step_id: step for step_id, step in before.steps.items() if has_begun(step)}
    if begun:
        event("a case was migrated after its first step")
    assert {step_id: after.steps[step_id] for step_id in begun} == begun
    assert work.items() <= saga.open.items()
    assert _kept(before) == {clock_id: each for clock_id, each in _kept(after).items() if clock_id in _kept(before)}
    given, _ = next(each for each in reversed(saga.history) if isinstance(each[0], Migrated))
    assert not saga.take(given).changed


def _kept(case: Case) -> dict[str, object]:
    """The clocks; all end with the case, which a migration may bring about."""
    return {} if case.ended else dict(case.proceedings.clocks)


def _some(steps: Sequence[PlanStep]) -> st.SearchStrategy[list[str]]:
    ids = [step.step_id for step in steps]
    return st.lists(st.sampled_from(ids), unique=True, max_size=3) if ids else st.just([])


def _replaced(steps: Sequence[PlanStep], old: str, new: str) -> list[PlanStep]:
    """The steps with another id for one of them, or without it."""
    made = []
    for step in steps:
        after = tuple(new if each == old else each for each in step.after if new or each != old)
        step_id = new if step.step_id == old else step.step_id
        if step_id:
            made.append(replace(step, step_id=step_id, after=after, quorum=min(step.quorum, len(after))))
    return made


@st.composite
def _added(draw: st.DrawFn, fresh: str, before: Sequence[PlanStep]) -> PlanStep:
    return a_step(fresh, *draw(_some(before)), undoable=draw(st.booleans()), limits=draw(_LIMITS))


@st.composite
def _changed(draw: st.DrawFn, step: PlanStep, change: str, before: Sequence[PlanStep]) -> PlanStep:
    if change == "matter":
        return replace(step, catalog_code="340123002000")
    if change == "wait":
        return replace(step, after=tuple(draw(_some(before))), quorum=0)
    if change == "notice":
        return replace(step, notice=None if step.notice else Notice("title", "text"))
    if change == "limits":
        return replace(step, limits=draw(_LIMITS))
    if change == "quorum":
        return replace(step, quorum=draw(st.integers(0, len(step.after))))
    flags: dict[str, Any] = {change: not getattr(step, change)}
    return replace(step, **flags)


def _visits(steps: Sequence[PlanStep]) -> tuple[Visit, ...]:
    """One, of the steps that wait for nothing, where there are two or more."""
    first = tuple(step.step_id for step in steps if not step.after)
    return (Visit("site", "联合踏勘", first),) if len(first) > 1 else ()
