"""How a notice lies on paper: which text and which rule goes where, on A4, whatever it is drawn with.

Sizes follow GB/T 9704-2012 (the format of official documents): margins, size 3 type for the text, 22 lines of 28
characters a page, the organ's name in red above a red rule, the signature four characters from the right edge, the
seal level and centred over the organ's name and the date.

Everything is in points, from the lower left corner of the page.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import TypeAlias

from services.eseal.domain import font, picture
from services.eseal.domain.blocks import Block, Picture, Prose, Table
from services.eseal.domain.columns import RowLine, set_table
from services.eseal.domain.qr import QUIET, Stretch, modules, stretches
from services.eseal.domain.typesetting import Joined, Line, centre, paginate, set_paragraphs
from services.eseal.domain.wording import Notice, word

POINTS_PER_MM = 72 / 25.4
PAGE_WIDTH, PAGE_HEIGHT = 210 * POINTS_PER_MM, 297 * POINTS_PER_MM
_LEFT = 28 * POINTS_PER_MM
_MEASURE = 156 * POINTS_PER_MM
_RIGHT = _LEFT + _MEASURE
_TOP = PAGE_HEIGHT - 37 * POINTS_PER_MM
_TEXT_HEIGHT = 225 * POINTS_PER_MM
_TITLE = 22
_HEAD_SIZE = 34.0
_SMALL = 9
_NUMBER_SIZE = 12
# 30 mm: modules of 0.8 mm, which telephones read from paper.
_CODE_SIDE = 30 * POINTS_PER_MM
# From the last line of the text down to the organ's name, so that the seal's upper edge comes within a line of the text
# and never over it; and the room that name, date and seal need at least, its last millimetres in the lower margin.
_SIGNATURE_GAP = 62.0
_CLOSING = 120.0
# The most a line is stretched, in parts of a character: beyond it an uneven edge looks better.
_MOST_STRETCH = 0.12
# Tables are set a little smaller than the text, between fine rules.
_TABLE_SCALE = 0.85
_TABLE_RULE = 0.6
# Bold is drawn with a fine outline, in parts of the size: the typeface comes in one weight.
BOLD_OUTLINE = 0.025
_REMARK = "本文书加盖的电子印章与实物印章具有同等法律效力，真伪可凭本文件在平台核验。"

Colour: TypeAlias = tuple[int, int, int]
RED: Colour = (214, 20, 26)
BLACK: Colour = (0, 0, 0)
GREY: Colour = (115, 115, 115)


@dataclass(frozen=True, slots=True)
class Text:
    """A text in one line: the left end of its baseline, its size, and what is put between two characters."""

    text: str
    x: float
    y: float
    size: float
    colour: Colour = BLACK
    spacing: float = 0.0
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """A level line."""

    x: float
    y: float
    length: float
    width: float
    colour: Colour


@dataclass(frozen=True, slots=True)
class Image:
    """A PNG: the lower left corner and the size of where it is printed."""

    png: bytes
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Code:
    """A QR code, black: its upper left corner, its side, how many modules that is, and which of them are dark."""

    x: float
    top: float
    side: float
    modules: int
    dark: Sequence[Stretch]


Item: TypeAlias = Text | Rule | Image | Code
_Line: TypeAlias = Line | RowLine | Picture | Joined


@dataclass(frozen=True, slots=True)
class Sheet:
    """A notice as it lies on its pages, and where on the last one the seal goes (left, bottom, right, top)."""

    title: str
    signed_by: str
    case_number: str
    pages: Sequence[Sequence[Item]]
    seal_box: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Type:
    """Characters a line, lines a page."""

    characters: int
    lines: int

    @property
    def size(self) -> float:
        return float(_MEASURE / self.characters)

    @property
    def pitch(self) -> float:
        return float(_TEXT_HEIGHT / self.lines)


# Size 3 (三号) as the standard wants it; smaller ones (小三, 四号, 小四) where that keeps the notice on one page.
_TYPES = (_Type(28, 22), _Type(30, 24), _Type(32, 26), _Type(34, 28), _Type(37, 30))


def _set(blocks: Sequence[Block], kind: _Type) -> list[_Line]:
    """All lines, in this type."""
    size = kind.size
    lines: list[_Line] = []
    for number, block in enumerate(blocks):
        if isinstance(block, Prose):
            begins = all(isinstance(before, Picture) for before in blocks[:number])
            width = partial(font.width, size=size)
            lines.extend(set_paragraphs(block.text, measure=_MEASURE, em=size, width=width, begins=begins))
        elif isinstance(block, Table):
            small = size * _TABLE_SCALE
            lines.extend(set_table(block, measure=_MEASURE, em=small, width=partial(font.width, size=small)))
        else:
            high = math.ceil(block.height_mm * POINTS_PER_MM / kind.pitch)
            lines.extend([block, *[Joined()] * (high - 1)])
    return lines


def lay(notice: Notice) -> Sheet:
    """The notice on one page, on more only if the text does not fit.

    Raises NoticeError with TEMPLATE_FAULT, UNPRINTABLE_TEXT (the typeface lacks a character) or BAD_DATE.
    """
    worded = word(notice)
    return _Laying(notice, worded.blocks, worded.date).sheet()


class _Laying:
    """One notice on its way to paper."""

    def __init__(self, notice: Notice, blocks: Sequence[Block], date: str) -> None:
        self._notice = notice
        self._date = date
        self._title = centre(notice.title, measure=_MEASURE * 0.9, width=partial(font.width, size=_TITLE))
        self._text_top = _TOP - 118 - _TITLE * 1.5 * len(self._title)
        self._type, self._lines = self._fit(blocks)
        self._page: list[Item] = []

    def sheet(self) -> Sheet:
        """Lays every page."""
        pages: list[Sequence[Item]] = []
        self._head()
        top, box = self._text_top, (0, 0, 0, 0)
        for number, lines in enumerate(self._lines, start=1):
            bottom = self._body(lines, top)
            if len(self._lines) > 1:
                self._centred(f"— {number} —", PAGE_WIDTH / 2, 24 * POINTS_PER_MM, 12)
            if number > 1:
                self._annotation(_TOP + _NUMBER_SIZE)
            if number == len(self._lines):
                box = self._closing(bottom)
            pages.append(self._page)
            self._page, top = [], _TOP
        return Sheet(self._notice.title, self._notice.signed_by, self._notice.case_number, pages, box)

    def _fit(self, blocks: Sequence[Block]) -> tuple[_Type, list[Sequence[_Line]]]:
        """The largest type that keeps the text on one page, or else the standard's, on several."""
        room = self._text_top - (_TOP - _TEXT_HEIGHT)
        fitted = []
        for kind in _TYPES:
            lines = _set(blocks, kind)
            first, closing = int(room / kind.pitch), math.ceil(_CLOSING / kind.pitch)
            pages = paginate(lines, first=first, following=kind.lines, closing=closing)
            fitted.append((kind, pages))
            if len(pages) == 1 or len(lines) > 2 * _TYPES[-1].lines:
                break
        return fitted[-1] if len(fitted[-1][1]) == 1 else fitted[0]

    def _head(self) -> None:
        """The organ's name in red, the rule, the title and the number."""
        middle = _LEFT + _MEASURE / 2
        organ = self._notice.signed_by
        y = _TOP - 20
        self._centred(organ, middle, y, min(_HEAD_SIZE, _MEASURE / max(1.0, font.width(organ, 1))), RED, bold=True)
        y -= 20
        self._page.append(Rule(_LEFT, y, _MEASURE, 1.6, RED))
        y -= 20
        for line in self._title:
            y -= _TITLE * 1.5
            self._centred(line, middle, y, _TITLE, bold=True)
        number = f"{self._notice.number_label}：{self._notice.case_number}"
        self._centred(number, middle, y - 26, min(_NUMBER_SIZE, _MEASURE / font.width(number, 1)))
        self._annotation(y - 45)

    def _annotation(self, y: float) -> None:
        """What a copy is for: on each of its pages, for pages get separated."""
        if self._notice.annotation:
            self._centred(self._notice.annotation, _LEFT + _MEASURE / 2, y, _NUMBER_SIZE, RED)

    def _body(self, lines: Sequence[_Line], top: float) -> float:
        y = top
        for line, following in zip_longest(lines, lines[1:]):
            y -= self._type.pitch
            if isinstance(line, RowLine):
                # A row that goes on on the next page is closed on this one, and begun again there.
                closes = not isinstance(following, RowLine) or following.opens
                self._row(line, y, begins=line.begins or line is lines[0], closes=closes)
            elif isinstance(line, Picture):
                self._picture(line, y)
            elif isinstance(line, Line):
                self._line(line, y)
        return y

    def _line(self, line: Line, y: float) -> None:
        gap = line.slack / max(1, len(line.text) - 1)
        spacing = gap if gap <= _MOST_STRETCH * self._type.size else 0.0
        self._page.append(Text(line.text, _LEFT + line.indent, y, self._type.size, spacing=spacing))

    def _picture(self, picture: Picture, y: float) -> None:
        """A picture in the middle of the lines that it takes, of which the first stands at `y`."""
        width, height, pitch = picture.width_mm * POINTS_PER_MM, picture.height_mm * POINTS_PER_MM, self._type.pitch
        top = y + self._type.size * 0.38 + pitch / 2
        taken = math.ceil(height / pitch) * pitch
        self._page.append(Image(picture.png, _LEFT + (_MEASURE - width) / 2, top - (taken + height) / 2, width, height))

    def _row(self, line: RowLine, y: float, *, begins: bool, closes: bool) -> None:
        """A line of a table and the rules around it; the upper and the lower one only where it `begins` or `closes`."""
        size, pitch = self._type.size * _TABLE_SCALE, self._type.pitch
        # Letters stand on the baseline, and are as high as three quarters of their size: their middle is the row's. A
        # little higher than text would stand, so that the table keeps the same distance to what is above and below.
        y += size * 0.08
        middle = y + size * 0.38
        for edge in line.edges:
            self._page.append(Rule(_LEFT + edge - _TABLE_RULE / 2, middle, _TABLE_RULE, pitch, BLACK))
        for wanted, at in ((begins, middle + pitch / 2), (closes, middle - pitch / 2)):
            if wanted:
                self._page.append(Rule(_LEFT - _TABLE_RULE / 2, at, _MEASURE + _TABLE_RULE, _TABLE_RULE, BLACK))
        for cell in line.cells:
            self._page.append(Text(cell.text, _LEFT + cell.x, y, size, bold=line.heading))

    def _closing(self, bottom: float) -> tuple[int, int, int, int]:
        """The organ's name and the date; gives where the seal goes."""
        organ, date, em = self._notice.signed_by, self._date, self._type.size
        size = min(em, _MEASURE * 0.9 / max(1.0, font.width(organ, 1)))
        half = picture.DIAMETER_MM * POINTS_PER_MM / 2
        middle = _RIGHT - max(4 * em + font.width(date, em) / 2, font.width(organ, size) / 2, half)
        y = bottom - _SIGNATURE_GAP
        self._centred(organ, middle, y, size)
        self._centred(date, middle, y - self._type.pitch, em)
        self._centred(_REMARK, PAGE_WIDTH / 2, 16 * POINTS_PER_MM, _SMALL, GREY)
        if self._notice.qr_text:
            self._code(bottom - self._type.pitch / 2)
        # The middle of the seal lies between the two lines.
        height = y - self._type.pitch / 2 + em * 0.35
        return round(middle - half), round(height - half), round(middle + half), round(height + half)

    def _code(self, above: float) -> None:
        """The QR code at the left edge, beside the seal, and its text below; `above` is where what is over it ends."""
        rows = modules(self._notice.qr_text)
        quiet = QUIET * _CODE_SIDE / len(rows)
        top, size = above - quiet, _SMALL * 0.8
        self._page.append(Code(_LEFT, top, _CODE_SIDE, len(rows), tuple(stretches(rows))))
        self._page.append(Text(self._notice.code, _LEFT, top - _CODE_SIDE - quiet - size, size, GREY))

    def _centred(
        self, text: str, middle: float, y: float, size: float, colour: Colour = BLACK, *, bold: bool = False
    ) -> None:
        self._page.append(Text(text, middle - font.width(text, size) / 2, y, size, colour, bold=bold))
