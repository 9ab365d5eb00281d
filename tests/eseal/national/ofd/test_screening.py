"""Which OFD files of strangers may carry a seal: those that show one thing for good, and to every reader."""

import base64
import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from PIL import Image

from services.eseal.domain.findings import UnreadableError
from services.eseal.domain.orders import Order, SealingError
from services.eseal.domain.sheet import lay
from services.eseal.national.ofd.document import draw
from services.eseal.national.ofd.package import Files, write
from services.eseal.national.ofd.preparing import prepare
from services.eseal.national.ofd.sealing import LIST
from tests.eseal.builders import notice
from tests.eseal.national.builders import NOON, authority, seal, sealed, sealer, stamps, written
from tests.eseal.pdf.builders import PLACE

PAGE, DOCUMENT, RESOURCES = "Doc_0/Pages/Page_0/Content.xml", "Doc_0/Document.xml", "Doc_0/PublicRes.xml"
Change = Callable[[Files], None]


def reason(content: bytes) -> str:
    """Why a file is refused; empty when it is not."""
    try:
        prepare(content, authority().trust_list(), seal(), Order(PLACE), NOON)
    except (SealingError, UnreadableError) as fault:
        return fault.reason
    return ""


def changed(*changes: Change, files: Files | None = None) -> bytes:
    made = dict(files or written().files)
    for change in changes:
        change(made)
    return write(made)


def put(name: str, data: bytes) -> Change:
    return lambda files: files.update({name: data})


def drop(name: str) -> Change:
    def change(files: Files) -> None:
        del files[name]

    return change


def before(name: str, old: str, new: str) -> Change:
    """Something in a file before something that is there."""

    def change(files: Files) -> None:
        assert old.encode() in files[name]
        files[name] = files[name].replace(old.encode(), (new + old).encode(), 1)

    return change


def instead(name: str, old: str, new: str) -> Change:
    def change(files: Files) -> None:
        assert old.encode() in files[name]
        files[name] = files[name].replace(old.encode(), new.encode(), 1)

    return change


def in_document(element: str) -> Change:
    return before(DOCUMENT, "</ofd:Document>", element)


def on_page(element: str) -> Change:
    return before(PAGE, "</ofd:Layer>", element)


def resource(element: str) -> Change:
    return before(RESOURCES, "</ofd:Res>", element)


def notes(
    attributes: str, appearance: str = '<ofd:TextObject ID="901" Boundary="0 0 9 9" Font="1" Size="4"/>'
) -> Change:
    def change(files: Files) -> None:
        in_document("<ofd:Annotations>Annots.xml</ofd:Annotations>")(files)
        files["Doc_0/Annots.xml"] = xml(
            "Annotations", '<ofd:Page PageID="2"><ofd:FileLoc>Notes.xml</ofd:FileLoc></ofd:Page>'
        )
        shown = f'<ofd:Appearance Boundary="0 0 9 9">{appearance}</ofd:Appearance>'
        files["Doc_0/Notes.xml"] = xml(
            "PageAnnot", f'<ofd:Annot ID="900" Type="Stamp" {attributes}>{shown}</ofd:Annot>'
        )

    return change


def attached(location: str) -> Change:
    def change(files: Files) -> None:
        in_document("<ofd:Attachments>Attached.xml</ofd:Attachments>")(files)
        entry = f'<ofd:Attachment ID="a" Name="a"><ofd:FileLoc>{location}</ofd:FileLoc></ofd:Attachment>'
        files["Doc_0/Attached.xml"] = xml("Attachments", entry)
        files["Doc_0/a.txt"] = b"a letter"

    return change


def xml(root: str, within: str) -> bytes:
    return f'<ofd:{root} xmlns:ofd="http://www.ofdspec.org/2016">{within}</ofd:{root}>'.encode()


def action(what: str) -> str:
    return f'<ofd:Actions><ofd:Action Event="DO">{what}</ofd:Action></ofd:Actions>'


def picture(data: bytes, kind: str = "Image") -> list[Change]:
    media = f'<ofd:MultiMedia ID="950" Type="{kind}"><ofd:MediaFile>a.bin</ofd:MediaFile></ofd:MultiMedia>'
    return [resource(f"<ofd:MultiMedias>{media}</ofd:MultiMedias>"), put("Doc_0/Res/a.bin", data)]


def drawn(frames: int, of: str) -> bytes:
    out = io.BytesIO()
    shown = [Image.new("L", (4, 4), shade * 80) for shade in range(frames)]
    shown[0].save(out, of, save_all=frames > 1, append_images=shown[1:])
    return out.getvalue()


def template(location: str = "Template.xml") -> Change:
    def change(files: Files) -> None:
        entry = f'<ofd:TemplatePage ID="970" BaseLoc="{location}"/>'
        before(DOCUMENT, "</ofd:CommonData>", entry)(files)
        files["Doc_0/Template.xml"] = xml("Page", "<ofd:Content/>")

    return change


_BODY = "<ofd:DocBody><ofd:DocRoot>Doc_0/Document.xml</ofd:DocRoot></ofd:DocBody>"
_TWICE = '<ofd:Fonts><ofd:Font ID="01" FontName="Other"/></ofd:Fonts>'
_OTHER_CONTENT = '<ofd:Content><ofd:Layer ID="980"/></ofd:Content>'
_PERMISSIONS = "<ofd:Permissions>{}</ofd:Permissions>"
_VERSIONS = '<ofd:Versions><ofd:Version ID="v" Index="1" BaseLoc="v.xml"/></ofd:Versions>'
CHANGEABLE: dict[str, list[Change]] = {
    "sound": [in_document(action('<ofd:Sound ResourceID="1"/>'))],
    "film on a page": [before(PAGE, "</ofd:Page>", action('<ofd:Movie ResourceID="1"/>'))],
    "a film among the resources": picture(b"\x89PNG", "Video"),
    "another file opened": [in_document(action('<ofd:GotoA AttachID="a"/>'))],
    "a script": [in_document(action("<ofd:JavaScript>x</ofd:JavaScript>"))],
    "an element of another language": [on_page('<form xmlns="urn:forms"/>')],
    "an element in the wrong place": [in_document('<ofd:Layer ID="981"/>')],
    "a text without a layer": [before(PAGE, "</ofd:Content>", '<ofd:TextObject Boundary="0 0 9 9"/>')],
    "an element in a text": [instead(PAGE, "</ofd:TextCode>", "<ofd:TextCode/></ofd:TextCode>")],
    "two typefaces in one": [before(RESOURCES, "</ofd:Font>", "<ofd:FontFile>a.ttf</ofd:FontFile>")],
    "a film that says it is a picture": picture(b"\0\0\0\0ftypisom"),
    "extensions": [in_document("<ofd:Extensions>Extensions.xml</ofd:Extensions>")],
    "shown for a time": [in_document(_PERMISSIONS.format('<ofd:ValidPeriod EndDate="2027-01-01"/>'))],
    "another picture on paper": [
        on_page('<ofd:ImageObject ID="960" ResourceID="1" Substitution="2" Boundary="0 0 9 9"/>')
    ],
    "a note on the screen alone": [notes('Print="false"')],
    "a hidden note": [notes('Visible="false" Print="false"')],
    "a text that some programs show": [on_page('<ofd:TextObject ID="982" Boundary="0 0 9 9" Visible="0"/>')],
    "a text that some programs hide": [on_page('<ofd:TextObject ID="982" Boundary="0 0 9 9" ofd:Visible="false"/>')],
    "a text that some programs fill": [on_page('<ofd:TextObject ID="982" Boundary="0 0 9 9" Fill="False"/>')],
    "a note on paper alone": [notes('Visible="false"')],
    "a moving picture": picture(drawn(3, "GIF")),
    "a moving picture that says it is none": picture(drawn(3, "PNG")),
    "several pictures in one": picture(drawn(2, "TIFF")),
    "a drawing with scripts": picture(b'<svg xmlns="http://www.w3.org/2000/svg"/>'),
    "a typeface elsewhere": [instead(RESOURCES, "DuokuaSong.ttf", "http://example.com/a.ttf")],
    "a page elsewhere": [template("Elsewhere.xml")],
    "attached from elsewhere": [attached("b.txt")],
    "two documents": [before("OFD.xml", "</ofd:OFD>", _BODY)],
    "versions": [before("OFD.xml", "</ofd:DocBody>", _VERSIONS)],
    "two with one number": [resource(_TWICE)],
    "two contents of a page": [before(PAGE, "</ofd:Page>", _OTHER_CONTENT)],
}


@pytest.mark.parametrize("name", CHANGEABLE)
def test_what_may_show_another_thing_is_refused(name: str) -> None:
    assert reason(changed(*CHANGEABLE[name])) == "CHANGEABLE_CONTENT"


PLAIN: dict[str, list[Change]] = {
    "nothing": [],
    "a link": [in_document(action('<ofd:URI URI="http://example.com"/>'))],
    "a note on both": [notes('Visible="true"')],
    "a text that is not seen": [on_page('<ofd:TextObject ID="982" Boundary="0 0 9 9" Visible="false"/>')],
    "a link that is not seen": [notes('Visible="false"', "")],
    "attached": [attached("a.txt")],
    "attached by the whole path": [attached("/Doc_0/a.txt")],
    "a picture": picture(drawn(1, "PNG")),
    "a scan": picture(drawn(1, "TIFF")),
    "a page for others": [template()],
    "permissions": [in_document(_PERMISSIONS.format("<ofd:Edit>false</ofd:Edit><ofd:Signature>true</ofd:Signature>"))],
}


def test_what_the_platform_writes_may_be_sealed() -> None:
    shown = drawn(1, "PNG")
    template_ = f"| 甲 | 乙 |\n|---|---|\n| 1 | 2 |\n![30 mm](data:image/png;base64,{base64.b64encode(shown).decode()})"
    sheet = lay(replace(notice(template_), qr_text="https://example.gov.cn/v/1", code="1.2.3"))
    assert reason(write(draw(sheet, NOON.date()).files)) == ""


@pytest.mark.parametrize("name", PLAIN)
def test_what_shows_one_thing_may_be_sealed(name: str) -> None:
    assert reason(changed(*PLAIN[name])) == ""


def test_a_file_that_forbids_seals_gets_none() -> None:
    assert reason(changed(in_document(_PERMISSIONS.format("<ofd:Signature>false</ofd:Signature>")))) == "CERTIFIED"


def test_seals_on_it_have_to_be_whole() -> None:
    assert reason(sealed().content) == ""
    text = instead(PAGE, "予", "驳")
    assert reason(changed(text, files=sealed().files)) == "ALTERED"
    assert reason(changed(put("Doc_0/More.xml", b"<a/>"), files=sealed().files)) == "ALTERED"
    assert reason(changed(drop(LIST), files=sealed().files)) == "ALTERED"
    assert reason(changed(instead(LIST, 'Type="Seal"', 'Type="Sign"'), files=sealed().files)) == "UNKNOWN_SIGNATURE"


def test_twenty_seals_are_the_most() -> None:
    found, document = sealed(), written()
    for _ in range(18):
        found = sealer().seal(found.files, stamps(document), now=NOON)
    assert reason(found.content) == ""
    assert reason(sealer().seal(found.files, stamps(document), now=NOON).content) == "TOO_MANY_SIGNATURES"


_BOMB = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'


def twice() -> bytes:
    """An archive with two files of one name."""
    return changed(put("Doc_0/Documenu.xml", b"<a/>")).replace(b"Documenu.xml", b"Document.xml")


HOSTILE: dict[str, Callable[[], bytes]] = {
    "a bomb": lambda: changed(put("Doc_0/a.xml", bytes(40_000_000))),
    "many files": lambda: changed(*(put(f"Doc_0/{number}", b"") for number in range(2_000))),
    "a name outside": lambda: changed(put("../a.xml", b"<a/>")),
    "a name outside, in another way": lambda: changed(put("..\\a.xml", b"<a/>")),
    "a page outside": lambda: changed(instead(DOCUMENT, 'BaseLoc="Pages', 'BaseLoc="../../Pages')),
    "entities": lambda: changed(before(PAGE, "<ofd:Page ", _BOMB)),
    "a name twice": twice,
    "a name in two cases": lambda: changed(put("doc_0/document.xml", b"<a/>")),
    "something behind": lambda: write(written().files) + b"more",
    "something before": lambda: b"PK\x03\x04" + write(written().files),
    "cut off": lambda: write(written().files)[:-1],
    "another format of characters": lambda: changed(put(PAGE, "<a/>".encode("utf-16"))),
    "no document": lambda: changed(drop(DOCUMENT)),
    "no pages": lambda: changed(put(DOCUMENT, xml("Document", "<ofd:CommonData/><ofd:Pages/>"))),
    "a size that is no number": lambda: changed(instead(DOCUMENT, "<ofd:PhysicalBox>0 0", "<ofd:PhysicalBox>0 nan")),
    "a picture that is none": lambda: changed(*picture(b"\x89PNG and nothing else")),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(name: str) -> None:
    assert reason(HOSTILE[name]()) == "BROKEN_OFD"
