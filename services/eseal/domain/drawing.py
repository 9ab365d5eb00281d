"""What a page shows, as PDF wants it: a stream of operators (ISO 32000-1, 8 and 9)."""

import io
from collections.abc import Sequence

import pikepdf
from pikepdf import Array, Dictionary, Name, Stream
from PIL import Image as Pixels

from services.eseal.domain.embedding import Embedded, embed
from services.eseal.domain.sheet import (
    BLACK,
    BOLD_OUTLINE,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    Code,
    Colour,
    Image,
    Item,
    Rule,
    Text,
)

_FILLED, _FILLED_AND_OUTLINED = "0", "2"


def draw_pages(pdf: pikepdf.Pdf, pages: Sequence[Sequence[Item]]) -> None:
    """Draws the pages into a file, one after the other, with one typeface."""
    drawing = _Drawing(pdf, embed(pdf, {letter for page in pages for item in page for letter in _text_of(item)}))
    for items in pages:
        drawing.add(items)


class _Drawing:
    """One file, and what its pages have in common."""

    def __init__(self, pdf: pikepdf.Pdf, typeface: Embedded) -> None:
        self._pdf = pdf
        self._typeface = typeface
        self._pictures: dict[bytes, pikepdf.Object] = {}

    def add(self, items: Sequence[Item]) -> None:
        """One more page."""
        shown: dict[str, pikepdf.Object] = {}
        pen = _Pen(self._typeface)
        for item in items:
            if isinstance(item, Rule):
                pen.rule(item)
            elif isinstance(item, Image):
                name = f"/P{len(shown)}"
                shown[name] = self._picture(item.png)
                pen.picture(item, name)
            elif isinstance(item, Code):
                pen.code(item)
            else:
                pen.text(item)
        page = Dictionary(
            Type=Name.Page,
            MediaBox=Array([0, 0, round(PAGE_WIDTH, 3), round(PAGE_HEIGHT, 3)]),
            Resources=Dictionary(Font=Dictionary(F=self._typeface.font), XObject=Dictionary(shown)),
            Contents=Stream(self._pdf, pen.content),
            # What is transparent, the seal above all, is blended in the colours of the page.
            Group=Dictionary(S=Name.Transparency, CS=Name.DeviceRGB),
        )
        self._pdf.pages.append(pikepdf.Page(self._pdf.make_indirect(page)))

    def _picture(self, png: bytes) -> pikepdf.Object:
        """A PNG as an object of the file, once however often it is shown."""
        if png not in self._pictures:
            with Pixels.open(io.BytesIO(png), formats=["PNG"]) as opened:
                pixels = opened.convert("RGBA")
            picture = self._samples(pixels.convert("RGB"), Name.DeviceRGB)
            if pixels.getchannel("A").getextrema() != (255, 255):
                picture.SMask = self._samples(pixels.getchannel("A"), Name.DeviceGray)
            self._pictures[png] = picture
        return self._pictures[png]

    def _samples(self, pixels: Pixels.Image, colours: pikepdf.Name) -> Stream:
        return Stream(
            self._pdf,
            pixels.tobytes(),
            Type=Name.XObject,
            Subtype=Name.Image,
            Width=pixels.width,
            Height=pixels.height,
            ColorSpace=colours,
            BitsPerComponent=8,
        )


class _Pen:
    """Draws one page; says of colours, sizes and widths only what changes."""

    def __init__(self, typeface: Embedded) -> None:
        self._typeface = typeface
        self._operators: list[str] = []
        self._standing: dict[str, str] = {}

    @property
    def content(self) -> bytes:
        return "\n".join(self._operators).encode("ascii")

    def rule(self, rule: Rule) -> None:
        self._set("RG", _colour(rule.colour))
        self._set("w", _number(rule.width))
        y = _number(rule.y)
        self._operators.append(f"{_number(rule.x)} {y} m {_number(rule.x + rule.length)} {y} l S")

    def picture(self, image: Image, name: str) -> None:
        width, height, x, y = map(_number, (image.width, image.height, image.x, image.y))
        self._operators.append(f"q {width} 0 0 {height} {x} {y} cm {name} Do Q")

    def code(self, code: Code) -> None:
        """One path: what is dark side by side is filled together, without fine gaps between the rows."""
        # One module is one unit, and rows count downwards.
        module = f"{code.side / code.modules:.6f}"
        placed = f"{module} 0 0 -{module} {_number(code.x)} {_number(code.top)} cm"
        dark = " ".join(f"{each.start} {each.row} {each.length} 1 re" for each in code.dark)
        self._operators.append(f"q {placed} {_colour(BLACK)} rg {dark} f Q")

    def text(self, text: Text) -> None:
        colour = _colour(text.colour)
        self._set("rg", colour)
        if text.bold:
            self._set("RG", colour)
            self._set("w", _number(text.size * BOLD_OUTLINE))
        self._set("Tr", _FILLED_AND_OUTLINED if text.bold else _FILLED)
        self._set("Tf", f"/F {_number(text.size)}")
        self._set("Tc", _number(text.spacing))
        encoded = self._typeface.encoded(text.text)
        self._operators.append(f"BT {_number(text.x)} {_number(text.y)} Td {encoded} Tj ET")

    def _set(self, operator: str, value: str) -> None:
        if self._standing.get(operator) != value:
            self._standing[operator] = value
            self._operators.append(f"{value} {operator}")


def _text_of(item: Item) -> str:
    return item.text if isinstance(item, Text) else ""


def _colour(colour: Colour) -> str:
    return " ".join(_number(part / 255) for part in colour)


def _number(value: float) -> str:
    """As PDF writes numbers: no exponents; a thousandth of a point is finer than any printer."""
    return f"{value:.3f}".rstrip("0").rstrip(".")
