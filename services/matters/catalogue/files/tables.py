"""What the sheets of an import have in common, whether they come from Excel or CSV, and the faults of a file."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

MOST_FAULTS = 10_000
LONGEST_MESSAGE = 400


@dataclass(frozen=True, slots=True, order=True)
class FileFault:
    """What is wrong at a place of a file, and what to do."""

    sheet: str
    """The sheet as the file calls it; the file's name where it has no sheets."""
    row: int
    """As a spreadsheet counts, from 1; the line in a YAML file. 0 for the sheet as a whole."""
    column: str
    """Letter and heading, such as "C 事项名称"; the key in a YAML file. Empty for the row as a whole."""
    message: str
    code: str = ""
    """The entry that it is about, where that is known."""


@dataclass(slots=True)
class Findings:
    """What was found while reading: faults, and notices of what was passed over."""

    faults: list[FileFault] = field(default_factory=list)
    notices: list[FileFault] = field(default_factory=list)
    more: int = 0
    """Faults beyond those that are kept."""

    def fault(self, fault: FileFault) -> None:
        """Keep a fault."""
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(fault)
        else:
            self.more += 1

    def notice(self, notice: FileFault) -> None:
        """Keep a notice."""
        if len(self.notices) < MOST_FAULTS:
            self.notices.append(notice)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A cell that says nothing that could be taken; the message goes on from the column's name."""

    message: str


@dataclass(frozen=True, slots=True)
class RawTable:
    """A sheet as it lies in a file."""

    name: str
    rows: Iterator[tuple[int, list[Any]]]
    """Row numbers from 1 with their cells; None for a blank one. Blank rows may be missing."""


class UnreadableFileError(Exception):
    """A file that cannot be read at all; the message goes on from its name."""
