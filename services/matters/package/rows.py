"""Tables in notice templates: lines that begin and end with |, whose rows have equally many cells."""

import re
from collections.abc import Iterator
from itertools import groupby

MOST_COLUMNS = 8
_SHORTEST_DASH = 3
# Comments and tags leave nothing on the page; what is printed leaves something that is neither | nor -.
_UNSEEN = re.compile(r"\{#.*?#\}|\{%.*?%\}", re.DOTALL)
_PRINTED = re.compile(r"\{\{.*?\}\}", re.DOTALL)


def row_faults(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line, what is wrong) for the tables of a template that compiles.

    Sealing fills a row that is too short; that would hide a | forgotten here.
    """
    seen = _PRINTED.sub(lambda found: "x" + "\n" * found[0].count("\n"), text)
    seen = _UNSEEN.sub(lambda found: "\n" * found[0].count("\n"), seen)
    lines = [(number, line.strip()) for number, line in enumerate(seen.split("\n"), start=1)]
    # A line of tags alone is not there when the template is rendered.
    kept = [
        (number, line)
        for (number, line), source in zip(lines, text.split("\n"), strict=True)
        if line or not source.strip()
    ]
    for is_row, table in groupby(kept, lambda line: line[1].startswith("|")):
        if is_row:
            yield from _table_faults(list(table))


def _table_faults(rows: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    columns = 0
    for place, (number, row) in enumerate(rows):
        if len(row) == 1 or not row.endswith("|"):
            yield number, "begins with | as a row of a table does, but does not end with one: add it at the end"
            continue
        cells = [cell.strip() for cell in row[1:-1].split("|")]
        columns = columns or len(cells)
        if len(cells) > MOST_COLUMNS:
            yield number, f"has {len(cells)} columns: a table has {MOST_COLUMNS} at most"
        elif len(cells) != columns:
            yield number, f"has {len(cells)} cells, where the first row of the table has {columns}"
        elif place != 1 and all(len(cell) >= _SHORTEST_DASH and not cell.strip("-") for cell in cells):
            yield number, "is a row of dashes: it makes the first row a heading, and is the second one"
