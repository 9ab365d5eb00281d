"""Certificates of the national suite: judged by OpenSSL's command, and every way of not being trusted."""

import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from services.eseal.certificates.profiles import DOCUMENT_SIGNING, key_usage, subject_name
from services.eseal.domain import trust as domain
from services.eseal.keys import Credential
from services.eseal.keys.national import NationalKey
from services.eseal.keys.software import SoftwareKey
from services.eseal.national import issuing
from services.eseal.national.certificate import BadCertificateError, Certificate
from services.eseal.national.chains import Distrust, Trust, distrust, is_list_of, tells_of_revocation
from services.eseal.national.issuing import Revoked, make_revocation_list
from services.eseal.national.seals import certificate_bytes
from services.eseal.national.sm2 import BadKeyError
from tests.eseal.builders import root as international_root
from tests.eseal.national.builders import DAY, NOON, OFFICE, authority, certificate, make_authority

SEAL = certificate(authority().seal)
TRUST = authority().trust()


def trusting(*credentials: Credential) -> Trust:
    return Trust.of(domain.Trust(tuple(map(certificate_bytes, credentials))))


def test_the_certificate_of_a_seal_is_trusted_while_it_is_valid() -> None:
    assert distrust(SEAL, TRUST, NOON) is None
    assert distrust(certificate(authority().maker), TRUST, NOON) is None
    assert SEAL.name == OFFICE
    assert distrust(SEAL, TRUST, NOON - DAY) is Distrust.NOT_YET_VALID
    assert distrust(SEAL, TRUST, NOON + 6 * 365 * DAY) is Distrust.EXPIRED


def test_a_credential_brings_what_lies_between_it_and_the_root() -> None:
    made = authority()
    assert list(made.seal.chain) == [made.issuing.certificate]
    assert list(made.issuing.chain) == list(made.root.chain) == []


def test_authorities_and_strangers_sign_no_documents() -> None:
    made, stranger = authority(), make_authority()
    assert distrust(certificate(made.issuing), TRUST, NOON) is Distrust.WRONG_USE
    assert distrust(certificate(made.root), TRUST, NOON) is Distrust.WRONG_USE
    assert distrust(certificate(stranger.seal), TRUST, NOON) is Distrust.UNKNOWN_ISSUER
    assert distrust(SEAL, trusting(made.root), NOON) is Distrust.UNKNOWN_ISSUER


def test_an_issuing_authority_may_be_trusted_by_itself() -> None:
    made = authority()
    assert distrust(SEAL, trusting(made.issuing), NOON) is None
    assert distrust(SEAL, trusting(made.seal), NOON) is Distrust.UNKNOWN_ISSUER
    by_itself = Trust.of(
        domain.Trust((certificate_bytes(made.issuing),), (), (revocation_list(made.root, made.issuing),))
    )
    assert distrust(SEAL, by_itself, NOON + DAY) is None


def test_certificates_of_the_other_suite_on_the_trust_list_are_left_alone() -> None:
    der = international_root().certificate.public_bytes(Encoding.DER)
    mixed = Trust.of(domain.Trust((der, *authority().trust_list().roots)))
    assert distrust(SEAL, mixed, NOON) is None


def test_an_authority_with_the_same_name_and_another_key_is_no_substitute() -> None:
    name = authority().root.certificate.subject
    powers: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=True, path_length=1), True),
        (key_usage(key_cert_sign=True, crl_sign=True), True),
    ]
    namesake = issuing._issue(name, NationalKey.generate(), (NOON, NOON + 365 * DAY), powers, issuer=None)
    forged = trusting(namesake, authority().issuing)
    assert distrust(SEAL, forged, NOON) is Distrust.UNKNOWN_ISSUER
    both = Trust((*TRUST.anchors, *forged.anchors), TRUST.authorities)
    assert distrust(SEAL, both, NOON) is None


def issue(
    issuer: Credential, *extensions: tuple[x509.ExtensionType, bool], until: datetime = NOON + 300 * DAY
) -> Credential:
    """A certificate that the authority would never make."""
    key = NationalKey.generate()
    return issuing._issue(subject_name("甲", "甲", ""), key, (NOON, until), list(extensions), issuer=issuer)


IDENTIFIED = "distid:1234567812345678"
NO_AUTHORITY = x509.BasicConstraints(ca=False, path_length=None)
AN_AUTHORITY = x509.BasicConstraints(ca=True, path_length=None)
SIGNS = key_usage(digital_signature=True)
CERTIFIES = key_usage(key_cert_sign=True, crl_sign=True)


@pytest.mark.parametrize(
    ("above", "expected"),
    [
        # The holder of a seal makes certificates.
        (((NO_AUTHORITY, True), (SIGNS, True)), Distrust.NOT_AN_AUTHORITY),
        (((AN_AUTHORITY, True), (SIGNS, True)), Distrust.NOT_AN_AUTHORITY),
        (((AN_AUTHORITY, True),), Distrust.NOT_AN_AUTHORITY),
        (((CERTIFIES, True),), Distrust.NOT_AN_AUTHORITY),
        # The issuing authority may make no further one.
        (((AN_AUTHORITY, True), (CERTIFIES, True)), Distrust.NOT_AN_AUTHORITY),
    ],
)
def test_who_is_no_authority_makes_no_seals(
    above: tuple[tuple[x509.ExtensionType, bool], ...], expected: Distrust
) -> None:
    middle = issue(authority().issuing, *above)
    leaf = certificate(issue(middle, (NO_AUTHORITY, True), (SIGNS, True)))
    trust = Trust(TRUST.anchors, (*TRUST.authorities, certificate(middle)))
    assert distrust(leaf, trust, NOON) is expected


def test_a_certificate_for_other_uses_or_with_an_unknown_critical_extension_signs_nothing() -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    for extensions in (
        ((key_usage(key_cert_sign=True), True),),
        ((SIGNS, True), (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)),
        ((SIGNS, True), (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)),
        ((SIGNS, True), (unknown, True)),
    ):
        assert distrust(certificate(issue(authority().issuing, *extensions)), TRUST, NOON) is Distrust.WRONG_USE
    documents = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, DOCUMENT_SIGNING])
    for harmless in ((unknown, False), (documents, True)):
        assert distrust(certificate(issue(authority().issuing, (SIGNS, True), harmless)), TRUST, NOON) is None


def test_an_expired_authority_ends_what_it_made() -> None:
    middle = issue(
        authority().root, (x509.BasicConstraints(ca=True, path_length=0), True), (CERTIFIES, True), until=NOON + DAY
    )
    leaf = certificate(issue(middle, (SIGNS, True)))
    trust = Trust(TRUST.anchors, (certificate(middle),))
    assert distrust(leaf, trust, NOON) is None
    assert distrust(leaf, trust, NOON + 2 * DAY) is Distrust.EXPIRED


def revocation_list(issuer: Credential, subject: Credential, since: datetime = NOON + DAY) -> bytes:
    return make_revocation_list(issuer, [Revoked(subject.certificate.serial_number, since)], number=1, now=NOON)


def test_a_revoked_certificate_is_not_trusted_from_then_on() -> None:
    made = authority()
    trust = made.trust(revocation_list(made.issuing, made.seal))
    assert distrust(SEAL, trust, NOON) is None
    assert distrust(SEAL, trust, NOON + DAY) is Distrust.REVOKED
    assert distrust(certificate(made.maker), trust, NOON + DAY) is None


def test_what_was_revoked_later_can_be_asked_for() -> None:
    made = authority()
    trust = made.trust(revocation_list(made.issuing, made.seal))
    assert distrust(SEAL, trust, NOON, revoked_by=NOON + DAY) is Distrust.REVOKED


def test_a_list_tells_of_revocation_while_it_is_in_force_and_of_all_that_was_before() -> None:
    made = authority()
    trust = made.trust(make_revocation_list(made.issuing, [], number=1, now=NOON))
    assert tells_of_revocation(SEAL, trust, NOON)
    assert tells_of_revocation(SEAL, trust, NOON - 300 * DAY)
    assert not tells_of_revocation(SEAL, trust, NOON + 8 * DAY)
    assert not tells_of_revocation(SEAL, TRUST, NOON)
    other = made.trust(make_revocation_list(make_authority().issuing, [], number=1, now=NOON))
    assert not tells_of_revocation(SEAL, other, NOON)


def test_a_revoked_authority_takes_its_seals_with_it() -> None:
    made = authority()
    trust = made.trust(revocation_list(made.root, made.issuing))
    assert distrust(SEAL, trust, NOON + DAY) is Distrust.REVOKED


def test_a_list_that_somebody_else_signed_revokes_nothing() -> None:
    made = authority()
    forged = revocation_list(make_authority().issuing, made.seal)
    assert distrust(SEAL, made.trust(forged), NOON + DAY) is None
    assert not is_list_of(x509.load_der_x509_crl(forged), certificate(made.issuing))
    assert is_list_of(x509.load_der_x509_crl(revocation_list(made.issuing, made.seal)), certificate(made.issuing))
    by_the_seal = revocation_list(made.seal, made.maker)
    assert not is_list_of(x509.load_der_x509_crl(by_the_seal), SEAL)


@given(st.integers(0), st.integers(1, 255))
def test_no_changed_certificate_is_trusted(position: int, change: int) -> None:
    encoded = bytearray(SEAL.encoded)
    encoded[position % len(encoded)] ^= change
    try:
        changed = Certificate(bytes(encoded))
    except BadCertificateError:
        return
    assert distrust(changed, TRUST, NOON) is not None


def test_versions_and_serial_numbers_that_cannot_be_are_refused() -> None:
    at = SEAL.encoded.index(b"\xa0\x03\x02\x01\x02\x02")
    for place, value in ((at + 4, 117), (at + 7, 0xFF)):
        changed = SEAL.encoded[:place] + bytes([value]) + SEAL.encoded[place + 1 :]
        with pytest.raises(BadCertificateError):
            Certificate(changed)


@given(st.binary(max_size=200))
def test_random_bytes_are_no_certificate(junk: bytes) -> None:
    with pytest.raises(BadCertificateError):
        Certificate(junk)


def test_certificates_of_the_other_suite_are_refused_with_the_reason() -> None:
    with pytest.raises(BadCertificateError, match="SM2"):
        Certificate(certificate_bytes(international_root()))
    with pytest.raises(BadKeyError):
        issuing.make_root(SoftwareKey.generate(), NOON)
    with pytest.raises(BadKeyError):
        issuing.make_issuing(international_root(), NationalKey.generate(), NOON)


@pytest.mark.usefixtures("openssl")
@pytest.mark.parametrize(
    ("subject", "issuer"),
    [
        (lambda: authority().seal, lambda: authority().issuing),
        (lambda: authority().maker, lambda: authority().issuing),
        (lambda: authority().issuing, lambda: authority().root),
    ],
)
def test_openssl_finds_each_link_of_the_chain_in_order(
    subject: Callable[[], Credential], issuer: Callable[[], Credential], tmp_path: Path
) -> None:
    """OpenSSL's command knows the signer's identifier for the last certificate alone: hence link by link."""
    (tmp_path / "subject.pem").write_text(subject().certificate_pem())
    (tmp_path / "issuer.pem").write_text(issuer().certificate_pem())
    at = str(int((NOON + DAY).timestamp()))
    files = ["-CAfile", str(tmp_path / "issuer.pem"), str(tmp_path / "subject.pem")]
    command = ["openssl", "verify", "-x509_strict", "-partial_chain", "-attime", at, "-vfyopt", IDENTIFIED, *files]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr


@pytest.mark.usefixtures("openssl")
def test_openssl_reads_the_certificate_and_the_list(tmp_path: Path) -> None:
    made = authority()
    (tmp_path / "seal.pem").write_text(made.seal.certificate_pem())
    (tmp_path / "list.crl").write_bytes(revocation_list(made.issuing, made.seal))
    shown = subprocess.run(
        ["openssl", "x509", "-in", tmp_path / "seal.pem", "-noout", "-text", "-nameopt", "utf8"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for part in ("Signature Algorithm: SM2-with-SM3", "ASN1 OID: SM2", "Digital Signature, Non Repudiation", OFFICE):
        assert part in shown
    listed = subprocess.run(
        ["openssl", "crl", "-inform", "DER", "-in", tmp_path / "list.crl", "-noout", "-text"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert f"{made.seal.certificate.serial_number:X}" in listed


def test_a_list_without_entries_is_one() -> None:
    made = authority()
    empty = x509.load_der_x509_crl(make_revocation_list(made.issuing, [], number=7, now=NOON))
    assert len(empty) == 0
    assert is_list_of(empty, certificate(made.issuing))
    assert empty.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 7


@pytest.mark.usefixtures("openssl")
def test_openssl_believes_the_request_for_a_certificate(tmp_path: Path) -> None:
    request = issuing.make_request(NationalKey.generate(), subject_name(OFFICE, OFFICE, "11330106MB1A00001G"))
    (tmp_path / "request.der").write_bytes(request)
    command = ["openssl", "req", "-inform", "DER", "-in", str(tmp_path / "request.der"), "-noout", "-verify", "-text"]
    said = subprocess.run([*command, "-vfyopt", IDENTIFIED], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    assert "verify OK" in said.stdout + said.stderr
    assert "SM2-with-SM3" in said.stdout
    # Without its option the command verifies for an empty identifier.
    assert "verify OK" not in subprocess.run(command, capture_output=True, text=True, check=False).stderr
