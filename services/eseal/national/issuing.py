"""X.509 certificates and revocation lists with SM2 keys (GB/T 20518), signed by the platform's own authority.

Like `certificates/profiles.py` for P-256, on whose extensions it draws; `cryptography` reads such certificates and
cannot sign them, so the outermost structures are written here.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509

from services.eseal.certificates.profiles import (
    CLOCK_SKEW,
    DOCUMENT_SIGNING,
    ISSUING_YEARS,
    OWN,
    ROOT_YEARS,
    YEAR,
    key_usage,
    places,
    subject_name,
)
from services.eseal.keys import Credential, SigningKey
from services.eseal.national import der
from services.eseal.national.oids import SEAL_MAKING, SM2_WITH_SM3
from services.eseal.national.sm2 import PublicKey
from services.eseal.national.sm3 import sm3

LIST_LIFE = timedelta(days=7)
_ALGORITHM = der.sequence(der.oid(SM2_WITH_SM3))
_V3, _V2 = 2, 1


@dataclass(frozen=True, slots=True)
class Revoked:
    """A certificate that is revoked from a moment on."""

    serial_number: int
    since: datetime


def make_root(key: SigningKey, now: datetime) -> Credential:
    """The certificate of a new root authority, which signs it itself."""
    return _authority("多跨平台国密根证书", key, (now, now + ROOT_YEARS * YEAR), issuer=None)


def make_issuing(root: Credential, key: SigningKey, now: datetime, published: str = "") -> Credential:
    """The certificate of a new issuing authority, which may sign certificates of seals but no further authority.

    `published`: where the issuer's certificate and revocation list are to be had, as the other suite's has it.
    """
    until = min(now + ISSUING_YEARS * YEAR, root.certificate.not_valid_after_utc)
    return _authority("多跨平台国密电子印章签发证书", key, (now, until), issuer=root, published=published)


def make_maker(issuing: Credential, key: SigningKey, now: datetime) -> Credential:
    """The certificate of the maker of seals (制章者), whose signature makes a picture and a name a seal."""
    until = issuing.certificate.not_valid_after_utc
    subject = subject_name("多跨平台国密电子印章制作证书", "多跨", "", unit=OWN)
    return _issue(subject, key, (now, until), _signing_extensions(SEAL_MAKING), issuer=issuing)


def make_seal(
    issuing: Credential,
    key: SigningKey,
    *,
    organ_id: str,
    organ_name: str,
    name: str,
    validity: tuple[datetime, datetime],
    published: str = "",
) -> Credential:
    """The certificate of a new seal of an organ, with the seal's name; it never outlives its issuer.

    `published`: as `make_issuing` has it.
    """
    start, until = validity
    until = min(until, issuing.certificate.not_valid_after_utc)
    subject = subject_name(name, organ_name, organ_id)
    return _issue(subject, key, (start, until), [*_signing_extensions(), *_places(published)], issuer=issuing)


def make_request(key: SigningKey, subject: x509.Name) -> bytes:
    """The request (PKCS #10, DER) for a certificate from outside: it proves that the key is here."""
    return _signed(key, der.integer(0), subject.public_bytes(), key.public_key, der.encode(der.EXPLICIT_0))


def make_revocation_list(issuer: Credential, revoked: Sequence[Revoked], *, number: int, now: datetime) -> bytes:
    """The list of an authority's revoked certificates (RFC 5280, 5), DER; valid for a week."""
    entries = [
        der.sequence(der.integer(each.serial_number), der.x509_time(each.since))
        for each in sorted(revoked, key=lambda each: each.serial_number)
    ]
    extensions = [
        (x509.AuthorityKeyIdentifier(_identifier(issuer.key), None, None), False),
        (x509.CRLNumber(number), False),
    ]
    return _signed(
        issuer.key,
        der.integer(_V2),
        _ALGORITHM,
        issuer.certificate.subject.public_bytes(),
        der.x509_time(now),
        der.x509_time(now + LIST_LIFE),
        *([der.sequence(*entries)] if entries else []),
        der.encode(der.EXPLICIT_0, _extensions(extensions)),
    )


_Extensions = list[tuple[x509.ExtensionType, bool]]


def _places(published: str) -> _Extensions:
    return [(extension, False) for extension in places(published)]


def _authority(
    common_name: str,
    key: SigningKey,
    validity: tuple[datetime, datetime],
    *,
    issuer: Credential | None,
    published: str = "",
) -> Credential:
    extensions: _Extensions = [
        *_places(published),
        (x509.BasicConstraints(ca=True, path_length=0 if issuer else 1), True),
        (key_usage(digital_signature=True, key_cert_sign=True, crl_sign=True), True),
    ]
    own = _identifier(key).hex()[:16]
    return _issue(subject_name(common_name, "多跨", own, unit=OWN), key, validity, extensions, issuer=issuer)


def _signing_extensions(*purposes: str) -> _Extensions:
    return [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (key_usage(digital_signature=True, content_commitment=True), True),
        (x509.ExtendedKeyUsage([DOCUMENT_SIGNING, *map(x509.ObjectIdentifier, purposes)]), False),
    ]


def _issue(
    subject: x509.Name,
    key: SigningKey,
    validity: tuple[datetime, datetime],
    extensions: _Extensions,
    *,
    issuer: Credential | None,
) -> Credential:
    start, end = validity
    signing = issuer.key if issuer else key
    identifiers: _Extensions = [
        (x509.SubjectKeyIdentifier(_identifier(key)), False),
        (x509.AuthorityKeyIdentifier(_identifier(signing), None, None), False),
    ]
    signed = _signed(
        signing,
        der.encode(der.EXPLICIT_0, der.integer(_V3)),
        # At least 64 random bits, and positive (RFC 5280, 4.1.2.2).
        der.integer(secrets.randbits(127) | 1 << 126),
        _ALGORITHM,
        (issuer.certificate.subject if issuer else subject).public_bytes(),
        der.sequence(der.x509_time(start - CLOCK_SKEW), der.x509_time(end)),
        subject.public_bytes(),
        key.public_key,
        der.encode(0xA3, _extensions([*extensions, *identifiers])),
    )
    is_root = issuer is None or issuer.certificate.issuer == issuer.certificate.subject
    chain = () if issuer is None or is_root else (issuer.certificate, *issuer.chain)
    return Credential(key, x509.load_der_x509_certificate(signed), chain)


def _signed(key: SigningKey, *fields: bytes) -> bytes:
    """The fields as a sequence, signed the way certificates and lists are."""
    content = der.sequence(*fields)
    return der.sequence(content, _ALGORITHM, der.bits(key.sign(content)))


def _extensions(extensions: _Extensions) -> bytes:
    return der.sequence(
        *(
            der.sequence(
                der.oid(value.oid.dotted_string),
                *([der.encode(der.BOOLEAN, b"\xff")] if critical else []),
                der.octets(value.public_bytes()),
            )
            for value, critical in extensions
        )
    )


def _identifier(key: SigningKey) -> bytes:
    """The key's identifier: 160 bits of its point's digest (RFC 7093, with the national hash).

    Raises BadKeyError for a key of the other suite, so that none gets into a certificate of this one.
    """
    return sm3(PublicKey(key.public_key).point)[:20]
