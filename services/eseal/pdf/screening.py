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
from services.eseal.domain.orders import SealingError
from services.eseal.domain.trust import Trust
from services.eseal.pdf.coverage import may_show
from services.eseal.pdf.tail import is_clear
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
# Of a stream: itself, a page of another file that is shown in its place (8.10.4), what a press puts there (14.11.7).
_ELSEWHERE = ("/F", "/Ref", "/OPI")
# Flags of a note (12.5.3): Print; Hidden, NoView and ToggleNoView.
_PRINTED, _NOT_ALWAYS_SHOWN = 0x4, 0x2 | 0x20 | 0x100
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
    reader = PdfFileReader(io.BytesIO(content))
    if not is_clear(reader, content):
        message = "the file's table of objects may be read in several ways; print it to a plain PDF first"
        raise SealingError("BROKEN_PDF", message)
    for each in _dictionaries(reader):
        changing = _changing(each)
        if changing:
            message = f"the file has {changing}, and may show something else later; print it to a plain PDF first"
            raise SealingError("CHANGEABLE_CONTENT", message)


def _changing(found: generic.DictionaryObject) -> str:
    """What in a dictionary can change what is shown; empty for nothing."""
    for key, name in _KEYS.items():
        if key in found:
            return name
    action, kind = _name(found, "/S"), _name(found, "/Subtype")
    is_stream = isinstance(found, generic.StreamObject)
    faults = {
        f"the action {action[1:]}": action in _ACTIONS,
        f"media ({kind[1:]})": kind in _MEDIA,
        "content that lies in another file": is_stream and any(key in found for key in _ELSEWHERE),
        "notes that are shown on screen or on paper only": _shows_sometimes(found),
        "fields that readers draw by themselves": "/NeedAppearances" in found and bool(found["/NeedAppearances"]),
    }
    return next((name for name, is_there in faults.items() if is_there), "")


def _shows_sometimes(found: generic.DictionaryObject) -> bool:
    """Whether it is a note with a picture that is hidden, or is not both on screen and on paper."""
    if "/Rect" not in found or "/AP" not in found or not may_show(found):
        return False
    flags = found["/F"] if "/F" in found else 0  # noqa: SIM401 - `get` gives a reference, unread
    return not isinstance(flags, int) or not flags & _PRINTED or bool(flags & _NOT_ALWAYS_SHOWN)


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
