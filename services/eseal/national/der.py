"""DER (ITU-T X.690) in strict and small: what the national structures need, and nothing looser.

Signatures are checked over the bytes that were received, so reading keeps each element's own bytes and never encodes
anything anew. Two encodings of the same content would be two files with one signature: only DER's one is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, OID = 0x01, 0x02, 0x03, 0x04, 0x06
UTF8_STRING, PRINTABLE_STRING, IA5_STRING, UTC_TIME, GENERALIZED_TIME = 0x0C, 0x13, 0x16, 0x17, 0x18
SEQUENCE, SET, EXPLICIT_0 = 0x30, 0x31, 0xA0

# A seal with a large picture has some hundred kilobytes.
LARGEST = 4_000_000
_HIGH_TAG = 0x1F
_LONGEST_LENGTH = 4


class DerError(Exception):
    """Not strict DER, or not the structure that is wanted."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element as it was received: its tag, all its bytes, and its content's bytes."""

    tag: int
    whole: bytes
    content: bytes

    def children(self, *tags: int, optional: Sequence[int] = ()) -> "list[Element]":
        """The elements of a sequence, which has those of `tags` and then possibly some of `optional`, in order."""
        found = read_all(self.content)
        if tuple(child.tag for child in found[: len(tags)]) != tags:
            raise DerError(f"a sequence has other elements than {_names(tags)}")
        left = list(optional)
        for child in found[len(tags) :]:
            while left and left[0] != child.tag:
                left.pop(0)
            if not left:
                raise DerError(f"a sequence has an element 0x{child.tag:02x} that does not belong there")
            left.pop(0)
        return found


def read(der: bytes, tag: int) -> Element:
    """The one element that `der` consists of. Raises DerError, also when something follows."""
    if len(der) > LARGEST:
        raise DerError(f"the structure has {len(der)} bytes, the most is {LARGEST}")
    element = _next(der, 0)
    if len(element.whole) != len(der):
        raise DerError("something follows the structure")
    if element.tag != tag:
        raise DerError(f"0x{tag:02x} is wanted, not 0x{element.tag:02x}")
    return element


def read_all(der: bytes, most: int = 1_000) -> list[Element]:
    """The elements that `der` consists of, one after the other, `most` at most. Raises DerError."""
    found: list[Element] = []
    position = 0
    while position < len(der):
        if len(found) == most:
            raise DerError(f"a sequence has more than {most} elements")
        element = _next(der, position)
        found.append(element)
        position += len(element.whole)
    return found


def as_integer(element: Element) -> int:
    """A number, at least 0 and below 2^63."""
    content = element.content
    if element.tag != INTEGER or not 1 <= len(content) <= 8 or content[0] & 0x80:
        raise DerError("a small number is wanted")
    if len(content) > 1 and content[0] == 0 and not content[1] & 0x80:
        raise DerError("a number has needless zeros")
    return int.from_bytes(content, "big")


def as_text(element: Element, longest: int = 10_000) -> str:
    """The text of a UTF8String, IA5String or PrintableString."""
    if element.tag not in (UTF8_STRING, IA5_STRING, PRINTABLE_STRING) or len(element.content) > longest:
        raise DerError("a text is wanted")
    try:
        return element.content.decode("utf-8" if element.tag == UTF8_STRING else "ascii")
    except UnicodeDecodeError as fault:
        raise DerError("a text is not in its encoding") from fault


def as_bits(element: Element) -> bytes:
    """The bytes of a BIT STRING, which has no unused bits."""
    if element.tag != BIT_STRING or not element.content or element.content[0]:
        raise DerError("a bit string of whole bytes is wanted")
    return element.content[1:]


def as_oid(element: Element) -> str:
    """An object identifier, dotted."""
    content = element.content
    if element.tag != OID or not 1 <= len(content) <= 64 or content[-1] & 0x80:
        raise DerError("an object identifier is wanted")
    numbers, value, first = [], 0, True
    for octet in content:
        if first and octet == 0x80:
            raise DerError("an object identifier has needless zeros")
        value, first = value << 7 | octet & 0x7F, not octet & 0x80
        if first:
            numbers.append(value)
            value = 0
    top = min(numbers[0] // 40, 2)
    return ".".join(map(str, (top, numbers[0] - 40 * top, *numbers[1:])))


def as_time(element: Element) -> datetime:
    """A moment, from a UTCTime or a GeneralizedTime in whole seconds of UTC."""
    try:
        text = element.content.decode("ascii")
        if element.tag == UTC_TIME and len(text) == 13:
            # RFC 5280, 4.1.2.5.1: 50 to 99 are of the 20th century.
            text = ("19" if text >= "50" else "20") + text
        elif element.tag != GENERALIZED_TIME or len(text) != 15:
            raise DerError("a moment is wanted")
        if not text[:14].isdecimal() or text[14] != "Z":
            raise DerError("a moment is wanted, in whole seconds of UTC")
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as fault:
        raise DerError("there is no such moment") from fault


def encode(tag: int, *parts: bytes) -> bytes:
    """An element of this tag around these bytes."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def sequence(*parts: bytes) -> bytes:
    """A SEQUENCE of elements."""
    return encode(SEQUENCE, *parts)


def integer(value: int) -> bytes:
    """A number, at least 0."""
    return encode(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def octets(value: bytes) -> bytes:
    """An OCTET STRING."""
    return encode(OCTET_STRING, value)


def bits(value: bytes) -> bytes:
    """A BIT STRING of whole bytes."""
    return encode(BIT_STRING, b"\x00", value)


def ia5(value: str) -> bytes:
    """An IA5String; UnicodeEncodeError when it is not ASCII."""
    return encode(IA5_STRING, value.encode("ascii"))


def utf8(value: str) -> bytes:
    """A UTF8String."""
    return encode(UTF8_STRING, value.encode())


def oid(dotted: str) -> bytes:
    """An object identifier."""
    first, second, *rest = map(int, dotted.split("."))
    return encode(OID, *(_base128(number) for number in (40 * first + second, *rest)))


def generalized_time(moment: datetime) -> bytes:
    """A GeneralizedTime in whole seconds of UTC."""
    return encode(GENERALIZED_TIME, f"{moment.astimezone(UTC):%Y%m%d%H%M%SZ}".encode("ascii"))


def x509_time(moment: datetime) -> bytes:
    """A moment as certificates write it: UTCTime up to 2049 (RFC 5280, 4.1.2.5)."""
    if moment.astimezone(UTC).year >= 2050:
        return generalized_time(moment)
    return encode(UTC_TIME, f"{moment.astimezone(UTC):%y%m%d%H%M%SZ}".encode("ascii"))


def _base128(number: int) -> bytes:
    octets = [number & 0x7F]
    while number := number >> 7:
        octets.append(number & 0x7F | 0x80)
    return bytes(reversed(octets))


def _next(der: bytes, start: int) -> Element:
    """The element that begins at `start`."""
    if len(der) - start < 2:
        raise DerError("the structure ends too early")
    tag, size, body = der[start], der[start + 1], start + 2
    if tag & _HIGH_TAG == _HIGH_TAG:
        raise DerError("tags above 30 do not occur")
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= _LONGEST_LENGTH or len(der) - body < count:
            raise DerError("a length has an indefinite or needless form")
        size = int.from_bytes(der[body : body + count], "big")
        body += count
        if size < 0x80 or size < 1 << 8 * (count - 1):
            raise DerError("a length is longer than need be")
    if len(der) - body < size:
        raise DerError("an element is longer than what holds it")
    return Element(tag, der[start : body + size], der[body : body + size])


def _names(tags: Sequence[int]) -> str:
    return " ".join(f"0x{tag:02x}" for tag in tags)
