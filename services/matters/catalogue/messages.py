"""From the catalogue's own words to the contract's."""

from dataclasses import asdict
from datetime import date
from typing import Any

from sqlalchemy import Row

from chassis.problems import Invalid, Violation
from duokua.matters.v1 import catalogue_pb2
from duokua.matters.v1 import catalogue_service_pb2 as pb
from services.matters.catalogue.acting import Result
from services.matters.catalogue.domain.difference import Difference
from services.matters.catalogue.domain.elements import TASK_CODE_LENGTH, level_of
from services.matters.catalogue.domain.versions import Phase, phase_of
from services.matters.catalogue.files.tables import FileFault
from services.matters.catalogue.searching import Wanted
from services.matters.catalogue.store import kept_of, version_of

PHASES = {phase: pb.MatterPhase.Value(f"MATTER_PHASE_{phase.name}") for phase in Phase}
_BY_VALUE = {value: phase for phase, value in PHASES.items()}


def version_message(row: Row[Any], day: date, *, whole: bool, all_of_it: bool) -> pb.MatterVersion:
    """A version; `whole` with what it says, `all_of_it` for who may see who wrote it."""
    version, code = version_of(row), row.code
    message = pb.MatterVersion(
        code=code,
        version=version.number,
        phase=PHASES[phase_of(version, day)],
        name=row.name,
        type_code=row.catalog_code[2:4],
        catalog_code=row.catalog_code,
        uscc=row.uscc,
        organ_name=row.placement.get("organ_name", ""),
        level=level_of(code),
        region_code=row.region,
        begins_on=str(version.begins_on or ""),
        last_on=str(version.last_on or ""),
        hands=version.hands if all_of_it else (),
    )
    message.changed_at.FromDatetime(row.changed_at)
    if whole:
        content = kept_of(row).content
        if len(code) >= TASK_CODE_LENGTH:
            message.implementation.CopyFrom(catalogue_pb2.Implementation(**content))
        else:
            message.item.CopyFrom(catalogue_pb2.CatalogueItem(**content))
    return message


def wanted_of(asked: pb.MatterFilter, day: date, phases: tuple[Phase, ...]) -> Wanted:
    """What a filter looks for."""
    return Wanted(
        day,
        phases,
        text=asked.text,
        code=asked.code,
        catalog_code=asked.catalog_code,
        uscc=asked.uscc,
        region=asked.region_code,
    )


def phases_of(values: Any) -> tuple[Phase, ...]:
    """The phases that a request names. Raises Invalid for one that is none."""
    unknown = [value for value in values if value not in _BY_VALUE]
    if unknown:
        raise Invalid(
            "BAD_REQUEST", "phases has one that is none", [Violation("phases", "must be values of MatterPhase")]
        )
    return tuple(_BY_VALUE[value] for value in values)


def day_from(text: str, field: str) -> date | None:
    """A day of a request; None when it names none. Raises Invalid."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Invalid("BAD_REQUEST", f"{field} is no day", [Violation(field, "write it YYYY-MM-DD")]) from None


def difference_message(found: Difference) -> pb.MatterDifference:
    """A difference between two versions."""
    return pb.MatterDifference(
        what=found.what, how=found.how.value, before=found.before, after=found.after, words=found.words
    )


def fault_message(fault: FileFault) -> pb.ImportFault:
    """A fault or a notice of a file."""
    return pb.ImportFault(**asdict(fault))


def outcome_message(result: Result) -> pb.MatterOutcome:
    """What became of an entry."""
    message = pb.MatterOutcome(code=result.code, version=result.version, done_before=result.before)
    if result.problem is not None:
        message.reason, message.message = result.problem.reason, result.problem.message
    return message
