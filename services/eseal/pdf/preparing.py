"""Writing everything of a seal into a PDF but the signature itself, for which it leaves room.

Nothing here needs a key. So files of strangers are prepared in a confined process, where a parser can do no harm, and
what signs sees a digest and never the file's insides.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from asn1crypto import crl, ocsp, x509  # type: ignore[import-untyped]
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter, enumerate_sig_fields
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigMDPSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import SignatureObject
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.pdf_embedded import read_certification_data

from services.eseal.domain.orders import POINTS_A_MM, At, AtText, Found, Order, SealingError, page_index
from services.eseal.pdf.pages import Page, page_at, page_count
from services.eseal.pdf.picture import SealPicture
from services.eseal.pdf.prepared import ROOM, Prepared, Validation
from services.eseal.pdf.riding import ride

_DIGEST = "sha256"
Find = Callable[[bytes, str, int], Found]
"""Where in a file a text's occurrence has its middle."""


def prepare(
    content: bytes,
    picture: SealPicture,
    order: Order,
    now: datetime,
    *,
    room: int = ROOM,
    validation: Validation | None = None,
    find: Find | None = None,
) -> Prepared:
    """Puts a seal on a file, without its signature; `find` is wanted for places given by a text.

    Raises SealingError with ENCRYPTED_PDF, BROKEN_PDF, TOO_MANY_PAGES, CERTIFIED, ALREADY_SEALED, NO_SUCH_PAGE,
    OFF_THE_PAGE, TEXT_NOT_FOUND or ONE_PAGE. What pyHanko raises for a broken file it raises too: files of strangers
    go through `screening.py`.
    """
    writer = IncrementalPdfFileWriter(io.BytesIO(content))
    field = SigFieldSpec(_field_name(writer, order), on_page=0)
    writer.document_meta.created = now
    pages = page_count(writer)
    image: _Shown | None = None
    if order.place is not None or order.riding:
        image = _Shown(picture.put_into(writer), picture.width, picture.height)
    if image is not None and order.place is not None:
        page, box = _box(writer, content, order, order.place, picture.aspect, find)
        field = replace(field, on_page=page.number, box=box)
        image = replace(image, turned=page.turned)
    if image is not None and order.riding:
        ride(writer, image.reference, [page_at(writer, number) for number in range(pages)], order, picture.aspect)
    if validation is not None:
        _put_evidence(writer, validation)
    return _written(writer, field, order, now, room, image)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A picture in the file being written, and how the page is turned on which it is shown."""

    reference: generic.IndirectObject
    width: int
    height: int
    turned: int = 0


def _field_name(writer: IncrementalPdfFileWriter, order: Order) -> str:
    """A name for the new field; refuses files on which this order cannot be carried out."""
    if writer.prev.encrypted:
        raise SealingError("ENCRYPTED_PDF", "the file is encrypted; remove its password first")
    if writer.prev.xrefs.hybrid_xrefs_present:
        raise SealingError("BROKEN_PDF", "the file has two tables of its objects, which may say different things")
    certified = read_certification_data(writer.prev)
    if certified is not None and certified.permission is MDPPerm.NO_CHANGES:
        raise SealingError("CERTIFIED", "the file carries a seal that forbids every later change")
    taken = {name for name, _, _ in enumerate_sig_fields(writer)}
    signed = any(value is not None for _, value, _ in enumerate_sig_fields(writer))
    if signed and (order.riding or order.certify):
        wanted = "a seal across the edges" if order.riding else "a seal that forbids changes"
        raise SealingError("ALREADY_SEALED", f"{wanted} must be the first on a file, and this one carries a signature")
    return next(name for number in range(1, len(taken) + 2) if (name := f"Seal{number}") not in taken)


def _box(
    writer: IncrementalPdfFileWriter,
    content: bytes,
    order: Order,
    place: At | AtText,
    aspect: float,
    find: Find | None,
) -> tuple[Page, tuple[int, int, int, int]]:
    """The page and, in its own coordinates, the rectangle of the seal."""
    if isinstance(place, At):
        page = page_at(writer, page_index(place.page, page_count(writer)))
        x, y = place.x, place.y
    else:
        if find is None:
            raise ValueError("a place given by a text needs somebody who finds it")
        number, own_x, own_y = find(content, place.text, place.occurrence)
        page = page_at(writer, number)
        x, y = page.shown(own_x, own_y)
        x, y = x + place.dx, y + place.dy
    half = order.width_mm * POINTS_A_MM / 2
    across, up = half, half * aspect
    if not (across <= x <= page.width - across and up <= y <= page.height - up):
        raise SealingError(
            "OFF_THE_PAGE",
            f"a seal of {2 * across:.0f} by {2 * up:.0f} points at ({x:.6g}, {y:.6g}) is not wholly on page "
            f"{page.number + 1}, which has {page.width:.0f} by {page.height:.0f}",
        )
    first, second = page.own(x - across, y - up), page.own(x + across, y + up)
    left, right = sorted((first[0], second[0]))
    bottom, top = sorted((first[1], second[1]))
    return page, (round(left), round(bottom), round(right), round(top))


def _written(
    writer: IncrementalPdfFileWriter, field: SigFieldSpec, order: Order, now: datetime, room: int, image: _Shown | None
) -> Prepared:
    steps = PdfCMSEmbedder(new_field_spec=field).write_cms(field.sig_field_name, writer)
    reference = next(steps)
    if image is not None and field.box is not None:
        _show(writer, reference.get_object(), image)
    placeholder = SignatureObject(
        timestamp=now, subfilter=SigSeedSubFilter.PADES, reason=order.reason or None, bytes_reserved=2 * room
    )
    rule = SigMDPSetup(_DIGEST, certify=order.certify, docmdp_perms=MDPPerm.NO_CHANGES if order.certify else None)
    steps.send(SigObjSetup(placeholder, mdp_setup=rule))
    if order.certify:
        writer.update_root()
    ready, output = steps.send(SigIOSetup(_DIGEST))
    if not isinstance(output, io.BytesIO):
        raise TypeError("pyHanko wrote the document elsewhere")
    return Prepared(output.getvalue(), ready.document_digest, ready.reserved_region_start, ready.reserved_region_end)


def _show(writer: IncrementalPdfFileWriter, annotation: generic.DictionaryObject, image: _Shown) -> None:
    """Makes the field show the picture, upright however the page is turned: viewers fit its box to the field's."""
    across, up, along, back = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[
        image.turned
    ]
    matrix = [across, up, along, back, 0, 0]
    form = generic.StreamObject(
        {
            pdf_name("/Type"): pdf_name("/XObject"),
            pdf_name("/Subtype"): pdf_name("/Form"),
            pdf_name("/BBox"): generic.ArrayObject(map(generic.NumberObject, (0, 0, image.width, image.height))),
            pdf_name("/Matrix"): generic.ArrayObject(map(generic.NumberObject, matrix)),
            pdf_name("/Resources"): generic.DictionaryObject(
                {pdf_name("/XObject"): generic.DictionaryObject({pdf_name("/Seal"): image.reference})}
            ),
        },
        stream_data=b"%d 0 0 %d 0 0 cm /Seal Do" % (image.width, image.height),
    )
    annotation[pdf_name("/AP")] = generic.DictionaryObject({pdf_name("/N"): writer.add_object(form)})


def _put_evidence(writer: IncrementalPdfFileWriter, validation: Validation) -> None:
    DocumentSecurityStore.supply_dss_in_writer(
        writer,
        None,
        certs=[x509.Certificate.load(der) for der in validation.certificates],
        ocsps=[ocsp.OCSPResponse.load(der) for der in validation.responses],
        crls=[crl.CertificateList.load(der) for der in validation.revocation_lists],
    )
