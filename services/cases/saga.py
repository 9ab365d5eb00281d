"""The shell around the saga's core: locks cases, lets the core decide, and writes down what follows.

History, snapshots, tasks, incidents and events of many cases go into the database together, in a few statements.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from prometheus_client import Counter
from sqlalchemy import Row

from chassis.database import UnitOfWork
from services.cases import announcements, searching, store
from services.cases.branching import branch_late
from services.cases.calendars import CLOCKS_TOPIC, Calendars
from services.cases.domain.case import Case
from services.cases.domain.closing import idle_since
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
    StepUrged,
    WithdrawLicence,
    WithdrawNotice,
)
from services.cases.domain.inputs import KEEPING, Finding, Input, InputsFailed, Migrated
from services.cases.domain.inputs import Answer as DomainAnswer
from services.cases.domain.looking import has_clocks, turned, wake_at
from services.cases.domain.plan import Plan
from services.cases.domain.refusal import Refusal
from services.cases.domain.snapshot import from_json
from services.cases.domain.snapshot import to_json as snapshot_of
from services.cases.plans import Plans
from services.cases.published import Published
from services.cases.results import tell_of_result
from services.cases.stepinputs import InputsFaultError
from services.cases.urge_store import urge_row
from services.cases.vouching import HandedIn
from services.cases.writes import Writes, incident_row, task_row

Decide = Callable[[Plan, Case | None, Input, datetime], Decision]
"""The core's entry: `services.cases.domain.decide.decide`."""

LOOKED_AT_ANYWAY = timedelta(seconds=60)
"""So often clocks are looked at; only for what is due before then somebody has to be woken."""
PLATFORM = "platform"
LONGEST_FAULT = 500
"""Characters of why something could not be made, in an incident's description."""

lights = Counter("duokua_clock_lights", "Changes of lights that cases were told of.", ["kind", "light"])


@dataclass(frozen=True, slots=True)
class Pending:
    """An input for a case, and who gave it."""

    case_id: str
    given: Input
    actor: str = PLATFORM
    handed_in: HandedIn | None = None
    """What takes the place of form and materials with it; None when they stay."""


@dataclass(slots=True)
class Running:
    """A case in hand: its row as it was, and the state after the inputs taken so far."""

    published: Published
    case: Case | None
    form: Mapping[str, Any]
    materials: Sequence[Mapping[str, Any]]
    history_hash: str = ""
    listed: searching.Listing | None = None
    """What it was found by when it was loaded."""
    changed: bool = False
    wake_at: datetime | None = None
    """When a light changes, as reckoned when the row was written."""
    calendar_version: int | None = None
    """The calendar by which that was reckoned; None while no clock runs."""


class Saga:
    """Decides and persists, for as many cases at once as there are inputs at hand."""

    def __init__(self, plans: Plans, decide: Decide = decide) -> None:
        self._plans = plans
        self._decide = decide
        self._calendars = Calendars()

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
            "submitted_at": case.submitted_at,
            "form": running.form,
            "materials": running.materials,
            **self._state_of(work, running),
        }
        store.add_case(work.connection, row)
        searching.add(work.connection, case)
        writes.execute(work)
        return decision

    def apply(
        self, work: UnitOfWork, cases: Mapping[str, Running], inputs: Sequence[Pending]
    ) -> list[Decision | Refusal]:
        """Take inputs in their order; each is taken or refused for itself. The cases are locked and loaded.

        What time has done to a case comes before what anybody says of it.
        """
        writes = Writes()
        for locked in cases.values():
            self._tell_lights(work, locked, writes)
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
        self._write_cases(work, [running for running in cases.values() if running.changed])
        writes.execute(work)
        return results

    def look(self, work: UnitOfWork, cases: Mapping[str, Running]) -> int:
        """Tell cases, locked and loaded, what time has done to them; gives how many lights were told."""
        writes = Writes()
        told = sum(self._tell_lights(work, running, writes) for running in cases.values())
        # All of them: where no light has changed, it was reckoned by an older calendar.
        self._write_cases(work, list(cases.values()))
        writes.execute(work)
        return told

    def _tell_lights(self, work: UnitOfWork, running: Running, writes: Writes) -> int:
        if running.calendar_version is None:
            return 0
        calendar = self._calendars.newest(work)
        late = running.wake_at is not None and running.wake_at <= work.now
        if not late and calendar.version == running.calendar_version:
            return 0
        rules, told = running.published.plan.rules, 0
        while (given := turned(_case(running), work.now, calendar, rules)) is not None:
            case = _case(running)
            lights.labels(case.proceedings.clocks[given.clock_id].kind, given.light).inc()
            self._take(work, running, Pending(case.case_id, given), writes)
            told += 1
        return told

    def _write_cases(self, work: UnitOfWork, cases: Sequence[Running]) -> None:
        rows = [{"key": _case(each).case_id, **self._state_of(work, each)} for each in cases]
        store.update_cases(work.connection, rows)
        searching.follow(work.connection, [(_case(each), each.listed) for each in cases if each.listed is not None])

    def _state_of(self, work: UnitOfWork, running: Running) -> dict[str, Any]:
        case = _case(running)
        running.wake_at = running.calendar_version = None
        if has_clocks(case):
            calendar = self._calendars.newest(work)
            running.wake_at = wake_at(case, work.now, calendar, running.published.plan.rules)
            running.calendar_version = calendar.version
            if running.wake_at is not None and running.wake_at <= work.now + LOOKED_AT_ANYWAY:
                work.wake(CLOCKS_TOPIC)
        return {
            "bundle_version": case.bundle_version,
            "status": str(case.status),
            "version": case.version,
            "open_incidents": case.open_incidents,
            "idle_since": idle_since(case),
            "snapshot": snapshot_of(case),
            "history_hash": running.history_hash,
            "wake_at": running.wake_at,
            "calendar_version": running.calendar_version,
        }

    def _running(self, work: UnitOfWork, row: Row[Any]) -> Running:
        published = self._plans.of(work.connection, row.bundle_id, row.bundle_version)
        case = from_json(row.snapshot)
        return Running(
            published,
            case,
            row.form,
            row.materials,
            row.history_hash,
            listed=searching.listing_of(case),
            wake_at=row.wake_at,
            calendar_version=row.calendar_version,
        )

    def _take(self, work: UnitOfWork, running: Running, pending: Pending, writes: Writes) -> Decision:
        published = self._published_for(work, running, pending.given)
        decision = self._decide(published.plan, running.case, pending.given, work.now)
        if not decision.changed:
            return decision
        running.case, running.published = decision.case, published
        if pending.handed_in is not None:
            running.form, running.materials = pending.handed_in.form, pending.handed_in.materials
        running.changed = True
        case = decision.case
        running.history_hash = writes.append(case, running.history_hash, pending.given, pending.actor, work.now)
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

    def _published_for(self, work: UnitOfWork, running: Running, given: Input) -> Published:
        """The version of the bundle by which an input is taken: the case's, or the one that it goes to."""
        if not isinstance(given, Migrated):
            return running.published
        return self._plans.of(work.connection, running.published.plan.bundle_id, given.to_version)

    def _carry_out(
        self, work: UnitOfWork, running: Running, effect: Effect, writes: Writes, findings: list[Finding]
    ) -> None:
        """Do what an effect asks for; what the platform finds out on the way is the case's next input."""
        case = _case(running)
        match effect:
            case OpenTask():
                try:
                    row = task_row(running.published, case, effect, running.form, running.materials)
                    writes.opened[effect.task_id] = row
                    if any("licence" in each for each in running.materials):
                        announcements.show_licences(work, running.published, case, row["body"])
                except InputsFaultError as fault:
                    findings.append(InputsFailed(effect.task_id, str(fault)[:LONGEST_FAULT]))
            case CloseTask() | AcceptTask() | NameHandler() | CloseIncident():
                writes.note(effect)
            case RequestRouting():
                announcements.request_routing(work, running.published, case, effect)
            case RequestNotice() | WithdrawNotice() | RequestLicence() | WithdrawLicence():
                tell_of_result(work, running.published, case, effect, running.form)
            case Announce():
                if isinstance(effect.event, IncidentOpened):
                    writes.incidents[effect.event.incident_id] = incident_row(case, effect.event, work.now)
                if isinstance(effect.event, StepUrged):
                    writes.urges.append(urge_row(case, effect.event))
                announcements.announce(work, running.published, case, effect.event, self._calendars)


def watch_topic(case_id: str) -> str:
    """The signal that tells those who watch a case to look."""
    return f"case:{case_id}"


def _case(running: Running) -> Case:
    assert running.case is not None  # noqa: S101 - it was loaded, or its first input was taken
    return running.case
