"""What people have done to signed PDFs, done to a genuine one; no result may pass for genuine.

After Mladenov, Mainka et al., "1 Trillion Dollar Refund" (2019: USF, ISA, SWA), "Shadow Attacks" (2021: hide, replace,
hide and replace) and "Breaking the Specification: PDF Certification" (2021: notes and seals over the text).
"""

import io
from collections.abc import Callable, Iterator

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from reportlab.pdfgen.canvas import Canvas

from services.eseal.domain.orders import At, Order
from services.eseal.pdf.preparing import _put_evidence
from tests.eseal.builders import NOON, sealer
from tests.eseal.pdf.builders import DAY, PLACE, evidence, pages, sealed, sealer_of, signatures
from tests.eseal.pdf.raw import Raw

Writer = IncrementalPdfFileWriter


def updated(content: bytes, change: Callable[[Writer], None]) -> bytes:
    """The file with an update at its end, as any editor writes one."""
    writer = IncrementalPdfFileWriter(io.BytesIO(content))
    change(writer)
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def page(writer: Writer) -> generic.DictionaryObject:
    reference, _ = writer.find_page_for_modification(0)
    writer.mark_update(reference)
    found = reference.get_object()
    assert isinstance(found, generic.DictionaryObject)
    return found


def stream(writer: Writer, data: bytes = b"0 0 300 300 re f") -> generic.IndirectObject:
    return writer.add_object(generic.StreamObject(stream_data=data))


def _other_text(writer: Writer) -> None:
    page(writer)[pdf_name("/Contents")] = stream(writer)


def _text_on_top(writer: Writer) -> None:
    writer.add_stream_to_page(0, stream(writer))


def _note(writer: Writer, subtype: str = "/FreeText") -> None:
    entries = {"/Type": pdf_name("/Annot"), "/Subtype": pdf_name(subtype), "/Contents": generic.TextStringObject("ok")}
    rectangle = generic.ArrayObject(map(generic.NumberObject, (0, 0, 500, 500)))
    note = generic.DictionaryObject({pdf_name(key): value for key, value in entries.items()})
    note[pdf_name("/Rect")] = rectangle
    annotations = page(writer).get("/Annots", generic.ArrayObject())
    page(writer)[pdf_name("/Annots")] = generic.ArrayObject([*annotations, writer.add_object(note)])


def _field(writer: Writer) -> None:
    text = {"/FT": pdf_name("/Tx"), "/T": generic.TextStringObject("sum"), "/V": generic.TextStringObject("1")}
    form = writer.root["/AcroForm"]
    form["/Fields"].append(
        writer.add_object(generic.DictionaryObject({pdf_name(key): value for key, value in text.items()}))
    )
    writer.update_container(form["/Fields"])
    writer.update_root()


def _picture(writer: Writer) -> None:
    """Another picture for the seal that is there."""
    widget = writer.root["/AcroForm"]["/Fields"][0]
    form = generic.StreamObject(stream_data=b"1 0 0 rg 0 0 100 100 re f")
    form.update({pdf_name("/Subtype"): pdf_name("/Form"), pdf_name("/BBox"): generic.ArrayObject()})
    widget[pdf_name("/AP")] = generic.DictionaryObject({pdf_name("/N"): writer.add_object(form)})
    writer.update_container(widget)


def _picture_in_place(writer: Writer) -> None:
    """The very object of the picture written anew."""
    shown = writer.root["/AcroForm"]["/Fields"][0]["/AP"].raw_get("/N").reference
    form = shown.get_object()
    form._data, form._encoded_data = b"", None
    writer.mark_update(shown)


def _moved(writer: Writer) -> None:
    widget = writer.root["/AcroForm"]["/Fields"][0]
    widget[pdf_name("/Rect")] = generic.ArrayObject(map(generic.NumberObject, (0, 0, 0, 0)))
    writer.update_container(widget)


def _no_page(writer: Writer) -> None:
    tree = writer.root["/Pages"]
    tree[pdf_name("/Kids")], tree[pdf_name("/Count")] = generic.ArrayObject(), generic.NumberObject(0)
    writer.update_container(tree)


def _turned(writer: Writer) -> None:
    page(writer)[pdf_name("/Rotate")] = generic.NumberObject(180)


def _cropped(writer: Writer) -> None:
    page(writer)[pdf_name("/CropBox")] = generic.ArrayObject(map(generic.NumberObject, (0, 0, 100, 100)))


def _action(writer: Writer) -> None:
    entries = {pdf_name("/S"): pdf_name("/JavaScript"), pdf_name("/JS"): generic.TextStringObject("app.alert(1)")}
    writer.root[pdf_name("/OpenAction")] = generic.DictionaryObject(entries)
    writer.update_root()


def _layers(writer: Writer) -> None:
    writer.root[pdf_name("/OCProperties")] = generic.DictionaryObject()
    writer.update_root()


def _metadata(writer: Writer) -> None:
    writer.root[pdf_name("/Metadata")] = stream(writer, b"<x:xmpmeta/>")
    writer.update_root()


def _title(writer: Writer) -> None:
    writer.set_info(generic.DictionaryObject({pdf_name("/Title"): generic.TextStringObject("paid")}))


def _evidence_with_a_guest(writer: Writer) -> None:
    writer.root[pdf_name("/DSS")] = generic.DictionaryObject({pdf_name("/Page"): stream(writer)})
    writer.update_root()


def _unsigned_field(writer: Writer) -> None:
    """The signature taken out of its field."""
    del writer.root["/AcroForm"]["/Fields"][0]["/V"]
    writer.update_container(writer.root["/AcroForm"]["/Fields"][0])


def _no_form(writer: Writer) -> None:
    del writer.root["/AcroForm"]
    writer.update_root()


UPDATES = (
    _other_text, _text_on_top, _note, _field, _picture, _picture_in_place, _moved, _no_page, _turned, _cropped, _action,
    _layers, _metadata, _title, _evidence_with_a_guest, _unsigned_field, _no_form,
)  # fmt: skip


def updates() -> Iterator[tuple[str, bytes]]:
    """Incremental saving (ISA), by the book; also under a trusted timestamp's or a foreign seal's cover."""
    for change in UPDATES:
        yield f"update {change.__name__}", updated(sealed(), change)
    yield "update of a certified file", updated(sealed(order=Order(PLACE, certify=True)), _note)
    foreign = sealer(NOON + DAY).seal(updated(sealed(), _other_text), Order(At(1, 400, 600)), NOON)
    yield "update covered by a foreign seal", foreign.content
    ours = sealer_of().seal(updated(sealed(), _other_text), Order(At(1, 400, 600)), NOON)
    yield "update covered by a second seal of ours", ours.content
    yield "foreign seal", sealer(NOON + DAY).seal(sealed(), Order(At(1, 400, 600)), NOON).content
    certified = sealed(order=Order(PLACE, certify=True))
    yield "seal on a certified file", Raw(certified).sealed_past_certification(sealer_of())


def sloppy_updates() -> Iterator[tuple[str, bytes]]:
    """Incremental saving against the book, which forgiving readers show."""
    content = sealed()
    raw = Raw(content)
    body = raw.object(raw.page_number, b"<</Type/Page/MediaBox[0 0 10 10]/Parent %d 0 R>>" % raw.pages_number)
    yield "no table", content + body
    yield "no table but an end", content + body + b"%%EOF\n"
    yield "no end", content + body + b"trailer\n<</Root %d 0 R>>\n" % raw.root_number
    yield "the old table again", content + body + b"startxref\n%d\n%%%%EOF\n" % raw.startxref
    yield "a comment", content + b"% paid\n"
    yield "a space", content + b" "
    yield "an end", content + b"\n%%EOF\n"
    yield "zeros", content + bytes(100)
    yield "something before", b"% paid\n" + content
    yield "the end cut off", content[:-2]
    yield "another root", raw.update({}, root=raw.pages_number)
    yield "two files in one", content + sealed(pages(text="Other"))
    yield "itself twice", content + content
    yield "evidence after a stray object", _with_evidence(content + body)
    yield "evidence and then a stray object", _with_evidence(content) + body
    yield "evidence, and a stray object within", _with_evidence(content).replace(b"xref\n0", body + b"xref\n0")
    yield "an unsigned file after it", content + pages(text="Other")


def _with_evidence(content: bytes) -> bytes:
    return updated(content, lambda writer: _put_evidence(writer, evidence()))


def shadows() -> Iterator[tuple[str, bytes]]:
    """Files prepared for what is to come before they are sealed."""
    hidden = updated(pages(), _text_on_top)
    raw = Raw(sealed(hidden))
    yield "hide: an object is freed", raw.update({}, freed=[raw.last_content])
    yield "hide: an object is emptied", raw.update({raw.last_content: b"<</Length 0>>stream\n\nendstream"})
    raw = Raw(sealed(_with_font()))
    yield "replace: another font", raw.update({raw.font_number: b"<</Type/Font/Subtype/Type1/BaseFont/ZapfDingbats>>"})
    raw = Raw(sealed(_with_second_catalogue()))
    yield "hide and replace: the other root", raw.update({}, root=raw.numbers_of(b"/Hidden true")[0])
    yield (
        "hide and replace: the other page",
        raw.update({}, moved={raw.page_number: raw.numbers_of(b"/Shadow true")[0]}),
    )


def _with_font() -> bytes:
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=(595, 842), invariant=1)
    canvas.setFont("Times-Roman", 20)
    canvas.drawString(72, 700, "Pay 100 to A")
    canvas.showPage()
    canvas.save()
    return out.getvalue()


def _with_second_catalogue() -> bytes:
    def change(writer: Writer) -> None:
        other = generic.DictionaryObject(writer.root)
        other[pdf_name("/Hidden")] = generic.BooleanObject(value=True)
        writer.add_object(other)
        shadow = generic.DictionaryObject(page(writer))
        shadow[pdf_name("/Shadow")] = generic.BooleanObject(value=True)
        shadow[pdf_name("/Contents")] = stream(writer)
        writer.add_object(shadow)

    return updated(pages(), change)


def wrapped() -> Iterator[tuple[str, bytes]]:
    """Signature wrapping (SWA): the signed bytes are all there, and something else is shown."""
    raw = Raw(sealed())
    yield "wrapped", raw.wrapped(padded=False)
    yield "wrapped, the sizes made to fit", raw.wrapped(padded=True)
    yield "signature redefined after the end", raw.update({raw.signature_number: raw.signature_object()})
    yield "room in the container", raw.with_literal_container()
    for numbers in (b"[0 %d %d %d 0 0]", b"[%d 0 %d %d]", b"[0 -%d %d %d]", b"[0 %d.0 %d %d]"):
        yield f"range {numbers!r}", raw.with_range(numbers % tuple(raw.byte_range[1:]))
    start, first, second, length = raw.byte_range
    yield "range that leaves out the end", raw.with_range(b"[%d %d %d %d]" % (start, first, second, length - 9))
    yield "range beyond the end", raw.with_range(b"[%d %d %d %d]" % (start, first, second, length + 9))


def forged() -> Iterator[tuple[str, bytes]]:
    """Universal forgeries (USF): what the signature is told by is missing or means nothing."""
    raw = Raw(sealed())
    yield "no range", raw.content.replace(b"/ByteRange", b"/ByteRoage")
    for value in (b"null", b"[]", b"[0 0 0 0]", b"[0 1 2 -1]", b"(x)", b"[0 999999999999 1 1]", b"[99 0 R]"):
        yield f"range {value!r}", raw.with_range(value)
    yield "no contents", raw.content.replace(b"/Contents <", b"/Cintents <")
    deep = b"".join(b"\x30\x82%c%c" % divmod(4_000 - 4 * level, 256) for level in range(900))
    containers = {
        "empty": b"",
        "zero": bytes(8),
        "null": b"\x05\x00",
        "no signed data": b"\x30\x00",
        "cut": raw.container[:200],
        "endless": b"\x30\x80" * 2_000,
        "deep": deep,
        "huge length": b"\x30\x84\xff\xff\xff\xff",
    }
    for name, container in containers.items():
        yield f"contents {name}", raw.with_container(container)
    yield "contents of another file", raw.with_container(Raw(sealed(pages(text="Other"))).container)
    for name, old, new in (
        ("another kind", b"/ETSI.CAdES.detached", b"/adbe.x509.rsa_sha1_"),
        ("an unknown kind", b"/ETSI.CAdES.detached", b"/none.known.to.anyone"[:20]),
        ("another filter", b"/Adobe.PPKLite", b"/Adobe.PPKLote"),
        ("as a timestamp", b"/Type /Sig\n", b"/Type /DocTimeStamp\n"),
    ):
        yield f"signature of {name}", raw.content.replace(old, new)


def transplanted() -> Iterator[tuple[str, bytes]]:
    """A genuine signature on another file."""
    genuine, other = Raw(sealed()), Raw(sealed(pages(text="Other"), Order(PLACE, reason="other")))
    yield "signature of another file", other.with_container(genuine.container)
    signature = signatures(genuine.content)[0]
    assert len(signature.pkcs7_content) > 0
    yield "seal copied as a picture", updated(pages(), lambda writer: _note(writer, "/Stamp"))


def everything() -> list[tuple[str, bytes]]:
    return [
        *updates(), *sloppy_updates(), *shadows(), *wrapped(), *forged(), *transplanted()
    ]  # fmt: skip
