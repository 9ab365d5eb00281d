"""Pages by key: correct while rows come and go, because a page starts after the last key, not at a count."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from chassis.problems import Invalid, Violation

Row = TypeVar("Row")
KeyValue = str | int

DEFAULT_SIZE = 100
LARGEST_KEY = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Page:
    """What a list rpc was asked for: at most `limit` rows whose key comes after `after`."""

    limit: int
    after: list[KeyValue] | None

    @property
    def fetch(self) -> int:
        """How many rows to fetch: one more than the page, to see whether another page follows."""
        return self.limit + 1

    def cut(self, rows: Sequence[Row], key: Callable[[Row], Sequence[KeyValue]]) -> tuple[list[Row], str]:
        """The rows of this page, and the token of the next one, empty when this is the last."""
        if len(rows) <= self.limit:
            return list(rows), ""
        kept = list(rows[: self.limit])
        return kept, next_token(key(kept[-1]))


def page(page_size: int, page_token: str, *, keys: int = 1, kind: type[KeyValue] = str, largest: int = 1000) -> Page:
    """Read a list rpc's paging fields; `keys` is the number of values in a key, each a `kind`.

    Raises Invalid when the token is not one that this rpc gave.
    """
    limit = min(page_size or DEFAULT_SIZE, largest)
    return Page(limit, _read_token(page_token, keys, kind) if page_token else None)


def next_token(key: Sequence[KeyValue]) -> str:
    """The token of the page that starts after `key`."""
    return base64.urlsafe_b64encode(json.dumps(list(key)).encode()).decode().rstrip("=")


def _read_token(token: str, keys: int, kind: type[KeyValue]) -> list[KeyValue]:
    try:
        padded = token + "=" * (-len(token) % 4)
        values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        values = None
    if not isinstance(values, list) or len(values) != keys or not all(_fits(value, kind) for value in values):
        fault = Violation("page_token", "give the next_page_token of an earlier answer, unchanged")
        raise Invalid("BAD_PAGE_TOKEN", "the page token is not one that this method gave", [fault])
    return values


def _fits(value: object, kind: type[KeyValue]) -> bool:
    """Whether a database can compare its keys with a value: a token may have been made up."""
    if type(value) is not kind:
        return False
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= each <= "\udfff" for each in value)
    assert isinstance(value, int)  # noqa: S101 - a key is text or a number
    return 0 <= value <= LARGEST_KEY
