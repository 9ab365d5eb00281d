"""Certificates that somebody else made: who may sign a document with them, and with what keys."""

import hashlib
from dataclasses import dataclass
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services.eseal.certificates.profiles import key_usage
from services.eseal.cms import detached
from services.eseal.cms.signing import DATA, SIGNED_DATA
from services.eseal.domain.findings import Finding
from services.eseal.domain.trust import Trust
from services.eseal.national.der import SET, encode, integer, octets, oid, sequence
from tests.eseal.builders import NOON
from tests.eseal.pdf.builders import DAY, codes

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Extension = tuple[x509.ExtensionType, bool]
CONTENT = b"a file of any kind"
AUTHORITY: Extension = (x509.BasicConstraints(ca=True, path_length=None), True)
LAST_AUTHORITY: Extension = (x509.BasicConstraints(ca=True, path_length=0), True)
NO_AUTHORITY: Extension = (x509.BasicConstraints(ca=False, path_length=None), True)
CERTIFIES: Extension = (key_usage(key_cert_sign=True, crl_sign=True), True)
SIGNS: Extension = (key_usage(digital_signature=True, content_commitment=True), True)
BOTH: Extension = (key_usage(digital_signature=True, key_cert_sign=True), True)
ELSEWHERE: Extension = (
    x509.NameConstraints([x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "US")]))], None), True
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Holder:
    certificate: x509.Certificate
    key: Key
    issuer: "Holder | None" = None

    @property
    def chain(self) -> list[x509.Certificate]:
        return [self.certificate, *(self.issuer.chain if self.issuer else [])]


def make(*extensions: Extension, by: Holder | None = None, called: str = "某某局", key: Key | None = None) -> Holder:
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"), x509.NameAttribute(NameOID.COMMON_NAME, called)])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(by.certificate.subject if by else name)
    builder = builder.public_key(key.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(NOON - DAY).not_valid_after(NOON + 365 * DAY)
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return Holder(builder.sign(by.key if by else key, hashes.SHA256()), key, by)


@cache
def root() -> Holder:
    return make(AUTHORITY, CERTIFIES, called="根")


def signed(by: Holder) -> bytes:
    types = sequence(oid("1.2.840.113549.1.9.3"), encode(SET, oid(DATA)))
    digest = encode(SET, octets(hashlib.sha256(CONTENT).digest()))
    attributes = encode(SET, *sorted([types, sequence(oid("1.2.840.113549.1.9.4"), digest)]))
    if isinstance(by.key, rsa.RSAPrivateKey):
        value, algorithm = by.key.sign(attributes, padding.PKCS1v15(), hashes.SHA256()), "1.2.840.113549.1.1.11"
    else:
        value, algorithm = by.key.sign(attributes, ec.ECDSA(hashes.SHA256())), "1.2.840.10045.4.3.2"
    who = sequence(by.certificate.issuer.public_bytes(), integer(by.certificate.serial_number))
    digested = sequence(oid("2.16.840.1.101.3.4.2.1"))
    own = b"\xa0" + attributes[1:]
    signer = sequence(integer(1), who, digested, own, sequence(oid(algorithm)), octets(value))
    certificates = encode(0xA0, *(each.public_bytes(Encoding.DER) for each in by.chain))
    data = (integer(1), encode(SET, digested), sequence(oid(DATA)), certificates, encode(SET, signer))
    return sequence(oid(SIGNED_DATA), encode(0xA0, sequence(*data)))


def judged(by: Holder, trusted: Holder | None = None) -> Finding:
    roots = ((trusted or root()).certificate.public_bytes(Encoding.DER),)
    return detached.inspect(CONTENT, signed(by), Trust(roots), lambda _: None, NOON)


def short(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65_537, bits)


def holders() -> dict[str, tuple[Holder, str]]:
    """Who signs, and what is said of that."""
    holder = make(NO_AUTHORITY, SIGNS, by=root())
    last = make(LAST_AUTHORITY, CERTIFIES, by=root(), called="末级")
    impostor = make(AUTHORITY, CERTIFIES, called="根")
    server = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
    stamps = (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)
    unknown = (x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00"), True)
    below = make(AUTHORITY, CERTIFIES, by=last, called="更低")
    bound = make(AUTHORITY, CERTIFIES, ELSEWHERE, by=root(), called="限名")
    weak = make(AUTHORITY, CERTIFIES, by=root(), called="短", key=short(1024))
    curve = ec.generate_private_key(ec.SECP192R1())
    return {
        "a signer": (holder, "TRUSTED_ISSUER"),
        "the root": (root(), "WRONG_PURPOSE"),
        "an authority": (make(AUTHORITY, CERTIFIES, by=root()), "WRONG_PURPOSE"),
        "an authority that may sign": (make(AUTHORITY, BOTH, by=root()), "WRONG_PURPOSE"),
        "who may do something else": (make((key_usage(crl_sign=True), True), by=root()), "WRONG_PURPOSE"),
        "a server": (make(NO_AUTHORITY, SIGNS, server, by=root()), "WRONG_PURPOSE"),
        "who makes timestamps": (make(NO_AUTHORITY, SIGNS, stamps, by=root()), "WRONG_PURPOSE"),
        "under a signer": (make(NO_AUTHORITY, SIGNS, by=holder), "UNTRUSTED_ISSUER"),
        "under one authority too many": (make(NO_AUTHORITY, SIGNS, by=below), "UNTRUSTED_ISSUER"),
        "under one for other names": (make(NO_AUTHORITY, SIGNS, by=bound), "UNTRUSTED_ISSUER"),
        "under a namesake of the root": (make(NO_AUTHORITY, SIGNS, by=impostor), "UNTRUSTED_ISSUER"),
        "with a rule that is not known": (make(NO_AUTHORITY, SIGNS, unknown, by=root()), "UNTRUSTED_ISSUER"),
        "with a short RSA key": (make(NO_AUTHORITY, SIGNS, by=root(), key=short(1024)), "WEAK_ALGORITHM"),
        "under one with a short RSA key": (make(NO_AUTHORITY, SIGNS, by=weak), "WEAK_ALGORITHM"),
        "with a short curve": (make(NO_AUTHORITY, SIGNS, by=root(), key=curve), "WEAK_ALGORITHM"),
    }


HOLDERS = holders()


@pytest.mark.parametrize("holder", HOLDERS)
def test_who_may_sign(holder: str) -> None:
    by, expected = HOLDERS[holder]
    found = judged(by)
    assert expected in codes(found)[0]
    assert (found.verdict.name == "GENUINE") is (holder == "a signer")


def test_who_signed_themselves_is_trusted_in_person_only() -> None:
    own = make(NO_AUTHORITY, SIGNS)
    assert judged(own).verdict.name == "UNTRUSTED"
    assert judged(own, trusted=own).verdict.name == "GENUINE"


def test_a_name_in_a_certificate_makes_no_sentence_of_its_own() -> None:
    found = judged(make(NO_AUTHORITY, SIGNS, by=root(), called="甲\n文件真实有效\u202e\x1b[31m"))
    assert found.seals[0].signer == "甲 文件真实有效\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}[31m"
    assert found.zh.isprintable()


def test_a_certificate_without_a_name_is_told_as_such() -> None:
    found = judged(make(NO_AUTHORITY, SIGNS, by=root(), called=" "))
    assert "名称无法读取" in found.zh
    assert "cannot be read" in found.en
