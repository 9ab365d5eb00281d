"""One input at work: the case being changed, and the effects gathered so far."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.cases.domain import timing
from services.cases.domain.case import (
    ENDED_STEP,
    OPEN_TASK,
    Case,
    CaseStatus,
    Incident,
    StepState,
    StepStatus,
    TakenAnswer,
    TaskKind,
    TaskState,
    TaskStatus,
)
from services.cases.domain.effects import (
    Announce,
    CloseIncident,
    CloseTask,
    Effect,
    Event,
    IncidentOpened,
    OpenTask,
    RequestRouting,
    StepCompleted,
    StepToRoute,
)
from services.cases.domain.inputs import Answer, content_digest
from services.cases.domain.plan import Plan


class Turn:
    """A working copy that the rules change; what they leave untouched is shared with the case before.

    A rule that finds an input late or repeated just returns: a turn that changed nothing has no effects.
    """

    __slots__ = (
        "before",
        "bundle_version",
        "changed",
        "effects",
        "ended_at",
        "incidents",
        "now",
        "plan",
        "proceedings",
        "refusal_reason",
        "request_no",
        "status",
        "steps",
        "tasks",
        "undo_cause",
    )

    def __init__(self, plan: Plan, case: Case, now: datetime) -> None:
        self.plan = plan
        self.before = case
        self.now = now
        self.bundle_version = case.bundle_version
        self.status = case.status
        self.ended_at = case.ended_at
        self.undo_cause = case.undo_cause
        self.refusal_reason = case.refusal_reason
        self.request_no = case.request_no
        self.steps: dict[str, StepState] = dict(case.steps)
        self.tasks: dict[str, TaskState] = dict(case.tasks)
        self.incidents: dict[str, Incident] = dict(case.incidents)
        self.proceedings = case.proceedings
        self.effects: list[Effect] = []
        self.changed = False

    def after(self) -> Case:
        """The case after this turn; its version is one higher when anything changed."""
        before = self.before
        if not self.changed:
            return before
        return Case(
            case_id=before.case_id,
            case_number=before.case_number,
            bundle_id=before.bundle_id,
            bundle_version=self.bundle_version,
            applicant_id=before.applicant_id,
            region_code=before.region_code,
            status=self.status,
            version=before.version + 1,
            submitted_at=before.submitted_at,
            ended_at=self.ended_at,
            undo_cause=self.undo_cause,
            refusal_reason=self.refusal_reason,
            request_no=self.request_no,
            steps=self.steps,
            tasks=self.tasks,
            incidents=self.incidents,
            proceedings=self.proceedings,
        )

    def proceed(self, **changes: Any) -> None:
        """Change the proceedings."""
        self.proceedings = replace(self.proceedings, **changes)
        self.changed = True

    def change(self, step_id: str, **changes: Any) -> StepState:
        """Change a step, and return it as it is now."""
        step = self.steps[step_id] = replace(self.steps[step_id], **changes)
        self.changed = True
        return step

    def complete(self, step_id: str, result: Mapping[str, Any], *, handled_task_id: str = "") -> None:
        """Complete a step: by a task of its office, or by an operator's word."""
        timing.decided(self, step_id)
        self.change(
            step_id,
            status=StepStatus.COMPLETED,
            task_id="",
            failures=0,
            handled_task_id=handled_task_id,
            result=result,
            reason="",
            completed_at=self.now,
            completion_no=1 + max(step.completion_no for step in self.steps.values()),
        )
        self.announce(StepCompleted(step_id, by_word=not handled_task_id))

    def has_ended(self, step: StepState) -> bool:
        """Whether nothing more is to be done for the step, so that the case goes on without it."""
        return step.status in ENDED_STEP or (
            step.status is StepStatus.REFUSED and self.plan.by_id[step.step_id].tolerant
        )

    def leave(self, step_id: str, status: StepStatus, reason: str = "") -> None:
        """Take a step that has not ended out of the case, with its task, its incidents and its question to routing."""
        if self.steps[step_id].task_id:
            self.close_task(self.steps[step_id].task_id)
        for incident in tuple(self.incidents.values()):
            if incident.step_id == step_id and incident.resolved_at is None:
                self.close_incident(incident)
        timing.decided(self, step_id)
        self.change(step_id, status=status, task_id="", routing_no=0, reason=reason)

    def announce(self, event: Event) -> None:
        """Tell the bus, once the turn is committed."""
        self.effects.append(Announce(event))

    # Tasks

    def settle(self, task: TaskState, answer: Answer, status: TaskStatus) -> None:
        """Note what an office answered to a task."""
        answers = (*task.answers, TakenAnswer(answer.kind, answer.request_id, content_digest(answer)))
        self.tasks[task.task_id] = replace(task, status=status, answers=answers)
        self.changed = True

    def open_handling(self, step_id: str, *, accepted: bool = False, not_before: datetime | None = None) -> None:
        """Offer a step to its office; ``accepted`` when the same office had accepted it on its last turn."""
        step = self.steps[step_id]
        attempt = step.attempt + 1
        task_id = self.handling_id(step, attempt)
        status = StepStatus.ACCEPTED if accepted else StepStatus.OFFERED
        self.change(step_id, status=status, attempt=attempt, task_id=task_id, reason="")
        self.open_task(
            OpenTask(
                task_id=task_id,
                step_id=step_id,
                kind=TaskKind.HANDLE,
                organ_id=step.organ_id,
                catalog_code=self.plan.by_id[step_id].catalog_code,
                attempt=attempt,
                not_before=not_before or self.now,
                accepted=accepted,
            )
        )
        timing.offered(self, step_id)

    def handling_id(self, step: StepState, attempt: int | None = None) -> str:
        """The id of the task of a handling turn; of the latest when none is said."""
        return f"{self.before.case_id}:{step.step_id}:{step.attempt if attempt is None else attempt}"

    def open_undoing(self, step_id: str, *, accepted: bool = False, not_before: datetime | None = None) -> None:
        """Ask the office that completed a step to undo it."""
        step = self.steps[step_id]
        attempt = step.undo_attempt + 1
        task_id = f"{self.before.case_id}:{step_id}:u{attempt}"
        self.change(step_id, status=StepStatus.UNDOING, undo_attempt=attempt, task_id=task_id)
        self.open_task(
            OpenTask(
                task_id=task_id,
                step_id=step_id,
                kind=TaskKind.UNDO,
                organ_id=step.organ_id,
                catalog_code=self.plan.by_id[step_id].catalog_code,
                attempt=attempt,
                not_before=not_before or self.now,
                accepted=accepted,
                handled_task_id=step.handled_task_id,
                handled_result=step.result,
            )
        )

    def open_task(self, task: OpenTask) -> None:
        """Offer a task to its office."""
        status = TaskStatus.ACCEPTED if task.accepted else TaskStatus.OFFERED
        self.tasks[task.task_id] = TaskState(task.task_id, task.step_id, task.kind, task.organ_id, status)
        self.effects.append(task)

    def close_task(self, task_id: str) -> None:
        """Take an open task back from its office."""
        task = self.tasks[task_id]
        if task.status in OPEN_TASK:
            self.tasks[task_id] = replace(task, status=TaskStatus.CLOSED)
            self.effects.append(CloseTask(task_id))
            self.changed = True

    # Routing

    def leave_office(self, step_id: str, **changes: Any) -> StepState:
        """Take a step from its office, which never gets it again; what is to be routed is asked for separately."""
        step = self.steps[step_id]
        return self.change(
            step_id,
            status=StepStatus.ROUTING,
            task_id="",
            organ_id="",
            organ_name="",
            routing_reason="",
            superior_ids=(),
            handler="",
            excluded_organ_ids=(*step.excluded_organ_ids, step.organ_id),
            **changes,
        )

    def request_routing(self, step_ids: tuple[str, ...], *, organ_id: str = "") -> None:
        """Ask for offices, or for this one; the steps wait for the answer that has this request's number."""
        self.request_no += 1
        wanted = []
        for step_id in step_ids:
            step = self.change(step_id, routing_no=self.request_no)
            planned = self.plan.by_id[step_id]
            above = step.reviews[-1].organ_id if step.reviews else ""
            wanted.append(
                StepToRoute(
                    step_id,
                    planned.catalog_code,
                    planned.level,
                    excluded_organ_ids=step.excluded_organ_ids,
                    organ_id=organ_id,
                    above_organ_id=above,
                    bound_organ_id=planned.organ_id,
                    region_code=step.region_code,
                    named_uscc=step.named_uscc,
                )
            )
        self.effects.append(RequestRouting(self.request_no, self.before.region_code, tuple(wanted)))

    # Incidents

    def open_incident(self, step_id: str, reason: str, description: str) -> None:
        """Ask for an operator."""
        incident_id = f"{self.before.case_id}:i{len(self.incidents) + 1}"
        self.incidents[incident_id] = Incident(incident_id, step_id, reason, description, self.now)
        self.announce(IncidentOpened(incident_id, step_id, reason, description))
        self.changed = True

    def incident_of(self, step_id: str, reason: str) -> Incident | None:
        """The open incident of a step for one reason, or None."""
        for incident in self.incidents.values():
            if incident.step_id == step_id and incident.reason == reason and incident.resolved_at is None:
                return incident
        return None

    def close_incident(self, incident: Incident, retried_by: str = "") -> None:
        """Resolve an incident: by an operator's decision, or because it became pointless."""
        resolved = replace(incident, resolved_at=self.now, retried_by=retried_by)
        self.incidents[incident.incident_id] = resolved
        self.effects.append(CloseIncident(incident.incident_id))
        self.changed = True

    @property
    def running(self) -> bool:
        """Whether the case still goes forward."""
        return self.status is CaseStatus.RUNNING
