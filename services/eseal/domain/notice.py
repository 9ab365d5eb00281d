"""Notices as PDF: what an organ decided, as an official document on A4.

Sizes follow GB/T 9704-2012 (the format of official documents): margins, size 3 type for the text, 22 lines of 28
characters a page, the organ's name in red above a red rule, the signature four characters from the right edge, the
seal level and centred over the organ's name and the date.
"""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reportlab.lib.colors import Color
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from services.eseal.domain import font, picture, template
from services.eseal.domain.typesetting import Line, centre, paginate, set_paragraphs

_PAGE_WIDTH, _PAGE_HEIGHT = A4
_LEFT = 28 * mm
_MEASURE = 156 * mm
_RIGHT = _LEFT + _MEASURE
_TOP = _PAGE_HEIGHT - 37 * mm
_TEXT_HEIGHT = 225 * mm
# Size 3 (三号) type, made to give exactly 28 characters a line.
_BODY = _MEASURE / 28
_PITCH = _TEXT_HEIGHT / 22
_TITLE = 22
_SMALL = 9
# Two empty lines, the organ's name, the date, and half a seal below them.
_CLOSING_LINES = 6
_RED = Color(214 / 255, 20 / 255, 26 / 255)
_BLACK = Color(0, 0, 0)
_GREY = Color(0.45, 0.45, 0.45)
_REMARK = "本文书加盖的电子印章与实物印章具有同等法律效力，真伪可凭本文件在平台核验。"


class NoticeFault(Exception):
    """A notice that cannot be rendered: `reason` in UPPER_SNAKE, and a sentence for whoever puts it right."""

    def __init__(self, reason: str, description: str) -> None:
        super().__init__(description)
        self.reason = reason
        self.description = description


@dataclass(frozen=True, slots=True)
class Notice:
    """What a notice says, before it is set."""

    title: str
    template: str
    case_number: str
    bundle_name: str
    step_name: str
    organ_name: str
    form: Mapping[str, object]
    result: Mapping[str, object]
    # RFC 3339.
    decided_at: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A PDF that waits for its seal, and where on its last page the seal goes (left, bottom, right, top; points)."""

    content: bytes
    seal_box: tuple[int, int, int, int]


def render(notice: Notice) -> Rendered:
    """The notice as a PDF: one A4 page, more only if the text does not fit. The same notice gives the same bytes.

    Raises NoticeFault with TEMPLATE_FAULT, UNPRINTABLE_TEXT (the typeface lacks a character) or BAD_DATE.
    """
    date = _date(notice.decided_at)
    text = _text(notice)
    missing = font.unprintable("".join((text, notice.title, notice.case_number, notice.organ_name)).replace("\n", ""))
    if missing:
        shown = " ".join(f"{character} (U+{ord(character):04X})" for character in missing[:10])
        raise NoticeFault("UNPRINTABLE_TEXT", f"the typeface of notices has no {shown}")
    return _Sheet(notice, text, date).draw()


def _text(notice: Notice) -> str:
    variables = {
        "form": notice.form,
        "result": notice.result,
        "case": {"number": notice.case_number, "bundle_name": notice.bundle_name},
        "step": {"name": notice.step_name, "organ_name": notice.organ_name},
        "decided_at": notice.decided_at,
    }
    try:
        text = template.render(notice.template, variables)
    except template.TemplateFault as fault:
        raise NoticeFault("TEMPLATE_FAULT", str(fault)) from fault
    text = "\n".join(" ".join(line.split()) for line in text.splitlines())
    if not text.strip():
        raise NoticeFault("TEMPLATE_FAULT", "the template gives an empty text")
    return text


def _date(decided_at: str) -> str:
    try:
        return template.chinese_date(decided_at)
    except ValueError as fault:
        raise NoticeFault("BAD_DATE", f"decided_at is not a moment in RFC 3339: {decided_at[:40]!r}") from fault


class _Sheet:
    """One notice on its way to paper."""

    def __init__(self, notice: Notice, text: str, date: str) -> None:
        self._notice = notice
        self._date = date
        self._lines = set_paragraphs(text, measure=_MEASURE, em=_BODY, width=lambda piece: font.width(piece, _BODY))
        self._out = io.BytesIO()
        font.width("", 1)  # registers the typeface, which the canvas asks for by name
        # `invariant`: no date and no random identifier of its own, so that the same notice gives the same bytes.
        self._canvas = Canvas(
            self._out, pagesize=A4, invariant=1, pageCompression=1, lang="zh-CN", initialFontName=font.NAME
        )
        self._canvas.setTitle(notice.title)
        self._canvas.setAuthor(notice.organ_name)
        self._canvas.setSubject(notice.case_number)
        self._canvas.setCreator("Duokua")

    def draw(self) -> Rendered:
        """Draws every page and gives the PDF."""
        top = self._head()
        first = int((top - (_TOP - _TEXT_HEIGHT)) / _PITCH)
        pages = paginate(self._lines, first=first, following=22, closing=_CLOSING_LINES)
        box = (0, 0, 0, 0)
        for number, lines in enumerate(pages, start=1):
            bottom = self._body(lines, top)
            if len(pages) > 1:
                self._write_centred(f"— {number} —", _PAGE_WIDTH / 2, 24 * mm, 12)
            if number == len(pages):
                box = self._closing(bottom)
            self._canvas.showPage()
            top = _TOP
        self._canvas.save()
        return Rendered(self._out.getvalue(), box)

    def _head(self) -> float:
        """The organ's name in red, the rule, the title and the number; gives where the text may begin."""
        middle = _LEFT + _MEASURE / 2
        organ = self._notice.organ_name
        size = min(34.0, _MEASURE / max(1.0, font.width(organ, 1)))
        y = _TOP - 26
        self._bold(organ, middle, y, size, _RED)
        y -= 22
        self._canvas.setStrokeColor(_RED)
        self._canvas.setLineWidth(1.6)
        self._canvas.line(_LEFT, y, _RIGHT, y)
        y -= 26
        for line in centre(self._notice.title, measure=_MEASURE * 0.9, width=lambda piece: font.width(piece, _TITLE)):
            y -= _TITLE * 1.15
            self._bold(line, middle, y, _TITLE, _BLACK)
            y -= _TITLE * 0.35
        y -= 22
        self._write_centred(f"办件编号：{self._notice.case_number}", middle, y, 12)
        return y - 18

    def _body(self, lines: Sequence[Line], top: float) -> float:
        y = top
        self._canvas.setFont(font.NAME, _BODY)
        self._canvas.setFillColor(_BLACK)
        for line in lines:
            y -= _PITCH
            self._canvas.drawString(_LEFT + line.indent, y, line.text)
        return y

    def _closing(self, bottom: float) -> tuple[int, int, int, int]:
        """The organ's name and the date; gives where the seal goes."""
        organ, date = self._notice.organ_name, self._date
        size = min(_BODY, _MEASURE * 0.9 * _BODY / max(1.0, font.width(organ, _BODY)))
        half = picture.DIAMETER_MM * mm / 2
        reach = max(4 * _BODY + font.width(date, _BODY) / 2, font.width(organ, size) / 2, half)
        middle = _RIGHT - reach
        y = bottom - 3 * _PITCH
        self._write_centred(organ, middle, y, size)
        self._write_centred(date, middle, y - _PITCH, _BODY)
        self._canvas.setFillColor(_GREY)
        self._write_centred(_REMARK, _PAGE_WIDTH / 2, 16 * mm, _SMALL, _GREY)
        # The middle of the seal lies between the two lines.
        height = y - _PITCH / 2 + _BODY * 0.35
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
