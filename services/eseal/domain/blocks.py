"""What a rendered template consists of: paragraphs, tables and pictures.

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
MOST_SHOWN = 20
"""Pictures of a document, however often each."""
# Noncharacters of Unicode: no typeface has them, and no text that is meant for people.
_BAR, _BREAK, _VALUE = "\ufdd0", "\ufdd1", "\ufdd2"
# Stands for a picture, before its number.
PICTURE = "\ufdd3"
MARKS = frozenset({_BAR, _BREAK, _VALUE, PICTURE})
_KEPT = str.maketrans({"|": _BAR, "\n": _BREAK, **dict.fromkeys(MARKS, "\ufffd")})
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


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG that was written here, and how large it is printed."""

    png: bytes
    width_mm: float
    height_mm: float

    @property
    def text(self) -> str:
        """Nothing: pictures have no words."""
        return ""


Block: TypeAlias = Prose | Table | Picture


def keep(value: str) -> str:
    """A value marked so that nothing in it is taken for a part of a table."""
    kept = value.translate(_KEPT)
    return f"{_VALUE}{kept}" if "-" in kept and not kept.strip(" -") else kept


def plain(marked: str) -> str:
    """A rendered text without its marks."""
    return marked.translate(_PLAIN)


def read(marked: str, pictures: Sequence[Picture] = ()) -> list[Block]:
    """The blocks of a rendered text, with `pictures` where their marks are.

    Raises BadTemplateError for a row that does not end, too many cells in one, and too many pictures.
    """
    blocks: list[Block] = []
    for kind, lines in groupby(
        map(str.strip, marked.split("\n")), lambda line: line[:1] if line[:1] in "|" + PICTURE else ""
    ):
        if kind == "|":
            blocks.append(_table([_cells(line) for line in lines]))
        elif kind == PICTURE:
            blocks.extend(pictures[int(line.removeprefix(PICTURE))] for line in lines)
        else:
            blocks.extend(_prose(lines))
    if sum(isinstance(block, Picture) for block in blocks) > MOST_SHOWN:
        raise BadTemplateError(f"a document shows {MOST_SHOWN} pictures at most")
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
