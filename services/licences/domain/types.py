"""Types of licences (电子证照目录, GB/T 36902-2018): what a licence says, and who may see what of it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum, StrEnum

from chassis.problems import Forbidden, Violation
from services.licences.domain.identifiers import type_code_fault, uscc_fault
from services.licences.domain.validity import LONGEST_MONTHS
from services.licences.domain.words import words_fault

_KIND = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,49}")


class HolderKind(StrEnum):
    """Who may hold licences of a type."""

    ANY = "any"
    NATURAL = "natural"
    LEGAL = "legal"


class FieldType(StrEnum):
    """What a field may hold."""

    TEXT = "text"
    DATE = "date"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"


class Audience(IntEnum):
    """Who is shown a field: each includes those before it."""

    HOLDER = 1
    ORGANS = 2
    EVERYONE = 3


class Sharing(Enum):
    """Whether other organs than the one that issued it may look a licence up."""

    CONSENT = "consent"
    """有条件共享: with the holder's."""
    OPEN = "open"
    """无条件共享."""
    CLOSED = "closed"
    """不予共享."""


@dataclass(frozen=True, slots=True)
class Field:
    """Something that a licence says."""

    name: str
    label: str
    type: FieldType
    required: bool
    audience: Audience


@dataclass(frozen=True, slots=True)
class LicenceType:
    """A type of licences; `valid_months` is 0 for those without end."""

    type_code: str
    kind: str
    name: str
    holder_kind: HolderKind
    fields: tuple[Field, ...]
    template: str
    valid_months: int
    sharing: Sharing
    version: int = 1
    issuers: tuple[str, ...] = ()
    """The organs that issue it (颁发机构), by unified social credit code; none for any."""
    catalog_code: str = ""
    """The matter that it is granted in, whose seals go on its documents; without one only seals for all matters do."""

    def check_issuer(self, uscc: str, name: str) -> None:
        """Raises Forbidden NOT_AN_ISSUER for an organ that does not issue it."""
        if self.issuers and uscc not in self.issuers:
            message = f"{name} issues no {self.name}; its type names who does"
            raise Forbidden("NOT_AN_ISSUER", message, type_code=self.type_code, uscc=uscc)


def faults_of(wanted: LicenceType, before: LicenceType | None) -> list[Violation]:
    """Everything that is wrong with a type, by itself and against what it was before."""
    return [*_own_faults(wanted), *(_lost(wanted, before) if before else ())]


def visible(data: Mapping[str, object], of: LicenceType, audience: Audience) -> dict[str, object]:
    """Those fields of a licence that an audience is shown, in the order of the type."""
    return {field.name: data[field.name] for field in of.fields if field.audience >= audience and field.name in data}


def _own_faults(wanted: LicenceType) -> Iterator[Violation]:
    fault = type_code_fault(wanted.type_code)
    if fault:
        yield Violation("type.type_code", fault)
    if not _KIND.fullmatch(wanted.kind):
        yield Violation("type.kind", 'must be small letters, digits and single hyphens, such as "business-licence"')
    if fault := words_fault(wanted.name):
        yield Violation("type.name", fault)
    if wanted.valid_months > LONGEST_MONTHS:
        yield Violation("type.valid_months", f"must be {LONGEST_MONTHS} at most; 0 is without end")
    for index, issuer in enumerate(wanted.issuers):
        if fault := uscc_fault(issuer):
            yield Violation(f"type.issuers[{index}]", fault)
    yield from _field_faults(wanted.fields)


def _field_faults(fields: Sequence[Field]) -> Iterator[Violation]:
    seen: set[str] = set()
    for index, field in enumerate(fields):
        if not _FIELD.fullmatch(field.name):
            yield Violation(f"type.fields[{index}].name", "must be small letters, digits and underscores")
        if fault := words_fault(field.label):
            yield Violation(f"type.fields[{index}].label", fault)
        if field.name in seen:
            yield Violation(f"type.fields[{index}].name", f"there is a field {field.name} already")
        seen.add(field.name)


def _lost(wanted: LicenceType, before: LicenceType) -> Iterator[Violation]:
    """What licences that are out were issued with, and would lose or show."""
    if wanted.kind != before.kind:
        yield Violation("type.kind", f"must stay {before.kind}: scenarios name the type by it")
    now = {field.name: field for field in wanted.fields}
    for field in before.fields:
        same = now.get(field.name)
        if same is None:
            yield Violation("type.fields", f"the field {field.name} must stay: licences have it")
        elif same.type is not field.type:
            yield Violation("type.fields", f"the field {field.name} must stay a {field.type}: licences have it so")
        elif same.audience > field.audience:
            yield Violation("type.fields", f"the field {field.name} must not be shown to more than before")
