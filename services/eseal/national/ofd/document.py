"""Notices as OFD: the pages of `domain/sheet.py`, with the typeface embedded.

Lengths of an OFD are in millimetres from the upper left corner.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from services.eseal.domain import font
from services.eseal.domain.sheet import (
    BLACK,
    BOLD_OUTLINE,
    PAGE_HEIGHT,
    PAGE_WIDTH,
    POINTS_PER_MM,
    Code,
    Colour,
    Image,
    Item,
    Rule,
    Sheet,
    Text,
)
from services.eseal.national.ofd import xml
from services.eseal.national.ofd.package import Files
from services.eseal.national.ofd.typeface import subset
from services.eseal.national.ofd.xml import Element, make
from services.eseal.national.sm3 import sm3

_FONT_ID = "1"
_BOX = f"0 0 {PAGE_WIDTH / POINTS_PER_MM:g} {PAGE_HEIGHT / POINTS_PER_MM:g}"
# Room above and below the letters of a line, in parts of its size.
_ASCENT, _HEIGHT = 0.9, 1.2


@dataclass(frozen=True, slots=True)
class Written:
    """An OFD that waits for its seal; where on its last page the seal goes (left, top, width, height; mm)."""

    files: Files
    page_ids: Sequence[str]
    seal_box: tuple[float, float, float, float]


def draw(sheet: Sheet, written_on: date) -> Written:
    """The pages of a notice as an OFD. The same notice gives the same bytes."""
    pages = _Pages()
    contents = [pages.page(page) for page in sheet.pages]
    locations = [f"Doc_0/Pages/Page_{number}/Content.xml" for number in range(len(contents))]
    files = dict(zip(locations, contents, strict=True))
    files["Doc_0/Res/DuokuaSong.ttf"] = subset(
        character for page in sheet.pages for item in page if isinstance(item, Text) for character in item.text
    )
    files.update({f"Doc_0/Res/{_picture_name(number)}": png for png, number in pages.pictures.items()})
    files["Doc_0/PublicRes.xml"] = _resources(pages.pictures.values())
    files["Doc_0/Document.xml"] = _document(locations, pages.ids, pages.last_id)
    identifier = sm3(b"".join(sm3(data) for data in files.values())).hex()[:32]
    left, bottom, right, top = sheet.seal_box
    box = (_mm(left), _mm(PAGE_HEIGHT - top), _mm(right - left), _mm(top - bottom))
    return Written({"OFD.xml": _root(sheet, identifier, written_on), **files}, pages.ids, box)


class _Pages:
    """The pages of one document, which share the numbering of what is on them."""

    def __init__(self) -> None:
        self.last_id = 1
        self.ids: list[str] = []
        self.pictures: dict[bytes, str] = {}
        """The identifiers of pictures, each kept once however often it is shown."""

    def page(self, items: Sequence[Item]) -> bytes:
        """A page's file."""
        self.ids.append(self._next_id())
        layer = make("Layer", "", ID=self._next_id(), Type="Body")
        layer.extend(self._drawn(item) for item in items)
        return xml.serialise(make("Page", "", make("Content", "", layer)))

    def _next_id(self) -> str:
        self.last_id += 1
        return str(self.last_id)

    def _drawn(self, item: Item) -> Element:
        if isinstance(item, Image):
            if item.png not in self.pictures:
                self.pictures[item.png] = self._next_id()
            return _image(item, self._next_id(), self.pictures[item.png])
        if isinstance(item, Code):
            return _code(item, self._next_id())
        return _rule(item, self._next_id()) if isinstance(item, Rule) else _text(item, self._next_id())


def _text(text: Text, identifier: str) -> Element:
    steps = [font.width(character, text.size) + text.spacing for character in text.text]
    top = PAGE_HEIGHT - text.y - _ASCENT * text.size
    box = _numbers(_mm(text.x), _mm(top), _mm(sum(steps) + text.size), _mm(_HEIGHT * text.size))
    code = make("TextCode", text.text, X="0", Y=_number(_mm(_ASCENT * text.size)))
    if len(steps) > 1:
        code.set("DeltaX", _numbers(*map(_mm, steps[:-1])))
    drawn = make("TextObject", "", ID=identifier, Boundary=box, Font=_FONT_ID, Size=_number(_mm(text.size)))
    if text.colour != BLACK:
        drawn.append(_colour("FillColor", text.colour))
    if text.bold:
        drawn.set("Stroke", "true")
        drawn.set("LineWidth", _number(_mm(BOLD_OUTLINE * text.size)))
        drawn.append(_colour("StrokeColor", text.colour))
    drawn.append(code)
    return drawn


def _rule(rule: Rule, identifier: str) -> Element:
    box = _numbers(_mm(rule.x), _mm(PAGE_HEIGHT - rule.y - rule.width / 2), _mm(rule.length), _mm(rule.width))
    middle = _number(_mm(rule.width / 2))
    return make(
        "PathObject",
        "",
        _colour("StrokeColor", rule.colour),
        make("AbbreviatedData", f"M 0 {middle} L {_number(_mm(rule.length))} {middle}"),
        ID=identifier,
        Boundary=box,
        LineWidth=_number(_mm(rule.width)),
    )


def _code(code: Code, identifier: str) -> Element:
    """One path, filled: what is dark side by side has no fine gaps between the rows."""
    lines = [_number(_mm(code.side * place / code.modules)) for place in range(code.modules + 1)]
    outlines = []
    for dark in code.dark:
        left, right = lines[dark.start], lines[dark.start + dark.length]
        top, bottom = lines[dark.row], lines[dark.row + 1]
        outlines.append(f"M {left} {top} L {right} {top} L {right} {bottom} L {left} {bottom} C")
    return make(
        "PathObject",
        "",
        _colour("FillColor", BLACK),
        make("AbbreviatedData", " ".join(outlines)),
        ID=identifier,
        Boundary=_numbers(_mm(code.x), _mm(PAGE_HEIGHT - code.top), _mm(code.side), _mm(code.side)),
        Stroke="false",
        Fill="true",
    )


def _image(image: Image, identifier: str, resource: str) -> Element:
    width, height = _mm(image.width), _mm(image.height)
    box = _numbers(_mm(image.x), _mm(PAGE_HEIGHT - image.y - image.height), width, height)
    # A picture is one unit wide and high; the matrix makes it as large as its box.
    return make(
        "ImageObject", "", ID=identifier, Boundary=box, CTM=_numbers(width, 0, 0, height, 0, 0), ResourceID=resource
    )


def _picture_name(identifier: str) -> str:
    return f"Picture_{identifier}.png"


def _colour(name: str, colour: Colour) -> Element:
    return make(name, "", Value=" ".join(map(str, colour)))


def _root(sheet: Sheet, identifier: str, written_on: date) -> bytes:
    told = make(
        "DocInfo",
        "",
        make("DocID", identifier),
        make("Title", sheet.title),
        make("Author", sheet.signed_by),
        make("Subject", sheet.case_number),
        make("CreationDate", written_on.isoformat()),
        make("Creator", "Duokua"),
    )
    body = make("DocBody", "", told, make("DocRoot", "Doc_0/Document.xml"))
    return xml.serialise(make("OFD", "", body, Version="1.1", DocType="OFD"))


def _document(locations: Sequence[str], ids: Sequence[str], last_id: int) -> bytes:
    common = make(
        "CommonData",
        "",
        make("MaxUnitID", str(last_id)),
        make("PageArea", "", make("PhysicalBox", _BOX)),
        make("PublicRes", "PublicRes.xml"),
    )
    pages = make("Pages")
    for location, identifier in zip(locations, ids, strict=True):
        pages.append(make("Page", "", ID=identifier, BaseLoc=location.removeprefix("Doc_0/")))
    return xml.serialise(make("Document", "", common, pages))


def _resources(pictures: Iterable[str]) -> bytes:
    embedded = make(
        "Font", "", make("FontFile", "DuokuaSong.ttf"), ID=_FONT_ID, FontName=font.NAME, FamilyName=font.NAME
    )
    resources = make("Res", "", make("Fonts", "", embedded), BaseLoc="Res")
    media = [
        make("MultiMedia", "", make("MediaFile", _picture_name(each)), ID=each, Type="Image", Format="PNG")
        for each in pictures
    ]
    if media:
        resources.append(make("MultiMedias", "", *media))
    return xml.serialise(resources)


def _mm(points: float) -> float:
    return points / POINTS_PER_MM


def _number(value: float) -> str:
    """To a thousandth of a millimetre, without needless zeros and never with an exponent."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _numbers(*values: float) -> str:
    return " ".join(map(_number, values))
