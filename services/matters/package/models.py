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
    organ: Text


class LeadPart(Part):
    """The role of the organ that leads; the installing region says which organ that is."""

    role: Slug
    name: NamePart


class LimitsPart(Part):
    """How long a step may take."""

    acceptance: Time | None = None
    statutory: ExtendableTime | None = None
    promised: Time | None = None


class BundleLimitsPart(Part):
    """How long the whole bundle may take; each step is accepted for itself."""

    statutory: ExtendableTime | None = None
    promised: Time | None = None


class ClockRulesPart(Part):
    """How days are counted."""

    counts_start_day: bool = False
    counts_stop_day: bool = False
    counts_resume_day: bool = False
    ends_on_days_off: bool = False
    closes_at: TimeOfDay | None = None
    yellow_percent: Annotated[int, Field(ge=1, le=100)] = 80


class StepPart(Part):
    """A step of the bundle."""

    id: Slug
    matter: Slug
    after: Annotated[list[Slug], Field(max_length=100)] = []
    when: Condition = ""
    level: Level | None = None
    office: Slug | None = None
    region_field: FieldPath | None = None
    organ_field: FieldPath | None = None
    undo: Literal["task", "none"] | None = None
    pivot: bool = False
    optional: bool = False
    application: Literal["none"] | None = None
    needs: Annotated[int, Field(ge=1, le=100)] | None = None
    choice: Slug | None = None
    pre_check: bool = False
    inputs: Annotated[dict[FieldName, Expression], Field(max_length=50)] = {}
    limits: LimitsPart | None = None


class CorrectionsPart(Part):
    """How often and for how long the applicant may be asked for corrections."""

    most: Annotated[int, Field(ge=1, le=10)] | None = None
    limit: Time | None = None


class VisitPart(Part):
    """A visit to the site that the offices of several steps make together."""

    id: Slug
    name: NamePart
    steps: Annotated[list[Slug], Field(min_length=2, max_length=100)]


class ManifestPart(Part):
    """scenario.yaml."""

    format: Literal[1]
    id: Slug
    version: VersionText
    name: NamePart
    summary: NamePart | None = None
    licence: Text
    origin: OriginPart
    catalog_code: str
    lead: LeadPart
    region_field: FieldPath
    elements: Annotated[dict[Slug, ElementPart], Field(max_length=500)] = {}
    sources: Annotated[dict[Slug, SourcePart], Field(max_length=100)] = {}
    sections: Annotated[dict[FieldPath, NamePart], Field(max_length=200)] = {}
    questions: Annotated[list[QuestionPart], Field(max_length=50)] = []
    rules: Annotated[list[RulePart], Field(max_length=100)] = []
    applicant_visits: Annotated[int, Field(ge=0, le=100)] = 0
    materials: Annotated[list[MaterialPart], Field(max_length=100)] = []
    steps: Annotated[list[StepPart], Field(min_length=1, max_length=100)]
    visits: Annotated[list[VisitPart], Field(max_length=50)] = []
    undo_order: Annotated[list[Slug], Field(max_length=100)] = []
    limits: BundleLimitsPart | None = None
    clock_rules: ClockRulesPart | None = None
    corrections: CorrectionsPart | None = None
    requires: RequiresPart = RequiresPart()
    parameters: Annotated[list[ParameterPart], Field(max_length=50)] = []
    extension_points: Annotated[list[ExtensionPointPart], Field(max_length=20)] = []


class NoticePart(Part):
    """The notice that a matter's result becomes."""

    title: Text
    template: Text
    seal: Slug | None = None


class ResultFieldPart(Part):
    """A field of a matter's result."""

    type: JsonType
    required: bool = True
    shared: bool = False
    values: Annotated[list[Text], Field(max_length=100)] = []


class MatterPart(Part):
    """matters/<name>.yaml."""

    catalog_code: str
    name: NamePart
    type: str
    fields: Annotated[dict[FieldPath, FieldNeed], Field(max_length=500)] = {}
    answers: Annotated[list[FieldPath], Field(max_length=50)] = []
    materials: Annotated[list[MaterialNeed], Field(max_length=100)] = []
    rules: Annotated[list[RulePart], Field(max_length=20)] = []
    alone: AlonePart | None = None
    notice: NoticePart | None = None
    inputs: Annotated[dict[FieldName, JsonType], Field(max_length=50)] = {}
    result: Annotated[dict[FieldName, ResultFieldPart], Field(max_length=100)] = {}

    @property
    def form_fields(self) -> tuple[str, ...]:
        """The paths in the form that the office sees."""
        return (*self.fields, *self.answers)
