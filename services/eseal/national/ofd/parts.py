"""The XML files of an OFD that readers show something of, and the files that they name."""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from services.eseal.national.ofd import xml
from services.eseal.national.ofd.structure import ROOT, part, resolve
from services.eseal.national.ofd.xml import Element

# What the file is that an element names, by what it stands in; all other files are not looked into.
_KINDS = {
    ("OFD", "DocRoot"): "Document",
    ("Document", "PublicRes"): "Res",
    ("Document", "DocumentRes"): "Res",
    ("Document", "TemplatePage"): "Page",
    ("Document", "Page"): "Page",
    ("Document", "Annotations"): "Annotations",
    ("Document", "Attachments"): "Attachments",
    ("Document", "CustomTags"): "CustomTags",
    ("Annotations", "FileLoc"): "PageAnnot",
    ("Page", "PageRes"): "Res",
}
_NAMED_BY_TEXT = frozenset({name for _, name in _KINDS} - {"TemplatePage", "Page"}) | {
    "Cover",
    "FontFile",
    "MediaFile",
    "SchemaLoc",
}


@dataclass(frozen=True, slots=True)
class Part:
    """An XML file: the name of its root element, where it lies, and what it holds."""

    kind: str
    location: str
    root: Element

    def named(self) -> Iterator[tuple[str, str]]:
        """Every file that it names, with the name of the element that does.

        Raises BadDocumentError for one that lies outside of the package, BadXmlError.
        """
        base = self.location
        if self.kind == "Res":
            # Files of resources lie where the list of resources says.
            folder = self.root.get("BaseLoc", "").strip()
            base = resolve(posixpath.join(folder, "x"), self.location)
        for element in self.root.iter():
            name = xml.name_of(element)
            if name in _NAMED_BY_TEXT and element is not self.root:
                yield name, resolve(xml.text_of(element), base)
            elif self.kind == "Document" and "BaseLoc" in element.attrib:
                yield name, resolve(element.attrib["BaseLoc"], base)
            elif name == "ColorSpace" and "Profile" in element.attrib:
                yield name, resolve(element.attrib["Profile"], base)


def parts(files: Mapping[str, bytes]) -> Iterator[Part]:
    """Every file that readers show something of, from the root on, each once.

    Raises BadDocumentError for one that is not there, BadXmlError.
    """
    waiting, seen = [("OFD", ROOT)], {ROOT}
    while waiting:
        kind, location = waiting.pop()
        found = Part(kind, location, xml.parse(part(files, location), kind))
        yield found
        for name, other in found.named():
            following = _KINDS.get((kind, name))
            if following is not None and other not in seen:
                seen.add(other)
                waiting.append((following, other))
