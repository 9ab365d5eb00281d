"""What follows the last signature of a PDF, byte by byte.

Readers forgive: objects that no table lists, a table that is missing or points elsewhere, an end that is none. Some
show what they find so, others do not, and so signed files were made to show something else (incremental saving).
So nothing may follow a signature but whole updates by the book, of which every byte is an object that the update's own
table lists, the table, the trailer and the end.
"""

import re

from pyhanko.pdf_utils.reader import PdfFileReader

_BLANK = re.compile(rb"[ \t\r\n]*")
_OBJECT = re.compile(rb"(\d{1,10}) (\d{1,5}) obj\b.*?\bendobj\b", re.DOTALL)
_TABLE = re.compile(rb"xref\s+(?:\d+ \d+\s+(?:\d{10} \d{5} [nf]\s*)*)+trailer\s*<<.*?>>\s*", re.DOTALL)
_END = re.compile(rb"startxref\s+(\d+)\s+%%EOF[ \t]*(?:\r\n|\r|\n)?")
# A table may lie in an object of its own (PDF 1.5), which it may leave out of itself.
_TABLE_OBJECT = re.compile(rb"(\d{1,10}) (\d{1,5}) obj\s*<<[^>]*/Type\s*/XRef\b.*?\bendobj\b", re.DOTALL)


def is_whole(reader: PdfFileReader, content: bytes, end: int) -> bool:
    """Whether what follows `end` is updates by the book, and nothing else."""
    places, tables = _listed(reader, end)
    if not tables:
        return False
    position = _skip(content, end)
    while position < len(content):
        found = _END.match(content, position)
        if found:
            if int(found[1]) not in tables:
                return False
            if found.end() == len(content):
                return True
        elif position in tables:
            found = _TABLE.match(content, position) or _TABLE_OBJECT.match(content, position)
        elif position in places:
            found = _OBJECT.match(content, position)
        if found is None:
            return False
        position = _skip(content, found.end())
    return False


def _listed(reader: PdfFileReader, end: int) -> tuple[set[int], set[int]]:
    """Where the objects of the updates lie, and where their tables do."""
    places, tables = set(), set()
    for revision in range(reader.xrefs.total_revisions):
        start = reader.xrefs.get_startxref_for_revision(revision)
        if start < end:
            continue
        tables.add(start)
        for reference in reader.xrefs.explicit_refs_in_revision(revision):
            place = reader.xrefs.get_historical_ref(reference, revision)
            if isinstance(place, int):
                places.add(place)
    return places, tables


def _skip(content: bytes, position: int) -> int:
    blank = _BLANK.match(content, position)
    return blank.end() if blank else position
