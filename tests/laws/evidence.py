"""What the laws judge: the platform's own record, and what the portals and the offices know for themselves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import RowMapping

from services.cases.domain.case import Case
from services.cases.domain.decide import decide
from services.cases.domain.plan import Plan
from services.cases.domain.snapshot import from_json
from services.cases.saga import Decide


class End(StrEnum):
    """How a case may stand once nothing moves any more."""

    COMPLETED = "completed"
    UNDONE = "undone"
    INCIDENT = "incident"
    """It waits for an operator, and an incident says why."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something an office did."""

    task_id: str
    case_id: str
    act: str
    """"handled", "undone" or "refused"."""
    of_task_id: str
    """For what is undone: the task that had done it."""
    result: dict[str, object]


@dataclass(frozen=True, slots=True)
class Record:
    """What the platform has in its databases and its broker, at one moment."""

    plans: Mapping[int, Plan]
    """Of the one bundle, by version."""
    cases: Mapping[str, RowMapping]
    history: Mapping[str, list[RowMapping]]
    tasks: Sequence[RowMapping]
    incidents: Sequence[RowMapping]
    documents: Sequence[RowMapping]
    messages: Sequence[RowMapping]
    dead_letters: Mapping[str, int]
    """How many, by where they lie and why."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The platform's record against what the portal and the offices know for themselves."""

    record: Record
    submitted: Mapping[str, frozenset[End]]
    """The cases for which portals have an answer, and the ends that each may have."""
    acts: Sequence[Act]
    dead_letters: Mapping[str, int] = field(default_factory=dict)
    """Those that have to be there: events that cannot be handled were sent on purpose."""
    decide: Decide = decide
    """The core that the platform ran."""

    def snapshots(self) -> dict[str, Case]:
        """The cases as they are stored."""
        return {case_id: from_json(row["snapshot"]) for case_id, row in self.record.cases.items()}

    def plan_of(self, case_id: str) -> Plan:
        """The plan that a case follows."""
        return self.record.plans[self.record.cases[case_id]["bundle_version"]]
