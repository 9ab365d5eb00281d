"""What every program notes that writes to a PDF: when it did, and what program it is.

A PDF has a place for that among its properties, and another in its metadata (XMP, ISO 16684-1), where documents for the
archive say what they conform to.
"""

import io
from collections import Counter
from collections.abc import Iterable

from lxml import etree  # type: ignore[import-untyped]
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.decode_limits import DecodePurpose
from pyhanko.pdf_utils.metadata import model
from pyhanko.pdf_utils.metadata.xmp_xml import XmpXmlProcessingError, parse_xmp, serialise_xmp
from pyhanko.pdf_utils.reader import HistoricalResolver
from pyhanko.sign.diff_analysis import SuspiciousModification
from pyhanko.sign.diff_analysis.commons import compare_dicts
from pyhanko.sign.diff_analysis.rules.metadata_rules import DocInfoRule, MetadataUpdateRule
from pyhanko.sign.diff_analysis.rules_api import ReferenceUpdate, WhitelistRule

_IN_PROPERTIES = frozenset({"/ModDate", "/Producer"})
_METADATA_DATE = model.ExpandedName(model.NS["xmp"], "MetadataDate")
_IN_METADATA = frozenset({model.XMP_MODDATE, model.PDF_PRODUCER, _METADATA_DATE})

_WRITER = f"{{{model.NS['x']}}}xmptk"


class Noted(WhitelistRule):
    """Who wrote to the file last, and when; never a title, an author, a subject, or what it conforms to."""

    def apply(self, old: HistoricalResolver, new: HistoricalResolver) -> Iterable[ReferenceUpdate]:
        """Raises SuspiciousModification when anything else was changed."""
        compare_dicts(_properties(old), _properties(new), _IN_PROPERTIES)
        # Whether it is XML at all comes first.
        updates = [*DocInfoRule().apply(old, new), *MetadataUpdateRule().apply(old, new)]
        if _metadata(old) != _metadata(new):
            raise SuspiciousModification("the metadata says something else")
        yield from updates


def _properties(revision: HistoricalResolver) -> generic.PdfObject:
    trailer = revision.trailer_view
    found: generic.PdfObject = trailer["/Info"] if "/Info" in trailer else generic.DictionaryObject()
    return found


def _metadata(revision: HistoricalResolver) -> dict[model.ExpandedName, model.XmpValue]:
    """What the metadata says, but for what programs note."""
    root = revision.root
    if "/Metadata" not in root:
        return {}
    content = root["/Metadata"].read_data(DecodePurpose.XMP_METADATA)
    try:
        parts = parse_xmp(io.BytesIO(content))
    except (XmpXmlProcessingError, UnicodeError) as fault:
        raise SuspiciousModification("the metadata cannot be read") from fault
    said = [pair for part in parts for pair in part]
    again = io.BytesIO()
    serialise_xmp(parts, again)
    if len(said) != len(dict(said)) or _words(content) != _words(again.getvalue()):
        raise SuspiciousModification("the metadata says things twice, or where not every program reads them")
    return {name: value for name, value in said if name not in _IN_METADATA}


def _words(metadata: bytes) -> Counter[str]:
    """Every text and every attribute's value, wherever it stands, but for which program wrote all that."""
    found: Counter[str] = Counter()
    for element in etree.fromstring(metadata, etree.XMLParser(resolve_entities=False)).iter():
        values = (value for name, value in element.items() if name != _WRITER)
        found.update(word.strip() for word in (element.text or "", element.tail or "", *values))
    del found[""]
    return found
