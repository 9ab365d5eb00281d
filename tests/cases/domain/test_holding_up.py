"""Whatever offices ask for and begin, and whenever it ends: clocks stand still meanwhile, and nobody waits in vain."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.cases.domain import timing
from services.cases.domain.case import CaseStatus, StepStatus, TaskKind
from services.cases.domain.clocks import Limit, StopKind, Unit
from services.cases.domain.corrections import requests_of
from services.cases.domain.inputs import (
    ClockTurned,
    Completed,
    Corrected,
    CorrectionRequested,
    Resumed,
    StepSkipped,
    Suspended,
    Withdrawn,
)
from services.cases.domain.plan import CorrectionRules, Plan
from services.cases.domain.procedures import KINDS
from services.cases.domain.proceedings import CorrectionItem, CorrectionStatus
from services.cases.domain.reckoning import Light
from services.cases.domain.refusal import Refusal
from tests.cases.domain.holding_up import asked, field, latest, material, resume, supply, under_way
from tests.cases.domain.laws import all_laws_hold
from tests.cases.domain.newer import migrate, newer
from tests.cases.domain.saga import Saga
from tests.cases.domain.site import go, waits
from tests.cases.domain.test_model import plans

ITEMS = st.lists(
    st.sampled_from([field("shop.area"), field("owner"), field("email"), material("lease"), material("plan")]),
    max_size=3,
)


class HoldingUp(RuleBasedStateMachine):
    """Offices that ask and wait more than they decide."""

    @initialize(plan=plans(), most=st.integers(1, 3), limited=st.booleans())
    def submit(self, plan: Plan, most: int, limited: bool) -> None:  # noqa: FBT001 - drawn by name
        limit = Limit(15, Unit.WORKING_DAY) if limited else None
        self.saga = Saga(replace(plan, corrections=CorrectionRules(most, limit))).submitted().routed()

    def _handling(self) -> list[str]:
        return sorted(task.task_id for task in self.saga.open.values() if task.kind is TaskKind.HANDLE)

    def _any(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(self._handling()), "task")

    @precondition(lambda self: bool(self._handling()))
    @rule(data=st.data(), reason=st.sampled_from(["", "still missing"]), items=ITEMS)
    def ask_for_corrections(self, data: st.DataObject, reason: str, items: list[CorrectionItem]) -> None:
        task_id = self._any(data)
        given = CorrectionRequested(task_id, self.saga.request_id(), tuple(items), reason)
        already, step_id = asked(self.saga), self.saga.all_tasks[task_id].step_id
        planned, before = self.saga.plan.by_id[step_id], self._requests_of(step_id)
        named = {item.name for item in items}
        if planned.without_application:
            self.saga.is_refused(given, "NOT_APPLIED_FOR")
        elif not named or named & {"email", "plan"}:
            self.saga.is_refused(given, "ITEM_NOT_DECLARED")
        elif before >= self.saga.plan.corrections.most:
            self.saga.is_refused(given, "CORRECTION_LIMIT")
        elif before and not reason:
            self.saga.is_refused(given, "CORRECTION_NEEDS_REASON")
        else:
            assert self.saga.take(given).changed
            assert asked(self.saga) == [*already, step_id]
            event("merged" if already else "asked")

    def _requests_of(self, step_id: str) -> int:
        return requests_of(self.saga.case.proceedings.corrections, step_id)

    @precondition(lambda self: bool(self._handling()))
    @rule(data=st.data(), kind=st.sampled_from(KINDS))
    def begin_a_procedure(self, data: st.DataObject, kind: StopKind) -> None:
        assert self.saga.take(Suspended(self._any(data), self.saga.request_id(), kind, "neighbours")).changed

    @precondition(lambda self: bool(asked(self.saga)))
    @rule()
    def supply_it(self) -> None:
        waited = asked(self.saga)
        supply(self.saga)
        assert not asked(self.saga)
        assert set(waited) <= set(self.saga.offered())

    @precondition(lambda self: bool(under_way(self.saga)))
    @rule(data=st.data())
    def end_a_procedure(self, data: st.DataObject) -> None:
        step_id = data.draw(st.sampled_from(sorted(each.step_id for each in under_way(self.saga))), "step")
        resume(self.saga, step_id)
        assert step_id in self.saga.offered()

    @precondition(lambda self: self.saga.open)
    @rule(data=st.data(), hours=st.integers(0, 99))
    def complete_something(self, data: st.DataObject, hours: int) -> None:
        task = self.saga.open[data.draw(st.sampled_from(sorted(self.saga.open)), "task")]
        self.saga.later(timedelta(hours=hours))
        if waits(self.saga, task):
            self.saga.is_refused(Completed(task.task_id, self.saga.request_id(), {"done": True}), "VISIT_PENDING")
            go(self.saga)
        else:
            self.saga.complete(task.step_id)

    @precondition(lambda self: self.saga.offered())
    @rule(data=st.data())
    def accept_something(self, data: st.DataObject) -> None:
        self.saga.accept(data.draw(st.sampled_from(sorted(self.saga.offered())), "step"))

    @rule(data=st.data(), what=st.sampled_from(["refuse", "withdraw", "skip", "nothing", "nothing"]))
    def end_something_rarely(self, data: st.DataObject, what: str) -> None:
        if what == "refuse" and self.saga.offered():
            self.saga.refuse(data.draw(st.sampled_from(sorted(self.saga.offered())), "step"))
            return
        step_id = data.draw(st.sampled_from(sorted(self.saga.case.steps)), "step")
        if what in ("withdraw", "skip"):
            given = Withdrawn("another shop") if what == "withdraw" else StepSkipped(step_id, "not needed")
            before = self.saga.case
            try:
                self.saga.take(given)
            except Refusal:
                assert self.saga.case is before

    @rule(data=st.data())
    def migrate_rarely(self, data: st.DataObject) -> None:
        if len(self.saga.history) % 4 == 3:
            plan, mapping = data.draw(newer(self.saga.plan), "the new version and the mapping")
            migrate(self.saga, plan, mapping, ())

    @precondition(lambda self: bool(asked(self.saga) and timing_of(self.saga)))
    @rule()
    def the_applicant_keeps_silent(self) -> None:
        passed = any(step.pivot and self.saga.step(step.step_id).completion_no for step in self.saga.plan.steps)
        self.saga.later(timedelta(days=60))
        self.saga.take(ClockTurned(timing_of(self.saga), Light.RED))
        if passed:
            assert self.saga.incident("CORRECTION_EXPIRED").resolved_at is None
            assert asked(self.saga)
        else:
            assert self.saga.case.undo_cause == "handed_back"
            assert latest(self.saga).status is CorrectionStatus.EXPIRED

    @precondition(lambda self: self.saga.case.proceedings.corrections)
    @rule(data=st.data())
    def supply_what_is_over(self, data: st.DataObject) -> None:
        over = [each for each in self.saga.case.proceedings.corrections if each.status is not CorrectionStatus.OPEN]
        if over:
            number = data.draw(st.sampled_from([each.correction_no for each in over]), "number")
            self.saga.is_refused(Corrected(number, "another form"), "CORRECTION_SETTLED")

    @precondition(lambda self: self.saga.case.proceedings.procedures)
    @rule(data=st.data())
    def end_what_is_over(self, data: st.DataObject) -> None:
        over = [each.task_id for each in self.saga.case.proceedings.procedures if each.ended_at is not None]
        if over:
            given = Resumed(data.draw(st.sampled_from(over), "task"), self.saga.request_id())
            self.saga.is_refused(given, "PROCEDURE_ENDED", "CASE_UNDOING", "CASE_ENDED")

    @invariant()
    def everything_agrees(self) -> None:
        if hasattr(self, "saga"):
            all_laws_hold(self.saga)
            clocks_agree(self.saga)

    def teardown(self) -> None:
        """Every case comes to an end once everybody does what is asked of them."""
        if hasattr(self, "saga"):
            all_laws_hold(self.saga.drained())
            clocks_agree(self.saga)


def timing_of(saga: Saga) -> str:
    """The clock of the applicant's time; empty when there is no limit, or it is late already."""
    clock_id = f":correction:{latest(saga).correction_no}"
    clock = saga.case.proceedings.clocks.get(clock_id)
    return clock_id if clock is not None and clock.light is not Light.RED else ""


def clocks_agree(saga: Saga) -> None:
    """A clock stands still exactly while its step, or for the bundle's any step, is held up; no step has too many."""
    held = {*asked(saga), *(each.step_id for each in under_way(saga))}
    for clock in timing.running(saga.case.proceedings.clocks):
        if clock.kind == "correction":
            assert not clock.clock.stopped
            assert asked(saga)
        elif clock.kind != "follow_up":
            assert clock.clock.stopped == bool(held if not clock.step_id else clock.step_id in held), clock
    assert not (held and saga.case.status is not CaseStatus.RUNNING)
    for step in saga.case.steps.values():
        assert requests_of(saga.case.proceedings.corrections, step.step_id) <= saga.plan.corrections.most
        assert (step.step_id in held) == (step.status in (StepStatus.CORRECTING, StepStatus.SUSPENDED))


HoldingUp.TestCase.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
TestHoldingUp = HoldingUp.TestCase
