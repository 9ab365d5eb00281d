"""Notices as PDF: what an organ decided, as an official document on A4. Where everything goes is in `sheet.py`."""

import io
from dataclasses import dataclass

import pikepdf
from pikepdf import String

from services.eseal.domain.archival import declare
from services.eseal.domain.drawing import draw_pages
from services.eseal.domain.sheet import Sheet, lay
from services.eseal.domain.wording import Notice

# Sealing puts its moment here; without one, the same notice gives the same bytes.
_NOT_YET = "D:20000101000000Z"


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
    """The pages of a notice as a PDF for the archive: see `archival.py`."""
    out = io.BytesIO()
    with pikepdf.new() as pdf:
        draw_pages(pdf, sheet.pages)
        pdf.Root.Lang = String("zh-CN")
        for key, value in _facts(sheet).items():
            pdf.docinfo[key] = String(value)
        declare(pdf)
        pdf.save(out, force_version="1.7", object_stream_mode=pikepdf.ObjectStreamMode.disable, deterministic_id=True)
    return Rendered(out.getvalue(), sheet.seal_box)


def _facts(sheet: Sheet) -> dict[str, str]:
    """What viewers say of a file. Who produces it is what seals it, and says so itself."""
    return {
        "/Title": sheet.title,
        "/Author": sheet.signed_by,
        "/Subject": sheet.case_number,
        "/Creator": "Duokua",
        "/CreationDate": _NOT_YET,
    }
