"""Checks of what an applicant hands in, against the bundle's one form and its one set of materials."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chassis.problems import Invalid, Violation
from duokua.cases.v1 import case_pb2
from duokua.matters.v1 import bundle_pb2
from services.cases.branching import branch_at_submission
from services.cases.materials import Finished, HandedIn, handed_in, material_faults
from services.cases.plans import Published

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
    skipped: Mapping[str, str]
    """The steps whose condition does not hold, each with that condition."""


def check_application(
    published: Published,
    form: Mapping[str, Any],
    materials: Sequence[case_pb2.Material],
    finished: Finished,
) -> Application:
    """Take an application in; raises Invalid APPLICATION_INVALID with every fault named.

    `finished` tells the uploads that it may name.
    """
    faults = [
        *form_faults(published, form),
        *material_faults(published.bundle.materials, materials, finished),
        *missing_materials(published.bundle, {material.kind for material in materials}),
    ]
    region = value_at(form, published.plan.region_field)
    if not faults and not _is_region(region):
        faults.append(Violation(f"form.{published.plan.region_field}", "must be a region code of six digits"))
    skipped: dict[str, str] = {}
    if not faults:
        faults.extend(branch_at_submission(published, form, skipped))
    if faults:
        where = ", ".join(sorted({fault.field for fault in faults})[:5])
        message = f"the application does not fit {published.plan.name or published.plan.bundle_id}: {where}"
        raise Invalid("APPLICATION_INVALID", message, faults[:MOST_FAULTS])
    return Application(form, handed_in(materials, finished), str(region), skipped)


def form_faults(published: Published, form: Mapping[str, Any]) -> Iterator[Violation]:
    """What of a form does not fit the bundle's."""
    for error in published.form.iter_errors(dict(form)):
        yield Violation(_dotted(error.instance_path), error.message[:300])


def missing_materials(bundle: bundle_pb2.Bundle, given: Collection[str]) -> Iterator[Violation]:
    """The kinds of material that a bundle requires and that are not given."""
    for kind in bundle.materials:
        if kind.required and kind.kind not in given:
            yield Violation("materials", f"{kind.kind} ({kind.name}) is required")


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
