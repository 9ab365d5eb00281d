"""The five kinds of exchange records (受理、过程、结果、特别程序、材料) of a case: what they say. Pure.

A record has a key that stays, and a version from 1 that grows whenever the same thing is reported again with other
content: a step that is handled again after a return, a result that is undone, a hearing that ends. Who keeps the
highest version of each key has the case as it is; who keeps all has how it came to be.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from services.cases.domain.stages import FinalResult


class RecordKind(StrEnum):
    """What a record is about."""

    ACCEPT = "accept"
    """受理"""
    PROCESS = "process"
    """过程"""
    RESULT = "result"
    """结果"""
    SPECIAL = "special"
    """特别程序"""
    MATERIAL = "material"
    """材料"""


class NodeResult(IntEnum):
    """环节结果, with the codes of the exchange records."""

    DISAGREED = 0
    AGREED = 1
    NOT_OURS = 2
    """Returned before it was accepted."""
    NOT_ACCEPTED = 3
    ACCEPTED = 4
    CORRECTION = 5
    SPECIAL_PROCEDURE = 6
    RETURNED = 7
    """Returned after it was accepted."""


class SpecialKind(IntEnum):
    """特别程序种类, with the codes of the exchange records."""

    CORRECTION = 1
    HEARING = 2
    PUBLICITY = 3
    VERIFICATION = 4
    SUSPENDED = 5
    PRE_CHECK_CORRECTION = 6
    PRE_CHECK_REFUSED = 7


class Node(StrEnum):
    """The parts of an office's work on a step."""

    ACCEPT = "accept"
    REVIEW = "review"
    """初审: by an office that passes the step upward."""
    CORRECT = "correct"
    SPECIAL = "special"
    DECIDE = "decide"


@dataclass(frozen=True, slots=True)
class Accept:
    """Receipt and acceptance, of a step or of the case."""

    applicant_id: str
    region_code: str
    bundle_id: str
    bundle_version: int
    received_at: datetime
    accepted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Process:
    """What an office did about a step."""

    node: Node
    result: NodeResult
    opinion: str
    handler: str
    handled_at: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """How a step or the case ended."""

    result: FinalResult
    reason: str
    ended_at: datetime
    document_id: str = ""
    delivered_at: datetime | None = None
    delivery_channel: str = ""
    receiver: str = ""


@dataclass(frozen=True, slots=True)
class Special:
    """A time in which a step rested."""

    procedure: SpecialKind
    reason: str
    began_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Material:
    """A material that the applicant gave; name and type are known where the case has not replaced it long ago."""

    material_kind: str
    name: str
    media_type: str
    sha256: str
    size: int
    received_at: datetime
    replaced_at: datetime | None = None


Content = Accept | Process | Result | Special | Material
KIND_OF: dict[type[Content], RecordKind] = {
    Accept: RecordKind.ACCEPT,
    Process: RecordKind.PROCESS,
    Result: RecordKind.RESULT,
    Special: RecordKind.SPECIAL,
    Material: RecordKind.MATERIAL,
}


@dataclass(frozen=True, slots=True)
class Fact:
    """What is to be reported, as it is now."""

    key: str
    """Unique in the case, without the kind."""
    step_id: str
    organ_id: str
    organ_name: str
    content: Content


@dataclass(frozen=True, slots=True)
class Record:
    """One report of a fact."""

    key: str
    """"<kind>:<what>", unique in the case."""
    version: int
    sequence: int
    """The entry of the history with which it is reported."""
    reported_at: datetime
    fact: Fact

    @property
    def kind(self) -> RecordKind:
        """What it is about."""
        return KIND_OF[type(self.fact.content)]
