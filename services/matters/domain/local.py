"""What a package leaves to the region that installs it, and what that region decided."""

from dataclasses import dataclass
from enum import StrEnum

from services.matters.domain.names import Name


class Needed(StrEnum):
    """What a placeholder stands for."""

    OFFICE = "office"
    DATA = "data source"
    SEAL = "seal"


@dataclass(frozen=True, slots=True)
class Placeholder:
    """Something that a package needs and each region has of its own: an office by its role, a data source, a seal."""

    kind: Needed
    placeholder_id: str
    name: Name
    purpose: Name | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that a region may set, within limits; `value` is the one that holds here, as text."""

    parameter_id: str
    name: Name
    type: str
    default: str
    value: str
    minimum: str = ""
    maximum: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExtensionPoint:
    """A place among the steps where a region may add steps of its own."""

    point_id: str
    name: Name
    after: tuple[str, ...] = ()
    """The steps that have ended before the added ones start."""
    before: tuple[str, ...] = ()
    """The steps that wait for the added ones."""


@dataclass(frozen=True, slots=True)
class Binding:
    """What a placeholder is in the region that installed the package."""

    kind: Needed
    placeholder_id: str
    organ_id: str = ""
    """The organ: that handles the steps of an office, provides the data, has the seal. Empty: routing finds the office,
    the data are not to be had, the office that handles a step seals by itself."""
    level: int = 0
    """Of an office that routing finds, instead of the level that a step names."""
