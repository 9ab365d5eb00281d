"""What the platform's authorities say of certificates that they issued: revocation lists, and answers one by one.

Lists follow RFC 5280, 5; answers are those of OCSP (RFC 6960), signed by the authority that is asked about itself.
"""

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp

from services.eseal.keys import Credential
from services.eseal.keys.builders import builder_key

LIST_LIFE = timedelta(days=7)
ANSWER_LIFE = timedelta(hours=1)
LARGEST_QUESTION = 4_096
_LONGEST_NONCE = 32
_HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {"sha1": hashes.SHA1, "sha256": hashes.SHA256}


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


def read_question(body: bytes) -> ocsp.OCSPRequest | None:
    """A question of OCSP about one certificate; None for what is none, or is too large."""
    if len(body) > LARGEST_QUESTION:
        return None
    try:
        question = ocsp.load_der_ocsp_request(body)
        _ = question.serial_number, question.hash_algorithm, question.extensions
    except (ValueError, NotImplementedError, x509.DuplicateExtension):
        return None
    return question


def malformed() -> bytes:
    """The answer to what is no question."""
    return _bytes(ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.MALFORMED_REQUEST))


def not_ours() -> bytes:
    """The answer to a question about somebody else's certificates."""
    return _bytes(ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED))


def asked_of(question: ocsp.OCSPRequest, authorities: Sequence[x509.Certificate]) -> int | None:
    """Which of the authorities is asked, by its place; None for none of them."""
    make = _HASHES.get(question.hash_algorithm.name)
    if make is None:
        return None
    for place, certificate in enumerate(authorities):
        name = _digest(make(), certificate.subject.public_bytes())
        if (name, _digest(make(), _key_bits(certificate))) == (question.issuer_name_hash, question.issuer_key_hash):
            return place
    return None


def answer(question: ocsp.OCSPRequest, authority: Credential, issued: Issued | None, now: datetime) -> bytes:
    """The authority's answer; `issued` is None when it issued no such certificate."""
    revoked_at = issued.revoked_at if issued else None
    status = ocsp.OCSPCertStatus.UNKNOWN
    if issued:
        status = ocsp.OCSPCertStatus.REVOKED if revoked_at else ocsp.OCSPCertStatus.GOOD
    builder = (
        ocsp.OCSPResponseBuilder()
        .add_response_by_hash(
            issuer_name_hash=question.issuer_name_hash,
            issuer_key_hash=question.issuer_key_hash,
            serial_number=question.serial_number,
            algorithm=question.hash_algorithm,
            cert_status=status,
            this_update=now,
            next_update=now + ANSWER_LIFE,
            revocation_time=revoked_at,
            revocation_reason=x509.ReasonFlags.cessation_of_operation if revoked_at else None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, authority.certificate)
    )
    for extension in question.extensions:
        if isinstance(extension.value, x509.OCSPNonce) and len(extension.value.nonce) <= _LONGEST_NONCE:
            builder = builder.add_extension(extension.value, critical=False)
    return _bytes(builder.sign(builder_key(authority.key), hashes.SHA256()))


def _bytes(response: ocsp.OCSPResponse) -> bytes:
    return response.public_bytes(serialization.Encoding.DER)


def _key_bits(certificate: x509.Certificate) -> bytes:
    """The bits of the public key without their wrapping, which is what OCSP digests."""
    return certificate.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )


def _digest(algorithm: hashes.HashAlgorithm, data: bytes) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()
