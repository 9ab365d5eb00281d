"""A sealed PDF as bytes, to be tampered with where no library would help."""

import io
import re
from collections.abc import Mapping, Sequence

from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import SigFieldSpec

from services.eseal.domain.orders import Order
from services.eseal.pdf import preparing
from services.eseal.pdf.prepared import ROOM
from services.eseal.pdf.sealing import Sealer
from tests.eseal.builders import NOON


class Raw:
    """One file with one seal, by its bytes."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._reader = PdfFileReader(io.BytesIO(content))
        (signature,) = self._reader.embedded_signatures
        self.byte_range = [int(number) for number in signature.byte_range]
        self.container = signature.pkcs7_content
        self.signature_number = signature.sig_field.raw_get("/V").idnum
        self.root_number = self._reader.root_ref.idnum
        self.pages_number = self._reader.root.raw_get("/Pages").idnum
        first = self._reader.root["/Pages"]["/Kids"].raw_get(0)
        self.page_number = first.idnum
        self._page = first.get_object()
        self.startxref = int(re.findall(rb"startxref\s+(\d+)", content)[-1])
        self._size = int(self._reader.trailer["/Size"])

    @property
    def last_content(self) -> int:
        """The number of the last stream that the page draws."""
        contents = self._page["/Contents"]
        number = contents.raw_get(len(contents) - 1).idnum
        assert isinstance(number, int)
        return number

    @property
    def font_number(self) -> int:
        """The number of a font of the page."""
        fonts = self._page["/Resources"]["/Font"]
        number = next(iter(fonts.values())).reference.idnum
        assert isinstance(number, int)
        return number

    def numbers_of(self, text: bytes) -> list[int]:
        """The numbers of the objects in which this stands."""
        objects = re.findall(rb"(?m)^(\d+) 0 obj(.*?)endobj", self.content, re.DOTALL)
        return [int(number) for number, body in objects if text in body]

    def object(self, number: int, body: bytes) -> bytes:
        """An object as it stands in a file."""
        return b"%d 0 obj\n" % number + body + b"\nendobj\n"

    def update(
        self,
        bodies: Mapping[int, bytes],
        *,
        root: int | None = None,
        freed: Sequence[int] = (),
        moved: Mapping[int, int] | None = None,
    ) -> bytes:
        """The file with an update written by hand: objects, freed ones, and ones said to lie where others do."""
        out, entries = bytearray(self.content), dict.fromkeys(freed, b"0000000000 00001 f \n")
        for number, body in bodies.items():
            entries[number] = b"%010d 00000 n \n" % len(out)
            out += self.object(number, body)
        for number, other in (moved or {}).items():
            place = re.search(rb"(?m)^%d 0 obj" % other, self.content)
            assert place is not None
            entries[number] = b"%010d 00000 n \n" % place.start()
        start = len(out)
        out += b"xref\n0 1\n0000000000 65535 f \n"
        for number in sorted(entries):
            out += b"%d 1\n" % number + entries[number]
        trailer = b"trailer\n<</Size %d/Root %d 0 R/Prev %d>>\n" % (
            self._size,
            root or self.root_number,
            self.startxref,
        )
        return bytes(out + trailer + b"startxref\n%d\n%%%%EOF\n" % start)

    def with_range(self, value: bytes) -> bytes:
        """The file with another range, in the room that the old one has."""
        found = re.search(rb"/ByteRange (\[[^\]]*\] *)", self.content)
        assert found is not None
        room = found.end(1) - found.start(1)
        assert len(value) <= room
        return self.content[: found.start(1)] + value.ljust(room) + self.content[found.end(1) :]

    def with_container(self, container: bytes) -> bytes:
        """The file with another signature in the place of its own."""
        _, first, second, _ = self.byte_range
        digits = container.hex().encode()
        assert len(digits) <= second - first - 2
        return self.content[:first] + b"<" + digits.ljust(second - first - 2, b"0") + b">" + self.content[second:]

    def with_literal_container(self) -> bytes:
        """The signature as a literal string, which takes half the room; in the other half stands what nobody signed."""
        _, first, second, _ = self.byte_range
        literal = b"(" + _escaped(self.container) + b")"
        guest = b"/Reason (paid)"
        room = second - first
        if len(literal) + len(guest) > room:
            literal = b"(" + _escaped(self.container.rstrip(b"\0")) + b")"
        return self.content[:first] + (literal + guest).ljust(room) + self.content[second:]

    def signature_object(self) -> bytes:
        """The signature's dictionary, word for word."""
        found = re.search(rb"(?m)^%d 0 obj(.*?)endobj" % self.signature_number, self.content, re.DOTALL)
        assert found is not None
        return found[1].strip()

    def wrapped(self, *, padded: bool) -> bytes:
        """The signed bytes in two parts with a second file between them, which alone is shown.

        The table of objects lies where the old one did, as the end of the signed bytes says. With `padded` the
        signature is so long that range and container add up to the size of the file.
        """
        _, first, second, length = self.byte_range
        head, tail = self.content[:first], self.content[second:]
        gap = 140_000
        signature = self.container.rstrip(b"\0")
        contents = signature + bytes((gap - 2) // 2 - len(signature)) if padded else signature
        out = bytearray(head + b"<>")
        offsets = {}

        def write(number: int, body: bytes) -> None:
            offsets[number] = len(out)
            out.extend(self.object(number, body))

        moved = b"[0 %d %d %d]" % (first, first + gap, length)
        write(self.signature_number, b"<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/ByteRange "
              + moved + b"/Contents (" + _escaped(contents) + b")>>")  # fmt: skip
        field = 900
        write(self.root_number, b"<</Type/Catalog/Pages %d 0 R/AcroForm<</SigFlags 3/Fields[%d 0 R]>>>>"
              % (self.pages_number, field))  # fmt: skip
        write(self.pages_number, b"<</Type/Pages/Count 1/Kids[%d 0 R]>>" % self.page_number)
        write(self.page_number, b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 99 99]>>" % self.pages_number)
        write(field, b"<</FT/Sig/T(Seal1)/V %d 0 R/Rect[0 0 9 9]/Subtype/Widget/Type/Annot>>" % self.signature_number)
        if len(out) < self.startxref:
            out.extend(b" " * (self.startxref - len(out)))
            start = self.startxref
        else:
            start = len(out)
        table = b"xref\n0 1\n0000000000 65535 f \n" + b"".join(
            b"%d 1\n%010d 00000 n \n" % (number, offsets[number]) for number in sorted(offsets)
        )
        out.extend(table + b"trailer\n<</Size 901/Root %d 0 R>>\n" % self.root_number)
        assert len(out) <= first + gap
        out.extend(b" " * (first + gap - len(out)))
        out.extend(tail)
        if start != self.startxref:
            # The signed end points at bytes of the signed beginning: readers that look for tables find this one.
            return bytes(out) + b"startxref\n%d\n%%%%EOF\n" % start
        return bytes(out)

    def sealed_past_certification(self, by: Sealer) -> bytes:
        """Another seal on a file that forbids it, put there by somebody who does not ask."""
        writer = IncrementalPdfFileWriter(io.BytesIO(self.content))
        field = SigFieldSpec("Seal2", on_page=0, box=(10, 10, 90, 90))
        return by.sign(preparing._written(writer, field, Order(None), NOON, ROOM, None)).content


def _escaped(data: bytes) -> bytes:
    return re.sub(rb"[\\()\r]", lambda found: b"\\%03o" % found[0][0], data)
