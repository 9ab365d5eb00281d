"""The keys of a scenario package's YAML files, as pydantic models."""

from typing import Annotated, Literal

from pydantic import Field

from services.matters.package.formparts import (
    AlonePart,
    ElementPart,
    FieldNeed,
    MaterialNeed,
    MaterialPart,
    QuestionPart,
    RulePart,
    SourcePart,
)
from services.matters.package.needs import ExtensionPointPart, ParameterPart, RequiresPart
from services.matters.package.parts import (
    Condition,
    Expression,
    ExtendableTime,
    FieldName,
    FieldPath,
    JsonType,
    Level,
    LicenceSource,
    NamePart,
    Part,
    Region,
    Slug,
    Text,
    Time,
    TimeOfDay,
    VersionText,
)


class OriginPart(Part):
    """Where a scenario was made."""

    region: Region
    """The region (GB/T 2260), in quotes."""
    organ: Text
    """The organ, by its name."""


class LeadPart(Part):
    """The role of the organ that leads; the installing region says which organ that is."""

    role: Slug
    """Which role it has, such as market-regulation."""
    name: NamePart
    """What the role is called."""


class LimitsPart(Part):
    """How long a step may take."""

    acceptance: Time | None = None
    """How long the office has to accept the matter or to refuse it (受理时限)."""
    statutory: ExtendableTime | None = None
    """What the law allows (法定时限), such as "20 working days (+10)" when it may be extended by 10."""
    promised: Time | None = None
    """What the office promises (承诺时限); no longer than the statutory limit."""


class BundleLimitsPart(Part):
    """How long the whole bundle may take; each step is accepted for itself."""

    statutory: ExtendableTime | None = None
    """What the law allows for all of it, such as "45 working days (+15)"."""
    promised: Time | None = None
    """What is promised for all of it; no shorter than steps that follow each other."""


class ClockRulesPart(Part):
    """How days are counted."""

    counts_start_day: bool = False
    """Whether the day of the start is the first day; else the next is."""
    counts_stop_day: bool = False
    """Whether the day on which a correction or procedure begins is used up."""
    counts_resume_day: bool = False
    """Whether the day on which it ends is used up."""
    ends_on_days_off: bool = False
    """Whether a limit in calendar days or months may end on a day off; else it ends on the next working day."""
    closes_at: TimeOfDay | None = None
    """When a day is over, in quotes, such as "17:30"; else at midnight."""
    yellow_percent: Annotated[int, Field(ge=1, le=100)] = 80
    """At which share of a limit its light turns yellow."""


class StepPart(Part):
    """A step of the bundle."""

    id: Slug
    """Unique in the scenario."""
    matter: Slug
    """The matter that is handled: the name of a file in matters/, without .yaml."""
    after: Annotated[list[Slug], Field(max_length=100)] = []
    """The steps that end before this one starts; without it, it starts at once."""
    when: Condition = ""
    """A condition (CEL) over form, and over steps for results of earlier ones; without it, always."""
    level: Level | None = None
    """The level of the office: 1 national, 2 province, 3 city, 4 county, 5 town, 6 village; without it, the nearest."""
    office: Slug | None = None
    """Which of the offices in requires handles it."""
    region_field: FieldPath | None = None
    """The form's field with the region whose offices handle it, where that is not the bundle's."""
    organ_field: FieldPath | None = None
    """The form's field with the organ that handles it, by its unified social credit code."""
    undo: Literal["task", "none"] | None = None
    """What happens when another step is refused: the office gets a task to undo its result, or none is needed."""
    pivot: bool = False
    """The point of no return: after it nothing is undone."""
    optional: bool = False
    """Its refusal undoes nothing, and the steps after it go on."""
    application: Literal["none"] | None = None
    """none: nobody applies for it (免申即享)."""
    needs: Annotated[int, Field(ge=1, le=100)] | None = None
    """How many of the steps in after must be completed, for a quorum."""
    choice: Slug | None = None
    """The name of a group of steps of which exactly one is done."""
    pre_check: bool = False
    """The step in which the lead looks at the application before all others (预审)."""
    inputs: Annotated[dict[FieldName, Expression], Field(max_length=50)] = {}
    """What the office is given of earlier results, by name: an expression such as steps["check"].result.number."""
    limits: LimitsPart | None = None
    """How long it may take."""


class CorrectionsPart(Part):
    """How often and for how long the applicant may be asked for corrections."""

    most: Annotated[int, Field(ge=1, le=10)] | None = None
    """How often one step may ask; 2 unless said otherwise."""
    limit: Time | None = None
    """Until everything is supplied; 15 working days unless said otherwise."""


class VisitPart(Part):
    """A visit to the site that the offices of several steps make together."""

    id: Slug
    """Unique in the scenario."""
    name: NamePart
    """What the visit is called."""
    steps: Annotated[list[Slug], Field(min_length=2, max_length=100)]
    """The steps whose offices go there together."""


class ManifestPart(Part):
    """scenario.yaml."""

    format: Literal[1]
    """The format of these files: 1."""
    id: Slug
    """Of the scenario and of its bundle, such as open-restaurant."""
    version: VersionText
    """Of the package, in quotes, after Semantic Versioning: "1.0.0"."""
    name: NamePart
    """What it is called; zh is what people see."""
    summary: NamePart | None = None
    """What it is for, in one sentence."""
    licence: Text
    """The SPDX name of the package's licence, such as Apache-2.0."""
    origin: OriginPart
    """Where it was made."""
    catalog_code: str
    """The bundle's own catalogue code (GB/T 39554.1), in quotes; case numbers are made with it."""
    lead: LeadPart
    """The role of the organ that leads."""
    region_field: FieldPath
    """The form's field that holds the region where the case is handled: required, a string."""
    elements: Annotated[dict[Slug, ElementPart], Field(max_length=500)] = {}
    """Data elements (数据元) that the platform's dictionary lacks, by name."""
    sources: Annotated[dict[Slug, SourcePart], Field(max_length=100)] = {}
    """Where fields and materials can come from instead of the applicant, by name."""
    sections: Annotated[dict[FieldPath, NamePart], Field(max_length=200)] = {}
    """The titles of the groups of fields, by path, in the order in which people fill them in."""
    questions: Annotated[list[QuestionPart], Field(max_length=50)] = []
    """Questions that come first (情形引导); their answers decide what else is asked."""
    rules: Annotated[list[RulePart], Field(max_length=100)] = []
    """What has to hold before anybody looks at an application (智能预审)."""
    applicant_visits: Annotated[int, Field(ge=0, le=100)] = 0
    """How often the applicant still has to go somewhere, for the report of savings (四减)."""
    materials: Annotated[list[MaterialPart], Field(max_length=100)] = []
    """The one set of materials: each kind once."""
    steps: Annotated[list[StepPart], Field(min_length=1, max_length=100)]
    """The steps of the bundle."""
    visits: Annotated[list[VisitPart], Field(max_length=50)] = []
    """Visits to the site that several offices make together (联合踏勘)."""
    undo_order: Annotated[list[Slug], Field(max_length=100)] = []
    """Steps with undo: task that are undone first, in this order; the others follow, the last completed first."""
    limits: BundleLimitsPart | None = None
    """How long the whole may take."""
    clock_rules: ClockRulesPart | None = None
    """How days are counted, where the law's way is not the right one."""
    corrections: CorrectionsPart | None = None
    """How often and for how long the applicant may be asked for corrections (补正)."""
    requires: RequiresPart = RequiresPart()
    """What each region has of its own, and binds in its overlay."""
    parameters: Annotated[list[ParameterPart], Field(max_length=50)] = []
    """Values that a region may set, within limits."""
    extension_points: Annotated[list[ExtensionPointPart], Field(max_length=20)] = []
    """Where a region may add steps of its own."""


class NoticePart(Part):
    """The notice that a matter's result becomes."""

    title: Text
    """Its title, such as 准予许可决定书."""
    template: Text
    """The file with its text, such as templates/permit.txt."""
    seal: Slug | None = None
    """Which of the seals in requires it gets; without it, that of the office that handles the step."""


class GrantedLicencePart(Part):
    """The licence (电子证照) that a matter's approval makes."""

    type: Slug
    """Which one: a licence of `sources`, the platform's or the scenario's."""
    fields: Annotated[dict[FieldName, LicenceSource], Field(min_length=1, max_length=100)]
    """What it says, by its fields: paths such as `form.premises.address` and `result.number`."""
    valid_until: LicenceSource | None = None
    """Where its last day stands; without it, the type says how long it is good."""


class ResultFieldPart(Part):
    """A field of a matter's result."""

    type: JsonType
    """Its type in JSON Schema."""
    required: bool = True
    """Whether every result has it."""
    shared: bool = False
    """Whether later steps may be given it; nothing else of a result goes to another office."""
    values: Annotated[list[Text], Field(max_length=100)] = []
    """The only values that it may have; without it, any of its type."""


class MatterPart(Part):
    """matters/<name>.yaml."""

    catalog_code: str
    """Its catalogue code (GB/T 39554.1), in quotes; unique in the package."""
    name: NamePart
    """What the matter is called."""
    type: str
    """Its type, characters 3 and 4 of the code, in quotes: "01" licence, "07" confirmation, "20" public service."""
    fields: Annotated[dict[FieldPath, FieldNeed], Field(max_length=500)] = {}
    """What the office needs of the form, and sees of it: by path, a data element."""
    answers: Annotated[list[FieldPath], Field(max_length=50)] = []
    """The questions whose answers the office sees."""
    materials: Annotated[list[MaterialNeed], Field(max_length=100)] = []
    """The kinds of material that the office needs, and sees."""
    rules: Annotated[list[RulePart], Field(max_length=20)] = []
    """Pre-check rules that apply when the matter is handled."""
    alone: AlonePart | None = None
    """What it asks of whoever applies for it alone, for the report of savings (四减)."""
    notice: NoticePart | None = None
    """The sealed notice that the result becomes; without it, the result is data only."""
    licence: GrantedLicencePart | None = None
    """The licence that the approval makes (电子证照); revoked when the step is undone."""
    inputs: Annotated[dict[FieldName, JsonType], Field(max_length=50)] = {}
    """What the office is given of the results of others, by name: its type."""
    result: Annotated[dict[FieldName, ResultFieldPart], Field(max_length=100)] = {}
    """What the office gives back, field by field; without it any answer is taken, and nothing of it is shared."""

    @property
    def form_fields(self) -> tuple[str, ...]:
        """The paths in the form that the office sees."""
        return (*self.fields, *self.answers)
