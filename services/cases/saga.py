"""The shell around the saga's core: locks cases, lets the core decide, and writes down what follows.

History, snapshots, tasks, incidents and events of many cases go into the database together, in a few statements.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from chassis.database import UnitOfWork
from services.cases import announcements, store, taskbodies
from services.cases.branching import branch_late
from services.cases.domain.case import Case
from services.cases.domain.decide import Decision, decide
from services.cases.domain.effects import (
    Announce,
    AskBranch,
    CloseIncident,
    CloseTask,
    Effect,
    IncidentOpened,
    NameHandler,
    OpenTask,
    RequestNotice,
    RequestRouting,
    WithdrawNotice,
)
from services.cases.domain.history import link
from services.cases.domain.inputs import KEEPING, Finding, Input, InputsFailed, to_json
from services.cases.domain.inputs import Answer as DomainAnswer
from services.cases.domain.plan import Plan
from services.cases.domain.refusal import Refusal
from services.cases.domain.snapshot import from_json
from services.cases.domain.snapshot import to_json as snapshot_of
from services.cases.plans import Plans, Published
from services.cases.stepinputs import InputsFaultError

Decide = Callable[[Plan, Case | None, Input, datetime], Decision]
"""The core's entry: `services.cases.domain.decide.decide`."""

TASKS_TOPIC = "tasks"
LOG_TOPIC = "case-log"
PLATFORM = "platform"
LONGEST_FAULT = 500
"""Characters of why something could not be made, in an incident's description."""


@dataclass(frozen=True, slots=True)
class Pending:
    """An input for a case, and who gave it."""

    case_id: str
    given: Input
    actor: str = PLATFORM


@dataclass(slots=True)
class Running:
    """A case in hand: its row as it was, and the state after the inputs taken so far."""

    published: Published
    case: Case | None
    form: Mapping[str, Any]
    materials: Sequence[Mapping[str, Any]]
    history_hash: str = ""
    changed: bool = False


@dataclass(slots=True)
class Writes:
    """What is to be written for all cases in hand."""

    history: list[dict[str, Any]] = field(default_factory=list)
    opened: dict[str, dict[str, Any]] = field(default_factory=dict)
    closed: list[str] = field(default_factory=list)
    handlers: dict[str, str] = field(default_factory=dict)
    incidents: dict[str, dict[str, Any]] = field(default_factory=dict)
    resolved: list[str] = field(default_factory=list)


class Saga:
    """Decides and persists, for as many cases at once as there are inputs at hand."""

    def __init__(self, plans: Plans, decide: Decide = decide) -> None:
        self._plans = plans
        self._decide = decide

    def load(self, work: UnitOfWork, case_ids: Sequence[str]) -> dict[str, Running]:
        """Lock cases and read them; ids of no case are left out."""
        rows = store.lock_cases(work.connection, sorted(set(case_ids)))
        return {row.case_id: self._running(work, row) for row in rows}

    def start(self, work: UnitOfWork, running: Running, pending: Pending) -> Decision:
        """Take the first input of a case; the caller has inserted nothing yet. Raises Refusal."""
        writes = Writes()
        decision = self._take(work, running, pending, writes)
        case = decision.case
        row = {
            "case_id": case.case_id,
            "case_number": case.case_number,
            "applicant_id": case.applicant_id,
            "bundle_id": case.bundle_id,
            "bundle_version": case.bundle_version,
            "submitted_at": case.submitted_at,
            "form": running.form,
            "materials": running.materials,
            **_state_of(running),
        }
        store.add_case(work.connection, row)
        self._write(work, writes)
        return decision

    def apply(
        self, work: UnitOfWork, cases: Mapping[str, Running], inputs: Sequence[Pending]
    ) -> list[Decision | Refusal]:
        """Take inputs in their order; each is taken or refused for itself. The cases are locked and loaded."""
        writes = Writes()
        results: list[Decision | Refusal] = []
        for pending in inputs:
            running = cases.get(pending.case_id)
            if running is None:
                results.append(Refusal("CASE_NOT_FOUND", f"there is no case {pending.case_id}"))
                continue
            try:
                results.append(self._take(work, running, pending, writes))
            except Refusal as refusal:
                results.append(refusal)
        changed = [running for running in cases.values() if running.changed]
        store.update_cases(work.connection, [{"key": _case(each).case_id, **_state_of(each)} for each in changed])
        self._write(work, writes)
        return results

    def _running(self, work: UnitOfWork, row: Row[Any]) -> Running:
        published = self._plans.of(work.connection, row.bundle_id, row.bundle_version)
        return Running(published, from_json(row.snapshot), row.form, row.materials, row.history_hash)

    def _take(self, work: UnitOfWork, running: Running, pending: Pending, writes: Writes) -> Decision:
        decision = self._decide(running.published.plan, running.case, pending.given, work.now)
        if not decision.changed:
            return decision
        running.case = decision.case
        running.changed = True
        case = decision.case
        given = to_json(pending.given)
        entry = link(
            case.version,
            running.history_hash,
            case_id=case.case_id,
            at=work.now,
            actor=pending.actor,
            kind=pending.given.kind,
            given=given,
        )
        running.history_hash = entry.hash
        writes.history.append(
            {
                "case_id": case.case_id,
                "sequence": entry.sequence,
                "at": entry.at,
                "actor": entry.actor,
                "kind": entry.kind,
                "input": given,
                "previous_hash": entry.previous_hash,
                "hash": entry.hash,
            }
        )
        if isinstance(pending.given, DomainAnswer) and not isinstance(pending.given, KEEPING):
            writes.closed.append(pending.given.task_id)
        findings: list[Finding] = []
        for effect in decision.effects:
            if isinstance(effect, AskBranch):
                findings.append(branch_late(running.published, case, running.form, effect.step_ids))
            else:
                self._carry_out(work, running, effect, writes, findings)
        work.wake(watch_topic(case.case_id))
        for finding in findings:
            self._take(work, running, Pending(case.case_id, finding), writes)
        return decision

    def _carry_out(  # noqa: C901 - one case an effect
        self, work: UnitOfWork, running: Running, effect: Effect, writes: Writes, findings: list[Finding]
    ) -> None:
        """Do what an effect asks for; what the platform finds out on the way is the case's next input."""
        case = _case(running)
        match effect:
            case OpenTask():
                try:
                    writes.opened[effect.task_id] = _task_row(running, effect)
                except InputsFaultError as fault:
                    findings.append(InputsFailed(effect.task_id, str(fault)[:LONGEST_FAULT]))
            case CloseTask():
                writes.closed.append(effect.task_id)
            case NameHandler():
                writes.handlers[effect.task_id] = effect.handler
            case CloseIncident():
                writes.resolved.append(effect.incident_id)
            case RequestRouting():
                announcements.request_routing(work, running.published, case, effect)
            case RequestNotice():
                announcements.request_notice(work, running.published, case, effect, running.form)
            case WithdrawNotice():
                announcements.withdraw_notice(work, running.published, case, effect)
            case Announce():
                if isinstance(effect.event, IncidentOpened):
                    writes.incidents[effect.event.incident_id] = _incident_row(case, effect.event, work.now)
                announcements.announce(work, running.published, case, effect.event)

    @staticmethod
    def _write(work: UnitOfWork, writes: Writes) -> None:
        connection = work.connection
        store.append_history(connection, writes.history)
        if writes.history:
            work.wake(LOG_TOPIC)
        closed = frozenset(writes.closed)
        opened = [row for task_id, row in writes.opened.items() if task_id not in closed]
        store.close_tasks(connection, sorted(closed - writes.opened.keys()))
        store.open_tasks(connection, opened)
        store.rewrite_tasks(
            connection, {each: writes.handlers[each] for each in sorted(writes.handlers)}, taskbodies.with_handler
        )
        store.add_incidents(connection, list(writes.incidents.values()))
        store.resolve_incidents(connection, writes.resolved, work.now)
        if opened:
            work.wake(TASKS_TOPIC)


def watch_topic(case_id: str) -> str:
    """The signal that tells those who watch a case to look."""
    return f"case:{case_id}"


def _case(running: Running) -> Case:
    assert running.case is not None  # noqa: S101 - it was loaded, or its first input was taken
    return running.case


def _state_of(running: Running) -> dict[str, Any]:
    case = _case(running)
    return {
        "status": str(case.status),
        "version": case.version,
        "open_incidents": case.open_incidents,
        "snapshot": snapshot_of(case),
        "history_hash": running.history_hash,
    }


def _task_row(running: Running, effect: OpenTask) -> dict[str, Any]:
    case = _case(running)
    return {
        "task_id": effect.task_id,
        "case_id": case.case_id,
        "organ_id": effect.organ_id,
        "catalog_code": effect.catalog_code,
        "body": taskbodies.body(running.published, case, effect, running.form, running.materials),
        "accepted": effect.accepted,
        "available_at": effect.not_before,
        "lease": "",
        "leased_by": "",
    }


def _incident_row(case: Case, event: IncidentOpened, now: datetime) -> dict[str, Any]:
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
