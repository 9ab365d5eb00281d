"""Whether a file of a stranger may carry a seal: it can be read, shows one thing for good, and no seal on it is broken.

A seal vouches for what somebody saw on a page. What scripts, layers, media or files elsewhere show may be another thing
tomorrow, or in another reader, without a byte being changed. To be called in a confined process only.
"""

import io
from collections.abc import Iterator

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

from services.eseal.domain.answers import Verdict
from services.eseal.domain.findings import MOST_SEALS, too_many_seals
from services.eseal.domain.trust import Trust
from services.eseal.pdf.orders import SealingError
from services.eseal.pdf.verification import inspect

# Actions (ISO 32000-1, 12.6.4) that change what is shown, run something, or send something away.
_ACTIONS = frozenset(
    {
        "/Hide",
        "/ImportData",
        "/JavaScript",
        "/Launch",
        "/Movie",
        "/Rendition",
        "/ResetForm",
        "/RichMediaExecute",
        "/SetOCGState",
        "/Sound",
        "/SubmitForm",
    }
)
_MEDIA = frozenset({"/3D", "/Movie", "/RichMedia", "/Screen", "/Sound"})
_KEYS = {
    "/JS": "a script",
    "/XFA": "a form that readers draw by themselves (XFA)",
    "/OCProperties": "layers that readers show or hide",
    "/Alternates": "pictures that look different on paper",
}


def screen(content: bytes, trust: Trust) -> None:
    """Raises SealingError or UnreadableError for a file that must not be sealed.

    With BROKEN_PDF, ENCRYPTED_PDF, TOO_MANY_SIGNATURES, ALTERED, CHANGEABLE_CONTENT. What pyHanko raises for a broken
    file it raises too.
    """
    if not content.startswith(b"%PDF-"):
        raise SealingError("BROKEN_PDF", "the file has something before the PDF; save it anew and seal that")
    finding = inspect(content, trust, lambda _: None)
    if finding.verdict is Verdict.ALTERED:
        raise SealingError("ALTERED", f"the file was sealed before, and is not what was sealed. {finding.en}")
    if len(finding.seals) >= MOST_SEALS:
        raise too_many_seals()
    for each in _dictionaries(PdfFileReader(io.BytesIO(content))):
        changing = _changing(each)
        if changing:
            message = f"the file has {changing}, and may show something else later; print it to a plain PDF first"
            raise SealingError("CHANGEABLE_CONTENT", message)


def _changing(found: generic.DictionaryObject) -> str:
    """What in a dictionary can change what is shown; empty for nothing."""
    for key, name in _KEYS.items():
        if key in found:
            return name
    if _name(found, "/S") in _ACTIONS:
        return f"the action {_name(found, '/S')[1:]}"
    if _name(found, "/Subtype") in _MEDIA:
        return f"media ({_name(found, '/Subtype')[1:]})"
    if isinstance(found, generic.StreamObject) and "/F" in found:
        return "content that lies in another file"
    if "/NeedAppearances" in found and bool(found["/NeedAppearances"]):
        return "fields that readers draw by themselves"
    return ""


def _name(found: generic.DictionaryObject, key: str) -> str:
    value = found[key] if key in found else None  # noqa: SIM401 - `get` gives a reference, unread
    return value if isinstance(value, generic.NameObject) else ""


def _dictionaries(reader: PdfFileReader) -> Iterator[generic.DictionaryObject]:
    """Every dictionary that can be reached from the root, once each."""
    seen: set[tuple[int, int]] = set()
    waiting: list[object] = [reader.trailer.raw_get("/Root")]
    while waiting:
        each = waiting.pop()
        if isinstance(each, generic.IndirectObject):
            place = (each.idnum, each.generation)
            if place not in seen:
                seen.add(place)
                waiting.append(each.get_object())
        elif isinstance(each, generic.DictionaryObject):
            yield each
            waiting.extend(each.values())
        elif isinstance(each, generic.ArrayObject):
            waiting.extend(each)
