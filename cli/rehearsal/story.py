"""The story of a case in a test: a line for whatever happened, with what it changed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.clock import BEIJING
from services.cases.domain.case import Case, NoticeStatus
from services.cases.domain.decide import Decision
from services.cases.domain.inputs import Input, Routed, Submitted
from services.cases.domain.plan import Plan

# Enough to see how it came about; an endless story has more.
MOST_LINES = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One happening."""

    at: datetime
    what: str
    """Who said what."""
    changes: tuple[str, ...]
    """What it changed."""

    def __str__(self) -> str:
        changes = f"  -> {', '.join(self.changes)}" if self.changes else ""
        return f"{self.at.astimezone(BEIJING):%Y-%m-%d %H:%M}  {self.what}{changes}"


class Story:
    """What has happened so far."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.lines: list[Line] = []

    def add(self, at: datetime, given: Input, before: Case | None, decision: Decision) -> None:
        """Note an input that was taken. Offices that are found for steps that wait anyway are not worth a line."""
        changes = tuple(_changes(before, decision.case))
        if isinstance(given, Routed) and not changes:
            return
        self._keep(Line(at, self._words(given, decision.case), changes))

    def note(self, at: datetime, what: str) -> None:
        """Note what is no input, such as time that has passed."""
        self._keep(Line(at, what, ()))

    def _keep(self, line: Line) -> None:
        if len(self.lines) < MOST_LINES:
            self.lines.append(line)

    def _words(self, given: Input, case: Case) -> str:
        words = _WORDS.get(given.kind)
        said = words(given) if words else given.kind.replace("_", " ")
        subject = self._subject(given, case)
        return f"{subject}: {said}" if subject else said

    @staticmethod
    def _subject(given: Any, case: Case) -> str:
        """The step that an input is about."""
        if (task_id := getattr(given, "task_id", "")) and task_id in case.tasks:
            task = case.tasks[task_id]
            return task.step_id if task.kind == "handle" else f"{task.step_id} ({task.kind.replace('_', ' ')})"
        if notice_id := getattr(given, "notice_id", ""):
            return next((step.step_id for step in case.steps.values() if step.notice_id == notice_id), "")
        if incident_id := getattr(given, "incident_id", ""):
            return case.incidents[incident_id].step_id
        return getattr(given, "step_id", "")


def _changes(before: Case | None, after: Case) -> Iterator[str]:
    if before is not None and before.status is not after.status:
        yield f"case {after.status}"
    for step_id, step in after.steps.items():
        earlier = before.steps[step_id] if before else None
        if earlier is None or earlier.status is not step.status:
            if earlier is not None or step.status != "waiting":
                yield f"{step_id} {step.status}"
        elif earlier.attempt != step.attempt:
            yield f"{step_id} {step.status} again"
        if earlier and earlier.notice_status is not step.notice_status and step.notice_status is not NoticeStatus.NONE:
            yield f"notice of {step_id} {step.notice_status}"
    known = before.incidents if before else {}
    for incident_id, incident in after.incidents.items():
        if incident_id not in known:
            yield f"incident {incident.reason} of {incident.step_id}: {incident.description}"
        elif incident.resolved_at and not known[incident_id].resolved_at:
            yield f"incident {incident.reason} of {incident.step_id} resolved"


def _submitted(given: Submitted) -> str:
    left_out = ", ".join(f"{step} ({why})" for step, why in zip(given.skipped, given.skip_reasons, strict=False))
    return f"submitted, without {left_out}" if left_out else "submitted"


def _branched(given: Any) -> str:
    parts = [f"{step} is needed" for step in given.needed]
    parts += [f"{step} is not, {why}" for step, why in zip(given.skipped, given.skip_reasons, strict=True)]
    parts += [f"{step} cannot be decided, {why}" for step, why in zip(given.failed, given.failures, strict=True)]
    return "; ".join(parts)


_WORDS: dict[str, Callable[[Any], str]] = {
    "submitted": _submitted,
    "routed": lambda _: "offices are found",
    "completed": lambda given: f"completed with {dict(given.result)}" if given.result else "completed",
    "refused": lambda given: f"refused, {given.reason}",
    "returned": lambda given: f"returned, {given.reason}",
    "failed": lambda given: f"failed, {given.reason}",
    "correction_requested": lambda given: f"asks to correct {', '.join(item.name for item in given.items)}",
    "corrected": lambda _: "the applicant supplies what was asked for",
    "suspended": lambda given: f"begins a {given.procedure}, {given.reason}",
    "resumed": lambda _: "goes on after the procedure",
    "withdrawn": lambda given: f"the applicant withdraws, {given.reason}",
    "clock_turned": lambda given: f"the clock {given.clock_id.replace(':', ' ').strip()} is {given.light}",
    "branched": _branched,
    "notice_sealed": lambda _: "notice sealed",
    "notice_revoked": lambda _: "notice void",
    "notice_failed": lambda given: f"notice cannot be sealed, {given.description}",
    "inputs_failed": lambda given: f"inputs cannot be made, {given.description}",
    "incident_retried": lambda given: f"an operator tries again, {given.reason}",
    "step_skipped": lambda given: f"an operator leaves it out, {given.reason}",
    "step_forced": lambda given: f"an operator takes it as done, {given.reason}",
    "step_reassigned": lambda given: f"an operator has another office handle it, {given.reason}",
    "case_stopped": lambda given: f"an operator gives the case up, {given.reason}",
    "urged": lambda given: f"{'is reminded' if given.urge == 'urge' else 'its superior is told'}, {given.reason}",
    "delivered": lambda given: f"the results are delivered to {given.receiver}, {given.channel}",
    "rated": lambda given: f"the applicant rates {given.level}",
}
