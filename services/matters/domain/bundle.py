"""Matters, bundles and the organs that lead them."""

import hashlib
import json
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import datetime
from typing import Any

from services.matters.domain.limits import CIVIL_CODE, CORRECTIONS, NO_LIMITS, ClockRules, CorrectionRules, Limits
from services.matters.domain.local import Binding, ExtensionPoint, Parameter, Placeholder
from services.matters.domain.names import Name


@dataclass(frozen=True, slots=True)
class Organ:
    """An organ as this service knows it from identity."""

    organ_id: str
    name: str
    uscc: str
    level: int
    version: int


@dataclass(frozen=True, slots=True)
class Lead:
    """The organ that leads a bundle, as it was when the bundle was published."""

    organ_id: str
    uscc: str
    level: int
    name: str = field(default="", compare=False)
    """Another name alone makes no other bundle."""


@dataclass(frozen=True, slots=True)
class Notice:
    """How a step's result is rendered before it is sealed."""

    title: str
    template: str
    seal: str = ""
    """The placeholder of the seal that goes on it; empty for the seal of the office that handles the step."""


@dataclass(frozen=True, slots=True)
class Licence:
    """A kind of licence (电子证照)."""

    licence_id: str
    name: Name


@dataclass(frozen=True, slots=True)
class MaterialKind:
    """A kind of material of the one set that the applicant gives; `max_size` is in bytes.

    `required` in any case, or when `required_when` holds, in CEL over `form`; where `asked_when` does not hold, it is
    not taken. With a licence or an earlier step that gives it, nobody has to hand it in (免证办).
    """

    kind: str
    name: Name
    required: bool
    media_types: tuple[str, ...]
    max_size: int
    asked_when: str = ""
    required_when: str = ""
    licence: Licence | None = None
    from_step: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """A pre-check rule (智能预审), in CEL over `form`, `materials` (how many of each kind come) and `today`."""

    rule_id: str
    holds: str
    when: str
    refuses: bool
    """An application that breaks it is not taken; else its applicant is told, and it is taken."""
    message: Name
    fields: tuple[str, ...]
    """The paths of the form that it is about."""
    materials: tuple[str, ...]
    """The kinds of material that it is about."""
    steps: tuple[str, ...] = ()
    """It applies when one of these is done; empty for always."""


@dataclass(frozen=True, slots=True)
class Burden:
    """What somebody has to do for something: forms, fields, materials, visits to offices, working days."""

    forms: int
    fields: int
    materials: int
    visits: int
    days: int


@dataclass(frozen=True, slots=True)
class ResultField:
    """A field of a matter's result; `type` is one of JSON Schema's. Only what is shared goes to later steps."""

    name: str
    type: str
    required: bool
    shared: bool
    values: tuple[str, ...] = ()
    """The only values that it may have, of a string; empty for any."""


@dataclass(frozen=True, slots=True)
class InputField:
    """Something that a matter's office is given of the results of earlier steps; `type` is one of JSON Schema's."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class StepInput:
    """What makes an input of a step, in CEL over `form` and `steps`."""

    name: str
    expression: str


@dataclass(frozen=True, slots=True)
class GrantedLicence:
    """The licence (电子证照) that the approval of a matter makes; `fields` are names and paths in form and result."""

    kind: str
    fields: tuple[tuple[str, str], ...]
    valid_until: str = ""


@dataclass(frozen=True, slots=True)
class Matter:
    """A matter of the catalogue, as one scenario describes it."""

    catalog_code: str
    name: Name
    type_code: str
    form_fields: tuple[str, ...]
    materials: tuple[str, ...]
    notice: Notice | None
    inputs: tuple[InputField, ...] = ()
    result_fields: tuple[ResultField, ...] = ()
    licence: GrantedLicence | None = None
    """The licence that its approval makes."""
    alone: Burden | None = None
    """What it asks of whoever applies for it alone; None when nobody said."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a bundle: a matter for one office."""

    step_id: str
    matter: Matter
    after: tuple[str, ...]
    when: str
    level: int
    undoable: bool
    pivot: bool
    inputs: tuple[StepInput, ...] = ()
    optional: bool = False
    without_application: bool = False
    quorum: int = 0
    choice: str = ""
    pre_check: bool = False
    limits: Limits = NO_LIMITS
    office: str = ""
    """The placeholder of the office that handles it; empty for whoever routing finds."""
    organ_id: str = ""
    """The organ that a region bound it to."""
    seal_organ_id: str = ""
    """The organ whose seal goes on its notice; empty for the office that handles it."""
    region_field: str = ""
    """The form's field that names the region whose offices handle it; empty for the bundle's."""
    organ_field: str = ""
    """The form's field that names the organ which handles it, by its unified social credit code."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit to the site that the offices of several steps make together."""

    visit_id: str
    name: Name
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario package that passed every check: what an installation publishes."""

    scenario_id: str
    name: Name
    summary: Name | None
    licence: str
    origin_region: str
    origin_organ: str
    lead_role: str
    lead_name: Name
    catalog_code: str
    region_field: str
    # JSON Schema 2020-12 as JSON text, its fields in the order in which people fill them in.
    form_schema: str
    materials: tuple[MaterialKind, ...]
    steps: tuple[Step, ...]
    matters: tuple[Matter, ...]
    visits: tuple[Visit, ...] = ()
    undo_order: tuple[str, ...] = ()
    limits: Limits = NO_LIMITS
    clock_rules: ClockRules = CIVIL_CODE
    corrections: CorrectionRules = CORRECTIONS
    version: str = ""
    """Of the package, as its publisher counts."""
    requires: tuple[Placeholder, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    extension_points: tuple[ExtensionPoint, ...] = ()
    region_code: str = ""
    """Of the region that installed it; empty where nothing was bound."""
    bindings: tuple[Binding, ...] = ()
    rules: tuple[Rule, ...] = ()
    applicant_visits: int = 0
    """How often the applicant still has to go somewhere."""

    def digest(self) -> str:
        """SHA-256 of all that the package says; comments, layout and documentation do not count."""
        return _digest(self)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A scenario as published, with the organ that leads it here; never changed after."""

    scenario: Scenario
    version: int
    lead: Lead
    digest: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class CataloguedMatter:
    """A matter as published by a scenario, in the version that its content has."""

    matter: Matter
    scenario_id: str
    version: int
    digest: str


def matter_digest(matter: Matter) -> str:
    """SHA-256 of a matter's content."""
    return _digest(matter)


def _digest(content: Scenario | Matter) -> str:
    text = json.dumps(_said(content), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _said(value: Any) -> Any:
    """A value as JSON. What is at its default was not said: so a new key does not make all packages new versions."""
    if is_dataclass(value):
        given = {each: getattr(value, each.name) for each in fields(value)}
        said = {each: content for each, content in given.items() if each.default is MISSING or content != each.default}
        return {each.name: _said(content) for each, content in said.items()}
    return [_said(each) for each in value] if isinstance(value, tuple) else value
