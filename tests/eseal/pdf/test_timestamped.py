"""What nobody's seal covers: timestamps over a file, which anybody can have, and the evidence for checking it later."""

import io
from collections.abc import Callable
from datetime import datetime

import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigFieldSpec
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import DocumentTimestamp

from services.eseal.domain.answers import Verdict
from services.eseal.domain.orders import Order
from services.eseal.pdf.picture import SealPicture
from services.eseal.pdf.prepared import ROOM_WITH_TIMESTAMP, Prepared
from services.eseal.pdf.preparing import _put_evidence, _show, _Shown
from tests.eseal.builders import NOON, seal_picture, sealed_file
from tests.eseal.pdf import attacks
from tests.eseal.pdf.builders import DAY, PLACE, codes, evidence, judged, own_timestamps, sealed

Writer = IncrementalPdfFileWriter
Change = Callable[[Writer], None]
_WHOLE_PAGE = (0, 0, 595, 842)


def timestamped(
    content: bytes,
    change: Change | None = None,
    *,
    box: tuple[int, int, int, int] | None = None,
    shown_in: Callable[[Writer], generic.PdfObject] | None = None,
) -> bytes:
    """The file with a change and a trusted timestamp over all; with a `box` the timestamp shows a picture in it.

    `shown_in`: another way of writing the box.
    """
    writer = IncrementalPdfFileWriter(io.BytesIO(content))
    if change is not None:
        change(writer)
    steps = PdfCMSEmbedder(new_field_spec=SigFieldSpec("Stamp", on_page=0, box=box)).write_cms("Stamp", writer)
    annotation = next(steps).get_object()
    if box is not None:
        picture = SealPicture(seal_picture())
        _show(writer, annotation, _Shown(picture.put_into(writer), picture.width, picture.height))
    if shown_in is not None:
        annotation[pdf_name("/Rect")] = shown_in(writer)
    steps.send(SigObjSetup(DocumentTimestamp(bytes_reserved=2 * ROOM_WITH_TIMESTAMP)))
    ready, output = steps.send(SigIOSetup("sha256"))
    written = output.getvalue()
    start, end = ready.reserved_region_start, ready.reserved_region_end
    token = own_timestamps().stamp(written[:start] + written[end:])
    return Prepared(written, ready.document_digest, start, end).sealed(token)


def box_of(*numbers: object) -> Callable[[Writer], generic.PdfObject]:
    """A box written with these numbers; those in brackets lie elsewhere in the file."""

    def written(writer: Writer) -> generic.PdfObject:
        return generic.ArrayObject(
            writer.add_object(generic.NumberObject(each[0])) if isinstance(each, list) else generic.NumberObject(each)
            for each in numbers
        )

    return written


def with_form(form: Callable[[generic.DictionaryObject], None], *, and_evidence: bool = True) -> Change:
    """The form written anew into the catalogue itself, where no object of its own is changed."""

    def change(writer: Writer) -> None:
        old = writer.root["/AcroForm"]
        new = generic.DictionaryObject({key: old.raw_get(key) for key in old})
        form(new)
        writer.root[pdf_name("/AcroForm")] = new
        writer.update_root()
        if and_evidence:
            _put_evidence(writer, evidence())

    return change


def fill_in_anew(form: generic.DictionaryObject) -> None:
    """Readers then draw the fields themselves, with what these hold and not with what was shown when it was sealed."""
    form[pdf_name("/NeedAppearances")] = generic.BooleanObject(value=True)


def another_typeface(form: generic.DictionaryObject) -> None:
    form[pdf_name("/DA")] = generic.TextStringObject("/Helv 0 Tf 1 g")


def no_more_fields(form: generic.DictionaryObject) -> None:
    form[pdf_name("/Fields")] = generic.ArrayObject(list(form["/Fields"])[1:])


def edited(at: datetime, **properties: str) -> Change:
    """The properties that a program writes, and others."""

    def change(writer: Writer) -> None:
        _put_evidence(writer, evidence())
        before = writer.prev.trailer_view["/Info"]
        info = generic.DictionaryObject({key: before.raw_get(key) for key in before})
        info[pdf_name("/ModDate")] = generic.pdf_date(at)
        info[pdf_name("/Producer")] = generic.TextStringObject("another program")
        info.update({pdf_name(f"/{name}"): generic.TextStringObject(value) for name, value in properties.items()})
        writer.set_info(info)

    return change


def test_a_timestamp_over_a_sealed_file_leaves_it_genuine() -> None:
    for order in (Order(PLACE), Order(PLACE, certify=True)):
        found = judged(timestamped(sealed(order=order)))
        assert found.verdict is Verdict.GENUINE
        assert {"SEALED_AFTERWARDS", "COVERED_THEN"} <= codes(found)[0]


@pytest.mark.parametrize(
    "shown_in",
    [
        None,
        box_of(*_WHOLE_PAGE, 0),
        box_of(0, 0, [595], 842),
        box_of(0, 0, 595),
        lambda writer: writer.add_object(box_of(*_WHOLE_PAGE)(writer)),
        lambda _: generic.TextStringObject("0 0 595 842"),
    ],
)
def test_a_timestamp_that_shows_something_is_a_change(
    shown_in: Callable[[Writer], generic.PdfObject] | None,
) -> None:
    """Authorities stamp whatever anybody sends, and a picture may hide the text; however its box is written."""
    found = judged(timestamped(sealed(), box=_WHOLE_PAGE, shown_in=shown_in))
    assert found.verdict is Verdict.ALTERED


@pytest.mark.parametrize("change", [each for each in attacks.UPDATES if each is not attacks._no_page])
def test_a_timestamp_hides_no_change(change: Change) -> None:
    assert judged(timestamped(sealed(), change)).verdict in (Verdict.ALTERED, Verdict.NOT_SEALED)


@pytest.mark.parametrize("form", [fill_in_anew, another_typeface, no_more_fields])
def test_a_form_within_the_catalogue_is_not_changed_unseen(
    form: Callable[[generic.DictionaryObject], None],
) -> None:
    assert judged(attacks.updated(sealed(), with_form(form))).verdict is Verdict.ALTERED
    assert judged(attacks.updated(sealed(), with_form(form, and_evidence=False))).verdict is Verdict.ALTERED
    assert judged(timestamped(sealed(), with_form(form))).verdict is Verdict.ALTERED


def test_a_seal_is_not_taken_out_of_the_form_unseen() -> None:
    twice = sealed(sealed(), Order(PLACE, width_mm=20))
    assert len(judged(twice).seals) == 2
    assert judged(attacks.updated(twice, with_form(no_more_fields))).verdict is Verdict.ALTERED


def test_who_adds_evidence_may_note_when_and_with_what_program() -> None:
    assert judged(attacks.updated(sealed(), edited(NOON + DAY))).verdict is Verdict.GENUINE
    assert judged(timestamped(sealed(), edited(NOON + DAY))).verdict is Verdict.GENUINE


@pytest.mark.parametrize("name", ["Title", "Author", "Other"])
def test_who_adds_evidence_may_not_change_a_property(name: str) -> None:
    change = edited(NOON + DAY, **{name: "paid"})
    assert judged(attacks.updated(sealed(), change)).verdict is Verdict.ALTERED
    assert judged(timestamped(sealed(), change)).verdict is Verdict.ALTERED


def described(before: bytes, after: bytes) -> Change:
    """The metadata written anew, with something in it replaced, and nothing that pyHanko would note."""

    def change(writer: Writer) -> None:
        _put_evidence(writer, evidence())
        said = writer.root["/Metadata"].data
        assert before in said
        kind = {pdf_name("/Type"): pdf_name("/Metadata"), pdf_name("/Subtype"): pdf_name("/XML")}
        stream = generic.StreamObject(kind, stream_data=said.replace(before, after))
        writer.root[pdf_name("/Metadata")] = writer.add_object(stream)
        writer.update_root()
        writer._update_meta = lambda: None  # type: ignore[method-assign]

    return change


def undescribed(writer: Writer) -> None:
    """The metadata taken out."""
    _put_evidence(writer, evidence())
    del writer.root["/Metadata"]
    writer.update_root()


def test_who_adds_evidence_may_note_that_in_the_metadata_of_a_document_for_the_archive() -> None:
    content = sealed_file().content
    noted = described(b'pdf:Producer="pyHanko', b'pdf:Producer="another program')
    for later in (timestamped(content), attacks.updated(content, noted), timestamped(content, noted)):
        found = judged(later)
        assert found.verdict is Verdict.GENUINE
        assert {"SEALED_AFTERWARDS", "COVERED_THEN"} <= codes(found)[0]


@pytest.mark.parametrize(
    "change",
    [
        described("准予".encode(), "不予".encode()),
        described(b'pdfaid:conformance="U"', b'pdfaid:conformance="A"'),
        described(b' xmp:CreateDate="2026', b' xmp:CreateDate="2025'),
        described(b"</rdf:RDF>", b""),
        described(b"<dc:title", b"<pdfaid:part>3</pdfaid:part><dc:title"),
        described(
            b"</rdf:RDF>", b'<rdf:Description dc:format="text" xmlns:dc="http://purl.org/dc/elements/1.1/"/></rdf:RDF>'
        ),
        described(
            b"</rdf:RDF>", b"</rdf:RDF><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>paid</rdf:RDF>"
        ),
        described(b"<rdf:Alt>", b"paid<rdf:Alt>"),
        undescribed,
    ],
)
def test_nothing_else_in_the_metadata_is_changed_unseen(change: Change) -> None:
    content = sealed_file().content
    assert judged(attacks.updated(content, change)).verdict is Verdict.ALTERED
    assert judged(timestamped(content, change)).verdict is Verdict.ALTERED
