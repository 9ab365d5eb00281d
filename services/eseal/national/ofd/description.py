"""What a package says of its signatures: the list of them, and the file that describes each (GB/T 33190, 18.1-18.2)."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.eseal.national.ofd import xml
from services.eseal.national.ofd.package import Files
from services.eseal.national.ofd.stamps import Stamp
from services.eseal.national.ofd.structure import MOST_PAGES, BadDocumentError, numbers, part, resolve
from services.eseal.national.ofd.xml import BadXmlError, Element

# One on each page, across the edges, and one more.
_MOST_STAMPS = MOST_PAGES + 1
_MOST_REFERENCES = 5_000


class Digest(StrEnum):
    """What files were digested with, by the names that are in use. What names none means MD5."""

    SM3 = "SM3"
    SHA256 = "SHA256"
    WEAK = "WEAK"
    UNKNOWN = "UNKNOWN"


_DIGESTS = {
    "1.2.156.10197.1.401": Digest.SM3,
    "1.2.156.10197.1.401.2": Digest.SM3,
    "SM3": Digest.SM3,
    "2.16.840.1.101.3.4.2.1": Digest.SHA256,
    "SHA256": Digest.SHA256,
    "SHA-256": Digest.SHA256,
    "": Digest.WEAK,
    "MD5": Digest.WEAK,
    "1.2.840.113549.2.5": Digest.WEAK,
    "SHA1": Digest.WEAK,
    "SHA-1": Digest.WEAK,
    "1.3.14.3.2.26": Digest.WEAK,
}


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry of the list of signatures: the file that describes it, and whether it has a seal."""

    location: str
    with_seal: bool


@dataclass(frozen=True, slots=True)
class Description:
    """What a signature covers, and where the rest of it lies; every location is a file's name."""

    location: str
    content: bytes
    digest: Digest
    references: Mapping[str, bytes]
    """The digests of the files that it covers, by their names."""
    stamps: Sequence[Stamp]
    seal: str | None
    value: str

    @property
    def own(self) -> set[str]:
        """Its files, which it cannot cover itself."""
        return {self.location, self.value}


def read_list(files: Files, location: str) -> list[Listed]:
    """The signatures in the list. Raises BadDocumentError, also for what readers might take for a signature."""
    try:
        root = xml.parse(part(files, location), "Signatures")
        # Nobody's seal covers the list.
        texts = [root.text, *(each.tail for each in root), *(each.text for each in xml.children(root, "Signature"))]
        if set(xml.names_of(root)) - {"Signature", "MaxSignId"} or any(text and text.strip() for text in texts):
            raise BadDocumentError("the list of signatures has something else in it")
        for number in xml.children(root, "MaxSignId"):
            xml.text_of(number)
        listed = [_listed(each, location) for each in xml.children(root, "Signature")]
    except BadXmlError as fault:
        raise BadDocumentError(str(fault)) from fault
    if len({each.location for each in listed}) != len(listed):
        raise BadDocumentError("a signature is listed twice")
    return listed


def describe(files: Files, location: str) -> Description:
    """The description of a signature. Raises BadDocumentError."""
    content = part(files, location)
    try:
        root = xml.parse(content, "Signature")
        signed = xml.needed(root, "SignedInfo")
        references = xml.needed(signed, "References")
        seal = xml.child(signed, "Seal")
        return Description(
            location=location,
            content=content,
            digest=_DIGESTS.get(references.get("CheckMethod", "").strip().upper(), Digest.UNKNOWN),
            references=_references(references, location),
            stamps=_stamps(signed),
            seal=None if seal is None else resolve(_value(seal, "BaseLoc"), location),
            value=resolve(xml.text_of(xml.needed(root, "SignedValue")), location),
        )
    except BadXmlError as fault:
        raise BadDocumentError(str(fault)) from fault


def _listed(entry: Element, location: str) -> Listed:
    kind = entry.get("Type", "Seal")
    if kind not in ("Seal", "Sign") or len(entry):
        raise BadDocumentError(f"signatures of type {kind[:20]!r} are not known")
    return Listed(resolve(entry.get("BaseLoc", ""), location), kind == "Seal")


def _references(references: Element, location: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for each in xml.children(references, "Reference"):
        name = resolve(each.get("FileRef", ""), location)
        if name in found or len(found) == _MOST_REFERENCES:
            raise BadDocumentError(f"{name} is referred to twice, or too many files are")
        try:
            found[name] = base64.b64decode(_value(each, "CheckValue"), validate=True)
        except binascii.Error as fault:
            raise BadDocumentError(f"the digest of {name} is not in base64") from fault
    return found


def _stamps(signed: Element) -> list[Stamp]:
    stamps: list[Stamp] = []
    for each in xml.children(signed, "StampAnnot"):
        if len(stamps) == _MOST_STAMPS:
            raise BadDocumentError(f"a seal is shown in more than {_MOST_STAMPS} places")
        left, top, width, height = numbers(each.get("Boundary", ""), 4)
        clip = each.get("Clip")
        shown = None
        if clip is not None:
            part_left, part_top, part_width, part_height = numbers(clip, 4)
            shown = (part_left, part_top, part_width, part_height)
        stamps.append(Stamp(each.get("PageRef", ""), (left, top, width, height), shown))
    return stamps


def _value(parent: Element, name: str) -> str:
    """An element's text; some write it as an attribute."""
    element = xml.child(parent, name)
    attribute = parent.get(name)
    if element is not None and attribute is not None:
        raise BadDocumentError(f"{name} is there twice")
    return xml.text_of(element) if element is not None else (attribute or "").strip()
