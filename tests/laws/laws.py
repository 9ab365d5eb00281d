"""What must hold once a run under fault has come to rest. Each law yields a sentence for each violation."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

from sqlalchemy import RowMapping

from services.cases.domain.case import Case, CaseStatus, NoticeStatus, StepState, StepStatus, TaskKind, TaskStatus
from services.cases.domain.effects import Announce
from services.cases.domain.history import read_entry, verify
from services.cases.domain.inputs import from_json
from services.cases.domain.refusal import Refusal
from services.cases.domain.snapshot import to_json as snapshot_of
from tests.laws.evidence import End, Evidence

ACT_OF = {
    (TaskKind.HANDLE, TaskStatus.COMPLETED): "handled",
    (TaskKind.HANDLE, TaskStatus.REFUSED): "refused",
    (TaskKind.UNDO, TaskStatus.COMPLETED): "undone",
}
TOLD_AS = {"ClockExtended": "LimitExtended"}
"""What the core calls otherwise than the events of the contract."""
INBOXES: dict[str, tuple[str, ...]] = {
    "IncidentOpened": ("operators",),
    "StepUrged": ("organ:", "operators"),
    "FollowUpOpened": ("organ:", "operators"),
}
"""Who may be told of what; everything else is for the applicant. Operators hear what no organ can."""
ONCE = frozenset({"CaseSubmitted", "StepCompleted", "StepUndone", "CaseCompleted", "CaseUndone"})
"""What happens once to a case, or to a step; another office may accept a step that was returned."""


def violations(evidence: Evidence) -> list[str]:
    """All laws."""
    laws = (_cases, _steps, _ledgers, _histories, _notices, _inbox, _recipients, _incidents, _leftovers)
    return [f"{law.__name__[1:]}: {sentence}" for law in laws for sentence in law(evidence)]


def void_acts(evidence: Evidence) -> int:
    """Acts whose task was taken back meanwhile, because another office refused: the office was told of that."""
    cases = evidence.snapshots()
    return sum(cases[act.case_id].tasks[act.task_id].status is TaskStatus.CLOSED for act in evidence.acts)


def end_of(row: RowMapping) -> str:
    """How a case ended, or "running" or "undoing" when nobody knows why it did not."""
    if row["status"] in (CaseStatus.RUNNING, CaseStatus.UNDOING) and row["open_incidents"]:
        return str(End.INCIDENT)
    return str(row["status"])


def _cases(evidence: Evidence) -> Iterator[str]:
    """Every submission became one case, which ended as it should."""
    stored = evidence.record.cases
    for case_id in sorted(evidence.submitted.keys() - stored.keys()):
        yield f"{case_id} was answered to the portal, and is lost"
    for case_id in sorted(stored.keys() - evidence.submitted.keys()):
        yield f"{case_id} is there, and no submission stands for it: doubled"
    for case_id, ends in evidence.submitted.items():
        if case_id in stored and end_of(stored[case_id]) not in ends:
            yield f"{case_id} is {end_of(stored[case_id])}, and should be {' or '.join(sorted(ends))}"


def _steps(evidence: Evidence) -> Iterator[str]:
    """A completed step was handled once; an undone one handled once and undone once; others neither."""
    acts = {StepStatus.COMPLETED: (1, 0), StepStatus.UNDOING: (1, 0), StepStatus.UNDONE: (1, 1)}
    for case in evidence.snapshots().values():
        for step in case.steps.values():
            done = Counter(
                task.kind
                for task in case.tasks.values()
                if task.step_id == step.step_id and task.status is TaskStatus.COMPLETED
            )
            wanted = acts.get(step.status, (0, 0))
            # What cannot be undone stays completed in an undone case.
            if (done[TaskKind.HANDLE], done[TaskKind.UNDO]) != wanted:
                yield f"{case.case_id} {step.step_id} is {step.status}, with completed tasks {dict(done)}"


def _ledgers(evidence: Evidence) -> Iterator[str]:
    """Each answer that was taken stands for one act of an office, and each act for one answer or a task taken back."""
    acts = {act.task_id: act for act in evidence.acts}
    if len(acts) != len(evidence.acts):
        yield "a task is in two ledgers"
    cases = evidence.snapshots()
    known = {task_id: (case, task) for case in cases.values() for task_id, task in case.tasks.items()}
    for task_id, (case, task) in known.items():
        wanted = ACT_OF.get((task.kind, task.status))
        found = acts[task_id].act if task_id in acts else None
        if task.status is TaskStatus.CLOSED and case.status in (CaseStatus.UNDOING, CaseStatus.UNDONE):
            continue
        if found != wanted:
            yield f"{task_id} is {task.status}, and its office has {found or 'nothing'} for it"
        elif found == "undone" and acts[task_id].of_task_id != case.steps[task.step_id].handled_task_id:
            yield f"{task_id} undid {acts[task_id].of_task_id}, which had not completed the step"
    for task_id in sorted(acts.keys() - known.keys()):
        yield f"{task_id} was done, and the platform knows of no such task"


def _histories(evidence: Evidence) -> Iterator[str]:
    """The chain is whole, and leads to the stored case."""
    for case_id, rows in evidence.record.history.items():
        row = evidence.record.cases[case_id]
        broken = verify([read_entry(SimpleNamespace(**each)) for each in rows])
        if broken is not None:
            yield f"{case_id} does not verify at entry {broken}"
        if (len(rows), rows[-1]["hash"]) != (row["version"], row["history_hash"]):
            yield f"{case_id} has {len(rows)} entries and version {row['version']}"
        try:
            case, _ = _replayed(evidence, case_id, rows)
        except Refusal as refusal:
            yield f"{case_id} does not replay: {refusal}"
            continue
        if json.loads(json.dumps(snapshot_of(case))) != row["snapshot"]:
            yield f"{case_id} is not what its history leads to"


def _notices(evidence: Evidence) -> Iterator[str]:
    """Each notice was sealed once; what is undone is revoked, and stays so."""
    documents = Counter(each["notice_id"] for each in evidence.record.documents)
    revoked = {each["notice_id"] for each in evidence.record.documents if each["revoked_at"] is not None}
    steps = [(case, step) for case in evidence.snapshots().values() for step in case.steps.values() if step.notice_id]
    for case, step in steps:
        count, void = documents.pop(step.notice_id, 0), step.notice_id in revoked
        if not _notice_fits(case, step, count, void=void):
            yield f"{case.case_id} {step.step_id}: notice {step.notice_status}, {count} documents, void: {void}"
    for notice_id in documents:
        yield f"notice {notice_id} was sealed, and no step has it"


def _notice_fits(case: Case, step: StepState, documents: int, *, void: bool) -> bool:
    match step.notice_status:
        case NoticeStatus.SEALED:
            return documents == 1 and not void
        case NoticeStatus.REVOKED | NoticeStatus.WAIVED:
            return documents == 0 or (documents == 1 and void)
        case NoticeStatus.REQUESTED:
            # Only until an operator has put right what keeps it from being sealed.
            failed = (each for each in case.incidents.values() if each.step_id == step.step_id)
            return documents == 0 and any(each.reason == "NOTICE_FAILED" and not each.resolved_at for each in failed)
        case _:
            return False


def _inbox(evidence: Evidence) -> Iterator[str]:
    """Each thing that happened was told, and once."""
    wanted: Counter[tuple[str, str, int]] = Counter()
    for case_id, rows in evidence.record.history.items():
        told: Counter[tuple[str, str]] = Counter()
        for event, version in _announced(evidence, case_id, rows):
            name = TOLD_AS.get(type(event).__name__, type(event).__name__)
            wanted[case_id, name, version] += 1
            told[name, getattr(event, "step_id", "")] += 1
            if name == "StepCompleted":
                told["CaseUndone", ""] = (
                    0  # an act that crossed with the end: it is undone, and the case ends once more
                )
        for (name, step_id), count in told.items():
            if count > 1 and name in ONCE:
                yield f"{case_id} announced {name} of {step_id or 'the case'} {count} times"
    found = _heard(evidence)
    for what, count in (wanted - found).items():
        yield f"{count} messages of {what} are missing"
    for what, count in (found - wanted).items():
        yield f"{count} messages of {what} are too many"


def _heard(evidence: Evidence) -> Counter[tuple[str, str, int]]:
    """How often each thing was told; what several organs hear of one office counts once."""
    by_recipient: Counter[tuple[str, str, int, str, str]] = Counter()
    for each in evidence.record.messages:
        name = each["event_type"].rpartition(".")[2]
        by_recipient[each["case_id"], name, each["case_version"], each["organ_id"], each["recipient"]] += 1
    most: Counter[tuple[str, str, int, str]] = Counter()
    for (case_id, name, version, organ_id, _), count in by_recipient.items():
        most[case_id, name, version, organ_id] = max(most[case_id, name, version, organ_id], count)
    heard: Counter[tuple[str, str, int]] = Counter()
    for (case_id, name, version, _organ), count in most.items():
        heard[case_id, name, version] += count
    return heard


def _recipients(evidence: Evidence) -> Iterator[str]:
    """Everybody was told what is theirs to hear."""
    for each in evidence.record.messages:
        name = each["event_type"].rpartition(".")[2]
        if not each["recipient"].startswith(INBOXES.get(name, ("person:",))):
            yield f"{each['recipient']} was told of {name} of {each['case_id']}"


def _incidents(evidence: Evidence) -> Iterator[str]:
    """Operators are shown the incidents that the cases have."""
    shown = {each["incident_id"]: each["resolved_at"] is None for each in evidence.record.incidents}
    for case in evidence.snapshots().values():
        for incident_id, incident in case.incidents.items():
            if shown.pop(incident_id, None) != (incident.resolved_at is None):
                yield f"incident {incident_id} is not shown as it is"
    for incident_id in shown:
        yield f"incident {incident_id} is shown, and no case has it"


def _leftovers(evidence: Evidence) -> Iterator[str]:
    """Nothing lies around."""
    for task in evidence.record.tasks:
        yield f"{task['task_id']} is still offered"
    for incident in evidence.record.incidents:
        if incident["resolved_at"] is None and End.INCIDENT not in evidence.submitted.get(incident["case_id"], ()):
            yield f"incident {incident['incident_id']}: {incident['reason']}, {incident['description']}"
    found, wanted = Counter(evidence.record.dead_letters), Counter(evidence.dead_letters)
    for where, count in (found - wanted).items():
        yield f"{count} dead letters in {where}"
    for where, count in (wanted - found).items():
        yield f"{count} dead letters are missing in {where}"


def _announced(evidence: Evidence, case_id: str, rows: Sequence[RowMapping]) -> list[tuple[Any, int]]:
    """What a case told, with its version; nothing when its history does not replay, which is a violation of its own."""
    try:
        return _replayed(evidence, case_id, rows)[1]
    except Refusal:
        return []


def _replayed(evidence: Evidence, case_id: str, rows: Sequence[RowMapping]) -> tuple[Case, list[tuple[Any, int]]]:
    """The case that a history leads to, and what was announced on the way, with the version after it."""
    plan = evidence.plan_of(case_id)
    case: Case | None = None
    announced: list[tuple[Any, int]] = []
    for row in rows:
        decision = evidence.decide(plan, case, from_json(row["kind"], row["input"]), row["at"])
        case = decision.case
        announced += [(each.event, case.version) for each in decision.effects if isinstance(each, Announce)]
    assert case is not None
    return case, announced
