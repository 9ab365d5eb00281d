"""Updates whose table of objects means one thing to one reader and another to the next."""

import re
import struct
import zlib
from functools import cache

import pytest
from pyhanko.pdf_utils import generic

from services.eseal.domain.answers import Verdict
from services.eseal.domain.findings import UnreadableError
from tests.eseal.pdf import attacks
from tests.eseal.pdf.builders import judged, pages, sealed
from tests.eseal.pdf.raw import Raw

_SHADOW = b"0 0 600 800 re f"


class Prepared:
    """A sealed file in which lies, as the text of a stream, a second version of what its page draws."""

    def __init__(self) -> None:
        plain = pages()
        self.drawn = Raw(sealed(plain))._page.raw_get("/Contents").idnum
        shadow = b"%d 0 obj\n<</Length %d>>\nstream\n%s\nendstream\nendobj\n" % (self.drawn, len(_SHADOW), _SHADOW)

        def hide(writer: attacks.Writer) -> None:
            writer.add_object(generic.StreamObject(stream_data=shadow))

        self.content = sealed(attacks.updated(plain, hide))
        self.raw = Raw(self.content)
        self.own = self.content.index(b"\n%d 0 obj" % self.drawn) + 1
        self.shadow = self.content.index(shadow)
        self.root = self.raw.root_number
        place = self.content.rindex(b"\n%d 0 obj" % self.root)
        found = re.compile(rb"\n\d+ 0 obj(.*?)endobj", re.DOTALL).match(self.content, place)
        assert found is not None
        self.catalogue = found[1].strip()

    @property
    def last(self) -> int:
        """Where the newest table of an update by the book lies."""
        return int(re.findall(rb"startxref\s+(\d+)", self.written())[-1])

    def written(self, *sections: bytes, previous: int | None = None, behind_trailer: bytes = b"") -> bytes:
        """An update by the book that writes the catalogue as it is, and a table with more in it than that."""
        out = bytearray(self.content)
        place = len(out)
        out += self.raw.object(self.root, self.catalogue)
        start = len(out)
        out += b"xref\n0 1\n0000000000 65535 f \n" + section(self.root, place) + b"".join(sections)
        before = self.raw.startxref if previous is None else previous
        out += b"trailer\n<</Size %d/Root %d 0 R/Prev %d>>\n" % (self.raw._size, self.root, before)
        return bytes(out) + behind_trailer + b"startxref\n%d\n%%%%EOF\n" % start

    def written_as_stream(self, *objects: tuple[int, int], index: bytes = b"/Index[%s]") -> bytes:
        """The same with the table in a stream, which has these objects at these places beside the catalogue."""
        out = bytearray(self.content)
        place, own = len(out), self.raw._size
        out += self.raw.object(self.root, self.catalogue)
        start = len(out)
        entries = [(self.root, place), *objects, (own, start)]
        data = zlib.compress(b"".join(b"\x01" + struct.pack(">I", each) + b"\x00" for _, each in entries))
        numbers = b" ".join(b"%d 1" % number for number, _ in entries)
        head = b"/Type/XRef/Size %d/W[1 4 1]/Root %d 0 R/Prev %d" % (own + 1, self.root, self.raw.startxref)
        out += b"%d 0 obj\n<<%s%s/Filter/FlateDecode/Length %d>>\nstream\n" % (
            own, head, index % numbers, len(data)
        )  # fmt: skip
        return bytes(out) + data + b"\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % start


def section(number: int, *places: int, generation: int = 0, count: int = 1) -> bytes:
    entries = b"".join(b"%010d %05d n \n" % (place, generation) for place in places)
    return b"%d %d\n" % (number, count) + entries


@cache
def prepared() -> Prepared:
    return Prepared()


def outcome(content: bytes) -> str:
    try:
        return judged(content).verdict.name
    except UnreadableError as fault:
        return fault.reason


def test_an_update_that_lists_what_it_writes_is_by_the_book() -> None:
    file = prepared()
    assert outcome(file.content) == "GENUINE"
    assert outcome(file.written()) == "GENUINE"
    assert outcome(file.written(behind_trailer=b"%iText-7.2.5\n")) == "GENUINE"
    assert outcome(file.written_as_stream()) == "GENUINE"


def without(content: bytes, name: bytes) -> bytes:
    """The file with this entry missing from its newest table."""
    place = content.rindex(name)
    return content[:place] + name[:-1] + b"X" + content[place + len(name) :]


def hidden(content: bytes, within: bytes) -> bytes:
    """The file with the root of its newest table within something else, and the table's place told anew."""
    found = re.compile(rb"/Root \d+ 0 R").search(content, content.rindex(b"/Size"))
    assert found is not None
    return content[: found.start()] + within % found[0] + content[found.end() :]


def _tables() -> dict[str, bytes]:
    file = prepared()
    number, own, shadow = file.drawn, file.own, file.shadow
    first = int(re.findall(rb"startxref\s+(\d+)", file.content)[0])
    return {
        "the shadow": file.written(section(number, shadow)),
        "what is shown, then the shadow": file.written(section(number, own), section(number, shadow)),
        "the shadow, then what is shown": file.written(section(number, shadow), section(number, own)),
        "both in one section": file.written(section(number, shadow, own)),
        "sections that overlap": file.written(section(number - 1, shadow, own, count=2), section(number, own)),
        "what is shown, as it was": file.written(section(number, own)),
        "a byte before what is shown": file.written(section(number, own - 1)),
        "what is shown, in another generation": file.written(section(number, own, generation=1)),
        "what is shown, freed": file.written(b"%d 1\n0000000000 00001 f \n" % number),
        "the table before the sealed one": file.written(previous=first),
        "a second end": file.written(behind_trailer=b"%%EOF\n"),
        "no root": without(file.written(), b"/Root"),
        "a root in a text": hidden(file.written(), b"/X(%s)"),
        "a root in a comment": hidden(file.written(), b"%%%s\n"),
        "a root in another dictionary": hidden(file.written(), b"/X<<%s>>"),
        "a root behind the trailer": without(file.written(), b"/Root").replace(
            b">>\nstartxref\n%d" % file.last, b">>\n%%x /Root 4 0 R\nstartxref\n%d" % file.last
        ),
        "streams: a root in another dictionary": hidden(file.written_as_stream(), b"/X<<%s>>"),
        "no size": without(file.written(), b"/Size"),
        "nothing before": without(file.written(), b"/Prev"),
        "streams: no root": without(file.written_as_stream(), b"/Root"),
        "streams: nothing before": without(file.written_as_stream(), b"/Prev"),
        "streams: the shadow": file.written_as_stream((number, shadow)),
        "streams: the shadow, then what is shown": file.written_as_stream((number, shadow), (number, own)),
        "streams: what is shown, then the shadow": file.written_as_stream((number, own), (number, shadow)),
        "streams: another spelling": file.written_as_stream(
            (number, shadow), (number, own), index=b"/#49ndex[%s]"
        ),
        "streams: the catalogue twice": file.written_as_stream((file.root, own)),
        "streams: an index elsewhere": file.written_as_stream(index=b"/Index 9 0 R%%%s\n"),
    }  # fmt: skip


TABLES = _tables()


@pytest.mark.parametrize("table", TABLES)
def test_a_table_that_could_be_read_in_two_ways_is_a_change(table: str) -> None:
    assert outcome(TABLES[table]) not in (Verdict.GENUINE.name, "ENCRYPTED_PDF")
