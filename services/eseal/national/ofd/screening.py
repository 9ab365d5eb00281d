"""Whether an OFD of a stranger may carry a seal: it can be read, shows one thing for good, and no seal on it is broken.

A seal covers every file of the package, but it vouches for what somebody saw on a page. Media, files elsewhere, several
documents in one package, or what only some programs understand may show another thing tomorrow, or elsewhere, without a
byte being changed. So only what the standard knows is let through. To be called in a confined process only.
"""

import io

from PIL import Image

from services.eseal.domain.answers import Code, Verdict
from services.eseal.domain.findings import MOST_SEALS, Finding, too_many_seals
from services.eseal.domain.orders import SealingError
from services.eseal.domain.trust import Trust
from services.eseal.national.ofd import xml
from services.eseal.national.ofd.package import Files, read
from services.eseal.national.ofd.parts import Part, parts
from services.eseal.national.ofd.structure import ROOT, part
from services.eseal.national.ofd.verification import inspect
from services.eseal.national.ofd.vocabulary import held_by
from services.eseal.national.ofd.xml import Element

_TELLING = {
    "Extensions": "extensions, which only some programs understand",
    "GotoA": "an action that opens another file",
    "Movie": "media (Movie)",
    "Sound": "media (Sound)",
    "Substitution": "something that looks different on paper",
    "ValidPeriod": "a time before or after which readers do not show it",
}
# What is referred to by its number.
_NUMBERED = frozenset({"ColorSpace", "CompositeGraphicUnit", "DrawParam", "Font", "MultiMedia", "TemplatePage"})
_MOVING = ("PNG", "GIF", "TIFF")
# How pictures begin: those that may move, then JPEG, BMP, JBIG2 with a header and without.
_MAY_MOVE = (b"\x89PNG", b"GIF8", b"II*\0", b"MM\0*")
_PICTURES = (*_MAY_MOVE, b"\xff\xd8\xff", b"BM", b"\x97JB2", b"\0\0\0\0\x30", b"\0\0\0\0\0")
# What is shown, or how. Of 1 and 0, which the standard knows too, and of upper case programs make different things.
_SWITCHES, _TRUTHS = ("Visible", "Print", "Fill", "Stroke"), ("true", "false")
# Attributes of XML itself and of its schemas; of others, with a namespace, some programs take no notice of that.
_COMMON = "{http://www.w3.org/"
_NO = ("false", "0")


def screen(content: bytes, trust: Trust) -> Files:
    """The files of a package that may be sealed.

    Raises SealingError or UnreadableError with BROKEN_OFD, TOO_MANY_SIGNATURES, ALTERED, UNKNOWN_SIGNATURE, CERTIFIED,
    CHANGEABLE_CONTENT; BadPackageError, BadDocumentError and BadXmlError for what is broken.
    """
    files = read(content)
    _check_one_document(files)
    _check_seals(inspect(content, trust, lambda _: None))
    numbers: set[str] = set()
    for each in parts(files):
        for element in each.root.iter():
            changing = _changing(each.kind, element, xml.name_of(element))
            if changing:
                raise _changeable(changing)
        _check_numbers(each, numbers)
        _check_named(each, files)
        if each.kind == "Document":
            _check_rules(each.root)
    return files


def _check_one_document(files: Files) -> None:
    bodies = list(xml.children(xml.parse(part(files, ROOT), "OFD"), "DocBody"))
    if len(bodies) > 1 or any(xml.child(body, "Versions") is not None for body in bodies):
        raise _changeable("several documents or versions of one, of which readers show one or the other")


def _check_seals(finding: Finding) -> None:
    if finding.verdict is Verdict.ALTERED:
        raise SealingError("ALTERED", f"the file was sealed before, and is not what was sealed. {finding.en}")
    if len(finding.seals) >= MOST_SEALS:
        raise too_many_seals()
    if any(answer.code is Code.SIGNATURE_KIND_UNKNOWN for seal in finding.seals for answer in seal.answers):
        message = "the file carries a signature of a kind that cannot be checked here; seal the file from before it"
        raise SealingError("UNKNOWN_SIGNATURE", message)


def _changing(kind: str, element: Element, name: str) -> str:
    """What in an element can change what is shown; empty for nothing."""
    several, names = held_by(kind, name), xml.names_of(element)
    for each, held in zip(element, names, strict=True):
        if held not in several:
            unknown = f"{each.tag.rpartition('}')[2][:50]} in {name}, which only some programs understand"
            return _TELLING.get(held, unknown)
        if not several[held] and names.count(held) > 1:
            return f"several {held} in one {name}, of which readers show one or the other"
    if name == "MultiMedia" and element.get("Type") != "Image":
        return f"media ({element.get('Type', '')[:50]})"
    foreign = any(each.startswith("{") and not each.startswith(_COMMON) for each in element.attrib)
    if foreign or any(element.get(each, "true") not in _TRUTHS for each in _SWITCHES):
        return f"a {name} that some programs show and others do not"
    shown = "false" not in (element.get("Visible"), element.get("Print"))
    if name == "Annot" and not shown and any(len(each) for each in xml.children(element, "Appearance")):
        return "notes that are not both on screen and on paper"
    return _TELLING["Substitution"] if "Substitution" in element.attrib else ""


def _check_numbers(each: Part, numbers: set[str]) -> None:
    """Two things with one number are one to some readers and the other to others."""
    for element in each.root.iter():
        if xml.name_of(element) in _NUMBERED:
            number = element.get("ID", "").strip().lstrip("0")
            if number in numbers:
                raise _changeable(f"two things with the number {number[:20]}, of which readers show one or the other")
            numbers.add(number)


def _check_named(each: Part, files: Files) -> None:
    for name, location in each.named():
        if location not in files:
            raise _changeable(f"content that lies in another file ({location[:100]})")
        if name == "MediaFile":
            _check_picture(location, files[location])


def _check_picture(name: str, data: bytes) -> None:
    if not data.startswith(_PICTURES):
        raise _changeable(f"a picture of a kind that readers show in different ways ({name[:100]})")
    if data.startswith(_MAY_MOVE):
        try:
            with Image.open(io.BytesIO(data), formats=_MOVING) as picture:
                moving = getattr(picture, "is_animated", False)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as fault:
            raise SealingError("BROKEN_OFD", f"the picture {name[:100]} cannot be read: {fault}") from fault
        if moving:
            raise _changeable(f"a picture that moves ({name[:100]})")


def _check_rules(document: Element) -> None:
    rules = xml.child(document, "Permissions")
    sealing = None if rules is None else xml.child(rules, "Signature")
    if sealing is not None and xml.text_of(sealing).casefold() in _NO:
        raise SealingError("CERTIFIED", "the file itself forbids that it is sealed (its permissions)")


def _changeable(what: str) -> SealingError:
    message = f"the file has {what}, and may show something else later; print it to a plain OFD first"
    return SealingError("CHANGEABLE_CONTENT", message)
