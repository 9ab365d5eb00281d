"""Pictures of seals that somebody uploads: checked before anything is decoded, and never kept as they came.

A PNG (ISO/IEC 15948) of a few kilobytes can say that it is a million pixels wide, and can carry whatever its author
likes in chunks that nobody sees. So the chunks are read here, only those that make up the picture are decoded, and what
is kept is written anew.
"""

import io
import struct
import zlib
from collections.abc import Iterator

from PIL import Image

from services.eseal.domain.records import Picture

LARGEST_FILE = 512_000
MOST_PIXELS_A_SIDE = 1_200
"""About 700 dots per inch for a seal of 42 mm."""
FEWEST_PIXELS_A_SIDE = 100
NARROWEST_MM = 10
WIDEST_MM = 60
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_NEEDED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_MOST_CHUNKS = 1_000
# Of a pixel: 16 bits for each of red, green, blue and opacity; of a line: its filter.
_BYTES_A_PIXEL = 8


class BadPictureError(Exception):
    """A picture that cannot be a seal's; the message says what would be right."""


def check(content: bytes, width_mm: int) -> Picture:
    """The picture of a seal in an uploaded PNG, printed so wide. Raises BadPictureError."""
    if not NARROWEST_MM <= width_mm <= WIDEST_MM:
        raise BadPictureError(f"a seal is {NARROWEST_MM} to {WIDEST_MM} mm wide")
    if len(content) > LARGEST_FILE:
        raise BadPictureError(f"the file has more than {LARGEST_FILE} bytes")
    if not content.startswith(_SIGNATURE):
        raise BadPictureError("the file is not a PNG")
    chunks = [chunk for chunk in _chunks(content) if chunk[0] in _NEEDED]
    width, height = _size(chunks)
    _check_data(chunks, width, height)
    picture = _decoded(chunks)
    ink = picture.getchannel("A")
    lowest, highest = ink.getextrema()
    if lowest == 255:
        raise BadPictureError("the picture covers everything: its background must be transparent")
    if highest == 0:
        raise BadPictureError("the picture is empty: all of it is transparent")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return Picture(out.getvalue(), width_mm, max(1, round(width_mm * height / width)))


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks with their names, each held against its checksum."""
    position = len(_SIGNATURE)
    for _ in range(_MOST_CHUNKS):
        head = content[position : position + 8]
        if len(head) < 8:
            raise BadPictureError("the file is cut short")
        length, name = struct.unpack(">I4s", head)
        data = content[position + 8 : position + 8 + length]
        checksum = content[position + 8 + length : position + 12 + length]
        if len(checksum) < 4 or struct.unpack(">I", checksum)[0] != zlib.crc32(name + data):
            raise BadPictureError("the file is damaged: a checksum does not fit")
        yield name, data
        if name == b"IEND":
            return
        position += 12 + length
    raise BadPictureError(f"the file has more than {_MOST_CHUNKS} chunks")


def _size(chunks: list[tuple[bytes, bytes]]) -> tuple[int, int]:
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        raise BadPictureError("the file does not begin as a PNG does")
    if sum(name == b"IHDR" for name, _ in chunks) > 1:
        raise BadPictureError("the file has two headers")
    width, height = struct.unpack(">II", chunks[0][1][:8])
    if not all(FEWEST_PIXELS_A_SIDE <= side <= MOST_PIXELS_A_SIDE for side in (width, height)):
        wanted = f"{FEWEST_PIXELS_A_SIDE} to {MOST_PIXELS_A_SIDE}"
        raise BadPictureError(f"the picture has {width} x {height} pixels; each side may have {wanted}")
    return width, height


def _check_data(chunks: list[tuple[bytes, bytes]], width: int, height: int) -> None:
    """Unpack the data once, no further than a picture of this size can reach."""
    most = (width * _BYTES_A_PIXEL + 8) * height
    unpacking = zlib.decompressobj()
    try:
        unpacked = unpacking.decompress(b"".join(data for name, data in chunks if name == b"IDAT"), most)
    except zlib.error as fault:
        raise BadPictureError(f"the file is damaged: {fault}") from fault
    if not unpacked or unpacking.unconsumed_tail:
        raise BadPictureError("the data of the picture do not fit its size")


def _decoded(chunks: list[tuple[bytes, bytes]]) -> Image.Image:
    packed = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )
    try:
        picture = Image.open(io.BytesIO(_SIGNATURE + packed), formats=["PNG"])
        has_opacity = picture.mode in ("RGBA", "LA") or "transparency" in picture.info
        decoded = picture.convert("RGBA")
    except (OSError, ValueError, SyntaxError, EOFError, zlib.error) as fault:
        raise BadPictureError(f"the picture cannot be decoded: {type(fault).__name__}") from fault
    if not has_opacity:
        raise BadPictureError("the picture has no transparency: its background must be transparent")
    return decoded
