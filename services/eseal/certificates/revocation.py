"""Which certificates the platform's authorities issued and revoked, and their revocation lists (RFC 5280, 5).

Lists of the national suite are made in `national/issuing.py`; single answers for both suites in `ocsp.py`.
"""

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from services.eseal.keys import Credential
from services.eseal.keys.builders import builder_key

LIST_LIFE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that an authority issued, and when it was revoked, if it was."""

    serial_number: int
    revoked_at: datetime | None = None


def make_list(authority: Credential, issued: Iterable[Issued], now: datetime) -> x509.CertificateRevocationList:
    """The authority's revocation list as of now; its number is the second in which it was made."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now)
        .next_update(now + LIST_LIFE)
        .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(builder_key(authority.key).public_key()), critical=False
        )
    )
    for each in issued:
        if each.revoked_at is not None:
            entry = x509.RevokedCertificateBuilder().serial_number(each.serial_number)
            entry = entry.revocation_date(each.revoked_at).add_extension(_REASON, critical=False)
            builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(builder_key(authority.key), hashes.SHA256())


def pem_list(der: bytes) -> str:
    """A revocation list as PEM text."""
    return f"-----BEGIN X509 CRL-----\n{base64.encodebytes(der).decode()}-----END X509 CRL-----\n"


_REASON = x509.CRLReason(x509.ReasonFlags.cessation_of_operation)
