"""Certificates of authorities outside the platform for SM2 keys: the national counterpart of `outside.py`."""

import base64
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from services.eseal.certificates.outside import MOST_TOGETHER, BadCertificateError, OutsideTrust, read_pem
from services.eseal.certificates.profiles import YEAR, subject_name
from services.eseal.domain.seal import Kind, Seal
from services.eseal.keys import SigningKey, pem
from services.eseal.national import issuing
from services.eseal.national.certificate import BadCertificateError as NotNationalError
from services.eseal.national.certificate import Certificate
from services.eseal.national.chains import Distrust, Trust, distrust, way_up

_WHY = {
    Distrust.UNKNOWN_ISSUER: "it does not lead to a trusted root",
    Distrust.BAD_SIGNATURE: "it, or an authority above it, was not signed by who is named as its issuer",
    Distrust.NOT_AN_AUTHORITY: "an authority above it may not issue such certificates",
    Distrust.WRONG_USE: "it is not for signing documents, or has critical extensions that are not known",
    Distrust.NOT_YET_VALID: "it, or an authority above it, is not valid yet",
    Distrust.EXPIRED: "it, or an authority above it, has expired",
    Distrust.REVOKED: "it, or an authority above it, is revoked",
}


def make_request(seal: Seal, key: SigningKey) -> str:
    """The request (PKCS #10, PEM) for the certificate of a seal: it proves that the key is here."""
    name = seal.organ_name if seal.kind is Kind.ORGAN else seal.name
    request = issuing.make_request(key, subject_name(name, seal.organ_name, seal.organ_id))
    body = base64.encodebytes(request).decode("ascii")
    return f"-----BEGIN CERTIFICATE REQUEST-----\n{body}-----END CERTIFICATE REQUEST-----\n"


def accept(
    seal: Seal, public_key: bytes, certificate_pem: str, chain_pem: str, trust: OutsideTrust, now: datetime
) -> Seal:
    """The seal with a certificate from outside, as `outside.accept`. Raises BadCertificateError."""
    (parsed,) = read_pem(certificate_pem, "certificate_pem", most=1)
    between = read_pem(chain_pem, "chain_pem", most=MOST_TOGETHER) if chain_pem.strip() else []
    certificate = _certificate(parsed, "certificate_pem")
    if certificate.public_key.spki != public_key:
        raise BadCertificateError("certificate_pem", "it is for another key: it must answer the seal's own request")
    known = Trust(
        anchors=list(_readable(trust.roots)),
        authorities=[_certificate(each, "chain_pem") for each in between],
        lists=trust.lists,
    )
    reason = distrust(certificate, known, now)
    if reason is not None:
        raise BadCertificateError("chain_pem" if between else "certificate_pem", _WHY[reason])
    above = way_up(certificate, known, now)
    return replace(
        seal,
        certificate_pem=pem(parsed),
        chain_pem="".join(pem(each.parsed) for each in above[:-1]),
        serial_number=str(parsed.serial_number),
        valid_from=parsed.not_valid_before_utc,
        valid_until=min(parsed.not_valid_after_utc, now + seal.years * YEAR),
    )


def still_trusted(chains: Iterable[str], trust: OutsideTrust) -> Iterator[str]:
    """Of the authorities that accepted seals hang from, those that lead to somebody who is trusted now, PEM.

    An OFD brings none along, so the verifier gets them from here; and one whose root is trusted no more must not be
    taken for a root itself.
    """
    roots = {each.subject for each in _readable(trust.roots)}
    for chain in chains:
        found = list(_readable(x509.load_pem_x509_certificates(chain.encode())))
        if found and found[-1].issuer in roots:
            yield chain


def _certificate(parsed: x509.Certificate, field: str) -> Certificate:
    try:
        return Certificate(parsed.public_bytes(Encoding.DER))
    except NotNationalError as fault:
        raise BadCertificateError(field, str(fault)) from fault


def _readable(certificates: Iterable[x509.Certificate]) -> Iterator[Certificate]:
    """Those of this suite."""
    for each in certificates:
        try:
            yield Certificate(each.public_bytes(Encoding.DER))
        except NotNationalError:
            continue
