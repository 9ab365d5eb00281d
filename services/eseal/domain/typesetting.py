"""Breaking Chinese text into lines and pages, without a word about how they are drawn."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

# 避头尾: what may not begin a line, and what may not end one (GB/T 15834-2011, 5.1).
_NOT_FIRST = frozenset("，。、；：？！）》〉」』】〕”’…—·,.;:?!)]}%％℃")
_NOT_LAST = frozenset("（《〈「『【〔“‘([{￥$")
# A Latin word, a number or an identifier stays in one piece; everything else may break anywhere.
_PIECES = re.compile(r"[0-9A-Za-z@#&+_./:=?%-]+|\s+|.", re.DOTALL)

Width = Callable[[str], float]
# A line of whatever kind.
_Any = TypeVar("_Any")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text: how far from the left margin it begins, and what room its paragraph leaves it at the right.

    `slack` is 0 for the last line of a paragraph; others are stretched by it, so that the right edge is even. Both are
    in the unit of the width function.
    """

    text: str
    indent: float
    slack: float


@dataclass(frozen=True, slots=True)
class Joined:
    """An empty line that stays on one page with the line before it: a part of something higher than a line."""


def set_paragraphs(text: str, *, measure: float, em: float, width: Width, begins: bool = True) -> list[Line]:
    """The lines of a text, `measure` wide.

    A line of the text is a paragraph, indented by two characters (`em` is the width of one); a first paragraph that
    ends in a colon is a salutation and is not, where the text `begins` the notice. Empty lines are dropped.
    """
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.splitlines()]
    lines: list[Line] = []
    for number, paragraph in enumerate(filter(None, paragraphs)):
        salutation = begins and number == 0 and paragraph.endswith(("：", ":"))
        lines.extend(_set_paragraph(paragraph, measure, 0 if salutation else 2 * em, width))
    return lines


def break_lines(text: str, *, measure: float, width: Width) -> list[str]:
    """A text broken into lines, none wider than `measure` but for a single character that is."""
    return [line.text for line in _set_paragraph(text, measure, 0, width)]


def centre(text: str, *, measure: float, width: Width) -> list[str]:
    """A heading broken into lines of nearly equal length, none wider than `measure`; at a comma if one is near."""
    total = width(text)
    count = max(1, -int(-total // measure))
    balanced = total / count
    if count == 2:
        breaks = [number for number, character in enumerate(text, start=1) if character in "、，：；"]
        near = min(breaks, key=lambda number: abs(width(text[:number]) - balanced), default=0)
        if near and max(width(text[:near]), total - width(text[:near])) <= min(measure, balanced * 1.4):
            return [text[:near], text[near:].strip()]
    lines = break_lines(text, measure=min(measure, balanced * 1.08), width=width)
    return lines if len(lines) <= count else break_lines(text, measure=measure, width=width)


def paginate(lines: Sequence[_Any], *, first: int, following: int, closing: int) -> list[Sequence[_Any]]:
    """Lines by page: room for `first` lines on the first page, `following` on others.

    What is joined stays together, if need be on the next page. The last page keeps room for `closing` lines (the
    signature block), and always has text above it: a seal on a page of its own could be put to any text.
    """
    pages: list[Sequence[_Any]] = []
    rest = list(lines)
    room = first
    while len(rest) > room - closing:
        # What is left does not fit together with the block; two lines at least go on with it.
        most = take = min(room, max(1, len(rest) - 2))
        while 0 < take < len(rest) and isinstance(rest[take], Joined):
            take -= 1
        if take == 0 and pages:
            # Higher than a whole page: there is no better place.
            take = most
        pages.append(rest[:take])
        rest = rest[take:]
        room = following
    pages.append(rest)
    return pages


def _set_paragraph(text: str, measure: float, indent: float, width: Width) -> Iterator[Line]:
    pieces = list(_split_wide(_PIECES.findall(text), measure - indent, width))
    start, room = 0, measure - indent
    while start < len(pieces):
        end = _fit(pieces, start, room, width)
        text = "".join(pieces[start:end]).strip()
        start = end
        while start < len(pieces) and pieces[start].isspace():
            start += 1
        yield Line(text, indent, max(0.0, room - width(text)) if start < len(pieces) else 0.0)
        room, indent = measure, 0


def _split_wide(pieces: Sequence[str], room: float, width: Width) -> Iterator[str]:
    """Breaks what is wider than a whole line, such as a long address, into characters."""
    for piece in pieces:
        if width(piece) > room:
            yield from piece
        else:
            yield piece


def _fit(pieces: Sequence[str], start: int, room: float, width: Width) -> int:
    """Where the line that begins at `start` ends."""
    used, end = 0.0, start
    while end < len(pieces):
        used += width(pieces[end])
        if used > room and end > start:
            break
        end += 1
    if end == len(pieces):
        return end
    allowed = end
    while allowed > start + 1 and (pieces[allowed][0] in _NOT_FIRST or pieces[allowed - 1][-1] in _NOT_LAST):
        allowed -= 1
    # A run of nothing but such characters has no good place: then it is broken where it must be.
    return allowed if allowed > start + 1 or end == start + 1 else end
