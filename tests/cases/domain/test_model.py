"""Whatever the order of answers, refusals, returns, repeats and late answers: a case ends completed or fully undone."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.cases.domain.case import CaseStatus, NoticeStatus, StepStatus, TaskKind, TaskStatus, UndoCause
from services.cases.domain.clocks import ACCEPTANCE, BUNDLE, DECISION, Clock
from services.cases.domain.decisions import DecisionKind, allowed_decisions
from services.cases.domain.follow_ups import open_ones
from services.cases.domain.inputs import (
    Accepted,
    Act,
    Answer,
    Archived,
    CaseStopped,
    ClockTurned,
    Completed,
    Delivered,
    ExtensionGranted,
    Failed,
    HandedOver,
    IncidentRetried,
    Input,
    InputsFailed,
    LimitExtended,
    NoticeFailed,
    NoticeRevoked,
    NoticeSealed,
    NoticeWaived,
    Order,
    PassedUp,
    Rated,
    Refused,
    Returned,
    Routed,
    RoutingDecision,
    StepForced,
    StepReassigned,
    StepSkipped,
    Urged,
    VisitAttended,
    VisitScheduled,
    Withdrawn,
)
from services.cases.domain.plan import Limits, Plan, Visit
from services.cases.domain.proceedings import UrgeKind
from services.cases.domain.reckoning import Light
from services.cases.domain.records import Record, Result, Special
from services.cases.domain.refusal import Refusal
from services.cases.domain.stages import case_end, step_end
from services.cases.domain.timing import running
from tests.cases.domain.laws import all_laws_hold
from tests.cases.domain.newer import migrate, newer
from tests.cases.domain.plans import a_plan, a_step
from tests.cases.domain.saga import Saga
from tests.cases.domain.site import go, objection, waits
from tests.cases.domain.test_records import reported

REASONS = st.sampled_from(["not ours", "no such premises", ""])
RESULTS = st.dictionaries(st.sampled_from(["permit", "until"]), st.integers(0, 9) | st.text(max_size=3), max_size=2)
DECISION_REFUSALS = (
    "CASE_ENDED",
    "CASE_UNDOING",
    "NO_NOTICE_WANTED",
    "OFFICE_UNCHANGED",
    "PIVOT_PASSED",
    "PIVOT_STEP",
    "STEP_SETTLED",
    "STEP_WITHOUT_OFFICE",
)
URGE_REFUSALS = ("CASE_ENDED", "NOTHING_TO_URGE", "NO_SUPERIOR", "URGED_JUST_NOW")
KINDS = [Accepted, Completed, Refused, Returned, Failed, PassedUp, HandedOver]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Acyclic by construction: a step comes after steps that were drawn before it."""
    limits = st.sampled_from([Limits(), Limits(ACCEPTANCE, DECISION), Limits(statutory=DECISION)])
    names = [f"s{number}" for number in range(draw(st.integers(2, 7)))]
    steps = []
    for number, name in enumerate(names):
        after = draw(st.lists(st.sampled_from(names[:number]), unique=True, max_size=3)) if number else []
        steps.append(
            a_step(
                name,
                *after,
                undoable=draw(st.integers(0, 3)) > 0,
                pivot=draw(st.integers(0, 7)) == 7,
                notice=draw(st.booleans()),
                when=draw(st.sampled_from(["", "", "form.branch"])),
                late=draw(st.integers(0, 5)) == 5,
                optional=draw(st.integers(0, 3)) == 3,
                without_application=draw(st.integers(0, 9)) == 9,
                quorum=draw(st.sampled_from([0, *range(len(after) + 1)])),
                limits=draw(limits),
            )
        )
    plan = a_plan(*draw(st.permutations(steps)))
    return replace(
        plan,
        limits=draw(st.sampled_from([Limits(), Limits(statutory=BUNDLE)])),
        undo_order=tuple(draw(st.lists(st.sampled_from(names), unique=True, max_size=3))),
        visits=draw(visits(plan)),
    )


@st.composite
def visits(draw: st.DrawFn, plan: Plan) -> tuple[Visit, ...]:
    """Often none; otherwise one, of steps that do not wait for each other."""
    chosen: list[str] = []
    for step_id in draw(st.lists(st.sampled_from(sorted(plan.by_id)), unique=True, max_size=4)):
        if not any(step_id in plan.before[other] or other in plan.before[step_id] for other in chosen):
            chosen.append(step_id)
    return (Visit("site", "联合踏勘", tuple(chosen)),) if len(chosen) > 1 else ()


class CaseMachine(RuleBasedStateMachine):
    """Anything may happen at any time; only Refusal may come of it."""

    @initialize(plan=plans(), data=st.data())
    def submit(self, plan: Plan, data: st.DataObject) -> None:
        self.saga = Saga(plan)
        step_ids = [step.step_id for step in plan.steps]
        skipped = data.draw(st.lists(st.sampled_from(step_ids), unique=True, max_size=2), "skipped")
        for step in plan.steps:
            if step.late:
                self.saga.verdicts[step.step_id] = data.draw(
                    st.sampled_from(["needed", "skipped", "failed"]), "verdict"
                )
        self.saga.submitted(*skipped)
        if data.draw(st.integers(0, 9), "routed at once"):
            self.saga.routed()
            # A start in the middle of the work: otherwise few runs get as far as having something to undo.
            for _ in range(data.draw(st.integers(0, len(step_ids)), "completed at once")):
                if self.saga.open:
                    self.complete_an_open_task(data)

    @precondition(lambda self: self.saga.questions)
    @rule()
    def route(self) -> None:
        self.saga.routed()

    @rule(data=st.data())
    def route_badly(self, data: st.DataObject) -> None:
        """Answer any question, asked or not, answered or not, with any office or none."""
        number = data.draw(st.integers(1, self.saga.case.request_no + 1), "request_no")
        question = self.saga.questions.get(number)
        decisions = []
        for step in question.steps if question else ():
            office = data.draw(st.sampled_from(["", "x", "y", "z"]), "office")
            decisions.append(RoutingDecision(step.step_id, office, office, "a rule"))
        self.saga.take(Routed(number, tuple(decisions)))

    @precondition(lambda self: self.saga.open)
    @rule(data=st.data(), kind=st.sampled_from(KINDS), reason=REASONS, result=RESULTS)
    def answer_an_open_task(self, data: st.DataObject, kind: type, reason: str, result: dict[str, object]) -> None:
        task = self.saga.open[data.draw(st.sampled_from(sorted(self.saga.open)), "task")]
        given = self._answer(kind, task.task_id, self.saga.request_id(), reason, result)
        if task.kind is not TaskKind.HANDLE and kind in (Refused, Returned, PassedUp):
            self.saga.is_refused(given, f"{task.kind.upper()}_CANNOT_BE_REFUSED")
        elif kind is Accepted:
            self.saga.take(given)
        elif kind is Completed and waits(self.saga, task):
            self.saga.is_refused(given, "VISIT_PENDING")
        else:
            assert self.saga.take(given).changed

    @precondition(lambda self: self.saga.open)
    @rule(data=st.data())
    def complete_an_open_task(self, data: st.DataObject) -> None:
        """Weighs completion more, so that runs get deep."""
        task_id = data.draw(st.sampled_from(sorted(self.saga.open)), "task")
        self.saga.later(timedelta(seconds=data.draw(st.integers(0, 100_000), "seconds later")))
        given = Completed(task_id, self.saga.request_id(), {"done": True})
        if waits(self.saga, self.saga.open[task_id]):
            self.saga.is_refused(given, "VISIT_PENDING")
            if data.draw(st.booleans(), "go to the site"):
                go(self.saga)
        else:
            assert self.saga.take(given).changed

    @precondition(lambda self: self.saga.plan.visits and self.saga.offered())
    @rule(data=st.data(), there=st.booleans())
    def speak_of_a_visit(self, data: st.DataObject, there: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        """Any office says when it is or that it was there, whether it may or not."""
        task_id = self.saga.task_id(data.draw(st.sampled_from(self.saga.offered()), "step"))
        given: Input = VisitScheduled(task_id, self.saga.request_id(), self.saga.now, "there")
        if there:
            given = VisitAttended(task_id, self.saga.request_id())
        reason = objection(self.saga, task_id, there=there)
        if reason:
            self.saga.is_refused(given, reason)
        else:
            self.saga.take(given)

    @precondition(lambda self: self.saga.offered())
    @rule(data=st.data(), reason=REASONS)
    def refuse_an_open_task(self, data: st.DataObject, reason: str) -> None:
        """Weighs refusal more: it is what the saga is for."""
        self.saga.refuse(data.draw(st.sampled_from(self.saga.offered()), "step"), reason)

    @precondition(lambda self: self.saga.taken_back)
    @rule(data=st.data())
    def complete_what_was_taken_back(self, data: st.DataObject) -> None:
        """An office whose act crossed with the refusal: taken and undone, or told that it does not stand."""
        task_id = data.draw(st.sampled_from(sorted(self.saga.taken_back)), "task")
        given = Completed(task_id, self.saga.request_id(), {"late": True})
        planned = self.saga.plan.by_id[self.saga.all_tasks[task_id].step_id]
        case = self.saga.case
        undone = case.status in (CaseStatus.UNDOING, CaseStatus.UNDONE) and case.proceedings.archived_at is None
        crosses = undone and case.tasks[task_id].status is TaskStatus.CLOSED
        step = self.saga.step(planned.step_id)
        latest = (
            task_id == f"c1:{step.step_id}:{step.attempt}" and self.saga.all_tasks[task_id].organ_id == step.organ_id
        )
        if crosses and latest and planned.compensated and step.status is StepStatus.CANCELLED:
            assert self.saga.take(given).changed
            event(f"an act crossed with the refusal: the case was {case.status}")
            assert self.saga.stands(CaseStatus.UNDOING)
        else:
            self.saga.is_refused(given, "TASK_SETTLED", "CASE_UNDOING", "CASE_ENDED")

    @rule(
        data=st.data(),
        reason=REASONS,
        kind=st.sampled_from([StepSkipped, StepReassigned, StepForced, NoticeWaived, CaseStopped]),
    )
    def an_operator_decides(self, data: st.DataObject, reason: str, kind: type) -> None:
        """Rarely, as above; what is refused is what `allowed_decisions` does not name."""
        if len(self.saga.history) % 5 != 4:
            return
        case = self.saga.case
        step_id = data.draw(st.sampled_from(sorted(case.steps)), "step")
        allowed = allowed_decisions(self.saga.plan, case, step_id)
        if kind is CaseStopped:
            given: Input = CaseStopped(reason)
            possible = DecisionKind.STOP in allowed or case.undo_cause is UndoCause.STOPPED
        elif kind is StepForced:
            given, possible = StepForced(step_id, reason, {"forced": True}), DecisionKind.FORCE in allowed
        elif kind is NoticeWaived:
            given, possible = NoticeWaived(step_id, reason), DecisionKind.WAIVE in allowed
        elif kind is StepSkipped:
            given, possible = StepSkipped(step_id, reason), DecisionKind.SKIP in allowed
        else:
            office = data.draw(st.sampled_from(["", "another office"]), "office")
            unchanged = office and office == case.steps[step_id].organ_id
            given = StepReassigned(step_id, reason, office)
            possible = DecisionKind.REASSIGN in allowed and not unchanged
        if possible:
            self.saga.take(given)
            event(f"an operator decided: {given.kind}")
        else:
            self.saga.is_refused(given, *DECISION_REFUSALS)

    @precondition(lambda self: self.saga.all_tasks)
    @rule(data=st.data())
    def find_inputs_that_cannot_be_made(self, data: st.DataObject) -> None:
        """Of any task; it matters for those that ask an office to handle something, while they are open."""
        task = self.saga.all_tasks[data.draw(st.sampled_from(sorted(self.saga.all_tasks)), "task")]
        matters = task.task_id in self.saga.open and task.kind is TaskKind.HANDLE
        assert self.saga.take(InputsFailed(task.task_id, "no such field.")).changed is matters

    @rule(data=st.data(), kind=st.sampled_from(UrgeKind))
    def urge(self, data: st.DataObject, kind: UrgeKind) -> None:
        step_id = data.draw(st.sampled_from(list(self.saga.case.steps)), "step")
        before = self.saga.case
        try:
            self.saga.take(Urged(step_id, kind, "late"))
        except Refusal as refusal:
            if refusal.reason not in URGE_REFUSALS:
                raise
            assert self.saga.case is before
        else:
            assert self.saga.case.proceedings.urges[-1].kind is kind
            assert self.saga.case.steps == before.steps

    @rule(data=st.data())
    def an_operator_migrates(self, data: st.DataObject) -> None:
        """Rarely, as above; to any newer version, with a mapping that may be wrong."""
        if len(self.saga.history) % 4 != 3:
            return
        plan, mapping = data.draw(newer(self.saga.plan), "the new version and the mapping")
        skipped = data.draw(st.lists(st.sampled_from(sorted(plan.by_id)), unique=True, max_size=2), "skipped")
        migrate(self.saga, plan, mapping, skipped)

    @rule(reason=REASONS)
    def withdraw(self, reason: str) -> None:
        """Rarely, or no case would get far."""
        if len(self.saga.history) % 7 != 6:
            return
        case = self.saga.case
        if case.undo_cause is UndoCause.WITHDRAWN:
            assert not self.saga.take(Withdrawn(reason)).changed
        elif case.status is CaseStatus.RUNNING and not self._pivot_passed():
            self.saga.take(Withdrawn(reason))
            assert self.saga.case.undo_cause is UndoCause.WITHDRAWN
        else:
            self.saga.is_refused(Withdrawn(reason), "PIVOT_PASSED", "CASE_UNDOING", "CASE_ENDED")

    def _pivot_passed(self) -> bool:
        pivots = [step.step_id for step in self.saga.plan.steps if step.pivot]
        return any(self.saga.step(step_id).status is StepStatus.COMPLETED for step_id in pivots)

    @precondition(lambda self: bool(set(self.saga.all_tasks) - set(self.saga.open)))
    @rule(data=st.data(), kind=st.sampled_from(KINDS))
    def answer_a_settled_task(self, data: st.DataObject, kind: type) -> None:
        settled = sorted(set(self.saga.all_tasks) - set(self.saga.open) - self.saga.taken_back)
        if not settled:
            return
        task = self.saga.all_tasks[data.draw(st.sampled_from(settled), "task")]
        given = self._answer(kind, task.task_id, self.saga.request_id(), "late", {})
        self.saga.is_refused(given, "TASK_SETTLED", "CASE_UNDOING", "CASE_ENDED")

    @precondition(lambda self: any(isinstance(given, Answer) for given, _ in self.saga.history))
    @rule(data=st.data())
    def repeat_an_answer(self, data: st.DataObject) -> None:
        taken = [given for given, _ in self.saga.history if isinstance(given, Answer | IncidentRetried)]
        assert not self.saga.take(data.draw(st.sampled_from(taken), "repeat")).changed

    @rule(data=st.data())
    def repeat_an_event(self, data: st.DataObject) -> None:
        """An event handled twice may at most tell of a failure once more; it never raises.

        A light is none: it is told by who holds the case and has just reckoned it, and may come back.
        """
        told = [given for given, _ in self.saga.history if not isinstance(given, Answer | ClockTurned | Order | Act)]
        if told:
            given = data.draw(st.sampled_from(told), "repeat")
            decision = self.saga.take(given)
            assert not decision.changed or isinstance(given, NoticeFailed)

    @precondition(lambda self: self.saga.wanted_notices)
    @rule(data=st.data(), what=st.sampled_from(["sealed", "sealed", "failed", "revoked"]))
    def tell_about_a_notice(self, data: st.DataObject, what: str) -> None:
        notice_id = data.draw(st.sampled_from(sorted(self.saga.wanted_notices)), "notice")
        if what == "sealed":
            self.saga.take(NoticeSealed(notice_id, f"document of {notice_id}"))
        elif what == "failed":
            self.saga.take(NoticeFailed(notice_id, "NO_SEAL", "no seal"))
        else:
            self.saga.take(NoticeRevoked(notice_id))

    @precondition(lambda self: self.saga.case.proceedings.clocks)
    @rule(data=st.data(), light=st.sampled_from(Light))
    def turn_a_light(self, data: st.DataObject, light: Light) -> None:
        clock_id = data.draw(st.sampled_from(sorted(self.saga.case.proceedings.clocks)), "clock")
        known = self.saga.case.proceedings.clocks[clock_id]
        changed = self.saga.take(ClockTurned(clock_id, light)).changed
        assert changed == (known.clock.ended_at is None and known.light is not light)

    @precondition(lambda self: self.saga.open)
    @rule(data=st.data(), amount=st.integers(0, 11))
    def extend_a_limit(self, data: st.DataObject, amount: int) -> None:
        task_id = data.draw(st.sampled_from(sorted(self.saga.open)), "task")
        given = LimitExtended(task_id, self.saga.request_id(), amount, "a hard case", "the head")
        clock_id = f"{self.saga.open[task_id].step_id}:statutory"
        statutory = {each.clock_id: each for each in running(self.saga.case.proceedings.clocks)}.get(clock_id)
        if statutory is None:
            self.saga.is_refused(given, "NO_LIMIT")
        elif statutory.light is Light.RED:
            self.saga.is_refused(given, "LIMIT_PASSED")
        else:
            self._extend(given, statutory.clock, DECISION.longest_extension)

    @rule(data=st.data(), amount=st.integers(0, 16))
    def extend_without_a_word_of_an_office(self, data: st.DataObject, amount: int) -> None:
        """A step or the whole case, whether there is a limit to extend or not."""
        step_id = data.draw(st.sampled_from(["", *self.saga.case.steps]), "what is extended")
        given, clocks = ExtensionGranted(amount, "a hard case", "the head", step_id), self.saga.case.proceedings.clocks
        limit = {each.clock_id: each for each in running(clocks)}.get(f"{step_id}:statutory")
        if limit is None:
            self.saga.is_refused(given, "NO_LIMIT")
        elif limit.light is Light.RED:
            self.saga.is_refused(given, "LIMIT_PASSED")
        else:
            self._extend(given, limit.clock, (DECISION if step_id else BUNDLE).longest_extension)

    def _extend(self, given: LimitExtended | ExtensionGranted, clock: Clock, longest: int) -> None:
        if clock.extensions:
            self.saga.is_refused(given, "ALREADY_EXTENDED")
        elif 1 <= given.amount <= longest:
            assert self.saga.take(given).changed
            event(f"a limit was extended: {given.kind}")
        else:
            self.saga.is_refused(given, "EXTENSION_TOO_SHORT", "EXTENSION_TOO_LONG")

    @precondition(lambda self: self.saga.open_incidents)
    @rule(data=st.data())
    def retry_an_incident(self, data: st.DataObject) -> None:
        incident_id = data.draw(st.sampled_from(sorted(self.saga.open_incidents)), "incident")
        assert self.saga.take(IncidentRetried(incident_id, self.saga.request_id(), "put right")).changed
        assert incident_id not in self.saga.open_incidents

    @precondition(lambda self: self.saga.work)
    @rule(data=st.data())
    def fail_until_an_operator_is_asked(self, data: st.DataObject) -> None:
        step_id = self.saga.work[data.draw(st.sampled_from(sorted(self.saga.work)), "task")].step_id
        while any(task.step_id == step_id for task in self.saga.work.values()):
            self.saga.fail(step_id, retry_after=timedelta(seconds=1))

    @rule(data=st.data(), level=st.integers(1, 5))
    def rate(self, data: st.DataObject, level: int) -> None:
        """The case or a step, at any time: once, and not before there is something to rate."""
        step_id = data.draw(st.sampled_from(["", *self.saga.case.steps]), "what is rated")
        given, case = Rated(level, step_id), self.saga.case
        known = [each.level for each in case.proceedings.ratings if each.step_id == step_id]
        step = case.steps.get(step_id)
        served = step is not None and (step.handled_task_id or (step.organ_id and step.status is StepStatus.REFUSED))
        if known == [level]:
            assert not self.saga.take(given).changed
        elif known:
            self.saga.is_refused(given, "ALREADY_RATED")
        elif not (served if step_id else case.ended):
            self.saga.is_refused(given, "NOT_RATABLE")
        elif case.proceedings.archived_at is not None:
            self.saga.is_refused(given, "CASE_ARCHIVED")
        else:
            assert self.saga.take(given).changed
            event(f"rated {level}")

    @precondition(lambda self: self.saga.case.ended)
    @rule(channel=st.sampled_from(["post", "window"]))
    def deliver(self, channel: str) -> None:
        case, before = self.saga.case, self.saga.case.proceedings.delivery
        if before is not None and before.channel == channel:
            assert not self.saga.take(Delivered(channel, "the applicant")).changed
        elif before is None and case.status is CaseStatus.COMPLETED and case.proceedings.archived_at is None:
            assert self.saga.take(Delivered(channel, "the applicant")).changed
        else:
            reasons = ("ALREADY_DELIVERED", "NOT_COMPLETED", "CASE_ARCHIVED")
            self.saga.is_refused(Delivered(channel, "the applicant"), *reasons)

    @precondition(lambda self: self.saga.case.ended)
    @rule()
    def archive(self) -> None:
        case = self.saga.case
        if case.proceedings.archived_at is None and open_ones(case):
            self.saga.is_refused(Archived(), "NOT_IDLE")
        else:
            assert self.saga.take(Archived()).changed == (case.proceedings.archived_at is None)

    @invariant()
    def everything_agrees(self) -> None:
        if hasattr(self, "saga"):
            all_laws_hold(self.saga)

    def teardown(self) -> None:
        """Every case comes to an end once everybody does what is asked of them."""
        if hasattr(self, "saga"):
            all_laws_hold(self.saga.drained())
            _check_records(self.saga)
            event(f"ended {self.saga.case.status}")
            event(f"undone {len(self.saga.undo_order())}")
            for incident in self.saga.case.incidents.values():
                event(f"incident {incident.reason}")
            if "须有" in self.saga.case.refusal_reason:
                event("undone for a missed quorum")
            waiting = {NoticeStatus.REQUESTED, NoticeStatus.WITHDRAWN}
            assert not waiting & {step.notice_status for step in self.saga.case.steps.values()}

    def _answer(self, kind: type, task_id: str, request_id: str, reason: str, result: dict[str, object]) -> Answer:
        if kind is Accepted:
            return Accepted(task_id, request_id)
        if kind is Completed:
            return Completed(task_id, request_id, result)
        if kind is PassedUp:
            return PassedUp(task_id, request_id, result, reason)
        answer: Answer = kind(task_id, request_id, reason)
        return answer


def _check_records(saga: Saga) -> None:
    """Every history can be reported: each thing with versions from 1 on, none twice the same, and an end for all."""
    last: dict[str, Record] = {}
    for record in reported(saga):
        before = last.get(record.key)
        assert record.version == (before.version + 1 if before else 1)
        assert before is None or before.fact != record.fact
        last[record.key] = record
    (result,) = (each.fact.content for each in last.values() if each.key == "result:")
    end = case_end(saga.plan, saga.case)
    assert isinstance(result, Result)
    assert end is not None
    assert (result.result, result.reason) == (end.result, end.reason)
    for step_id in saga.case.steps:
        of_step, there = step_end(saga.plan, saga.case, step_id), f"result:{step_id}" in last
        assert there or of_step is None
    specials = (each.fact.content for each in last.values() if isinstance(each.fact.content, Special))
    assert all(each.ended_at is not None for each in specials)


CaseMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestSaga = CaseMachine.TestCase
