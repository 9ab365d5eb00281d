"""What an applicant supplies when asked for corrections: everything that was asked for, and nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chassis.problems import Conflict, Invalid, Violation
from duokua.cases.v1 import case_pb2
from duokua.data import to_struct
from services.cases.applications import (
    LARGEST_FORM,
    MOST_FAULTS,
    form_faults,
    organ_fields,
    region_fields,
    value_at,
)
from services.cases.domain.amending import amend
from services.cases.domain.case import Case, StepStatus
from services.cases.domain.dataflow import steps_before
from services.cases.domain.proceedings import Correction, ItemKind
from services.cases.expressions import NO_STEPS, Condition, ExpressionFaultError
from services.cases.material_checks import Finished, HandedIn, handed_in, material_faults
from services.cases.published import Published
from services.cases.standing_in import NOTHING, Held


@dataclass(frozen=True, slots=True)
class Supply:
    """Form and materials of a case as they are with what is supplied."""

    form: Mapping[str, Any]
    materials: list[dict[str, Any]]
    """What a MaterialRef tells of each."""
    supplied: HandedIn
    """The new ones of them."""
    faults: list[Violation]


def supply_of(
    correction: Correction,
    form: Mapping[str, Any],
    materials: Sequence[Mapping[str, Any]],
    changes: Mapping[str, Any],
    given: Sequence[case_pb2.Material],
    finished: Finished,
    held: Held = NOTHING,
) -> Supply:
    """Put what is supplied in the place of what was there; new materials replace all others of their kind.

    `finished` tells the uploads that may be named, `held` what stands for materials that do not come.
    """
    supplied = handed_in(given, finished)
    amended, faults = amend(form, changes, _names(correction, ItemKind.FIELD))
    kinds = _names(correction, ItemKind.MATERIAL)
    coming = {material.kind for material in given}
    by_licence = [held[kind] for kind in kinds if kind in held and kind not in coming]
    kept = [dict(each) for each in materials if each["kind"] not in kinds]
    return Supply(
        amended,
        [*kept, *supplied.refs, *by_licence],
        supplied,
        [*(Violation(f"form.{each.path}", each.description) for each in faults), *_unasked(kinds, given, held)],
    )


def check_supply(
    published: Published,
    case: Case,
    before: Mapping[str, Any],
    supply: Supply,
    given: Sequence[case_pb2.Material],
    finished: Finished,
) -> None:
    """Raise Invalid CORRECTION_INVALID with every fault named, and Conflict when another course would follow.

    What the steps of a case and their offices were chosen by stays as it is: CORRECTION_CHANGES_STEPS,
    CORRECTION_CHANGES_REGION, CORRECTION_CHANGES_OFFICE.
    """
    faults = supply.faults + list(material_faults(published.bundle.materials, given, finished))
    if not faults:
        faults = list(form_faults(published, supply.form))
    size = to_struct(dict(supply.form)).ByteSize()
    if size > LARGEST_FORM:
        faults.append(Violation("form", f"has {size} bytes with what is supplied; at most {LARGEST_FORM} are allowed"))
    if faults:
        where = ", ".join(sorted({fault.field for fault in faults})[:5])
        message = f"what is supplied is not what was asked for: {where}"
        raise Invalid("CORRECTION_INVALID", message, faults[:MOST_FAULTS])
    _check_course(published, case, before, supply.form)


def _check_course(published: Published, case: Case, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    skipped = [step_id for step_id, step in case.steps.items() if step.status is StepStatus.SKIPPED]
    for field in region_fields(published.plan, skipped):
        if value_at(before, field) != value_at(after, field):
            message = f"{field} decides which offices handle the case: withdraw it, and submit it anew"
            raise Conflict("CORRECTION_CHANGES_REGION", message, field=field)
    for field in organ_fields(published.plan, skipped).values():
        if value_at(before, field) != value_at(after, field):
            message = f"{field} names the office that handles a step: withdraw the case, and submit it anew"
            raise Conflict("CORRECTION_CHANGES_OFFICE", message, field=field)
    for step_id, condition in published.conditions.items():
        if condition.late and case.steps[step_id].status is StepStatus.WAITING:
            continue  # it will be decided by what is supplied
        steps = steps_before(case, published.plan, step_id) if condition.late else NO_STEPS
        if _outcome(condition, before, steps) != _outcome(condition, after, steps):
            name = published.plan.by_id[step_id].name or step_id
            message = f"with it, {name} ({step_id}) would be decided on otherwise: withdraw the case and submit it anew"
            raise Conflict("CORRECTION_CHANGES_STEPS", message, step_id=step_id)


def _outcome(condition: Condition, form: Mapping[str, Any], steps: Mapping[str, Any]) -> bool | None:
    """Whether a step is needed; None when that is left open."""
    try:
        return condition.holds(form, steps)
    except ExpressionFaultError:
        return None


def _names(correction: Correction, kind: ItemKind) -> tuple[str, ...]:
    """What is asked for of a kind, by whichever office, each once."""
    items = (item for request in correction.requests for item in request.items)
    return tuple(dict.fromkeys(item.name for item in items if item.kind is kind))


def _unasked(kinds: Sequence[str], given: Sequence[case_pb2.Material], held: Held) -> Iterator[Violation]:
    for index, material in enumerate(given):
        if material.kind not in kinds:
            yield Violation(f"materials[{index}].kind", f"was not asked for; asked for: {', '.join(kinds) or 'none'}")
    supplied = {material.kind for material in given}
    for kind in kinds:
        if kind not in supplied and kind not in held:
            yield Violation("materials", f"{kind} was asked for; give it, new or as it was")
