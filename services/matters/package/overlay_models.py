"""The keys of an overlay: what one region says about a package that it installs."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from services.matters.package.formparts import ElementPart, MaterialPart, QuestionPart
from services.matters.package.models import LimitsPart
from services.matters.package.parts import (
    Condition,
    Expression,
    FieldName,
    FieldPath,
    Level,
    NamePart,
    OrganRef,
    Part,
    Region,
    Slug,
    VersionRange,
)

NEAREST = "nearest"
NONE = "none"
OWN = "own"


def _office(value: object) -> object:
    """A word stands for the organ itself, or for whoever is nearest."""
    if isinstance(value, str):
        return {} if value == NEAREST else {"organ": value}
    return value


class OverlayPackagePart(Part):
    """Which package, in which versions."""

    id: Slug
    version: VersionRange


class OfficePart(Part):
    """An office: one organ, or whoever routing finds, at a level where one is named."""

    organ: OrganRef | None = None
    level: Level | None = None


class BindingsPart(Part):
    """What the package's placeholders are in this region."""

    offices: Annotated[dict[Slug, Annotated[OfficePart, BeforeValidator(_office)]], Field(max_length=50)] = {}
    data: Annotated[dict[Slug, OrganRef], Field(max_length=50)] = {}
    seals: Annotated[dict[Slug, OrganRef], Field(max_length=50)] = {}


class LocalStepPart(Part):
    """A step that the region adds at an extension point."""

    at: Slug
    id: Slug
    matter: Slug
    after: Annotated[list[Slug], Field(max_length=20)] = []
    when: Condition = ""
    organ: OrganRef | None = None
    level: Level | None = None
    undo: Literal["task", "none"] | None = None
    optional: bool = False
    application: Literal["none"] | None = None
    inputs: Annotated[dict[FieldName, Expression], Field(max_length=50)] = {}
    limits: LimitsPart | None = None


class OverlayPart(Part):
    """overlay.yaml."""

    format: Literal[1]
    package: OverlayPackagePart
    bundle: Slug | None = None
    region: Region
    lead: OrganRef | None = None
    bindings: BindingsPart = BindingsPart()
    parameters: Annotated[dict[Slug, Any], Field(max_length=50)] = {}
    elements: Annotated[dict[Slug, ElementPart], Field(max_length=100)] = {}
    sections: Annotated[dict[FieldPath, NamePart], Field(max_length=50)] = {}
    questions: Annotated[list[QuestionPart], Field(max_length=20)] = []
    materials: Annotated[list[MaterialPart], Field(max_length=20)] = []
    steps: Annotated[list[LocalStepPart], Field(max_length=20)] = []
