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
    """The id of its scenario."""
    version: VersionRange
    """Versions that the overlay fits, in quotes, such as ">=1.0.0 <2.0.0" or "^1.2.0"."""


class OfficePart(Part):
    """An office: one organ, or whoever routing finds, at a level where one is named."""

    organ: OrganRef | None = None
    """The organ: its id or its unified social credit code."""
    level: Level | None = None
    """The level at which routing finds one: 1 national to 6 village."""


class BindingsPart(Part):
    """What the package's placeholders are in this region."""

    offices: Annotated[dict[Slug, Annotated[OfficePart, BeforeValidator(_office)]], Field(max_length=50)] = {}
    """Who each office is: an organ, nearest, or {level: 3}."""
    data: Annotated[dict[Slug, OrganRef], Field(max_length=50)] = {}
    """Who provides each data source: an organ, or none."""
    seals: Annotated[dict[Slug, OrganRef], Field(max_length=50)] = {}
    """Whose each seal is: an organ, or own for the office that handles the step."""


class LocalStepPart(Part):
    """A step that the region adds at an extension point."""

    at: Slug
    """One of the package's extension points."""
    id: Slug
    """Unique among all steps."""
    matter: Slug
    """The matter: the name of a file in matters/ beside the overlay."""
    after: Annotated[list[Slug], Field(max_length=20)] = []
    """Other steps of your own at the same point that end before it starts."""
    when: Condition = ""
    """A condition (CEL) over form and steps; without it, always."""
    organ: OrganRef | None = None
    """Who handles it; without it, routing finds somebody."""
    level: Level | None = None
    """The level of the office, where routing finds it."""
    undo: Literal["task", "none"] | None = None
    """What happens when another step is refused: the office gets a task to undo its result, or none is needed."""
    optional: bool = False
    """Its refusal undoes nothing, and the steps after it go on."""
    application: Literal["none"] | None = None
    """none: nobody applies for it (免申即享)."""
    inputs: Annotated[dict[FieldName, Expression], Field(max_length=50)] = {}
    """What the office is given of earlier results, by name."""
    limits: LimitsPart | None = None
    """How long it may take."""


class OverlayPart(Part):
    """overlay.yaml."""

    format: Literal[1]
    """The format of this file: 1."""
    package: OverlayPackagePart
    """The package that it is for."""
    bundle: Slug | None = None
    """An id of the bundle's own here, when several regions have the scenario on one platform."""
    region: Region
    """Whose decisions these are: a region (GB/T 2260), in quotes."""
    lead: OrganRef | None = None
    """The leading organ: its id or its unified social credit code; or the installation names it."""
    bindings: BindingsPart = BindingsPart()
    """What the package's placeholders are here."""
    parameters: Annotated[dict[Slug, Any], Field(max_length=50)] = {}
    """Values by the names of parameters; the others keep their default."""
    elements: Annotated[dict[Slug, ElementPart], Field(max_length=100)] = {}
    """Data elements of the region's own, by names that the package does not have."""
    sections: Annotated[dict[FieldPath, NamePart], Field(max_length=50)] = {}
    """Titles of the groups of fields that are added."""
    questions: Annotated[list[QuestionPart], Field(max_length=20)] = []
    """Questions that are added."""
    materials: Annotated[list[MaterialPart], Field(max_length=20)] = []
    """Kinds of material that are added."""
    steps: Annotated[list[LocalStepPart], Field(max_length=20)] = []
    """The region's own steps."""
