"""What follows the last seal of a PDF, byte by byte.

Readers forgive: objects that no table lists, a table that is missing or points elsewhere, an end that is none. Some
show what they find so, others do not, and so signed files were made to show something else (incremental saving).
So nothing may follow it but whole updates by the book, of which every byte is an object that the update's own
table lists, the table, the trailer and the end.
"""

import re
from itertools import pairwise

from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.xref import ObjStreamRef

_BLANK = re.compile(rb"[ \t\r\n]*")
_OBJECT = re.compile(rb"(\d{1,10}) (\d{1,5}) obj\b.*?\bendobj\b", re.DOTALL)
# Some programs put their name behind the trailer, as a comment.
_TABLE = re.compile(
    rb"xref\s+((?:\d+ \d+\s+(?:\d{10} \d{5} [nf]\s*)*)+)trailer\s*<<(.*?)>>\s*(?:%[^%\r\n][^\r\n]*\s+)?", re.DOTALL
)
_SECTION = re.compile(rb"(\d+) (\d+)\s+((?:\d{10} \d{5} [nf]\s*)*)")
_ENTRY = re.compile(rb"\d{10} \d{5} [nf]")
_END = re.compile(rb"startxref\s+(\d+)\s+%%EOF[ \t]*(?:\r\n|\r|\n)?")
_END_OF_SEALED = re.compile(_END.pattern + rb"[ \t\r\n]*$")
_LONGEST_END = 100
# A table may lie in an object of its own (PDF 1.5), which it may leave out of itself.
_TABLE_OBJECT = re.compile(rb"(\d{1,10}) (\d{1,5}) obj\s*<<(.*?)\bstream\b.*?\bendobj\b", re.DOTALL)
_IS_TABLE = re.compile(rb"/Type\s*/XRef\b")
# A name written in another way (#49 for I), which nobody does here who has nothing to hide.
_DISGUISED = re.compile(rb"/[^\s/<>()\[\]]*#")
# What readers would look for elsewhere in the file, each in its own way, if the newest table did not say it.
_NEEDED = tuple(re.compile(rb"/%s\s+\d" % name) for name in (b"Root", b"Size", b"Prev"))
_WITHIN = re.compile(rb"<<.*?>>|/ID\s*\[.*?\]", re.DOTALL)
_INDEX = re.compile(rb"/Index\s*\[([\s\d]*)\]")


def is_whole(reader: PdfFileReader, content: bytes, end: int) -> bool:
    """Whether what follows `end` is updates by the book, and nothing else."""
    listed = _listed(reader, content, end)
    if listed is None:
        return False
    places, tables = listed
    position = _skip(content, end)
    while position < len(content):
        found = _END.match(content, position)
        if found:
            if int(found[1]) not in tables:
                return False
            if found.end() == len(content):
                return True
        elif position in tables:
            found = _table(content, position)
            if found is None or not _says_all(found[found.re.groups]):
                return False
        elif position in places:
            found = _OBJECT.match(content, position)
        if found is None:
            return False
        position = _skip(content, found.end())
    return False


def is_clear(reader: PdfFileReader, content: bytes) -> bool:
    """Whether no table of the file lists an object twice, so that all readers find the same ones."""
    starts = (reader.xrefs.get_startxref_for_revision(each) for each in range(reader.xrefs.total_revisions))
    return all(_table(content, _skip(content, start)) is not None for start in starts)


def _table(content: bytes, position: int) -> re.Match[bytes] | None:
    """The table there, if it lists each object once: of two places for one, readers take the first or the last."""
    found = _TABLE.match(content, position)
    if found:
        sections = [(int(each[1]), int(each[2]), each[3]) for each in _SECTION.finditer(found[1])]
        if any(count != len(_ENTRY.findall(entries)) for _, count, entries in sections):
            return None
        ranges = [(first, count) for first, count, _ in sections]
    else:
        found = _TABLE_OBJECT.match(content, position)
        if found is None:
            return None
        head = found[3]
        indices = _INDEX.findall(head)
        if _DISGUISED.search(head) or not _IS_TABLE.search(head) or len(indices) != head.count(b"/Index"):
            return None
        numbers = [int(each) for index in indices for each in index.split()]
        ranges = list(zip(numbers[::2], numbers[1::2], strict=False))
    ranges.sort()
    return None if any(first + count > after for (first, count), (after, _) in pairwise(ranges)) else found


def _says_all(dictionary: bytes) -> bool:
    """Whether a table's dictionary itself has what it needs: not in a comment, a text, or another dictionary."""
    own = _WITHIN.sub(b" ", dictionary)
    return not any(each in own for each in (b"(", b"%")) and all(needed.search(own) for needed in _NEEDED)


def _listed(reader: PdfFileReader, content: bytes, end: int) -> tuple[set[int], set[int]] | None:
    """Where the objects of the updates lie, and where their tables do; None when the updates are not by the book.

    What an update lists it brings itself: an object that is said to lie in the sealed part might be told by it, or by
    a reader that finds it not quite there, to be another one than was sealed.
    """
    before = _END_OF_SEALED.search(content[max(0, end - _LONGEST_END) : end])
    starts = [reader.xrefs.get_startxref_for_revision(each) for each in range(reader.xrefs.total_revisions)]
    tables = {start for start in starts if start >= end}
    if before is None or not tables or int(before[1]) != max((each for each in starts if each < end), default=-1):
        return None
    places = set()
    for revision, start in enumerate(starts):
        if start not in tables:
            continue
        listed = reader.xrefs.explicit_refs_in_revision(revision)
        numbers = {reference.idnum for reference in listed}
        for reference in listed:
            place = reader.xrefs.get_historical_ref(reference, revision)
            if isinstance(place, ObjStreamRef) and place.obj_stream_id not in numbers:
                return None
            if isinstance(place, int):
                if place < end:
                    return None
                places.add(place)
    return places, tables


def _skip(content: bytes, position: int) -> int:
    blank = _BLANK.match(content, position)
    return blank.end() if blank else position
