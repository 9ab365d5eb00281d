"""Notices as PDF: what an organ decided, as an official document on A4. Where everything goes is in `sheet.py`."""

import io
from dataclasses import dataclass

from reportlab.lib.colors import Color
from reportlab.lib.pagesizes import A4
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from services.eseal.domain import font
from services.eseal.domain.sheet import BLACK, BOLD_OUTLINE, Code, Colour, Image, Rule, Sheet, Text, lay
from services.eseal.domain.wording import Notice


@dataclass(frozen=True, slots=True)
class Rendered:
    """A PDF that waits for its seal, and where on its last page the seal goes (left, bottom, right, top; points)."""

    content: bytes
    seal_box: tuple[int, int, int, int]

    @property
    def seal_middle(self) -> tuple[float, float]:
        """The middle of that place."""
        left, bottom, right, top = self.seal_box
        return (left + right) / 2, (bottom + top) / 2


def render(notice: Notice) -> Rendered:
    """The notice as a PDF: one A4 page, more only if the text does not fit. The same notice gives the same bytes.

    Raises NoticeError with TEMPLATE_FAULT, UNPRINTABLE_TEXT (the typeface lacks a character) or BAD_DATE.
    """
    return draw(lay(notice))


def draw(sheet: Sheet) -> Rendered:
    """The pages of a notice as a PDF."""
    out = io.BytesIO()
    # `invariant`: no date and no random identifier of its own, so that the same notice gives the same bytes.
    canvas = Canvas(out, pagesize=A4, invariant=1, pageCompression=1, lang="zh-CN", initialFontName=font.NAME)
    canvas.setTitle(sheet.title)
    canvas.setAuthor(sheet.signed_by)
    canvas.setSubject(sheet.case_number)
    canvas.setCreator("Duokua")
    for page in sheet.pages:
        for item in page:
            if isinstance(item, Rule):
                _rule(canvas, item)
            elif isinstance(item, Image):
                reader = ImageReader(io.BytesIO(item.png))
                canvas.drawImage(reader, item.x, item.y, item.width, item.height, mask="auto")
            elif isinstance(item, Code):
                _code(canvas, item)
            else:
                _text(canvas, item)
        canvas.showPage()
    canvas.save()
    return Rendered(out.getvalue(), sheet.seal_box)


def _rule(canvas: Canvas, rule: Rule) -> None:
    canvas.setStrokeColor(_colour(rule.colour))
    canvas.setLineWidth(rule.width)
    canvas.line(rule.x, rule.y, rule.x + rule.length, rule.y)


def _code(canvas: Canvas, code: Code) -> None:
    """One path: what is dark side by side is filled together, without fine gaps between the rows."""
    canvas.saveState()
    # One module is one unit, and rows count downwards.
    module = code.side / code.modules
    canvas.transform(module, 0, 0, -module, code.x, code.top)
    canvas.setFillColor(_colour(BLACK))
    path = canvas.beginPath()
    for dark in code.dark:
        path.rect(dark.start, dark.row, dark.length, 1)
    canvas.drawPath(path, stroke=0, fill=1)
    canvas.restoreState()


def _text(canvas: Canvas, text: Text) -> None:
    colour = _colour(text.colour)
    if not text.bold:
        canvas.setFont(font.NAME, text.size)
        canvas.setFillColor(colour)
        canvas.drawString(text.x, text.y, text.text, charSpace=text.spacing)
        return
    pen = canvas.beginText(text.x, text.y)
    pen.setFont(font.NAME, text.size)
    pen.setFillColor(colour)
    pen.setStrokeColor(colour)
    canvas.setLineWidth(text.size * BOLD_OUTLINE)
    pen.setTextRenderMode(2)
    pen.textOut(text.text)
    pen.setTextRenderMode(0)
    canvas.drawText(pen)


def _colour(colour: Colour) -> Color:
    red, green, blue = (part / 255 for part in colour)
    return Color(red, green, blue)
