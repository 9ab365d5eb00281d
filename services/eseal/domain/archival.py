"""What makes a PDF of ours one for the archive: PDF/A-2u (ISO 19005-2), which may be read the same for decades.

The claim in the metadata is made here alone, and every kind of document that we render or seal is judged in the tests
by a validator that is not ours. Part 2, for the picture of a seal is transparent; level U, for every character can be
copied and searched.
"""

from functools import cache

import pikepdf
from pikepdf import Array, Dictionary, Name, Stream, String
from PIL import ImageCms

_PART, _CONFORMANCE = "2", "U"
_COLOURS = "sRGB IEC61966-2.1"
# When a profile was made is bytes 24 to 35 of it (ICC.1, 7.2.8): six numbers, here of the start of 2000, for what made
# it puts its clock there, and the same notice has to give the same bytes.
_MADE_AT = slice(24, 36)
_MADE = bytes((7, 208, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0))


def declare(pdf: pikepdf.Pdf) -> None:
    """Says how the colours of a file are meant, and in its metadata what its `docinfo` says and what it conforms to."""
    pdf.Root.OutputIntents = Array([_intent(pdf)])
    with pdf.open_metadata(set_pikepdf_as_editor=False, update_docinfo=False) as metadata:
        metadata.load_from_docinfo(pdf.docinfo)
        metadata["dc:format"] = "application/pdf"
        metadata["pdfaid:part"] = _PART
        metadata["pdfaid:conformance"] = _CONFORMANCE


def _intent(pdf: pikepdf.Pdf) -> pikepdf.Object:
    return pdf.make_indirect(
        Dictionary(
            Type=Name.OutputIntent,
            S=Name.GTS_PDFA1,
            OutputConditionIdentifier=String(_COLOURS),
            Info=String(_COLOURS),
            DestOutputProfile=Stream(pdf, _profile(), N=3),
        )
    )


@cache
def _profile() -> bytes:
    """The ICC profile of sRGB, as Little CMS computes it."""
    made = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    made[_MADE_AT] = _MADE
    return bytes(made)
