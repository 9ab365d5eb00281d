"""How two versions of an entry differ, in words."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from services.matters.catalogue.domain.element import Element, Kind, Rows
from services.matters.catalogue.domain.elements import Entry, elements, lists_of
from services.matters.catalogue.domain.values import shown

LONGEST_SHOWN = 40
CONTEXT = 8
LONGEST_COMPARED = 4_000
"""In characters of both texts; longer ones are compared more coarsely, for the time it takes."""


class How(StrEnum):
    """What became of an element or of a row."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference; `what` is how people call it, such as "承诺办结时限", or "申请材料 营业执照: 材料份数"."""

    how: How
    what: str
    before: str
    after: str

    @property
    def words(self) -> str:
        """The difference as a sentence."""
        if self.how is How.ADDED:
            return f"{self.what}: added {_short(self.after)}" if self.after else f"{self.what}: added"
        if self.how is How.REMOVED:
            return f"{self.what}: removed {_short(self.before)}" if self.before else f"{self.what}: removed"
        if self.how is How.MOVED:
            return f"{self.what}: in another order"
        if max(len(self.before), len(self.after)) > LONGEST_SHOWN:
            return f"{self.what}: {'; '.join(_passages(self.before, self.after))}"
        return f"{self.what}: from {self.before} to {self.after}"


def differences(before: Entry, after: Entry) -> list[Difference]:
    """All that one version says otherwise than another of the same entry."""
    found = list(_between(before, after, ""))
    for each in lists_of(type(before)):
        found += _of_rows(each, getattr(before, each.key), getattr(after, each.key))
    return found


def _between(before: Any, after: Any, prefix: str) -> Iterator[Difference]:
    for each in elements(type(before)):
        was, now = getattr(before, each.key), getattr(after, each.key)
        if was != now:
            yield from _of_element(each, was, now, prefix)


def _of_element(element: Element, was: Any, now: Any, prefix: str) -> Iterator[Difference]:
    what = prefix + element.header
    if element.kind is Kind.CHOICES:
        # One by one: a list of names is long, and what came to it or went is short.
        for how, codes in ((How.REMOVED, _without(was, now)), (How.ADDED, _without(now, was))):
            if codes:
                name = shown(element, codes)
                yield Difference(how, what, *((name, "") if how is How.REMOVED else ("", name)))
        return
    how = How.ADDED if was == element.empty else How.REMOVED if now == element.empty else How.CHANGED
    yield Difference(how, what, shown(element, was), shown(element, now))


def _without(codes: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(code for code in codes if code not in others)


def _of_rows(listed: Rows, before: Sequence[Any], after: Sequence[Any]) -> Iterator[Difference]:
    """Rows belong together by their first element, the first of that name with the first, and so on."""
    was, now = _named(before), _named(after)
    for key, row in was.items():
        title = f"{listed.sheet} {_short(key[0])}"
        if key not in now:
            yield Difference(How.REMOVED, title, "", "")
        else:
            yield from _between(row, now[key], f"{title}: ")
    for key in now:
        if key not in was:
            yield Difference(How.ADDED, f"{listed.sheet} {_short(key[0])}", "", "")
    if [key for key in was if key in now] != [key for key in now if key in was]:
        yield Difference(How.MOVED, listed.sheet, "", "")


def _named(rows: Sequence[Any]) -> dict[tuple[str, int], Any]:
    named: dict[tuple[str, int], Any] = {}
    for row in rows:
        name = getattr(row, elements(type(row))[0].key)
        count = 0
        while (name, count) in named:
            count += 1
        named[name, count] = row
    return named


def _passages(before: str, after: str) -> Iterator[str]:
    """What was taken out of a long text and put into it, with a few characters around."""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=len(before) + len(after) > LONGEST_COMPARED)
    for kind, i, j, m, n in matcher.get_opcodes():
        if kind == "equal":
            continue
        around = before[max(0, i - CONTEXT) : i]
        where = f"after “{_one_line(around)}” " if around else ""
        old, new = _short(_one_line(before[i:j])), _short(_one_line(after[m:n]))
        if kind == "insert":
            yield f"{where}added “{new}”"
        elif kind == "delete":
            yield f"{where}removed “{old}”"
        else:
            yield f"{where}“{old}” became “{new}”"


def _one_line(text: str) -> str:
    return text.replace("\n", "⏎")


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 1]}…"
