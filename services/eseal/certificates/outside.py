"""Certificates of authorities outside the platform, for keys that are made here.

The request goes out; the certificate comes in, and is held against everything that a verification will ask of it later.
Whom to trust is the operator's to say, in a trust list; nothing is fetched.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization

from chassis.settings import Settings
from services.eseal.certificates.profiles import SIGNING_PURPOSES, YEAR, subject_name
from services.eseal.domain.seal import Kind, Seal
from services.eseal.domain.trust import read_trust
from services.eseal.keys import SigningKey, pem
from services.eseal.keys.builders import builder_key

_Kind = TypeVar("_Kind", bound=x509.ExtensionType)
_LONGEST_CHAIN = 6
MOST_TOGETHER = 20
# RFC 5280, 4.1.2.2: serial numbers are positive, and have 20 bytes at most.
_NUMBERS = 2**160
_KNOWN_EXTENSIONS = (
    x509.BasicConstraints,
    x509.KeyUsage,
    x509.ExtendedKeyUsage,
    x509.CertificatePolicies,
)


class BadCertificateError(Exception):
    """A certificate that cannot be a seal's: `field` is the faulty part of what was given, the message says why."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True)
class OutsideTrust:
    """The authorities outside the platform that seals may have their certificates from, and their revocation lists."""

    roots: Sequence[x509.Certificate] = ()
    lists: Sequence[x509.CertificateRevocationList] = ()
    text: str = ""
    """The trust list that says so."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """As the file says that the settings name; raises BadTrustListError, FileNotFoundError."""
        if settings.eseal_outside_trust is None:
            return cls()
        return cls.of(settings.eseal_outside_trust.read_text("utf-8"))

    @classmethod
    def of(cls, text: str) -> Self:
        """As a trust list says; raises BadTrustListError."""
        known = read_trust(text)
        return cls(
            [x509.load_der_x509_certificate(each) for each in known.roots],
            [x509.load_der_x509_crl(each) for each in known.revocation_lists],
            text,
        )


def make_request(seal: Seal, key: SigningKey) -> str:
    """The request (PKCS #10, PEM) for the certificate of a seal: it proves that the key is here."""
    name = seal.organ_name if seal.kind is Kind.ORGAN else seal.name
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject_name(name, seal.organ_name, seal.organ_id))
    request = builder.sign(builder_key(key), hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def accept(
    seal: Seal, public_key: bytes, certificate_pem: str, chain_pem: str, trust: OutsideTrust, now: datetime
) -> Seal:
    """The seal with a certificate from outside, whose validity is the seal's, but not longer than was applied for.

    `chain_pem`: the authorities between it and a trusted root, in any order. Raises BadCertificateError.
    """
    (certificate,) = read_pem(certificate_pem, "certificate_pem", most=1)
    _check_own(certificate, public_key)
    between = read_pem(chain_pem, "chain_pem", most=MOST_TOGETHER) if chain_pem.strip() else []
    path = _path(certificate, between, trust.roots, now)
    _check_path(path, trust.lists, now)
    start = certificate.not_valid_before_utc
    return replace(
        seal,
        certificate_pem=pem(certificate),
        chain_pem="".join(pem(each) for each in path[1:-1]),
        serial_number=str(certificate.serial_number),
        valid_from=start,
        valid_until=min(certificate.not_valid_after_utc, now + seal.years * YEAR),
    )


def read_pem(text: str, field: str, *, most: int) -> list[x509.Certificate]:
    """So many certificates at most. Raises BadCertificateError."""
    try:
        found = x509.load_pem_x509_certificates(text.encode())
        for each in found:
            _ = each.extensions, each.subject, each.issuer
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType) as fault:
        raise BadCertificateError(field, "it cannot be read as certificates in PEM") from fault
    for each in found:
        if not 0 < each.serial_number < _NUMBERS:
            raise BadCertificateError(field, "it has a serial number that is not positive, or longer than 20 bytes")
    if len(found) > most:
        raise BadCertificateError(field, f"it has {len(found)} certificates, the most is {most}")
    return found


def _check_own(certificate: x509.Certificate, public_key: bytes) -> None:
    """Whether the certificate is of this key, and may sign documents."""
    try:
        own = certificate.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    except ValueError as fault:
        raise BadCertificateError("certificate_pem", f"its key cannot be read: {fault}") from fault
    if own != public_key:
        raise BadCertificateError("certificate_pem", "it is for another key: it must answer the seal's own request")
    constraints = _extension(certificate, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise BadCertificateError("certificate_pem", "it is an authority's, not a seal's")
    usage = _extension(certificate, x509.KeyUsage)
    if usage is None or not (usage.digital_signature or usage.content_commitment):
        raise BadCertificateError("certificate_pem", "its key usage does not allow signatures")
    purposes = _extension(certificate, x509.ExtendedKeyUsage)
    if purposes is not None and not SIGNING_PURPOSES & set(purposes):
        raise BadCertificateError("certificate_pem", "its purposes do not include signing documents")


def _path(
    certificate: x509.Certificate, between: Sequence[x509.Certificate], roots: Sequence[x509.Certificate], now: datetime
) -> list[x509.Certificate]:
    """From the certificate up to a trusted root, each issued by the next.

    An authority may have several certificates of one key, as by two roots or by one that was renewed: a way over those
    that are good now goes before one that will not do, which is better for telling what is wrong than none.
    """
    good = [each for each in between if _may_issue(each, now)]
    found = _way([certificate], good, [each for each in roots if _may_issue(each, now)])
    if found is None:
        found = _way([certificate], list(between), roots)
    if found is not None:
        return found
    field = "chain_pem" if between else "certificate_pem"
    issuers = {each.issuer.rfc4514_string() for each in (certificate, *between)}
    unknown = sorted(issuers - {each.subject.rfc4514_string() for each in (*between, *roots)})
    why = f"nobody is known as {' or '.join(unknown)}" if unknown else "a signature is not that of the named issuer"
    raise BadCertificateError(field, f"it does not lead to a trusted root: {why}")


def _way(
    path: list[x509.Certificate], left: list[x509.Certificate], roots: Sequence[x509.Certificate]
) -> list[x509.Certificate] | None:
    """`left`: what was not tried yet; each is tried once, for where it leads does not depend on the way to it."""
    for root in roots:
        if _issued(path[-1], root):
            return [*path, root]
    for each in [each for each in left if _issued(path[-1], each)]:
        if each in left and len(path) + 1 < _LONGEST_CHAIN:
            left.remove(each)
            if (found := _way([*path, each], left, roots)) is not None:
                return found
    return None


def _may_issue(certificate: x509.Certificate, now: datetime) -> bool:
    valid = certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc
    return valid and _is_authority(certificate, below=0)


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _check_path(
    path: Sequence[x509.Certificate], lists: Sequence[x509.CertificateRevocationList], now: datetime
) -> None:
    for place, each in enumerate(path):
        field = "chain_pem" if place else "certificate_pem"
        name = each.subject.rfc4514_string()
        if not each.not_valid_before_utc <= now < each.not_valid_after_utc:
            validity = f"{each.not_valid_before_utc:%Y-%m-%d} to {each.not_valid_after_utc:%Y-%m-%d}"
            raise BadCertificateError(field, f"{name} is not valid now, but from {validity}")
        unknown = [
            extension.oid.dotted_string
            for extension in each.extensions
            if extension.critical and not isinstance(extension.value, _KNOWN_EXTENSIONS)
        ]
        if unknown:
            raise BadCertificateError(field, f"{name} has critical extensions that are not known: {' '.join(unknown)}")
        if place and not _is_authority(each, below=place - 1):
            raise BadCertificateError(field, f"{name} may not issue such certificates")
        if place + 1 < len(path) and _revoked(each, path[place + 1], lists):
            raise BadCertificateError(field, f"{name} is revoked")


def _is_authority(certificate: x509.Certificate, *, below: int) -> bool:
    """`below`: how many authorities there are between it and the seal."""
    constraints = _extension(certificate, x509.BasicConstraints)
    usage = _extension(certificate, x509.KeyUsage)
    if constraints is None or not constraints.ca or (usage is not None and not usage.key_cert_sign):
        return False
    return constraints.path_length is None or below <= constraints.path_length


def _revoked(
    certificate: x509.Certificate, issuer: x509.Certificate, lists: Sequence[x509.CertificateRevocationList]
) -> bool:
    key = issuer.public_key()
    return any(
        each.issuer == issuer.subject
        and each.is_signature_valid(key)  # type: ignore[arg-type] # whatever it cannot check it says is not valid
        and each.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None
        for each in lists
    )


def _extension(certificate: x509.Certificate, kind: type[_Kind]) -> _Kind | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
