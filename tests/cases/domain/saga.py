"""A case in a test: tell it what happens in one line each, and ask what it is and what it wanted done.

It keeps the books that a shell would keep (open tasks, wanted notices, unanswered routing requests) from the effects
alone, so that every test also checks that the effects are enough.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.cases.domain.case import Case, CaseStatus, Incident, NoticeStatus, StepState, TaskKind, TaskStatus
from services.cases.domain.decide import Decision, decide
from services.cases.domain.effects import (
    AcceptTask,
    Announce,
    AskBranch,
    CloseIncident,
    CloseTask,
    Effect,
    IncidentOpened,
    NameHandler,
    OpenTask,
    RequestLicence,
    RequestNotice,
    RequestRouting,
    WithdrawLicence,
    WithdrawNotice,
)
from services.cases.domain.inputs import (
    KEEPING,
    Accepted,
    Answer,
    Branched,
    Completed,
    Failed,
    HandedOver,
    IncidentRetried,
    Input,
    Migrated,
    NoticeFailed,
    NoticeRevoked,
    NoticeSealed,
    PassedUp,
    Refused,
    Returned,
    Routed,
    RoutingDecision,
    StepForced,
    Submitted,
)
from services.cases.domain.inputs import from_json as input_from_json
from services.cases.domain.inputs import to_json as input_to_json
from services.cases.domain.migrating import check_state, has_begun, places_of
from services.cases.domain.plan import Plan
from services.cases.domain.refusal import Refusal
from services.cases.domain.versions import check_versions, moved_steps
from tests.cases.domain.holding_up import release
from tests.cases.domain.plans import a_restaurant
from tests.cases.domain.site import go, waits

NINE = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""Nine o'clock in Beijing, on a Monday."""


_VALUES = {"string": "text", "number": 1.5, "integer": 1, "boolean": True, "array": [1], "object": {"a": 1}}


class Saga:
    """One case, driven by hand."""

    def __init__(self, plan: Plan, *, case_id: str = "c1") -> None:
        self.plans = {plan.version: plan}
        """The versions that the case has run."""
        self.carried: set[str] = set()
        """The steps that were under way when it was migrated: they have the clocks that they were granted before."""
        self.plan = plan
        self.case_id = case_id
        self.now = NINE
        self.current: Case | None = None
        self.history: list[tuple[Input, datetime]] = []
        self.effects: list[Effect] = []
        self.open: dict[str, OpenTask] = {}
        self.all_tasks: dict[str, OpenTask] = {}
        self.questions: dict[int, RequestRouting] = {}
        self.wanted_notices: dict[str, RequestNotice] = {}
        self.withdrawn: dict[str, WithdrawNotice] = {}
        self.wanted_licences: dict[str, RequestLicence] = {}
        self.withdrawn_licences: dict[str, WithdrawLicence] = {}
        self.open_incidents: dict[str, IncidentOpened] = {}
        self.taken_back: set[str] = set()
        self.handlers: dict[str, str] = {}
        self.reopened = 0
        """How often an act that had crossed with the end took the case back to being undone."""
        self.verdicts: dict[str, str] = {}
        """What late conditions come to: "skipped", "failed" (the first time), otherwise the step is needed."""
        self._requests = 0

    # What happens

    def take(self, given: Input) -> Decision:
        """Decide, as the shell would: keep the case, the row of history and the effects."""
        assert input_from_json(given.kind, input_to_json(given)) == given
        plan = self.plans[given.to_version] if isinstance(given, Migrated) else self.plan
        decision = decide(plan, self.current, given, self.now)
        version = self.current.version if self.current else 0
        if decision.changed:
            assert decision.case.version == version + 1
            self.history.append((given, self.now))
        else:
            assert decision.case is self.current
            assert decision.effects == ()
        if self.current is not None and self.current.ended and not decision.case.ended:
            self.reopened += 1
            assert isinstance(given, Completed), "only an act that crossed with the end takes a case back"
        self.current, self.plan = decision.case, plan
        if decision.changed and isinstance(given, Answer) and not isinstance(given, KEEPING):
            self.open.pop(given.task_id, None)  # gone already when the act crossed with a refusal, or is about the past
        for effect in decision.effects:
            self._note(effect)
        for effect in decision.effects:
            if isinstance(effect, AskBranch):
                self._branch(effect.step_ids)
        return decision

    def _branch(self, step_ids: tuple[str, ...]) -> None:
        """Answer at once, as the shell does."""
        skipped = tuple(step_id for step_id in step_ids if self.verdicts.get(step_id) == "skipped")
        failed = tuple(step_id for step_id in step_ids if self.verdicts.get(step_id) == "failed")
        needed = tuple(step_id for step_id in step_ids if step_id not in skipped and step_id not in failed)
        for step_id in failed:
            del self.verdicts[step_id]
        assert self.take(
            Branched(needed, skipped, ("no",) * len(skipped), failed, ("no number",) * len(failed))
        ).changed

    def submitted(self, *skipped: str) -> "Saga":
        self.take(
            Submitted(
                self.case_id,
                "number",
                self.plan.bundle_id,
                self.plan.version,
                "person:1",
                "341802",
                skipped,
                skip_reasons=tuple(f"not {step_id}" for step_id in skipped),
            )
        )
        return self

    def routed(self, *, without: Iterable[str] = (), offices: dict[str, str] | None = None) -> "Saga":
        """Routing answers every open question: the office of a step is "office of <step>", or as named."""
        for number, question in tuple(self.questions.items()):
            self.take(
                Routed(
                    number,
                    tuple(
                        RoutingDecision(step.step_id, "", "", "nobody handles it")
                        if step.step_id in without
                        else self._office(step.step_id, offices or {})
                        for step in question.steps
                        if step.step_id in self.case.steps
                    ),
                )
            )
            self.questions.pop(number, None)
        return self

    def _office(self, step_id: str, offices: dict[str, str]) -> RoutingDecision:
        organ_id = offices.get(step_id, self._first_choice(step_id))
        superiors = (f"above {organ_id}", "the top")
        return RoutingDecision(step_id, organ_id, organ_id.title(), "the nearest office up the tree", superiors)

    def _first_choice(self, step_id: str) -> str:
        """The first office that has not returned the step."""
        returned = self.step(step_id).excluded_organ_ids
        candidates = (f"office of {step_id}", *(f"office {n} of {step_id}" for n in range(2, 100)))
        return next(office for office in candidates if office not in returned)

    def accept(self, step_id: str, request_id: str = "") -> "Saga":
        return self.answer(Accepted(self.task_id(step_id), request_id or self.request_id()))

    def complete(self, *step_ids: str, result: dict[str, Any] | None = None) -> "Saga":
        for step_id in step_ids:
            self.answer(Completed(self.task_id(step_id), self.request_id(), result or self.a_result(step_id)))
        return self

    def a_result(self, step_id: str) -> dict[str, Any]:
        """A result that fits what the step's matter declares."""
        declared = {
            field.name: field.values[0] if field.values else _VALUES[field.type]
            for field in self.plan.by_id[step_id].result_fields
        }
        return declared or {"permit": f"of {step_id}"}

    def refuse(self, step_id: str, reason: str = "the exit is blocked") -> "Saga":
        return self.answer(Refused(self.task_id(step_id), self.request_id(), reason))

    def migrate(self, plan: Plan, *skipped: str, **mapping: str) -> Decision:
        """Go on by another version, as the shell would; a step with "" in its place has none."""
        before = self.case
        check_state(before, before.bundle_version, plan.version)
        places = places_of(before.steps, plan.by_id, mapping)
        check_versions(self.plan, plan, before)
        self.plans[plan.version] = plan
        moved = moved_steps(self.plan, plan, places)
        reasons = tuple(f"not {step_id}" for step_id in skipped)
        given = Migrated(before.bundle_version, plan.version, "a new law", mapping, moved, skipped, reasons)
        decision = self.take(given)
        self.carried |= {step_id for step_id, step in before.steps.items() if has_begun(step)}
        return decision

    def send_back(self, step_id: str, reason: str = "not ours") -> "Saga":
        return self.answer(Returned(self.task_id(step_id), self.request_id(), reason))

    def pass_up(self, step_id: str, reason: str = "above our limit", **opinion: Any) -> "Saga":
        return self.answer(PassedUp(self.task_id(step_id), self.request_id(), opinion or {"agreed": True}, reason))

    def hand_over(self, step_id: str, handler: str = "section two") -> "Saga":
        return self.answer(HandedOver(self.task_id(step_id), self.request_id(), handler))

    def fail(self, step_id: str, *, times: int = 1, retry_after: timedelta | None = None) -> "Saga":
        for _ in range(times):
            self.answer(Failed(self.task_id(step_id), self.request_id(), "our database is down", retry_after))
        return self

    def is_refused(self, given: Input, *reasons: str) -> None:
        """Taking it is refused for one of the reasons, and changes nothing."""
        before = self.case
        with pytest.raises(Refusal) as refusal:
            self.take(given)
        assert refusal.value.reason in reasons
        assert "+00:00" not in refusal.value.message, "instants are told as the contracts have them, with a Z"
        assert self.case is before

    def answer(self, given: Answer) -> "Saga":
        self.take(given)
        return self

    def sealed(self, *step_ids: str) -> "Saga":
        for step_id in step_ids:
            self.take(NoticeSealed(self.step(step_id).notice_id, f"document of {step_id}"))
        return self

    def sealing_fails(self, step_id: str) -> "Saga":
        self.take(NoticeFailed(self.step(step_id).notice_id, "NO_SEAL", "the office has no seal."))
        return self

    def revoked(self, *step_ids: str) -> "Saga":
        for step_id in step_ids:
            self.take(NoticeRevoked(self.step(step_id).notice_id))
        return self

    def retried(self, reason: str) -> "Saga":
        """An operator retries the one open incident of this reason."""
        self.take(IncidentRetried(self.incident(reason).incident_id, self.request_id(), "put right"))
        return self

    def later(self, wait: timedelta) -> "Saga":
        self.now += wait
        return self

    def drained(self) -> "Saga":
        """Everybody does what is asked of them, until nothing is left to do."""
        for _ in range(1000):
            if self.case.ended:
                return self
            self.routed()
            release(self)
            go(self)
            for task_id in tuple(self.open):
                if task_id in self.open and not waits(self, self.open[task_id]):
                    self.take(Completed(task_id, self.request_id(), self.a_result(self.open[task_id].step_id)))
            for incident_id in tuple(self.open_incidents):
                if incident_id in self.open_incidents:
                    self.take(IncidentRetried(incident_id, self.request_id(), "put right"))
            self._notices_settled()
        raise AssertionError(f"the case does not come to an end: {self.case}")

    def _notices_settled(self) -> None:
        for step in tuple(self.case.steps.values()):
            if step.notice_status is NoticeStatus.REQUESTED:
                self.sealed(step.step_id)
            elif step.notice_status is NoticeStatus.WITHDRAWN:
                self.revoked(step.step_id)

    # What there is

    @property
    def case(self) -> Case:
        assert self.current is not None
        return self.current

    def stands(self, status: CaseStatus) -> bool:
        return self.case.status is status

    def step(self, step_id: str) -> StepState:
        return self.case.steps[step_id]

    def statuses(self) -> dict[str, str]:
        return {step_id: str(step.status) for step_id, step in self.case.steps.items()}

    def incident(self, reason: str) -> Incident:
        (found,) = (
            incident
            for incident in self.case.incidents.values()
            if incident.reason == reason and incident.resolved_at is None
        )
        return found

    def task_id(self, step_id: str) -> str:
        """The open task of a step."""
        (task_id,) = (task.task_id for task in self.work.values() if task.step_id == step_id)
        return task_id

    @property
    def work(self) -> dict[str, OpenTask]:
        """The open tasks of the case's own way, without follow-ups."""
        return {task_id: task for task_id, task in self.open.items() if task.kind is not TaskKind.FOLLOW_UP}

    def offered(self) -> list[str]:
        """The steps that have an open task to handle."""
        return [task.step_id for task in self.open.values() if task.kind is TaskKind.HANDLE]

    def being_undone(self) -> list[str]:
        return [task.step_id for task in self.open.values() if task.kind is TaskKind.UNDO]

    def announced(self) -> list[str]:
        """The names of the events so far, with the step where there is one."""
        events = (effect.event for effect in self.effects if isinstance(effect, Announce))
        return [f"{type(event).__name__} {getattr(event, 'step_id', '')}".strip() for event in events]

    def request_id(self) -> str:
        self._requests += 1
        return f"request-{self._requests}"

    def pending_notices(self) -> set[str]:
        """The notices whose sealing or revocation somebody still has to confirm."""
        return {step.notice_id for step in self.case.steps.values() if step.notice_status in ("requested", "withdrawn")}

    def undo_order(self) -> list[str]:
        """The steps of the undo tasks that were completed, in that order."""
        answers = (given for given, _ in self.history if isinstance(given, Completed))
        tasks = (self.all_tasks[given.task_id] for given in answers)
        return [task.step_id for task in tasks if task.kind is TaskKind.UNDO]

    def forced_undos(self) -> set[str]:
        """The steps that an operator took as undone."""
        forced = {given.step_id for given, _ in self.history if isinstance(given, StepForced)}
        return {step_id for step_id in forced if self.step(step_id).undo_attempt}

    def crossed(self) -> set[str]:
        """The steps that were completed after their task had been taken back."""
        tasks = (self.case.tasks[task_id] for task_id in self.taken_back)
        return {task.step_id for task in tasks if task.status is TaskStatus.COMPLETED}

    def _note(self, effect: Effect) -> None:
        self.effects.append(effect)
        match effect:
            case OpenTask() | AcceptTask() | NameHandler() | CloseTask():
                self._note_task(effect)
            case RequestRouting(request_no=number):
                self.questions[number] = effect
            case RequestNotice(notice_id=notice_id):
                self.wanted_notices[notice_id] = effect
            case WithdrawNotice(notice_id=notice_id):
                self.withdrawn[notice_id] = effect
            case RequestLicence(order_id=order_id):
                self.wanted_licences[order_id] = effect
            case WithdrawLicence(order_id=order_id):
                self.withdrawn_licences[order_id] = effect
            case CloseIncident(incident_id=incident_id):
                del self.open_incidents[incident_id]
            case Announce(event=IncidentOpened() as event):
                self.open_incidents[event.incident_id] = event
            case Announce() | AskBranch():
                pass

    def _note_task(self, effect: OpenTask | AcceptTask | NameHandler | CloseTask) -> None:
        task_id = effect.task_id
        match effect:
            case OpenTask():
                assert task_id not in self.all_tasks, "a task id is used twice"
                assert effect.not_before >= self.now
                self.open[task_id] = self.all_tasks[task_id] = effect
            case AcceptTask():
                self.open[task_id] = replace(self.open[task_id], accepted=True)
            case NameHandler():
                assert task_id in self.open
                self.handlers[task_id] = effect.handler
            case CloseTask():
                del self.open[task_id]
                self.taken_back.add(task_id)


def a_running_restaurant(*skipped: str) -> Saga:
    """Submitted and routed, with the licence checked: food, sign and fire are offered."""
    return Saga(a_restaurant()).submitted(*skipped).routed().complete("check")
