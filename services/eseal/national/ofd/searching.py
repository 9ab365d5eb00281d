"""Where a text stands in an OFD: what its text objects say, in the order in which they are drawn.

An OFD gives the place of each character, but not how wide it is; that is reckoned here, well enough for the middle of a
seal. A text that was drawn in pieces is found when they follow one another on a line. Spaces do not count. Annotations
and composite objects are not searched.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

from services.eseal.domain.orders import Found, chosen
from services.eseal.national.ofd import xml
from services.eseal.national.ofd.package import Files
from services.eseal.national.ofd.structure import BadDocumentError, Page, Structure, numbers, part, resolve
from services.eseal.national.ofd.xml import Element

# Of a character's size: what it rises above its line, goes below it, and takes of it when it is narrow.
_ABOVE, _BELOW, _NARROW = 0.88, 0.12, 0.5
# Further apart, in characters, than the parts of one text are.
_APART = 3.0
_BREAK = "\n"
_LONGEST_TEXT = 100_000
_NO = ("false", "0")


@dataclass(frozen=True, slots=True)
class _Glyph:
    """A character, or a break before the next line; its box in millimetres from the page's upper left corner."""

    character: str
    left: float = 0.0
    top: float = 0.0
    right: float = 0.0
    bottom: float = 0.0


def find(files: Files, structure: Structure, text: str, occurrence: int) -> Found:
    """The middle of an occurrence of a text, in millimetres from the page's upper left corner.

    Raises SealingError as `chosen` does; BadDocumentError, BadXmlError.
    """
    return chosen(_found(files, structure, text), text, occurrence)


def _found(files: Files, structure: Structure, text: str) -> Iterator[Found]:
    wanted = "".join(text.split())
    templates = _templates(files, structure)
    for number, page in enumerate(structure.pages):
        drawn = _drawn(files, page, templates)
        # Most pages do not have it, and are not measured.
        if wanted not in "".join("".join(code.text or "" for each in drawn for code in _codes(each)).split()):
            continue
        glyphs = list(_glyphs(drawn))
        characters = "".join(glyph.character for glyph in glyphs)
        start = characters.find(wanted)
        while start >= 0:
            yield (number, *_middle(glyphs[start : start + len(wanted)]))
            start = characters.find(wanted, start + len(wanted))


def _middle(glyphs: list[_Glyph]) -> tuple[float, float]:
    left, right = min(each.left for each in glyphs), max(each.right for each in glyphs)
    top, bottom = min(each.top for each in glyphs), max(each.bottom for each in glyphs)
    return (left + right) / 2, (top + bottom) / 2


def _templates(files: Files, structure: Structure) -> dict[str, list[Element]]:
    """The text objects of pages that others are drawn on, by the numbers of these."""
    common = xml.needed(xml.parse(part(files, structure.document), "Document"), "CommonData")
    found = {}
    for each in xml.children(common, "TemplatePage"):
        location = resolve(each.get("BaseLoc", ""), structure.document)
        found[each.get("ID", "")] = _objects(xml.parse(part(files, location), "Page"))
    return found


def _drawn(files: Files, page: Page, templates: dict[str, list[Element]]) -> list[Element]:
    """The text objects of a page, those that it is drawn on before its own."""
    root = xml.parse(part(files, page.location), "Page")
    below = (templates.get(each.get("TemplateID", ""), []) for each in xml.children(root, "Template"))
    return [*chain.from_iterable(below), *_objects(root)]


def _objects(root: Element) -> list[Element]:
    content = xml.child(root, "Content")
    objects = () if content is None else xml.within(content, "TextObject")
    return [each for each in objects if each.get("Visible") not in _NO]


def _codes(drawn: Element) -> Iterator[Element]:
    return xml.children(drawn, "TextCode")


def _glyphs(drawn: list[Element]) -> Iterator[_Glyph]:
    """What is drawn, characters one after another."""
    before: _Glyph | None = None
    for line in (line for each in drawn for line in _lines(each)):
        if before is not None and line and not _follows(before, line[0]):
            yield _Glyph(_BREAK)
        yield from line
        before = line[-1] if line else before


def _follows(one: _Glyph, other: _Glyph) -> bool:
    """Whether a character goes on where the one before ended, on the same line."""
    size = max(one.bottom - one.top, 0.1)
    return abs(one.bottom - other.bottom) <= size / 2 and -size / 2 <= other.left - one.right <= _APART * size


def _lines(drawn: Element) -> Iterator[list[_Glyph]]:
    """The characters of a text object, those of each of its codes together."""
    left, top, _, _ = numbers(drawn.get("Boundary", ""), 4)
    across, up, along, back, right, down = numbers(drawn.get("CTM", "1 0 0 1 0 0"), 6)
    (size,) = numbers(drawn.get("Size", ""), 1)
    (scale,) = numbers(drawn.get("HScale", "1"), 1)
    x = y = 0.0

    def placed(character: str) -> _Glyph:
        width = size * scale * (1 if unicodedata.east_asian_width(character) in "WF" else _NARROW)
        corners = [(at, on) for at in (x, x + width) for on in (y - _ABOVE * size, y + _BELOW * size)]
        xs = [left + across * at + along * on + right for at, on in corners]
        ys = [top + up * at + back * on + down for at, on in corners]
        return _Glyph(character, min(xs), min(ys), max(xs), max(ys))

    for code in _codes(drawn):
        (x,), (y,) = numbers(code.get("X", str(x)), 1), numbers(code.get("Y", str(y)), 1)
        text = code.text or ""
        if len(text) > _LONGEST_TEXT:
            raise BadDocumentError("a line of text is too long to be one")
        line = []
        for character, step_x, step_y in zip(text, _steps(code, "DeltaX"), _steps(code, "DeltaY"), strict=False):
            if not character.isspace():
                line.append(placed(character))
            x, y = x + step_x, y + step_y
        yield line


def _steps(code: Element, name: str) -> Iterator[float]:
    """How far the next character is from each, without an end: 0 after the last that is told.

    `g 3 5` stands for three times 5 (GB/T 33190, 11.3).
    """
    words = iter(code.get(name, "").split())
    for word in words:
        if word == "g":
            count, step = numbers(" ".join(islice(words, 2)), 2)
            yield from (step for _ in range(int(count)))
        else:
            (step,) = numbers(word, 1)
            yield step
    while True:
        yield 0.0
