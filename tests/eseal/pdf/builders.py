"""What the tests of PDF seals are made of: files of several pages, timestamps, lists of revoked certificates."""

import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from reportlab.pdfgen.canvas import Canvas

from services.eseal.certificates import profiles
from services.eseal.cms.timestamps import OwnTimestamps
from services.eseal.domain.findings import Finding
from services.eseal.domain.orders import At, Order
from services.eseal.domain.trust import Trust
from services.eseal.keys import Credential
from services.eseal.keys.builders import builder_key
from services.eseal.keys.software import SoftwareKey
from services.eseal.pdf.grades import Grade, Level
from services.eseal.pdf.prepared import Validation
from services.eseal.pdf.sealing import Sealer
from services.eseal.pdf.verification import inspect
from tests.eseal.builders import NOON, credential, issuing, root, seal_picture, trust

DAY = timedelta(days=1)
# A seal has a certificate of five years, what makes timestamps one of ten.
LONG_AFTER = NOON + 7 * 365 * DAY
PLACE = At(-1, 300, 300)


def pages(count: int = 1, *, turned: int = 0, size: tuple[float, float] = (595.0, 842.0), text: str = "Page") -> bytes:
    """A PDF of so many pages, each with its number."""
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=size, invariant=1)
    for number in range(1, count + 1):
        canvas.setFont("Helvetica", 24)
        canvas.drawString(72, 500, f"{text} {number}")
        canvas.setPageRotation(turned)
        canvas.showPage()
    canvas.save()
    return out.getvalue()


@cache
def timestamping() -> Credential:
    return profiles.make_timestamping(issuing(), SoftwareKey.generate(), NOON)


def own_timestamps(at: datetime = NOON) -> OwnTimestamps:
    return OwnTimestamps(timestamping(), lambda: at)


def revocation_list(
    issuer: Credential, revoked: Sequence[tuple[Credential, datetime]] = (), at: datetime = NOON
) -> bytes:
    """The issuer's list, DER; each entry is revoked at its moment."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(at)
        .next_update(at + 7 * DAY)
        .add_extension(x509.CRLNumber(1), critical=False)
    )
    for each, moment in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number).revocation_date(moment)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(builder_key(issuer.key), hashes.SHA256()).public_bytes(Encoding.DER)


def evidence() -> Validation:
    """What level B-LT puts into a file at noon."""
    chain = [each.certificate.public_bytes(Encoding.DER) for each in (credential(), timestamping(), issuing(), root())]
    return Validation(chain, [revocation_list(issuing()), revocation_list(root())])


def grade(level: Level, at: datetime = NOON) -> Grade:
    stamp = None if level is Level.B_B else own_timestamps(at).stamp
    return Grade(level, stamp, evidence if level is Level.B_LT else None)


def sealer_of(level: Level = Level.B_B, *, by: Credential | None = None, at: datetime = NOON) -> Sealer:
    return Sealer(by or credential(), seal_picture(), grade(level, at))


def sealed(content: bytes | None = None, order: Order | None = None, **how: object) -> bytes:
    """A file of one page, or another, with a seal at `PLACE`, or by another order."""
    return sealer_of(**how).seal(content or pages(), order or Order(PLACE), NOON).content  # type: ignore[arg-type]


def signatures(content: bytes) -> list[EmbeddedPdfSignature]:
    return list(PdfFileReader(io.BytesIO(content)).embedded_signatures)


def judged(content: bytes, *, now: datetime = NOON + DAY, by: Trust | None = None) -> Finding:
    """Judged by those who have the platform's root and nothing else."""
    return inspect(content, by or trust(), lambda _: None, now)


def codes(found: Finding) -> list[set[str]]:
    """The codes of each seal's answers."""
    return [{answer.code.value for answer in seal.answers} for seal in found.seals]
