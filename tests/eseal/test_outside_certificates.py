"""Seals with certificates of an authority outside the platform."""

import shutil
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from asn1crypto import x509 as asn1  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from chassis.database import Database
from chassis.problems import Conflict, Invalid
from chassis.settings import Settings
from duokua.eseal.v1.events_pb2 import DocumentSealed
from services.eseal.certificates.authorities import Authorities
from services.eseal.certificates.outside import BadCertificateError, OutsideTrust, accept, read_pem
from services.eseal.certificates.profiles import DOCUMENT_SIGNING, key_usage
from services.eseal.domain.answers import Verdict
from services.eseal.domain.seal import Seal, State
from services.eseal.keys import pem
from services.eseal.keys.keystore import KeyStore
from services.eseal.seals.application import Application
from services.eseal.seals.register import Register
from services.eseal.service import Documents
from tests.eseal.builders import APPROVER, NOON, applied, handle, judges, notice_requested, organ, vault

DAY = timedelta(days=1)
SIGNS = key_usage(digital_signature=True)


@dataclass(frozen=True, slots=True)
class Authority:
    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


@cache
def key_of(name: str) -> rsa.RSAPrivateKey:
    assert name
    return rsa.generate_private_key(65537, 2048)


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def made(
    subject: str,
    key: object,
    issuer: Authority | None,
    *extensions: x509.ExtensionType,
    until: datetime = NOON + 800 * DAY,
    number: int = 0,
) -> x509.Certificate:
    own = key_of(subject) if issuer is None else issuer.key
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(subject))
        .issuer_name(issuer.certificate.subject if issuer else named(subject))
        .public_key(key)  # type: ignore[arg-type]
        .serial_number(number or x509.random_serial_number())
        .not_valid_before(NOON - DAY)
        .not_valid_after(until)
    )
    for extension in extensions:
        builder = builder.add_extension(
            extension, critical=isinstance(extension, x509.BasicConstraints | x509.NameConstraints)
        )
    return builder.sign(own, hashes.SHA256())


def authority(name: str, issuer: Authority | None = None, length: int | None = None) -> Authority:
    constraints = x509.BasicConstraints(ca=True, path_length=length)
    return Authority(made(name, key_of(name).public_key(), issuer, constraints), key_of(name))


@cache
def root() -> Authority:
    return authority("某市数字证书认证中心根")


@cache
def middle() -> Authority:
    return authority("某市数字证书认证中心", root())


def trust(*more: str) -> OutsideTrust:
    return OutsideTrust.of("".join((pem(root().certificate), *more)))


def register(known: OutsideTrust | None = None) -> Register:
    return Register(KeyStore(vault()), outside=known or trust())


def waiting(database: Database) -> Seal:
    """A seal that is approved and waits for its certificate."""
    organ(database)
    seal = applied(database, Application("o1", "启用", outside=True, years=1))
    with database.begin() as work:
        return register().approve(work, APPROVER, seal.seal_id, "", hold=False)


def requested(database: Database, seal: Seal) -> x509.CertificateSigningRequest:
    with database.read() as work:
        return x509.load_pem_x509_csr(register().certificate_request(work, APPROVER, seal.seal_id).encode())


def own_key(database: Database, seal: Seal) -> bytes:
    with database.read() as work:
        return KeyStore(vault()).load(work, seal.key_id).public_key


def answered(
    database: Database,
    seal: Seal,
    *extensions: x509.ExtensionType,
    issuer: Authority | None = None,
    until: datetime = NOON + 800 * DAY,
) -> str:
    """The certificate that the outside authority gives for a seal's request."""
    request = requested(database, seal)
    usual = extensions or (x509.ExtendedKeyUsage([DOCUMENT_SIGNING]),)
    if not any(isinstance(each, x509.KeyUsage) for each in usual):
        usual = (*usual, key_usage(digital_signature=True))
    return pem(made("某局", request.public_key(), issuer or middle(), *usual, until=until))


def imported(
    database: Database,
    seal: Seal,
    certificate: str,
    chain: str = "",
    known: OutsideTrust | None = None,
    *,
    hold: bool = False,
) -> Seal:
    with database.begin() as work:
        return register(known).import_certificate(work, APPROVER, seal.seal_id, certificate, chain, hold=hold)


CHAIN = pem(middle().certificate)


def test_an_authority_may_have_been_certified_by_others_too(database: Database) -> None:
    seal = waiting(database)
    stranger = authority("别的根")
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    crossed = pem(made("某市数字证书认证中心", key_of("某市数字证书认证中心").public_key(), stranger, constraints))
    for chain in (crossed + CHAIN, CHAIN + crossed):
        kept = accept(seal, own_key(database, seal), answered(database, seal), chain, trust(), NOON)
        assert kept.chain_pem == CHAIN
    with pytest.raises(BadCertificateError, match="nobody is known as CN=别的根"):
        accept(seal, own_key(database, seal), answered(database, seal), crossed, trust(), NOON)


def test_a_root_may_have_been_renewed_with_its_key(database: Database) -> None:
    seal, name = waiting(database), "某市数字证书认证中心根"
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    old = pem(made(name, key_of(name).public_key(), None, constraints, until=NOON - DAY / 2))
    for roots in (old + pem(root().certificate), pem(root().certificate) + old):
        known = OutsideTrust.of(roots)
        assert accept(seal, own_key(database, seal), answered(database, seal), CHAIN, known, NOON).chain_pem == CHAIN
    with pytest.raises(BadCertificateError, match="not valid now"):
        accept(seal, own_key(database, seal), answered(database, seal), CHAIN, OutsideTrust.of(old), NOON)


def test_a_mesh_of_authorities_that_certify_each_other_takes_no_time(database: Database) -> None:
    seal = waiting(database)
    constraints = x509.BasicConstraints(ca=True, path_length=None)
    twins = [made("环", key_of("环").public_key(), None, constraints) for _ in range(20)]
    own = made("某局", requested(database, seal).public_key(), Authority(twins[0], key_of("环")), SIGNS)
    chain = "".join(map(pem, twins))
    with pytest.raises(BadCertificateError, match="does not lead to a trusted root"):
        accept(seal, own_key(database, seal), pem(own), chain, trust(), NOON)


def test_serial_numbers_are_as_long_as_they_may_be(database: Database) -> None:
    seal = waiting(database)
    key = requested(database, seal).public_key()
    long = pem(made("某局", key, middle(), SIGNS, number=2**159 - 1))
    assert imported(database, seal, long, CHAIN).serial_number == str(2**159 - 1)
    longer = asn1.Certificate.load(x509.load_pem_x509_certificate(long.encode()).public_bytes(Encoding.DER))
    longer["tbs_certificate"]["serial_number"] = 2**160
    with pytest.raises(BadCertificateError, match="serial number"):
        read_pem(pem(x509.load_der_x509_certificate(longer.dump())), "certificate_pem", most=1)


def test_a_request_proves_the_key_and_names_the_organ(database: Database) -> None:
    seal = waiting(database)
    assert (seal.state, seal.certificate_pem) == (State.APPROVED, "")
    request = requested(database, seal)
    assert request.is_signature_valid
    names = {attribute.oid: attribute.value for attribute in request.subject}
    assert names[NameOID.ORGANIZATION_NAME] == seal.organ_name
    with database.read() as work:
        key = KeyStore(vault()).load(work, seal.key_id)
    own = request.public_key().public_bytes(Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert own == key.public_key


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_reads_the_request(database: Database, tmp_path: Path) -> None:
    (tmp_path / "seal.csr").write_bytes(requested(database, waiting(database)).public_bytes(Encoding.PEM))
    command = ["openssl", "req", "-in", "seal.csr", "-verify", "-noout"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "verify OK" in said.stdout + said.stderr


def test_a_seal_with_a_certificate_from_outside_seals_and_is_trusted(database: Database) -> None:
    waits = waiting(database)
    sealed = imported(database, waits, answered(database, waits), CHAIN)
    assert (sealed.state, sealed.chain_pem, sealed.issuer_id) == (State.ACTIVE, CHAIN, "")
    assert sealed.valid_until == NOON + 365 * DAY
    (answer,) = handle(database, notice_requested())
    assert isinstance(answer, DocumentSealed)
    with database.read() as work:
        content = Documents(Authorities(KeyStore(vault()))).content(
            work, Documents(Authorities(KeyStore(vault()))).document(work, answer.document.document_id)
        )
        for outside, verdict in ((trust(), Verdict.GENUINE), (None, Verdict.UNTRUSTED)):
            documents = Documents(Authorities(KeyStore(vault())), judges(), outside)
            assert documents.verify(work, content)[0].verdict is verdict


def test_a_seal_may_be_made_and_held_back(database: Database) -> None:
    seal = waiting(database)
    assert imported(database, seal, answered(database, seal), CHAIN, hold=True).state is State.MADE


def test_a_seal_is_not_good_for_longer_than_its_certificate(database: Database) -> None:
    seal = waiting(database)
    until = NOON + 30 * DAY
    assert imported(database, seal, answered(database, seal, until=until), CHAIN).valid_until == until


def bad(database: Database, case: str) -> tuple[Seal, str, str, OutsideTrust]:
    seal = waiting(database)
    good, known = answered(database, seal), trust()
    stranger = authority("不相干的机构")
    own = requested(database, seal).public_key()
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    answers = {
        "another key": (pem(made("某局", other, middle(), SIGNS)), CHAIN),
        "an authority": (answered(database, seal, x509.BasicConstraints(ca=True, path_length=None)), CHAIN),
        "wrong purpose": (answered(database, seal, x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])), CHAIN),
        "wrong usage": (answered(database, seal, key_usage(key_cert_sign=True)), CHAIN),
        "no chain": (good, ""),
        "a stranger's": (pem(made("某局", own, stranger, SIGNS)), pem(stranger.certificate)),
        "expired": (answered(database, seal, until=NOON), CHAIN),
        "not a certificate": ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", CHAIN),
        "no text": ("x", CHAIN),
        "two": (good + good, CHAIN),
        "long chain": (good, CHAIN * 21),
        "unknown extension": (
            answered(database, seal, x509.NameConstraints([x509.DNSName("example.cn")], None)), CHAIN,
        ),
    }  # fmt: skip
    if case == "issued by no authority":
        leaf = Authority(made("别的局", key_of("别的局").public_key(), root()), key_of("别的局"))
        return seal, pem(made("某局", own, leaf, SIGNS)), pem(leaf.certificate), known
    if case == "too deep":
        upper = authority("只签一层", root(), 0)
        lower = authority("不该有", upper)
        chain = pem(upper.certificate) + pem(lower.certificate)
        return seal, pem(made("某局", own, lower, SIGNS)), chain, known
    if case == "revoked":
        serial = x509.load_pem_x509_certificate(good.encode()).serial_number
        revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(NOON - DAY).build()
        builder = x509.CertificateRevocationListBuilder().issuer_name(middle().certificate.subject)
        crl = builder.last_update(NOON).next_update(NOON + DAY).add_revoked_certificate(revoked)
        return seal, good, CHAIN, trust(crl.sign(middle().key, hashes.SHA256()).public_bytes(Encoding.PEM).decode())
    return seal, *answers[case], known


@pytest.mark.parametrize(
    ("case", "field", "said"),
    [
        ("another key", "certificate_pem", "for another key"),
        ("an authority", "certificate_pem", "an authority's"),
        ("wrong purpose", "certificate_pem", "purposes"),
        ("wrong usage", "certificate_pem", "key usage"),
        ("no chain", "certificate_pem", "does not lead to a trusted root"),
        ("a stranger's", "chain_pem", "does not lead to a trusted root"),
        ("expired", "certificate_pem", "not valid now"),
        ("not a certificate", "certificate_pem", "cannot be read"),
        ("no text", "certificate_pem", "cannot be read"),
        ("two", "certificate_pem", "has 2 certificates"),
        ("long chain", "chain_pem", "has 21 certificates"),
        ("unknown extension", "certificate_pem", "critical extensions"),
        ("issued by no authority", "chain_pem", "may not issue"),
        ("too deep", "chain_pem", "may not issue"),
        ("revoked", "certificate_pem", "is revoked"),
    ],
)
def test_what_a_verification_would_not_trust_is_not_let_in(
    database: Database, case: str, field: str, said: str
) -> None:
    seal, certificate, chain, known = bad(database, case)
    with pytest.raises(Invalid) as raised:
        imported(database, seal, certificate, chain, known)
    assert raised.value.reason == "BAD_CERTIFICATE"
    assert [violation.field for violation in raised.value.violations] == [field]
    assert said in raised.value.message
    with database.read() as work:
        assert register().seal(work, APPROVER, seal.seal_id) == seal


def test_only_a_seal_that_waits_for_one_takes_a_certificate(database: Database) -> None:
    seal = waiting(database)
    certificate = answered(database, seal)
    imported(database, seal, certificate, CHAIN)
    with pytest.raises(Conflict) as raised:
        imported(database, seal, certificate, CHAIN)
    assert raised.value.reason == "WRONG_SEAL_STATE"
    with database.read() as work, pytest.raises(Conflict):
        register().certificate_request(work, APPROVER, seal.seal_id)


def test_the_settings_name_the_trust_list(tmp_path: Path) -> None:
    path = tmp_path / "outside.pem"
    path.write_text(pem(root().certificate))
    known = OutsideTrust.from_settings(Settings(data_dir=tmp_path, eseal_outside_trust=path))
    assert list(known.roots) == [root().certificate]
    assert OutsideTrust.from_settings(Settings(data_dir=tmp_path)) == OutsideTrust()
