"""What commands print: tables for people, JSON for programs."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from rich.console import Console
from rich.table import Table

console = Console()


def as_dict(message: Message) -> dict[str, Any]:
    """A message as JSON has it, with the contract's own field names."""
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def print_json(data: object) -> None:
    """One JSON document on standard output."""
    json.dump(data, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


def print_rows(
    rows: Sequence[Message], columns: Sequence[tuple[str, Callable[[Any], str]]], *, as_json: bool, empty: str
) -> None:
    """Messages as a table of `columns` (title, value), or as a JSON list."""
    if as_json:
        print_json([as_dict(row) for row in rows])
        return
    if not rows:
        console.print(empty)
        return
    table = Table(*(title for title, _ in columns), header_style="bold", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(value(row) for _, value in columns))
    console.print(table)


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
