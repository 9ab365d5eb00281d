"""Documents for the archive: what we render, and what becomes of it when it is sealed, is PDF/A-2u as it claims.

`page` knows every rule of that profile. PDFBox knows those of PDF/A-1b alone, most of which are the same.
"""

import base64
import io
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Stream, String
from PIL import Image

from chassis.database import Database
from services.eseal.domain.notice import Rendered, render
from services.eseal.domain.orders import At, Order
from services.eseal.domain.wording import Notice
from services.eseal.pdf.grades import Level
from services.eseal.pdf.screening import screen
from tests.eseal.builders import NOON, notice, organ_with_seal, sealed_document, trust
from tests.eseal.pdf.builders import sealer_of
from tests.eseal.pdf.oracles import archival_faults as faults
from tests.eseal.test_notice import poppler
from tests.preflight import preflight

UNUSUAL = "𠅤甲-乙\u2011丙"
LONG = "你单位的申请收悉，经审查符合法定形式，准予许可。\n" * 60
TABLE = "| 项目 | 结论 |\n| --- | --- |\n| 厨房 | 合格 |\n| 排烟 | 限期整改 |"
# Where the first part of the standard is stricter than the second: profiles of ICC's version 4, transparency, sets of
# characters in fonts; and which part it is that a file claims to follow.
STRICTER = {"2.1.6", "2.2.1", "2.2.2", "3.1.11", "7.11.1", "7.11.2"}


def picture(opacity: int) -> str:
    out = io.BytesIO()
    Image.new("RGBA", (40, 20), (200, 0, 0, opacity)).save(out, "PNG")
    return f"![30 mm](data:image/png;base64,{base64.b64encode(out.getvalue()).decode()})"


KINDS: dict[str, Notice] = {
    "a notice": notice(),
    "a notice of several pages": notice(LONG),
    "a copy of a licence": replace(
        notice(), annotation="仅供办理贷款使用", qr_text="duokua-licence:1.2.156:0123", code="0123456789"
    ),
    "tables and pictures": notice(f"{picture(255)}\n{TABLE}\n{picture(128)}\n{picture(128)}\n以上"),
    "characters beyond sixteen bits, and such as share a glyph": notice(f"以上{UNUSUAL}"),
}


@cache
def rendered(kind: str) -> Rendered:
    return render(KINDS[kind])


def sealed(file: Rendered, order: Order | None = None, level: Level = Level.B_B) -> bytes:
    return sealer_of(level).seal(file.content, order or Order(At(-1, *file.seal_middle), reason="许可"), NOON).content


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_rendered_conforms_and_so_does_what_is_sealed(kind: str) -> None:
    assert not faults(rendered(kind).content)
    assert not faults(sealed(rendered(kind)))


@pytest.mark.parametrize("level", Level)
def test_a_sealed_document_conforms_at_every_level(level: Level) -> None:
    assert not faults(sealed(rendered("a notice"), level=level))


@pytest.mark.parametrize(
    "order", [Order(None), Order(At(1, 300, 300), riding=True), Order(At(1, 300, 300), certify=True)]
)
def test_a_sealed_document_conforms_wherever_its_seal_is(order: Order) -> None:
    assert not faults(sealed(rendered("a notice of several pages"), order))


def test_what_the_platform_hands_out_conforms(database: Database) -> None:
    organ_with_seal(database)
    _, content = sealed_document(database)
    assert not faults(content)


def test_of_two_seals_the_first_does_not_cover_the_file_and_nothing_else_is_amiss() -> None:
    """The judge wants every signature to cover all of the file as it is now, which only the last one can."""
    once = sealed(rendered("a notice"))
    twice = sealer_of().seal(once, Order(At(1, 200, 200)), NOON).content
    assert faults(twice) == {"SIGNATURE-BYTERANGE-001"}


def test_officials_may_have_their_seals_put_on_such_a_document_too() -> None:
    screen(rendered("tables and pictures").content, trust())
    screen(sealed(rendered("a notice")), trust())


def test_the_claim_and_the_title_are_in_the_metadata_before_and_after_sealing() -> None:
    file = rendered("a notice")
    for content in (file.content, sealed(file)):
        with pikepdf.open(io.BytesIO(content)) as pdf, pdf.open_metadata() as metadata:
            assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("2", "U")
            assert metadata["dc:title"] == pdf.docinfo["/Title"] == KINDS["a notice"].title
            assert metadata["dc:creator"] == [pdf.docinfo["/Author"]]
            assert metadata.get("pdf:Producer") == pdf.docinfo.get("/Producer")


@pytest.mark.usefixtures("poppler_tools")
def test_the_moment_of_the_seal_is_that_of_the_document(tmp_path: Path) -> None:
    said = poppler("pdfinfo", sealed(rendered("a notice")), tmp_path, "-isodates")
    assert "CreationDate:    2026-06-01T04:00:00Z" in said


@pytest.mark.usefixtures("poppler_tools")
def test_characters_are_copied_as_they_were_written(tmp_path: Path) -> None:
    text = poppler("pdftotext", sealed(rendered(list(KINDS)[-1])), tmp_path)
    assert f"以上{UNUSUAL}" in text


def test_the_profile_of_colours_has_no_date_of_its_making() -> None:
    with pikepdf.open(io.BytesIO(rendered("a notice").content)) as pdf:
        profile = pdf.Root.OutputIntents[0].DestOutputProfile.read_bytes()
    assert profile[36:40] == b"acsp"
    assert profile[24:36] == bytes.fromhex("07d000010001000000000000")


@pytest.mark.usefixtures("pdfbox")
@pytest.mark.parametrize("kind", KINDS)
def test_another_validator_finds_only_where_the_first_part_is_stricter(kind: str, tmp_path: Path) -> None:
    found = preflight(sealed(rendered(kind), level=Level.B_LT), tmp_path)
    assert "7.11.2" in found
    assert found <= STRICTER


# What may go wrong with a file, and which rule it breaks.


def font(pdf: pikepdf.Pdf) -> pikepdf.Object:
    return pdf.pages[0].Resources.Font.F


def descendant(pdf: pikepdf.Pdf) -> pikepdf.Object:
    return font(pdf).DescendantFonts[0]


def no_intent(pdf: pikepdf.Pdf) -> None:
    del pdf.Root.OutputIntents


def no_metadata(pdf: pikepdf.Pdf) -> None:
    del pdf.Root.Metadata


def another_part(pdf: pikepdf.Pdf) -> None:
    stream = pdf.Root.Metadata
    stream.write(stream.read_bytes().replace(b">2</pdfaid:part>", b">3</pdfaid:part>"))


def not_embedded(pdf: pikepdf.Pdf) -> None:
    del descendant(pdf).FontDescriptor.FontFile2


def other_widths(pdf: pikepdf.Pdf) -> None:
    descendant(pdf).W = Array([1, Array([int(width) + 100 for width in descendant(pdf).W[1]])])


def no_glyphs(pdf: pikepdf.Pdf) -> None:
    glyphs = descendant(pdf).CIDToGIDMap
    glyphs.write(bytes(len(glyphs.read_bytes())))


def not_copied(pdf: pikepdf.Pdf) -> None:
    del font(pdf).ToUnicode


def drawn(content: bytes, **resources: pikepdf.Object) -> Callable[[pikepdf.Pdf], None]:
    def change(pdf: pikepdf.Pdf) -> None:
        page = pdf.pages[0]
        for kind, entry in resources.items():
            page.Resources[Name(f"/{kind}")] = entry
        page.Contents.write(page.Contents.read_bytes() + b"\n" + content)

    return change


def smoothed(pdf: pikepdf.Pdf) -> None:
    dot = Stream(pdf, b"\0\0\0", Type=Name.XObject, Subtype=Name.Image, Width=1, Height=1, BitsPerComponent=8)
    dot.ColorSpace, dot.Interpolate = Name.DeviceRGB, True
    drawn(b"/X Do", XObject=Dictionary(X=dot))(pdf)


def scripted(pdf: pikepdf.Pdf) -> None:
    pdf.Root.OpenAction = Dictionary(S=Name.JavaScript, JS=String("app.alert(1)"))


def commented(pdf: pikepdf.Pdf) -> None:
    note = Dictionary(Type=Name.Annot, Subtype=Name.Text, Rect=Array([0, 0, 9, 9]), Contents=String("?"))
    pdf.pages[0].Annots = Array([pdf.make_indirect(note)])


def with_attachment(pdf: pikepdf.Pdf) -> None:
    pdf.attachments["a.txt"] = b"text"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (no_intent, "DEVICE-RGB-001"),
        (no_metadata, "ID-SCHEMA-001"),
        (another_part, "ID-PART-001"),
        (not_embedded, "FONT-EMBEDDING-001"),
        (other_widths, "TRUETYPE-GLYPH-WIDTH-001"),
        (no_glyphs, "NOTDEF-GLYPH-001"),
        (not_copied, "UNICODE-MAPPING-001"),
        (drawn(b"0 0 0 1 k 0 0 9 9 re f"), "DEVICE-CMYK-001"),
        (drawn(b"/G gs", ExtGState=Dictionary(G=Dictionary(TR=Name.Identity))), "EXTGSTATE-TR-001"),
        (smoothed, "IMAGE-INTERPOLATE-001"),
        (scripted, "ACTION-TYPE-001"),
        (commented, "ANNOTATION-AP-REQUIRED-001"),
        (with_attachment, "EMBEDDED-FILE-PDFA-001"),
    ],
)
def test_the_judge_finds_what_is_planted(change: Callable[[pikepdf.Pdf], None], rule: str) -> None:
    assert rule in faults(changed(change))


def test_the_judge_finds_nothing_where_nothing_was_planted() -> None:
    assert not faults(changed(lambda _: None))


@pytest.mark.usefixtures("pdfbox")
@pytest.mark.parametrize("change", [no_intent, not_embedded, no_glyphs, smoothed, scripted, commented])
def test_the_other_judge_finds_what_is_planted(change: Callable[[pikepdf.Pdf], None], tmp_path: Path) -> None:
    assert preflight(changed(change), tmp_path) - STRICTER


def changed(change: Callable[[pikepdf.Pdf], None]) -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(rendered("a notice").content)) as pdf:
        change(pdf)
        pdf.save(out, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    return out.getvalue()


def test_a_seal_that_would_not_be_printed_is_found() -> None:
    content = sealed(rendered("a notice"))
    assert content.count(b"/F 132") == 1
    assert "ANNOTATION-FLAGS-001" in faults(content.replace(b"/F 132", b"/F 130"))
