"""What offices do by themselves: complete at once, after going to their joint visits, unless a test says otherwise."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from cli.rehearsal.stage import Stage
from services.cases.domain.case import TaskKind, TaskStatus
from services.cases.domain.effects import OpenTask
from services.cases.domain.inputs import Accepted, Completed, VisitAttended, VisitScheduled
from services.cases.domain.plan import Plan
from services.cases.domain.refusal import Refusal
from services.matters.package.trials import GivenPart

_MADE_UP: Mapping[str, Any] = {
    "string": "示例",
    "number": 1.5,
    "integer": 1,
    "boolean": True,
    "array": ["示例"],
    "object": {"示例": "示例"},
}
_FOLLOWED_UP = {"verified": True, "done": "已核实整改"}


class Offices:
    """All offices of a case."""

    def __init__(self, stage: Stage, given: GivenPart) -> None:
        self._stage = stage
        self._given = given

    def result_of(self, step_id: str) -> dict[str, Any]:
        """The result that a test gives the step's office, or one made up that its matter allows."""
        return dict(self._given.results.get(step_id) or made_up_result(self._stage.plan, step_id))

    def work(self, held: Collection[str]) -> None:
        """Offices do what they have to, again and again, until nobody can go on; `held` wait for what the test says.

        What an office may try again only later has the time pass until then.
        """
        stage = self._stage
        while True:
            waiting = [task for task in stage.open.values() if told_of(task) not in held and self._acts(task.step_id)]
            now = [task for task in waiting if task.not_before <= stage.now]
            if any(self._do(task) for task in now):
                continue
            later = [task.not_before for task in waiting if task.not_before > stage.now]
            if not later:
                return
            self._advance(min(later))

    def wait_until(self, moment: datetime, held: Collection[str]) -> None:
        """Let time pass; lights change on the way, and offices do what follows from that."""
        stage = self._stage
        while (change := stage.next_change()) is not None and change <= moment:
            self._advance(change)
            self.work(held)
        self._advance(moment)
        self.work(held)

    def _advance(self, moment: datetime) -> None:
        self._stage.now = max(self._stage.now, moment)
        self._stage.tell_lights()

    def _acts(self, step_id: str) -> bool:
        return self._given.offices.get(step_id, self._given.others) == "complete"

    def _do(self, task: OpenTask) -> bool:
        """Whether the office could do anything about a task."""
        stage = self._stage
        if task.task_id not in stage.open:
            return False
        if task.kind is not TaskKind.HANDLE:
            result = _FOLLOWED_UP if task.kind is TaskKind.FOLLOW_UP else {}
            stage.take(Completed(task.task_id, stage.request_id(), result))
            return True
        went = self._go(task)
        try:
            stage.take(Completed(task.task_id, stage.request_id(), self.result_of(task.step_id)))
        except Refusal as refusal:
            if refusal.reason != "VISIT_PENDING":
                raise
            return went
        return True

    def _go(self, task: OpenTask) -> bool:
        """Go to the joint visit of the step, if there is one and the office has not been there."""
        stage = self._stage
        visit = stage.plan.visit_of.get(task.step_id)
        state = stage.case.proceedings.visits.get(visit.visit_id) if visit else None
        if state is None or task.step_id in state.attended:
            return False
        try:
            if stage.case.tasks[task.task_id].status is TaskStatus.OFFERED:
                stage.take(Accepted(task.task_id, stage.request_id()))
            if state.at is None:
                at = stage.now + timedelta(days=1)
                stage.take(VisitScheduled(task.task_id, stage.request_id(), at, "现场"))
            stage.take(VisitAttended(task.task_id, stage.request_id(), ""))
        except Refusal as refusal:
            if refusal.reason not in {"NO_VISIT", "VISIT_HELD"}:
                raise
            return False
        return True


def told_of(task: OpenTask) -> str:
    """What a test speaks of when it says what becomes of a task: a step, or the answer to a rating of it."""
    return answer_to(task.step_id) if task.kind is TaskKind.FOLLOW_UP else task.step_id


def answer_to(step_id: str) -> str:
    """The answer to a bad rating of a step; of the whole case without one."""
    return f"answer:{step_id}"


def made_up_result(plan: Plan, step_id: str) -> dict[str, Any]:
    """A result with everything that the step's matter declares."""
    declared = plan.by_id[step_id].result_fields
    return {field.name: field.values[0] if field.values else _MADE_UP[field.type] for field in declared}
