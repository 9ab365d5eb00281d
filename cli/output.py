"""What commands print: tables for people, plain lines for pipes, JSON for programs. Nothing is ever cut.

What applicants, offices and packages say is data: a terminal obeys nothing of it, and it makes no line of its own.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

console = Console()

_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What terminals act on instead of showing it: controls, and marks that change the direction of what follows."""
GAP = 2
LARGEST_EXACT = 2**53
"""Up to here a double holds every whole number."""
NARROWEST_TEXT = 16
"""Below this width a column of words is no longer worth folding."""


def as_dict(message: Message) -> dict[str, Any]:
    """A message as JSON has it, with the contract's own field names."""
    said = MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
    whole: dict[str, Any] = _with_integers(said)
    return whole


def _with_integers(value: Any) -> Any:
    """JSON whose whole numbers are written as such: free data knows doubles only, and 160 seats are not 160.0."""
    if isinstance(value, dict):
        return {key: _with_integers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_integers(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) <= LARGEST_EXACT else value


def plain(text: str) -> str:
    """Text that came from anywhere, without what a terminal would obey; it may have lines and tabs."""
    return _OBEYED.sub("\N{REPLACEMENT CHARACTER}", text)


def as_json_text(data: object, indent: int | None = 2) -> str:
    """One JSON document, of which a terminal would obey nothing either; on one line without an indent."""
    text = json.dumps(data, ensure_ascii=False, indent=indent)
    return _OBEYED.sub(lambda found: json.dumps(found[0])[1:-1], text)


def print_json(data: object) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(f"{as_json_text(data)}\n")


def print_json_line(data: object) -> None:
    """One of many JSON documents, each on a line of its own (JSON lines), at once, for whoever reads along."""
    sys.stdout.write(f"{as_json_text(data, indent=None)}\n")
    sys.stdout.flush()


def say(text: str, to: Console | None = None) -> None:
    """A line of words: not folded, not coloured, brackets mean nothing; never two, whatever is told in it."""
    say_lines(one_line(text), to)


def say_lines(text: str, to: Console | None = None) -> None:
    """Words as they are, on as many lines as they have."""
    (to or console).print(Text(plain(text)), soft_wrap=True)


def one_line(text: str) -> str:
    """Plain text whose line ends are spaces."""
    return plain(text.replace("\r\n", " ").replace("\n", " "))


def counted(number: int, noun: str) -> str:
    """A number with its noun: "1 fault", "2 faults", "3 entries"."""
    plural = f"{noun[:-1]}ies" if noun.endswith("ry") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def print_rows(
    rows: Sequence[Any],
    columns: Sequence[tuple[str, Callable[[Any], str]]],
    *,
    as_json: bool,
    empty: str,
    to: Console | None = None,
) -> None:
    """Messages as rows of `columns` (title, value), or as a JSON list.

    Into a pipe or a file: one line for each, separated by tabs, titles first. On a terminal: a table that folds words
    and never an id or a number; when it is too narrow for that, one block for each.
    """
    if as_json:
        print_json([as_dict(row) for row in rows])
        return
    target = to or console
    if not rows:
        say(empty, target)
        return
    titles = [title for title, _ in columns]
    cells = [[plain(" ".join(value(row).split())) for _, value in columns] for row in rows]
    if not target.is_terminal:
        for line in [titles, *cells]:
            # Not printed by rich, which would make spaces of the tabs.
            target.file.write("\t".join(line) + "\n")
        return
    widths = [_narrowest(list(column)) for column in zip(titles, *cells, strict=True)]
    if sum(widths) + GAP * (len(widths) - 1) <= target.width:
        _print_table(titles, cells, target)
    else:
        _print_blocks(titles, cells, target)


def _narrowest(values: Sequence[str]) -> int:
    """The least width of a column, in cells: that of its longest id, or what words can be folded to."""
    widest = max(cell_len(value) for value in values)
    return widest if _whole(values) else min(widest, max(NARROWEST_TEXT, *(cell_len(word) for word in _ids(values))))


def _whole(values: Iterable[str]) -> bool:
    """Whether a column holds ids, codes and numbers: ASCII, without a space."""
    return all(value.isascii() and " " not in value for value in values)


def _ids(values: Iterable[str]) -> list[str]:
    """The words that must stay whole in a column of words, and an empty one."""
    return ["", *(word for value in values for word in value.split() if word.isascii())]


def _print_table(titles: Sequence[str], cells: Sequence[Sequence[str]], target: Console) -> None:
    table = Table(header_style="bold", box=None, pad_edge=False, padding=(0, GAP, 0, 0))
    for title, *values in zip(titles, *cells, strict=True):
        least = _narrowest([title, *values])
        table.add_column(title, overflow="fold", no_wrap=_whole([title, *values]), min_width=least)
    for row in cells:
        table.add_row(*(Text(value) for value in row))
    target.print(table)


def _print_blocks(titles: Sequence[str], cells: Sequence[Sequence[str]], target: Console) -> None:
    for number, row in enumerate(cells):
        if number:
            say("", target)
        for title, value in zip(titles, row, strict=True):
            if value:
                target.print(f"[bold]{escape(title)}[/bold]: {escape(value)}", soft_wrap=True, highlight=False)


def every_page(fetch: Callable[[str], Any], rows: Callable[[Any], Iterable[Any]]) -> list[Any]:
    """The rows of all pages: `fetch` takes a page token, `rows` picks them out of an answer."""
    found: list[Any] = []
    token = ""
    while True:
        answer = fetch(token)
        found.extend(rows(answer))
        token = answer.next_page_token
        if not token:
            return found


def enum_name(message: Message, field: str) -> str:
    """The value of an enum field in words: CASE_STATUS_RUNNING as "running"."""
    enum = message.DESCRIPTOR.fields_by_name[field].enum_type
    assert enum is not None  # noqa: S101 - called for enum fields only
    name: str = enum.values_by_number[getattr(message, field)].name
    prefix = "".join(f"_{char}" if char.isupper() else char.upper() for char in enum.name).lstrip("_")
    return name.removeprefix(f"{prefix}_").lower().replace("_", " ")
