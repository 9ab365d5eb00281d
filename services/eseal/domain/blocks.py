"""What a rendered template consists of: paragraphs and tables.

A line of the template that begins and ends with | is a row of a table; rows that follow each other are one table, and a
second row of dashes makes the first one its heading. Only the template makes tables: what a value holds is printed as
it stands, however much it looks like a row. So values are marked as they are printed (`keep`), and read here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

from services.eseal.domain.budget import BadTemplateError

MOST_COLUMNS = 8
# Noncharacters of Unicode: no typeface has them, and no text that is meant for people.
_BAR, _BREAK, _VALUE = "\ufdd0", "\ufdd1", "\ufdd2"
_KEPT = str.maketrans({"|": _BAR, "\n": _BREAK, **dict.fromkeys((_BAR, _BREAK, _VALUE), "\ufffd")})
_PLAIN = str.maketrans({_BAR: "|", _BREAK: "\n", _VALUE: None})
_SHORTEST_DASH = 3


@dataclass(frozen=True, slots=True)
class Prose:
    """Paragraphs, one a line; none is empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of equally many cells; with a heading the first row names the columns."""

    rows: Sequence[Sequence[str]]
    headed: bool

    @property
    def text(self) -> str:
        """One row a line, as templates write them."""
        return "\n".join(f"| {' | '.join(row)} |" for row in self.rows)


Block: TypeAlias = Prose | Table


def keep(value: str) -> str:
    """A value marked so that nothing in it is taken for a part of a table."""
    kept = value.translate(_KEPT)
    return f"{_VALUE}{kept}" if "-" in kept and not kept.strip(" -") else kept


def plain(marked: str) -> str:
    """A rendered text without its marks."""
    return marked.translate(_PLAIN)


def read(marked: str) -> list[Block]:
    """The blocks of a rendered text. Raises BadTemplateError for a row that does not end, or has too many cells."""
    blocks: list[Block] = []
    for is_row, lines in groupby(marked.split("\n"), lambda line: line.lstrip().startswith("|")):
        if is_row:
            blocks.append(_table([_cells(line.strip()) for line in lines]))
        else:
            blocks.extend(_prose(lines))
    return blocks


def _prose(lines: Iterator[str]) -> Iterator[Prose]:
    split = (" ".join(line.split()) for marked in lines for line in plain(marked).splitlines())
    if text := "\n".join(filter(None, split)):
        yield Prose(text)


def _table(rows: list[list[str]]) -> Table:
    headed = len(rows) > 1 and all(len(cell) >= _SHORTEST_DASH and not cell.strip("-") for cell in rows[1])
    if headed:
        del rows[1]
    columns = max(map(len, rows))
    filled = ([" ".join(plain(cell).split()) for cell in row] + [""] * (columns - len(row)) for row in rows)
    return Table(tuple(map(tuple, filled)), headed)


def _cells(row: str) -> list[str]:
    if len(row) == 1 or not row.endswith("|"):
        raise BadTemplateError(f"a row of a table begins and ends with |, this one does not: {plain(row)[:50]}")
    cells = [cell.strip() for cell in row[1:-1].split("|")]
    if len(cells) > MOST_COLUMNS:
        raise BadTemplateError(f"a table has {len(cells)} columns, the most is {MOST_COLUMNS}")
    return cells
