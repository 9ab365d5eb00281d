"""What the saga is about to write for all cases in hand, and the few statements that write it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chassis.database import UnitOfWork
from services.cases import store, taskbodies
from services.cases.domain.case import Case
from services.cases.domain.effects import AcceptTask, CloseIncident, CloseTask, IncidentOpened, NameHandler
from services.cases.urge_store import add_urges

TASKS_TOPIC = "tasks"
LOG_TOPIC = "case-log"


@dataclass(slots=True)
class Writes:
    """Rows by table; what is opened and closed in one transaction is never written."""

    history: list[dict[str, Any]] = field(default_factory=list)
    opened: dict[str, dict[str, Any]] = field(default_factory=dict)
    closed: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    incidents: dict[str, dict[str, Any]] = field(default_factory=dict)
    resolved: list[str] = field(default_factory=list)
    handlers: dict[str, str] = field(default_factory=dict)
    urges: list[dict[str, Any]] = field(default_factory=list)

    def note(self, effect: CloseTask | AcceptTask | NameHandler | CloseIncident) -> None:
        """Remember what an effect does to a row that may be there."""
        match effect:
            case CloseTask():
                self.closed.append(effect.task_id)
            case AcceptTask():
                self.accepted.append(effect.task_id)
            case NameHandler():
                self.handlers[effect.task_id] = effect.handler
            case CloseIncident():
                self.resolved.append(effect.incident_id)

    def open_incident(self, case: Case, event: IncidentOpened, now: datetime) -> None:
        """Remember an incident."""
        self.incidents[event.incident_id] = {
            "incident_id": event.incident_id,
            "case_id": case.case_id,
            "case_number": case.case_number,
            "bundle_id": case.bundle_id,
            "organ_id": case.steps[event.step_id].organ_id,
            "step_id": event.step_id,
            "reason": event.reason,
            "description": event.description,
            "opened_at": now,
            "resolved_at": None,
        }

    def execute(self, work: UnitOfWork) -> None:
        """Write everything, and wake who waits for it."""
        connection = work.connection
        store.append_history(connection, self.history)
        if self.history:
            work.wake(LOG_TOPIC)
        closed = frozenset(self.closed)
        accepted = frozenset(self.accepted) - closed
        for task_id in accepted & self.opened.keys():
            self.opened[task_id]["accepted"] = True
        opened = [row for task_id, row in self.opened.items() if task_id not in closed]
        store.close_tasks(connection, sorted(closed - self.opened.keys()))
        store.accept_tasks(connection, sorted(accepted - self.opened.keys()))
        store.open_tasks(connection, opened)
        handlers = {each: self.handlers[each] for each in sorted(self.handlers)}
        store.rewrite_tasks(connection, handlers, taskbodies.with_handler)
        store.add_incidents(connection, list(self.incidents.values()))
        store.resolve_incidents(connection, self.resolved, work.now)
        add_urges(connection, self.urges)
        if opened:
            work.wake(TASKS_TOPIC)
