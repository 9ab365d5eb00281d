"""Setting tables: how wide columns are, and how the text of their cells breaks into lines.

A line of a row is as high as a line of text, so that tables go from page to page as paragraphs do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, zip_longest

from services.eseal.domain.blocks import Table
from services.eseal.domain.typesetting import Width, break_lines

# A column is as wide as its widest cell: rounding must not break that one.
_ROUNDING = 0.001
# The room at either side of a cell's text, in parts of a character.
_PADDING = 0.4


@dataclass(frozen=True, slots=True)
class Cell:
    """A line of text in a cell, and how far from the left margin it begins."""

    text: str
    x: float


@dataclass(frozen=True, slots=True)
class RowLine:
    """One line of a row: its cells that have text in it, and where the columns begin and the last one ends.

    `begins` for the first line of a row, `opens` for the first of a table.
    """

    cells: Sequence[Cell]
    edges: tuple[float, ...]
    begins: bool
    opens: bool
    heading: bool


def set_table(table: Table, *, measure: float, em: float, width: Width) -> Iterator[RowLine]:
    """The lines of a table as wide as the text, `measure`; `em` is the width of a character in it."""
    padding = _PADDING * em
    widths = _shares([max(map(width, column)) + 2 * padding for column in zip(*table.rows, strict=True)], measure)
    edges = (0.0, *accumulate(widths))
    for number, row in enumerate(table.rows):
        heading = table.headed and number == 0
        broken = [
            break_lines(cell, measure=room - (2 * padding - _ROUNDING * em), width=width)
            for cell, room in zip(row, widths, strict=True)
        ]
        for count, line in enumerate(zip_longest(*broken, fillvalue="") if any(broken) else [("",) * len(row)]):
            cells = [
                Cell(text, left + ((room - width(text)) / 2 if heading else padding))
                for text, left, room in zip(line, edges, widths, strict=False)
                if text
            ]
            yield RowLine(cells, edges, count == 0, count == number == 0, heading)


def _shares(wanted: Sequence[float], measure: float) -> list[float]:
    """How wide each column is: what it wants, stretched or, where that is too much, with the widest cut alike."""
    if sum(wanted) <= measure:
        return [each * measure / sum(wanted) for each in wanted]
    narrow: set[int] = set()
    while len(narrow) < len(wanted):
        fair = (measure - sum(wanted[each] for each in narrow)) / (len(wanted) - len(narrow))
        fitting = {number for number, each in enumerate(wanted) if each <= fair} - narrow
        if not fitting:
            return [each if number in narrow else fair for number, each in enumerate(wanted)]
        narrow |= fitting
    # Together they are too wide by no more than was lost in rounding.
    return list(wanted)
