"""Checks of what an applicant hands in, against the bundle's one form and its one set of materials."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chassis.clock import day_of
from chassis.problems import Invalid, Violation
from duokua.cases.v1 import case_pb2
from services.cases.branching import branch_at_submission
from services.cases.domain.plan import Plan
from services.cases.expressions import Condition, ExpressionFaultError
from services.cases.formats import REMEDIES
from services.cases.material_checks import Finished, HandedIn, handed_in, material_faults
from services.cases.prechecks import Finding, broken_rules, violation_of
from services.cases.published import Published
from services.cases.standing_in import NOTHING, Held, Ref, standing_in

REGION_CODE_DIGITS = 6
MOST_FAULTS = 50
LARGEST_FORM = 262_144
"""In bytes, serialised; what is checked and decided for a form takes time in proportion to it."""


@dataclass(frozen=True, slots=True)
class Application:
    """A form and materials that fit their bundle."""

    form: Mapping[str, Any]
    materials: HandedIn
    region_code: str
    step_regions: Mapping[str, str]
    """By step, the region whose offices handle it, for those that have a region of their own and are not skipped."""
    skipped: Mapping[str, str]
    """The steps whose condition does not hold, each with that condition."""
    warnings: tuple[Finding, ...]
    """What its applicant should know all the same."""
    step_organs: Mapping[str, str]
    """By step, the organ that the form names for it, by its unified social credit code."""
    by_licence: Sequence[Ref] = ()
    """Those of the materials in whose place licences stand."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What is wrong with a form and with the set of materials that come with it."""

    faults: list[Violation]
    skipped: Mapping[str, str]
    findings: list[Finding]
    """Of pre-check rules."""
    by_licence: Sequence[Ref] = ()
    """What stands for materials that need not come."""


def check_application(
    published: Published,
    form: Mapping[str, Any],
    materials: Sequence[case_pb2.Material],
    finished: Finished,
    at: datetime,
    held: Held = NOTHING,
) -> Application:
    """Take an application in; raises Invalid APPLICATION_INVALID with every fault named.

    `finished` tells the uploads that it may name, `held` what stands for materials that do not come.
    """
    looked = look_over(published, form, [material.kind for material in materials], at, held)
    faults = [
        *looked.faults,
        *material_faults(published.bundle.materials, materials, finished),
        *(violation_of(finding) for finding in looked.findings if finding.refuses),
    ]
    if faults:
        where = ", ".join(sorted({fault.field for fault in faults})[:5])
        message = f"the application does not fit {published.plan.name or published.plan.bundle_id}: {where}"
        raise Invalid("APPLICATION_INVALID", message, faults[:MOST_FAULTS])
    region = str(value_at(form, published.plan.region_field))
    handed = handed_in(materials, finished)
    return Application(
        form,
        HandedIn([*handed.refs, *looked.by_licence], handed.contents),
        region,
        step_regions(published.plan, form, looked.skipped),
        looked.skipped,
        tuple(looked.findings),
        step_organs(published.plan, form, looked.skipped),
        looked.by_licence,
    )


def look_over(
    published: Published, form: Mapping[str, Any], kinds: Sequence[str], at: datetime, held: Held = NOTHING
) -> Looked:
    """Hold a form, and the kinds of the materials that come with it, against all that a bundle says.

    What a licence stands for counts as if it came.
    """
    faults = list(form_faults(published, form))
    valid = None if faults else form
    by_licence = list(standing_in(published, form, kinds, held))
    there = [*kinds, *(ref["kind"] for ref in by_licence)]
    faults += missing_materials(published, valid, there)
    skipped: dict[str, str] = {}
    if valid is not None:
        faults += _unasked_materials(published, valid, kinds)
        faults += branch_at_submission(published, form, skipped)
        faults += region_faults(published.plan, form, skipped)
    counts = dict.fromkeys(published.materials, 0) | Counter(there)
    today = day_of(at).isoformat()
    findings = broken_rules(published.rules, form, counts, today, skipped, valid=valid is not None)
    return Looked(faults, skipped, list(findings), by_licence)


def region_fields(plan: Plan, skipped: Collection[str]) -> dict[str, None]:
    """The fields of the form that say which offices are asked for, each once."""
    own = [step.region_field for step in plan.steps if step.region_field and step.step_id not in skipped]
    return dict.fromkeys([plan.region_field, *own])


def region_faults(plan: Plan, form: Mapping[str, Any], skipped: Collection[str]) -> Iterator[Violation]:
    """Yield the fields that should name a region, and do not."""
    for path in region_fields(plan, skipped):
        if not _is_region(value_at(form, path)):
            yield Violation(f"form.{path}", "must be a region code of six digits")


def step_regions(plan: Plan, form: Mapping[str, Any], skipped: Collection[str]) -> dict[str, str]:
    """By step, the region that a form names for it, for those that have a field of their own and are not skipped."""
    return {
        step.step_id: str(value_at(form, step.region_field))
        for step in plan.steps
        if step.region_field and step.step_id not in skipped
    }


def organ_fields(plan: Plan, skipped: Collection[str]) -> dict[str, str]:
    """By step, the field that names its organ, for those that have one and are not skipped."""
    return {step.step_id: step.organ_field for step in plan.steps if step.organ_field and step.step_id not in skipped}


def step_organs(plan: Plan, form: Mapping[str, Any], skipped: Collection[str]) -> dict[str, str]:
    """By step, the unified social credit code of the organ that a form names for it."""
    return {step_id: str(value_at(form, field)) for step_id, field in organ_fields(plan, skipped).items()}


def form_faults(published: Published, form: Mapping[str, Any]) -> Iterator[Violation]:
    """What of a form does not fit the bundle's."""
    for error in published.form.iter_errors(dict(form)):
        yield Violation(_dotted(error.instance_path), _described(error))


def _described(error: Any) -> str:
    """What is wrong with a value, and what to do."""
    if error.kind.name == "falseSchema":
        return "is not asked for with these answers: leave it out"
    if error.kind.name == "format" and (remedy := REMEDIES.get(error.kind.value)):
        return remedy
    return str(error.message)[:300]


def missing_materials(
    published: Published, form: Mapping[str, Any] | None, given: Collection[str]
) -> Iterator[Violation]:
    """The kinds of material that a bundle requires with a form, and that are not given.

    Without a form, because it is not valid, those that are required whatever it says.
    """
    for kind in published.bundle.materials:
        required = published.materials[kind.kind].required
        if kind.kind in given or (form is None and required is not True):
            continue
        try:
            if required is True or (isinstance(required, Condition) and form is not None and required.holds(form)):
                yield Violation("materials", f"{kind.kind} ({kind.name}) is required")
        except ExpressionFaultError as fault:
            yield Violation("form", f"whether {kind.kind} ({kind.name}) is needed cannot be decided: {fault}")


def _unasked_materials(published: Published, form: Mapping[str, Any], kinds: Sequence[str]) -> Iterator[Violation]:
    """The materials that nobody needs with a valid form."""
    for index, kind in enumerate(kinds):
        need = published.materials.get(kind)
        if need and not need.may_come(form):
            yield Violation(f"materials[{index}].kind", f"{kind} is not needed with these answers: leave it out")


def _dotted(path: Sequence[str | int]) -> str:
    text = "form"
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text


def value_at(form: Mapping[str, Any], path: str) -> object:
    """The value at a dotted path; None when there is none."""
    value: object = form
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _is_region(value: object) -> bool:
    return isinstance(value, str) and len(value) == REGION_CODE_DIGITS and value.isascii() and value.isdigit()
