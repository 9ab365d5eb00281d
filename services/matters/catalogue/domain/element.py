"""What an element of the catalogue is: its heading, what kind of value it takes, and its bounds.

A dataclass declares its elements as fields: `name: str = element("事项名称", required=True)`. Sheets, files, checks,
differences and search all read these declarations, so that each element has one home.
"""

import dataclasses
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from services.matters.catalogue.domain.codelists import CodeList


class Kind(Enum):
    """What values an element takes, and how they are kept."""

    LINE = "one line of text"
    TEXT = "text of several lines"
    CHOICE = "a code of a list"
    CHOICES = "codes of a list, each once, in the list's order"
    COUNT = "a whole number, None when it is not said"
    YES_NO = "true or false, None when it is not said"
    DATE = "a day, None when it is not said"


_EMPTY: dict[Kind, Any] = {Kind.LINE: "", Kind.TEXT: "", Kind.CHOICE: "", Kind.CHOICES: ()}
LONGEST_LINE = 200
LONGEST_TEXT = 5_000
_MOST = {Kind.TEXT: LONGEST_TEXT, Kind.COUNT: 1_000_000}


@dataclass(frozen=True, slots=True)
class Element:
    """One element, as its field declares it."""

    key: str
    header: str
    kind: Kind
    most: int
    """Characters of text; the largest count."""
    required: bool
    codes: CodeList | None
    aliases: tuple[str, ...]
    note: str
    placed: bool
    """Whether it belongs to the office and its place, and not to what many offices have alike."""
    empty: Any
    """The value of an element that nothing is said about."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A list inside an entry, such as its materials: a sheet of its own in tables."""

    key: str
    sheet: str
    row: type[Any]
    aliases: tuple[str, ...]
    most: int


def element(
    header: str,
    kind: Kind = Kind.LINE,
    *,
    most: int = 0,
    required: bool = False,
    codes: CodeList | None = None,
    aliases: tuple[str, ...] = (),
    note: str = "",
    placed: bool = False,
) -> Any:
    """Declare a field as an element."""
    empty, most = _EMPTY.get(kind), most or _MOST.get(kind, LONGEST_LINE)
    said = Element("", header, kind, most, required, codes, aliases, note, placed, empty)
    return field(default=empty, metadata={"element": said})


def rows(sheet: str, row: type[Any], *, aliases: tuple[str, ...] = (), most: int = 200) -> Any:
    """Declare a field as a list of rows."""
    return field(default=(), metadata={"rows": Rows("", sheet, row, aliases, most)})


def elements_of(kind: type[Any]) -> tuple[Element, ...]:
    """The elements of a dataclass, in their order."""
    declared = [each for each in dataclasses.fields(kind) if "element" in each.metadata]
    return tuple(dataclasses.replace(each.metadata["element"], key=each.name) for each in declared)


def rows_of(kind: type[Any]) -> tuple[Rows, ...]:
    """The lists of a dataclass, in their order."""
    declared = [each for each in dataclasses.fields(kind) if "rows" in each.metadata]
    return tuple(dataclasses.replace(each.metadata["rows"], key=each.name) for each in declared)
