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
    name: NamePart


class ValuePart(Part):
    """One of the values that an element may have, as people read it."""

    value: Annotated[str, Field(min_length=1, max_length=100)]
    zh: Text | None = None
    en: Text | None = None


Values: TypeAlias = Annotated[
    list[Annotated[ValuePart, _named("value", ValuePart)]], Field(min_length=1, max_length=500)
]


class ManyPart(Part):
    """An element that is a list."""

    least: Annotated[int, Field(ge=0, le=1000)] = 0
    most: Annotated[int, Field(ge=1, le=1000)] = 50
    unique: bool = False


class MemberPart(Part):
    """An element as a part of another."""

    element: Slug
    required: bool = True


class ElementPart(Part):
    """A data element (数据元): what a field of a form means and what it may hold."""

    name: NamePart
    like: Slug | None = None
    type: Literal["string", "integer", "number", "boolean"] | None = None
    values: Values | None = None
    members: (
        Annotated[dict[FieldName, Annotated[MemberPart, _named("element", MemberPart)]], Field(min_length=1)] | None
    ) = None
    many: ManyPart | None = None
    format: Format | None = None
    pattern: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    min_length: Count | None = None
    max_length: Count | None = None
    minimum: Number | None = None
    maximum: Number | None = None
    above: Number | None = None
    below: Number | None = None
    multiple_of: Annotated[float, Field(gt=0, le=1e9)] | None = None
    standard: Text | None = None
    help: NamePart | None = None
    widget: Widget | None = None
    sources: Annotated[list[Slug], Field(max_length=20)] = []


class DictionaryPart(Part):
    """data/elements.yaml: the platform's data elements, and where they can come from."""

    sources: dict[Slug, SourcePart]
    elements: dict[Slug, ElementPart]


class QuestionPart(Part):
    """A question that comes before all others (情形引导): what it is answered with decides what else is asked."""

    field: FieldPath
    ask: NamePart
    answers: Values | None = None
    several: bool = False
    when: Expression | None = None
    required: bool = True
    help: NamePart | None = None


class FieldPart(Part):
    """A field of the form that a matter needs."""

    element: Slug
    required: bool = True
    when: Expression | None = None


class GivenPart(Part):
    """What gives a material, so that nobody has to hand it in: a licence, or the result of a step."""

    licence: Slug | None = None
    step: Slug | None = None


class MaterialPart(Part):
    """A kind of material."""

    kind: Slug
    name: NamePart
    media_types: Annotated[list[MediaType], Field(min_length=1, max_length=20)]
    max_size: MaterialSize = "3 MB"
    given_by: GivenPart | None = None


class MaterialNeedPart(Part):
    """A kind of material that a matter needs."""

    kind: Slug
    required: bool = True
    when: Expression | None = None


class RulePart(Part):
    """A pre-check rule (智能预审): what has to hold before anybody looks at an application."""

    id: Slug
    holds: Expression
    when: Expression | None = None
    severity: Literal["refuse", "warn"] = "refuse"
    message: NamePart
    fields: Annotated[list[FieldPath], Field(max_length=20)] = []
    materials: Annotated[list[Slug], Field(max_length=20)] = []


class AlonePart(Part):
    """What a matter asks of whoever applies for it alone; what a bundle saves (四减) is counted from it."""

    forms: Annotated[int, Field(ge=0, le=100)]
    fields: Annotated[int, Field(ge=0, le=10_000)]
    materials: Annotated[int, Field(ge=0, le=1000)]
    visits: Annotated[int, Field(ge=0, le=100)]
    days: Annotated[int, Field(ge=0, le=3650)]


FieldNeed: TypeAlias = Annotated[FieldPart, _named("element", FieldPart)]
MaterialNeed: TypeAlias = Annotated[MaterialNeedPart, _named("kind", MaterialNeedPart)]
