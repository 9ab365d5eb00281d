"""What happened to a case, who is told of it, and in what form."""

import json
from dataclasses import dataclass
from datetime import date, datetime

OPERATORS = "operators"

_CASES = "duokua.cases.v1."
CASE_SUBMITTED = _CASES + "CaseSubmitted"
CASE_COMPLETED = _CASES + "CaseCompleted"
CASE_UNDONE = _CASES + "CaseUndone"
STEP_ACCEPTED = _CASES + "StepAccepted"
STEP_COMPLETED = _CASES + "StepCompleted"
LIMIT_EXTENDED = _CASES + "LimitExtended"
STEP_REFUSED = _CASES + "StepRefused"
STEP_PASSED_UP = _CASES + "StepPassedUp"
STEP_URGED = _CASES + "StepUrged"
STEP_UNDONE = _CASES + "StepUndone"
PROCEDURE_BEGAN = _CASES + "ProcedureBegan"
PROCEDURE_ENDED = _CASES + "ProcedureEnded"
VISIT_SCHEDULED = _CASES + "VisitScheduled"
VISIT_HELD = _CASES + "VisitHeld"
INCIDENT_OPENED = _CASES + "IncidentOpened"
FOLLOW_UP_OPENED = _CASES + "FollowUpOpened"

# A webhook hears of the steps of its organ, and of the end of the cases in which the organ took part.
STEP_EVENTS = frozenset(
    {
        STEP_ACCEPTED,
        LIMIT_EXTENDED,
        STEP_COMPLETED,
        STEP_REFUSED,
        STEP_PASSED_UP,
        STEP_URGED,
        STEP_UNDONE,
        PROCEDURE_BEGAN,
        PROCEDURE_ENDED,
        VISIT_SCHEDULED,
        VISIT_HELD,
    }
)
ENDING_EVENTS = frozenset({CASE_COMPLETED, CASE_UNDONE})
WEBHOOK_EVENTS = STEP_EVENTS | ENDING_EVENTS


@dataclass(frozen=True, slots=True)
class Case:
    """The case as its events describe it; `version` is that after the change."""

    case_id: str
    case_number: str
    bundle_id: str
    bundle_name: str
    applicant_id: str
    version: int


@dataclass(frozen=True, slots=True)
class Step:
    """The step that an event is about, and its office."""

    step_id: str = ""
    step_name: str = ""
    organ_id: str = ""
    organ_name: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing that an office asks the applicant to supply or mend."""

    organ_name: str
    name: str
    """The field's path, or the kind of the material."""
    reason: str


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit to the site that several offices make together; `at` is in China."""

    name: str
    at: datetime
    place: str
    organ_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unsealed:
    """A result of which there is no sealed notice, and why."""

    step_name: str
    organ_name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Happening:
    """One event about a case."""

    event_type: str
    case: Case
    step: Step = Step()
    reason: str = ""
    description: str = ""
    withdrawn: bool = False
    """Whether a case was undone because its applicant took it back."""
    handed_back: bool = False
    """Whether it was because its applicant never supplied what was asked for."""
    wanted: tuple[Wanted, ...] = ()
    """What the applicant is asked to correct, by all offices together."""
    due: date | None = None
    """The last day for it, in China; None when there is no limit or it is not known."""
    procedure: str = ""
    """The kind of a special procedure: HEARING, PUBLICITY, VERIFICATION or SUSPENDED."""
    by_silence: bool = False
    """Whether a step counts as accepted because its office said nothing in time."""
    amount: int = 0
    """By how much a limit was extended, in `unit` (WORKING_DAY ...); `authority` gave leave."""
    unit: str = ""
    authority: str = ""
    supervised: bool = False
    """督办: an organ above the office is to see to it."""
    superior_id: str = ""
    """The organ above the office that is told; empty when none is known."""
    overdue: bool = False
    """Whether the office has not answered in time."""
    hands_back: bool = False
    """Whether the case is handed back when the applicant does not supply in time what is asked for."""
    by_word: bool = False
    """Whether an operator took a step as done, or as undone."""
    visit: Visit | None = None
    unsealed: tuple[Unsealed, ...] = ()
    """Results of a completed case of which there is no sealed notice."""

    @property
    def recipients(self) -> tuple[str, ...]:
        """Whose inboxes it belongs in: incidents are for operators, urges for offices, bad ratings for who is above.

        What an organ should hear and none can, because none has the step or none above it is known, goes to the
        operators. The rest is for applicants.
        """
        if self.event_type == INCIDENT_OPENED:
            return (OPERATORS,)
        if self.event_type == FOLLOW_UP_OPENED:
            return (organ(self.superior_id) if self.superior_id else OPERATORS,)
        if self.event_type == STEP_URGED:
            wanted = (self.step.organ_id, self.superior_id) if self.supervised else (self.step.organ_id,)
            return tuple(dict.fromkeys(organ(each) if each else OPERATORS for each in wanted))
        return (person(self.case.applicant_id),)

    @property
    def organ_ids(self) -> tuple[str, ...]:
        """The organs whose systems hear of it: that of the step, and the one above that is told."""
        return tuple(each for each in (self.step.organ_id, self.superior_id) if each)

    @property
    def source(self) -> str:
        """What tells this event from all others, however often and in whatever order it arrives."""
        name = self.event_type.removeprefix(_CASES)
        return f"{self.case.case_id}:{self.case.version}:{name}:{self.step.step_id}"


def person(person_id: str) -> str:
    """The inbox of a person."""
    return f"person:{person_id}"


def organ(organ_id: str) -> str:
    """The inbox of an organ."""
    return f"organ:{organ_id}"


def webhook_body(happening: Happening, at: datetime) -> str:
    """The JSON text that a webhook carries (Standard Webhooks: type, timestamp, data).

    It holds names and ids only, nothing of the form: whoever may know more asks for it with a token.
    """
    data: dict[str, object] = {
        "case_id": happening.case.case_id,
        "case_number": happening.case.case_number,
        "bundle_id": happening.case.bundle_id,
        "bundle_name": happening.case.bundle_name,
        "version": happening.case.version,
    }
    if happening.step.step_id:
        data |= {
            "step_id": happening.step.step_id,
            "step_name": happening.step.step_name,
            "organ_id": happening.step.organ_id,
            "organ_name": happening.step.organ_name,
        }
    if happening.event_type == STEP_URGED:
        data |= {"kind": "supervise" if happening.supervised else "urge", "superior_id": happening.superior_id}
    if happening.reason:
        data["reason"] = happening.reason
    timestamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"type": happening.event_type, "timestamp": timestamp, "data": data}, ensure_ascii=False)
