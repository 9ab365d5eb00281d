"""The keys that say what a form asks: data elements, questions, and the fields and materials that matters need."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field

from services.matters.package.parts import (
    Expression,
    FieldName,
    FieldPath,
    MaterialSize,
    MediaType,
    NamePart,
    Part,
    Slug,
    Text,
)

Count: TypeAlias = Annotated[int, Field(ge=0, le=100_000)]
Number: TypeAlias = Annotated[float, Field(ge=-1e15, le=1e15)]
Widget: TypeAlias = Literal[
    "text", "textarea", "number", "date", "time", "switch", "radio", "select", "checkboxes", "region", "phone", "list"
]
Format: TypeAlias = Literal["date", "time", "date-time", "email", "uri", "resident-id", "uscc"]


def _named(key: str, part: type[Part]) -> BeforeValidator:
    """Text alone stands for a part of which only this key is said."""
    return BeforeValidator(
        lambda given: {key: given} if isinstance(given, str) else given,
        json_schema_input_type=str | part,
    )


class SourcePart(Part):
    """Where something can come from instead of the applicant: data that the government has, or a licence (电子证照)."""

    kind: Literal["data", "licence"]
    """Data that the government has, or a licence (电子证照)."""
    name: NamePart
    """What it is called."""


class ValuePart(Part):
    """One of the values that an element may have, as people read it."""

    value: Annotated[str, Field(min_length=1, max_length=100)]
    """What is kept."""
    zh: Text | None = None
    """How people read it; without it, as it is kept."""
    en: Text | None = None
    """The same in English."""


Values: TypeAlias = Annotated[
    list[Annotated[ValuePart, _named("value", ValuePart)]], Field(min_length=1, max_length=500)
]


class ManyPart(Part):
    """An element that is a list."""

    least: Annotated[int, Field(ge=0, le=1000)] = 0
    """The fewest that the list may have."""
    most: Annotated[int, Field(ge=1, le=1000)] = 50
    """The most that it may have."""
    unique: bool = False
    """Whether no two may be the same."""


class MemberPart(Part):
    """An element as a part of another."""

    element: Slug
    """Its data element."""
    required: bool = True
    """Whether it has to be there."""


class ElementPart(Part):
    """A data element (数据元): what a field of a form means and what it may hold."""

    name: NamePart
    """The field's title."""
    like: Slug | None = None
    """Another element that it is, under a name of its own."""
    type: Literal["string", "integer", "number", "boolean"] | None = None
    """What it is; or values, members or like say so."""
    values: Values | None = None
    """The only values it may have: words, or {value, zh, en}."""
    members: (
        Annotated[dict[FieldName, Annotated[MemberPart, _named("element", MemberPart)]], Field(min_length=1)] | None
    ) = None
    """Other elements of which it is made, by name."""
    many: ManyPart | None = None
    """It is a list."""
    format: Format | None = None
    """What text it is: resident-id (GB 11643) and uscc (GB 32100) with their check characters."""
    pattern: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    """A small RE2 pattern of text: no look-around, no back-references."""
    min_length: Count | None = None
    """The fewest characters."""
    max_length: Count | None = None
    """The most characters."""
    minimum: Number | None = None
    """The least number."""
    maximum: Number | None = None
    """The greatest number."""
    above: Number | None = None
    """The number is greater than this."""
    below: Number | None = None
    """The number is less than this."""
    multiple_of: Annotated[float, Field(gt=0, le=1e9)] | None = None
    """The number is a multiple of this."""
    standard: Text | None = None
    """The standard that defines it."""
    help: NamePart | None = None
    """For whoever fills it in."""
    widget: Widget | None = None
    """How portals show it, where that does not follow from the rest."""
    sources: Annotated[list[Slug], Field(max_length=20)] = []
    """Where it can come from instead: names of sources, or of data in requires."""


class DictionaryPart(Part):
    """data/elements.yaml: the platform's data elements, and where they can come from."""

    sources: dict[Slug, SourcePart]
    elements: dict[Slug, ElementPart]


class QuestionPart(Part):
    """A question that comes before all others (情形引导): what it is answered with decides what else is asked."""

    field: FieldPath
    """Its path in the form."""
    ask: NamePart
    """The question."""
    answers: Values | None = None
    """One of these; without it, yes or no (true or false)."""
    several: bool = False
    """Any of the answers, as a list."""
    when: Expression | None = None
    """When it is asked (CEL over form); without it, always."""
    required: bool = True
    """Whether it has to be answered; false: read the answer with has(...)."""
    help: NamePart | None = None
    """For whoever answers it."""


class FieldPart(Part):
    """A field of the form that a matter needs."""

    element: Slug
    """Its data element."""
    required: bool = True
    """Whether it has to be filled in."""
    when: Expression | None = None
    """When it is asked (CEL over form); without it, always."""


class GivenByPart(Part):
    """What gives a material, so that nobody has to hand it in: a licence, or the result of a step."""

    licence: Slug | None = None
    """The licence: one of the sources."""
    step: Slug | None = None
    """The step; all steps that need the material come after it."""


class MaterialPart(Part):
    """A kind of material."""

    kind: Slug
    """How matters name it, such as floor-plan."""
    name: NamePart
    """What it is called."""
    media_types: Annotated[list[MediaType], Field(min_length=1, max_length=20)]
    """What may be handed in, such as application/pdf."""
    max_size: MaterialSize = "3 MB"
    """The largest file, such as 500 KB or 2 MB (thousands), up to 200 MB."""
    given_by: GivenByPart | None = None
    """What gives it, so that nobody has to hand it in (免证办)."""


class MaterialNeedPart(Part):
    """A kind of material that a matter needs."""

    kind: Slug
    """One of the materials of the scenario."""
    required: bool = True
    """Whether it has to be handed in."""
    when: Expression | None = None
    """When it is needed (CEL over form); without it, always."""


class RulePart(Part):
    """A pre-check rule (智能预审): what has to hold before anybody looks at an application."""

    id: Slug
    """Unique in the package."""
    holds: Expression
    """What has to hold: CEL over form, materials["<kind>"] (how many) and today."""
    when: Expression | None = None
    """Where this does not hold, the rule does not apply; without it, always."""
    severity: Literal["refuse", "warn"] = "refuse"
    """refuse: an application that breaks it is not taken; warn: its applicant is told."""
    message: NamePart
    """For the applicant: what is wrong, and what to do."""
    fields: Annotated[list[FieldPath], Field(max_length=20)] = []
    """What it is about, where that is not what holds reads."""
    materials: Annotated[list[Slug], Field(max_length=20)] = []
    """The kinds of material that it is about."""


class AlonePart(Part):
    """What a matter asks of whoever applies for it alone; what a bundle saves (四减) is counted from it."""

    forms: Annotated[int, Field(ge=0, le=100)]
    """Forms to fill in."""
    fields: Annotated[int, Field(ge=0, le=10_000)]
    """Fields to fill in."""
    materials: Annotated[int, Field(ge=0, le=1000)]
    """Materials to hand in."""
    visits: Annotated[int, Field(ge=0, le=100)]
    """How often one has to go there (跑动)."""
    days: Annotated[int, Field(ge=0, le=3650)]
    """Working days that it takes."""


FieldNeed: TypeAlias = Annotated[FieldPart, _named("element", FieldPart)]
MaterialNeed: TypeAlias = Annotated[MaterialNeedPart, _named("kind", MaterialNeedPart)]
