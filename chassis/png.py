"""PNG pictures (ISO/IEC 15948) from outside: checked before anything is decoded.

A PNG of a few kilobytes can say that it is a million pixels wide, and can carry whatever its author likes in chunks
that nobody sees. So the chunks are read here, and only those that make up the picture are decoded, no further than its
size.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_NEEDED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_MOST_CHUNKS = 1_000
# Of a pixel: 16 bits for each of red, green, blue and opacity; of a line: its filter.
_BYTES_A_PIXEL = 8


class BadPngError(Exception):
    """A file that is no sound PNG, or too large; the message says what would be right."""


def decode(content: bytes, *, largest: int, fewest: int, most: int) -> "tuple[Image.Image, bool]":
    """The pixels (RGBA) of a file of at most `largest` bytes, `fewest` to `most` pixels a side; whether it has opacity.

    Raises BadPngError.
    """
    if len(content) > largest:
        raise BadPngError(f"the file has more than {largest} bytes")
    if not content.startswith(_SIGNATURE):
        raise BadPngError("the file is not a PNG")
    chunks = [chunk for chunk in _chunks(content) if chunk[0] in _NEEDED]
    width, height = _size(chunks, fewest, most)
    _check_data(chunks, width, height)
    return _decoded(chunks)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks with their names, each held against its checksum."""
    position = len(_SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        head = content[position : position + 8]
        if len(head) < 8:
            raise BadPngError("the file is cut short")
        length, name = struct.unpack(">I4s", head)
        data = content[position + 8 : position + 8 + length]
        checksum = content[position + 8 + length : position + 12 + length]
        if len(checksum) < 4 or struct.unpack(">I", checksum)[0] != zlib.crc32(name + data):
            raise BadPngError("the file is damaged: a checksum does not fit")
        yield name, data
        if name == b"IEND":
            return
        position += 12 + length
    raise BadPngError(f"the file has more than {_MOST_CHUNKS} chunks")


def _size(chunks: list[tuple[bytes, bytes]], fewest: int, most: int) -> tuple[int, int]:
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        raise BadPngError("the file does not begin as a PNG does")
    if sum(name == b"IHDR" for name, _ in chunks) > 1:
        raise BadPngError("the file has two headers")
    width, height = struct.unpack(">II", chunks[0][1][:8])
    if not all(fewest <= side <= most for side in (width, height)):
        raise BadPngError(f"the picture has {width} x {height} pixels; each side may have {fewest} to {most}")
    return width, height


def _check_data(chunks: list[tuple[bytes, bytes]], width: int, height: int) -> None:
    """Unpack the data once, no further than a picture of this size can reach."""
    most = (width * _BYTES_A_PIXEL + 8) * height
    unpacking = zlib.decompressobj()
    try:
        unpacked = unpacking.decompress(b"".join(data for name, data in chunks if name == b"IDAT"), most)
    except zlib.error as fault:
        raise BadPngError(f"the file is damaged: {fault}") from fault
    if not unpacked or unpacking.unconsumed_tail:
        raise BadPngError("the data of the picture do not fit its size")


def _decoded(chunks: list[tuple[bytes, bytes]]) -> "tuple[Image.Image, bool]":
    from PIL import Image  # noqa: PLC0415 (loads on first use)

    packed = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    try:
        picture = Image.open(io.BytesIO(_SIGNATURE + packed), formats=["PNG"])
        has_opacity = picture.mode in ("RGBA", "LA") or "transparency" in picture.info
        return picture.convert("RGBA"), has_opacity
    except (OSError, ValueError, SyntaxError, EOFError, zlib.error) as fault:
        raise BadPngError(f"the picture cannot be decoded: {type(fault).__name__}") from fault
