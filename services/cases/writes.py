"""What the saga is about to write for all cases in hand, and the few statements that write it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chassis.clock import id_source
from chassis.database import UnitOfWork
from services.cases import store, taskbodies
from services.cases.domain.case import Case
from services.cases.domain.effects import AcceptTask, CloseIncident, CloseTask, IncidentOpened, NameHandler, OpenTask
from services.cases.domain.history import SALTS_BYTES, Said, link
from services.cases.domain.inputs import Input, to_json
from services.cases.domain.withholding import internal_names
from services.cases.published import Published
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

    def append(self, case: Case, previous_hash: str, given: Input, actor: str, now: datetime) -> str:
        """Remember the entry of an input that was taken, the last of its case's history; gives its hash."""
        data = to_json(given)
        salts = id_source.random_bytes(SALTS_BYTES)
        said = Said(now, actor, given.kind, data, internal_names(given.kind, data), salts)
        entry = link(case.case_id, case.version, previous_hash, said)
        row = {name: getattr(said, name) for name in ("at", "actor", "kind", "input", "internal", "salts")}
        row |= {name: getattr(entry, name) for name in ("case_id", "sequence", "previous_hash", "hash")}
        self.history.append(row)
        return entry.hash

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


def task_row(
    published: Published, case: Case, effect: OpenTask, form: Mapping[str, Any], materials: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """The row of an opened task; raises InputsFaultError when what it is given of earlier results cannot be made."""
    return {
        "task_id": effect.task_id,
        "case_id": case.case_id,
        "organ_id": effect.organ_id,
        "catalog_code": effect.catalog_code,
        "body": taskbodies.body(published, case, effect, form, materials),
        "accepted": effect.accepted,
        "available_at": effect.not_before,
        "lease": "",
        "leased_by": "",
    }


def incident_row(case: Case, event: IncidentOpened, now: datetime) -> dict[str, Any]:
    """The row of an incident, of the case after it."""
    return {
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
