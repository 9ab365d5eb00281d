"""The typeface in a PDF: cut down to the characters of one document, and each of them to be copied and searched.

One composite font (ISO 32000-1, 9.7) for all characters. Its codes are the numbers of the characters in the document,
from 1, and not those of glyphs, of which several characters may share one: what is copied is what was written.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pikepdf
from pikepdf import Array, Dictionary, Name, Stream, String

from services.eseal.domain import font

_TAG_LENGTH = 6
# ISO 32000-1, table 123: glyphs beside those of the standard Latin set.
_SYMBOLIC = 4
# The most entries in a block of a character map (ISO 32000-1, 9.7.5.4).
_BLOCK = 100
_MAP_HEAD = """/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
"""
_MAP_END = """endcmap
CMapName currentdict /CMap defineresource pop
end
end
"""


@dataclass(frozen=True, slots=True)
class Embedded:
    """The typeface as an object of a file, and the code of each character."""

    font: pikepdf.Object
    codes: dict[str, str]
    """Four hexadecimal digits each."""

    def encoded(self, text: str) -> str:
        """A text as a string of a page's content."""
        return f"<{''.join(self.codes[character] for character in text)}>"


def embed(pdf: pikepdf.Pdf, characters: Iterable[str]) -> Embedded:
    """Puts the typeface into a file, with these characters, each of which it must have."""
    cut = font.cut(characters)
    name = Name(f"/{_tag(cut.codes)}+{font.POSTSCRIPT_NAME}")
    descendant = Dictionary(
        Type=Name.Font,
        Subtype=Name.CIDFontType2,
        BaseFont=name,
        CIDSystemInfo=Dictionary(Registry=String("Adobe"), Ordering=String("Identity"), Supplement=0),
        FontDescriptor=pdf.make_indirect(_descriptor(pdf, name, cut.program)),
        DW=1000,
        W=Array([1, Array(cut.widths)]),
        CIDToGIDMap=Stream(pdf, struct.pack(f">{len(cut.glyphs) + 1}H", 0, *cut.glyphs)),
    )
    composite = Dictionary(
        Type=Name.Font,
        Subtype=Name.Type0,
        BaseFont=name,
        Encoding=Name("/Identity-H"),
        DescendantFonts=Array([pdf.make_indirect(descendant)]),
        ToUnicode=Stream(pdf, _to_unicode(cut.codes).encode("ascii")),
    )
    codes = {chr(code): f"{number:04X}" for number, code in enumerate(cut.codes, start=1)}
    return Embedded(pdf.make_indirect(composite), codes)


def _descriptor(pdf: pikepdf.Pdf, name: pikepdf.Name, program: bytes) -> pikepdf.Dictionary:
    shape = font.shape()
    return Dictionary(
        Type=Name.FontDescriptor,
        FontName=name,
        Flags=_SYMBOLIC,
        FontBBox=Array(shape.box),
        ItalicAngle=0,
        Ascent=shape.ascent,
        Descent=shape.descent,
        CapHeight=shape.capital_height,
        StemV=shape.stem,
        FontFile2=Stream(pdf, program, Length1=len(program)),
    )


def _tag(codes: Sequence[int]) -> str:
    """Six capitals that tell subsets of one typeface apart, and are the same for the same characters."""
    digest = hashlib.sha256(struct.pack(f">{len(codes)}L", *codes)).digest()
    return "".join(chr(ord("A") + byte % 26) for byte in digest[:_TAG_LENGTH])


def _to_unicode(codes: Sequence[int]) -> str:
    return "".join((_MAP_HEAD, *_blocks(codes), _MAP_END))


def _blocks(codes: Sequence[int]) -> Iterator[str]:
    for start in range(0, len(codes), _BLOCK):
        part = codes[start : start + _BLOCK]
        yield f"{len(part)} beginbfchar\n"
        for number, code in enumerate(part, start=start + 1):
            yield f"<{number:04X}> <{chr(code).encode('utf-16-be').hex().upper()}>\n"
        yield "endbfchar\n"
