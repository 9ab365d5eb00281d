"""Notices as PDF: what an organ decided, as an official document on A4.

Sizes follow GB/T 9704-2012 (the format of official documents): margins, size 3 type for the text, 22 lines of 28
characters a page, the organ's name in red above a red rule, the signature four characters from the right edge, the
seal level and centred over the organ's name and the date.
"""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from reportlab.lib.colors import Color
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from services.eseal.domain import font, picture
from services.eseal.domain.typesetting import Line, centre, paginate, set_paragraphs
from services.eseal.domain.wording import Notice, word

_PAGE_WIDTH, _PAGE_HEIGHT = A4
_LEFT = 28 * mm
_MEASURE = 156 * mm
_RIGHT = _LEFT + _MEASURE
_TOP = _PAGE_HEIGHT - 37 * mm
_TEXT_HEIGHT = 225 * mm
_TITLE = 22
_HEAD_SIZE = 34.0
_SMALL = 9
# From the last line of the text down to the organ's name, so that the seal's upper edge comes within a line of the text
# and never over it; and the room that name, date and seal need at least, its last millimetres in the lower margin.
_SIGNATURE_GAP = 62.0
_CLOSING = 120.0
# The most a line is stretched, in parts of a character: beyond it an uneven edge looks better.
_MOST_STRETCH = 0.12
_RED = Color(214 / 255, 20 / 255, 26 / 255)
_BLACK = Color(0, 0, 0)
_GREY = Color(0.45, 0.45, 0.45)
_REMARK = "本文书加盖的电子印章与实物印章具有同等法律效力，真伪可凭本文件在平台核验。"


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


@dataclass(frozen=True, slots=True)
class Rendered:
    """A PDF that waits for its seal, and where on its last page the seal goes (left, bottom, right, top; points)."""

    content: bytes
    seal_box: tuple[int, int, int, int]


def render(notice: Notice) -> Rendered:
    """The notice as a PDF: one A4 page, more only if the text does not fit. The same notice gives the same bytes.

    Raises NoticeError with TEMPLATE_FAULT, UNPRINTABLE_TEXT (the typeface lacks a character) or BAD_DATE.
    """
    worded = word(notice)
    return _Sheet(notice, worded.text, worded.date).draw()


class _Sheet:
    """One notice on its way to paper."""

    def __init__(self, notice: Notice, text: str, date: str) -> None:
        self._notice = notice
        self._date = date
        self._title = centre(notice.title, measure=_MEASURE * 0.9, width=partial(font.width, size=_TITLE))
        self._text_top = _TOP - 118 - _TITLE * 1.5 * len(self._title)
        self._type, self._pages = self._fit(text)
        self._out = io.BytesIO()
        # `invariant`: no date and no random identifier of its own, so that the same notice gives the same bytes.
        self._canvas = Canvas(
            self._out, pagesize=A4, invariant=1, pageCompression=1, lang="zh-CN", initialFontName=font.NAME
        )
        self._canvas.setTitle(notice.title)
        self._canvas.setAuthor(notice.signed_by)
        self._canvas.setSubject(notice.case_number)
        self._canvas.setCreator("Duokua")

    def draw(self) -> Rendered:
        """Draws every page and gives the PDF."""
        self._head()
        top, box = self._text_top, (0, 0, 0, 0)
        for number, lines in enumerate(self._pages, start=1):
            bottom = self._body(lines, top)
            if len(self._pages) > 1:
                self._write_centred(f"— {number} —", _PAGE_WIDTH / 2, 24 * mm, 12)
            if number == len(self._pages):
                box = self._closing(bottom)
            self._canvas.showPage()
            top = _TOP
        self._canvas.save()
        return Rendered(self._out.getvalue(), box)

    def _fit(self, text: str) -> tuple[_Type, list[Sequence[Line]]]:
        """The largest type that keeps the text on one page, or else the standard's, on several."""
        room = self._text_top - (_TOP - _TEXT_HEIGHT)
        fitted = []
        for kind in _TYPES:
            width = partial(font.width, size=kind.size)
            lines = set_paragraphs(text, measure=_MEASURE, em=kind.size, width=width)
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
        self._bold(organ, middle, y, min(_HEAD_SIZE, _MEASURE / max(1.0, font.width(organ, 1))), _RED)
        y -= 20
        self._canvas.setStrokeColor(_RED)
        self._canvas.setLineWidth(1.6)
        self._canvas.line(_LEFT, y, _RIGHT, y)
        y -= 20
        for line in self._title:
            y -= _TITLE * 1.5
            self._bold(line, middle, y, _TITLE, _BLACK)
        self._write_centred(f"办件编号：{self._notice.case_number}", middle, y - 26, 12)

    def _body(self, lines: Sequence[Line], top: float) -> float:
        y = top
        size = self._type.size
        self._canvas.setFillColor(_BLACK)
        self._canvas.setFont(font.NAME, size)
        for line in lines:
            y -= self._type.pitch
            gap = line.slack / max(1, len(line.text) - 1)
            self._canvas.drawString(
                _LEFT + line.indent, y, line.text, charSpace=gap if gap <= _MOST_STRETCH * size else 0
            )
        return y

    def _closing(self, bottom: float) -> tuple[int, int, int, int]:
        """The organ's name and the date; gives where the seal goes."""
        organ, date, em = self._notice.signed_by, self._date, self._type.size
        size = min(em, _MEASURE * 0.9 / max(1.0, font.width(organ, 1)))
        half = picture.DIAMETER_MM * mm / 2
        middle = _RIGHT - max(4 * em + font.width(date, em) / 2, font.width(organ, size) / 2, half)
        y = bottom - _SIGNATURE_GAP
        self._write_centred(organ, middle, y, size)
        self._write_centred(date, middle, y - self._type.pitch, em)
        self._write_centred(_REMARK, _PAGE_WIDTH / 2, 16 * mm, _SMALL, _GREY)
        # The middle of the seal lies between the two lines.
        height = y - self._type.pitch / 2 + em * 0.35
        return round(middle - half), round(height - half), round(middle + half), round(height + half)

    def _write_centred(self, text: str, x: float, y: float, size: float, colour: Color = _BLACK) -> None:
        self._canvas.setFont(font.NAME, size)
        self._canvas.setFillColor(colour)
        self._canvas.drawCentredString(x, y, text)

    def _bold(self, text: str, x: float, y: float, size: float, colour: Color) -> None:
        """Headings are drawn with a fine outline: the typeface comes in one weight."""
        pen = self._canvas.beginText(x - font.width(text, size) / 2, y)
        pen.setFont(font.NAME, size)
        pen.setFillColor(colour)
        pen.setStrokeColor(colour)
        self._canvas.setLineWidth(size * 0.025)
        pen.setTextRenderMode(2)
        pen.textOut(text)
        pen.setTextRenderMode(0)
        self._canvas.drawText(pen)
