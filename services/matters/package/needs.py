"""What a manifest leaves to the region that installs the package, as pydantic models."""

from typing import Annotated, Any, Literal

from pydantic import Field

from services.matters.package.parts import NamePart, Part, Slug, Text


class PlaceholderPart(Part):
    """Something that each region has of its own."""

    id: Slug
    name: NamePart
    purpose: NamePart | None = None


class RequiresPart(Part):
    """What a region binds: offices by their role, data sources, seals."""

    offices: Annotated[list[PlaceholderPart], Field(max_length=50)] = []
    data: Annotated[list[PlaceholderPart], Field(max_length=50)] = []
    seals: Annotated[list[PlaceholderPart], Field(max_length=50)] = []


class ParameterPart(Part):
    """A value that a region may set; which values there may be, `parameters.py` says."""

    id: Slug
    name: NamePart
    type: Literal["integer", "number", "boolean", "string", "enum", "duration"]
    default: Any
    min: Any = None
    max: Any = None
    choices: Annotated[list[Text], Field(min_length=1, max_length=50)] | None = None


class ExtensionPointPart(Part):
    """A place among the steps where a region may add steps of its own."""

    id: Slug
    name: NamePart
    after: Annotated[list[Slug], Field(max_length=100)] = []
    before: Annotated[list[Slug], Field(max_length=100)] = []
