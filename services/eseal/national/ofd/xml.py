"""The XML files of an OFD: read with nothing that could mean something else to another reader."""

import re
from collections.abc import Iterator
from typing import TypeAlias
from xml.etree import ElementTree as ET

NAMESPACE = "http://www.ofdspec.org/2016"
_DECLARED = re.compile(r"""<\?xml[^>]*\sencoding\s*=\s*["']([^"']*)["']""")
_OWN = "{" + NAMESPACE + "}"
_DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'

Element: TypeAlias = ET.Element


class BadXmlError(Exception):
    """Not the XML that an OFD has; the message says why."""


def parse(data: bytes, root: str) -> Element:
    """The root of a file, an element of OFD with this name. Raises BadXmlError, for any DTD too."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise BadXmlError("an XML file is not in UTF-8") from fault
    declared = _DECLARED.match(text)
    if declared and declared[1].lower() not in ("utf-8", "utf8"):
        raise BadXmlError(f"an XML file is in UTF-8 and says {declared[1][:20]}")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise BadXmlError("an XML file has a DTD")
    try:
        found = ET.fromstring(text)  # noqa: S314 (no DTD, hence no entities)
    except (ET.ParseError, ValueError) as fault:
        raise BadXmlError(f"an XML file is not well-formed: {fault}") from fault
    if found.tag != _tag(root):
        raise BadXmlError(f"an XML file does not begin with {root}")
    return found


def serialise(root: Element) -> bytes:
    """A file of this content; the same content gives the same bytes."""
    content: bytes = ET.tostring(root, encoding="utf-8")
    return _DECLARATION + content


def child(parent: Element, name: str) -> Element | None:
    """The only child with this name, None for none. Raises BadXmlError for several: readers pick different ones."""
    found = list(children(parent, name))
    if len(found) > 1:
        raise BadXmlError(f"there are several {name}")
    return found[0] if found else None


def children(parent: Element, name: str) -> Iterator[Element]:
    """The children with this name."""
    return (each for each in parent if each.tag == _tag(name))


def within(parent: Element, name: str) -> Iterator[Element]:
    """All elements with this name, however deep, in the order of the file."""
    return parent.iter(_tag(name))


def needed(parent: Element, name: str) -> Element:
    """The only child with this name. Raises BadXmlError when there is none, or several."""
    found = child(parent, name)
    if found is None:
        raise BadXmlError(f"there is no {name}")
    return found


def text_of(element: Element) -> str:
    """The text of an element that has nothing else in it. Raises BadXmlError."""
    if len(element):
        raise BadXmlError("a text has elements in it")
    return (element.text or "").strip()


def name_of(element: Element) -> str:
    """The element's name; empty for one that is not of OFD."""
    tag = str(element.tag)
    return tag[len(_OWN) :] if tag.startswith(_OWN) else ""


def names_of(parent: Element) -> list[str]:
    """The names of the children; empty for one that is not of OFD."""
    return [name_of(each) for each in parent]


def make(name: str, text: str = "", *within: Element, **attributes: str) -> Element:
    """An element of OFD."""
    element = ET.Element(_tag(name), attributes)
    element.text = text or None
    element.extend(within)
    return element


def _tag(name: str) -> str:
    return _OWN + name


ET.register_namespace("ofd", NAMESPACE)
