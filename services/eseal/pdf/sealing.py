"""Sealing a PDF: PAdES B-B (ETSI EN 319 142-1) with the seal's picture on the page.

pyHanko's own entry point runs an event loop at each signature, which a worker under eventlet must not, and loads the
key twice. Here the key is loaded once, the room for the signature is reserved beforehand, and pyHanko's coroutines are
driven by hand: at level B-B nothing in them waits for anything, which `_run` insists on.
"""

import io
import zlib
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asn1crypto import cms, x509  # type: ignore[import-untyped]
from cryptography.hazmat.primitives import serialization
from cryptography.x509 import Certificate
from PIL import Image
from pyhanko.pdf_utils import generic, layout
from pyhanko.pdf_utils.content import PdfContent, ResourceType
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes, Signer
from pyhanko.sign.signers.pdf_signer import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.stamp import StaticStampStyle
from pyhanko_certvalidator.registry import SimpleCertificateStore

from services.eseal.domain.notice import Rendered
from services.eseal.keys import Credential

FIELD_NAME = "Seal1"
# Bytes of hexadecimal text; a signature with two certificates takes about 3,600 of them.
_RESERVED = 8_192
_DIGEST = "sha256"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed PDF, and the SHA-256 (hexadecimal) of the bytes that its signature covers."""

    content: bytes
    signed_digest: str


class Sealer:
    """A seal ready for use: key, certificates and picture loaded once, for any number of documents."""

    def __init__(self, credential: Credential, picture: bytes) -> None:
        """`picture`: PNG."""
        self._signer = _KeySigner(credential)
        self._picture = _Picture(picture)

    def seal(self, document: Rendered, *, reason: str, now: datetime, field: str = FIELD_NAME) -> Sealed:
        """The document sealed, with its picture and `reason`, at the moment `now`."""
        writer = IncrementalPdfFileWriter(io.BytesIO(document.content))
        writer.document_meta.created = now
        signer = PdfSigner(
            PdfSignatureMetadata(
                field_name=field, md_algorithm=_DIGEST, subfilter=SigSeedSubFilter.PADES, reason=reason
            ),
            self._signer,
            stamp_style=StaticStampStyle(
                border_width=0, background=self._picture, background_layout=_WHOLE_BOX, background_opacity=1.0
            ),
            new_field_spec=SigFieldSpec(field, on_page=-1, box=document.seal_box),
        )
        return _run(_sign(signer, writer, now))


class _KeySigner(Signer):
    """A pyHanko signer that holds a loaded key."""

    def __init__(self, credential: Credential) -> None:
        store = SimpleCertificateStore()
        store.register_multiple([_load(certificate) for certificate in credential.chain])
        super().__init__(signing_cert=_load(credential.certificate), cert_registry=store, embed_roots=False)
        self._key = credential.key

    async def signed_attrs(
        self,
        data_digest: bytes,
        digest_algorithm: str,
        attr_settings: PdfCMSSignedAttributes | None = None,
        content_type: str = "data",
        use_pades: bool = False,  # noqa: FBT001, FBT002
        timestamper: TimeStamper | None = None,
        dry_run: bool = False,  # noqa: FBT001, FBT002
        is_pdf_sig: bool = True,  # noqa: FBT001, FBT002
    ) -> cms.CMSAttributes:
        """The signed attributes, gathered one after the other; pyHanko's own method needs an event loop to do so."""
        providers = self._signed_attr_providers(
            data_digest=data_digest,
            digest_algorithm=digest_algorithm,
            attr_settings=attr_settings or PdfCMSSignedAttributes(),
            timestamper=timestamper,
            use_cades=use_pades,
            is_pdf_sig=is_pdf_sig,
        )
        attributes = [
            cms.CMSAttribute({"type": "content_type", "values": [content_type]}),
            cms.CMSAttribute({"type": "message_digest", "values": [data_digest]}),
        ]
        for provider in providers:
            attribute = await provider.get_attribute(dry_run=dry_run)
            if attribute is not None:
                attributes.append(attribute)
        return cms.CMSAttributes(attributes)

    async def unsigned_attrs(self, *_: Any, **__: Any) -> None:
        """None: level B-B has no timestamp, which is all that would go here."""

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:  # noqa: FBT001, FBT002 (pyHanko's signature)
        """Signs; pyHanko's dry runs do not come here, as the room is reserved beforehand."""
        if digest_algorithm != _DIGEST or dry_run:
            raise ValueError(f"seals sign with {_DIGEST}, and for good")
        return self._key.sign(data)


class _Picture(PdfContent):
    """The seal's picture as a PDF image, compressed once for all documents."""

    def __init__(self, png: bytes) -> None:
        image = Image.open(io.BytesIO(png)).convert("RGBA")
        super().__init__(box=layout.BoxConstraints(image.width, image.height))
        self._size = image.size
        self._colour = zlib.compress(image.convert("RGB").tobytes(), 9)
        self._coverage = zlib.compress(image.getchannel("A").tobytes(), 9)

    def render(self) -> bytes:
        """The drawing instructions; puts the image into the file being written."""
        writer = self._ensure_writer
        coverage = writer.add_object(self._image("/DeviceGray", self._coverage, {}))
        image = writer.add_object(self._image("/DeviceRGB", self._colour, {"/SMask": coverage}))
        self.set_resource(ResourceType.XOBJECT, generic.pdf_name("/Seal"), image)
        width, height = self._size
        return b"%d 0 0 %d 0 0 cm /Seal Do" % (width, height)

    def _image(self, colours: str, compressed: bytes, more: dict[str, generic.PdfObject]) -> generic.StreamObject:
        names = {"/Type": "/XObject", "/Subtype": "/Image", "/ColorSpace": colours, "/Filter": "/FlateDecode"}
        numbers = {"/Width": self._size[0], "/Height": self._size[1], "/BitsPerComponent": 8}
        entries = {name: generic.pdf_name(value) for name, value in names.items()} | more
        entries |= {name: generic.NumberObject(value) for name, value in numbers.items()}
        return generic.StreamObject(
            {generic.pdf_name(name): value for name, value in entries.items()}, encoded_data=compressed
        )


_WHOLE_BOX = layout.SimpleBoxLayoutRule(
    x_align=layout.AxisAlignment.ALIGN_MID, y_align=layout.AxisAlignment.ALIGN_MID, margins=layout.Margins(0, 0, 0, 0)
)


async def _sign(signer: PdfSigner, writer: IncrementalPdfFileWriter, now: datetime) -> Sealed:
    """What pyHanko's `async_sign_pdf` does for B-B, but with the time that it is given."""
    session = signer.init_signing_session(writer)
    session.system_time = now
    unsigned = session.prepare_tbs_document(validation_info=None, bytes_reserved=_RESERVED)
    digest, output = unsigned.digest_tbs_document()
    await unsigned.perform_signature(
        document_digest=digest.document_digest, pdf_cms_signed_attrs=PdfCMSSignedAttributes(signing_time=now)
    )
    if not isinstance(output, io.BytesIO):
        raise TypeError("pyHanko wrote the document elsewhere")
    return Sealed(output.getvalue(), digest.document_digest.hex())


def _run(coroutine: Coroutine[Any, Any, Sealed]) -> Sealed:
    """Runs a coroutine that never waits, without an event loop."""
    try:
        coroutine.send(None)
    except StopIteration as finished:
        result: Sealed = finished.value
        return result
    coroutine.close()
    raise RuntimeError("signing wanted to wait for something: at level B-B there is nothing to wait for")


def _load(certificate: Certificate) -> x509.Certificate:
    return x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))
