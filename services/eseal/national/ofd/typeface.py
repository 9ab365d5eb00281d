"""The typeface of notices, cut down to the characters of one document, as an OFD embeds it.

reportlab cuts out the glyphs. It numbers characters for PDF, though, where an OFD finds them by their Unicode: hence
another character map.
"""

import struct
from collections.abc import Iterable

from reportlab.pdfbase.ttfonts import TTFontMaker

from services.eseal.domain import font


def subset(characters: Iterable[str]) -> bytes:
    """A TrueType font with these characters alone; the same characters give the same bytes."""
    cut = font.cut(characters)
    made = TTFontMaker()
    for tag, table in cut.tables().items():
        made.add(tag, _character_map(dict(zip(cut.codes, cut.glyphs, strict=True))) if tag == "cmap" else table)
    stream: bytes = made.makeStream()
    return stream


def _character_map(glyphs: dict[int, int]) -> bytes:
    """Two maps (OpenType, cmap): format 4 for the characters up to U+FFFF, format 12 for all of them."""
    basic, full = _format_4({code: glyph for code, glyph in glyphs.items() if code < 0xFFFF}), _format_12(glyphs)
    header = struct.pack(">2H", 0, 2)
    header += struct.pack(">2HL", 3, 1, 20) + struct.pack(">2HL", 3, 10, 20 + len(basic))
    return header + basic + full


def _format_4(glyphs: dict[int, int]) -> bytes:
    """One segment a character, and the last one that the format wants."""
    codes = [*glyphs, 0xFFFF]
    deltas = [*((glyph - code) & 0xFFFF for code, glyph in glyphs.items()), 1]
    count = len(codes)
    power = 1 << (count.bit_length() - 1)
    body = struct.pack(">4H", count * 2, power * 2, power.bit_length() - 1, (count - power) * 2)
    body += struct.pack(f">{count}HH{count}H{count}H{count}H", *codes, 0, *codes, *deltas, *[0] * count)
    return struct.pack(">3H", 4, 6 + len(body), 0) + body


def _format_12(glyphs: dict[int, int]) -> bytes:
    groups = b"".join(struct.pack(">3L", code, code, glyph) for code, glyph in glyphs.items())
    return struct.pack(">2H3L", 12, 0, 16 + len(groups), 0, len(glyphs)) + groups
