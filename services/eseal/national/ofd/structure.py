"""What a package says of its document: pages, and where the list of signatures lies."""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.eseal.national.ofd import xml
from services.eseal.national.ofd.package import Files
from services.eseal.national.ofd.xml import BadXmlError

ROOT = "OFD.xml"
MOST_PAGES = 2_000
_LONGEST_MM = 10_000.0


class BadDocumentError(Exception):
    """Not one document as an OFD has it; the message says why."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its identifier in the document, its size in millimetres, and the file with what is on it."""

    id: str
    width: float
    height: float
    location: str = ""


@dataclass(frozen=True, slots=True)
class Structure:
    """The one document of a package. `signatures` is where the list of signatures lies, None without one."""

    document: str
    pages: Sequence[Page]
    signatures: str | None


def read_structure(files: Mapping[str, bytes]) -> Structure:
    """What the package says of its document. Raises BadDocumentError."""
    try:
        return _structure(files)
    except BadXmlError as fault:
        raise BadDocumentError(str(fault)) from fault


def resolve(location: str, base: str) -> str:
    """The name of the file that a location means in the file `base`. Raises BadDocumentError for what is outside."""
    path = location.lstrip("/") if location.startswith("/") else posixpath.join(posixpath.dirname(base), location)
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                raise BadDocumentError(f"{location!r} lies outside of the package")
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    if not parts:
        raise BadDocumentError("a location is empty")
    return "/".join(parts)


def numbers(text: str, count: int) -> tuple[float, ...]:
    """So many numbers, as boxes have them. Raises BadDocumentError."""
    try:
        found = tuple(float(part) for part in text.split())
    except ValueError as fault:
        raise BadDocumentError(f"{text[:50]!r} is not {count} numbers") from fault
    if len(found) != count or not all(abs(number) <= _LONGEST_MM for number in found):
        raise BadDocumentError(f"{text[:50]!r} is not {count} numbers of millimetres")
    return found


def part(files: Mapping[str, bytes], name: str) -> bytes:
    """The content of a file. Raises BadDocumentError when it is not there."""
    if name not in files:
        raise BadDocumentError(f"there is no file {name}")
    return files[name]


def _structure(files: Mapping[str, bytes]) -> Structure:
    body = xml.needed(xml.parse(part(files, ROOT), "OFD"), "DocBody")
    if xml.child(body, "Versions") is not None:
        raise BadDocumentError("the package holds several versions of its document")
    document = resolve(xml.text_of(xml.needed(body, "DocRoot")), ROOT)
    listed = xml.child(body, "Signatures")
    return Structure(
        document=document,
        pages=_pages(files, document),
        signatures=None if listed is None else resolve(xml.text_of(listed), ROOT),
    )


def _pages(files: Mapping[str, bytes], document: str) -> list[Page]:
    root = xml.parse(part(files, document), "Document")
    area = xml.child(xml.needed(root, "CommonData"), "PageArea")
    listed = list(xml.children(xml.needed(root, "Pages"), "Page"))
    if not 0 < len(listed) <= MOST_PAGES:
        raise BadDocumentError(f"the document has {len(listed)} pages, the most is {MOST_PAGES}")
    pages = []
    for each in listed:
        location = resolve(each.get("BaseLoc", ""), document)
        own = xml.child(xml.parse(part(files, location), "Page"), "Area")
        box = own if own is not None else area
        if box is None:
            raise BadDocumentError(f"page {each.get('ID')} has no size")
        _, _, width, height = numbers(xml.text_of(xml.needed(box, "PhysicalBox")), 4)
        pages.append(Page(each.get("ID", ""), width, height, location))
    if len({page.id for page in pages}) != len(pages):
        raise BadDocumentError("two pages have the same identifier")
    return pages


def with_signatures(files: Files, location: str) -> bytes:
    """The root file of the package with a list of signatures to come. Raises BadDocumentError."""
    try:
        root = xml.parse(part(files, ROOT), "OFD")
        xml.needed(root, "DocBody").append(xml.make("Signatures", "/" + location))
    except BadXmlError as fault:
        raise BadDocumentError(str(fault)) from fault
    return xml.serialise(root)
