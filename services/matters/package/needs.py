"""What a manifest leaves to the region that installs the package, as pydantic models."""

from typing import Annotated, Any, Literal

from pydantic import Field

from services.matters.package.parts import NamePart, Part, Slug, Text


class PlaceholderPart(Part):
    """Something that each region has of its own."""

    id: Slug
    """How steps and notices name it."""
    name: NamePart
    """What it is called."""
    purpose: NamePart | None = None
    """What it is needed for, for whoever binds it."""


class RequiresPart(Part):
    """What a region binds: offices by their role, data sources, seals."""

    offices: Annotated[list[PlaceholderPart], Field(max_length=50)] = []
    """Offices, by their role."""
    data: Annotated[list[PlaceholderPart], Field(max_length=50)] = []
    """Data sources."""
    seals: Annotated[list[PlaceholderPart], Field(max_length=50)] = []
    """Seals."""


class ParameterPart(Part):
    """A value that a region may set; which values there may be, `parameters.py` says."""

    id: Slug
    """How it is named in ${...}."""
    name: NamePart
    """What it is called."""
    type: Literal["integer", "number", "boolean", "string", "enum", "duration"]
    """What values it takes."""
    default: Any
    """Its value where a region sets none."""
    min: Any = None
    """The least value, of numbers and durations."""
    max: Any = None
    """The greatest value, of numbers and durations."""
    choices: Annotated[list[Text], Field(min_length=1, max_length=50)] | None = None
    """The only values, of an enum."""


class ExtensionPointPart(Part):
    """A place among the steps where a region may add steps of its own."""

    id: Slug
    """How overlays name it."""
    name: NamePart
    """What it is called."""
    after: Annotated[list[Slug], Field(max_length=100)] = []
    """Steps that have ended when an added step starts."""
    before: Annotated[list[Slug], Field(max_length=100)] = []
    """Steps that wait for an added step."""
