"""Seals of the national suite with certificates of an authority outside the platform."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Never

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from chassis.database import Database
from chassis.problems import Invalid
from services.eseal.certificates.authorities import Authorities
from services.eseal.certificates.outside import OutsideTrust
from services.eseal.domain.answers import Code, Verdict
from services.eseal.domain.seal import Seal, State, Suite
from services.eseal.keys import Algorithm, Credential, pem
from services.eseal.keys.keystore import KeyStore
from services.eseal.keys.national import NationalKey
from services.eseal.national import der
from services.eseal.national.issuing import Revoked, make_issuing, make_revocation_list, make_root, make_seal
from services.eseal.national.seals import read_seal
from services.eseal.seals import national
from services.eseal.seals.application import Application
from services.eseal.seals.register import Register
from services.eseal.service import Documents
from tests.eseal.builders import (
    APPROVER,
    NOON,
    OFFICE,
    applied,
    handle,
    judges,
    notice_requested,
    organ,
    register,
    vault,
)

DAY = timedelta(days=1)


@cache
def root() -> Credential:
    return make_root(NationalKey.generate(), NOON - DAY)


@cache
def middle() -> Credential:
    return make_issuing(root(), NationalKey.generate(), NOON - DAY)


@dataclass(frozen=True, slots=True)
class Requested:
    """The key of a request, as who answers it knows it."""

    public_key: bytes
    algorithm: Algorithm = Algorithm.SM2_SM3

    def sign(self, data: bytes) -> Never:
        raise NotImplementedError(data)


def trusting(*credentials: Credential, lists: tuple[bytes, ...] = ()) -> OutsideTrust:
    known = OutsideTrust.of("".join(each.certificate_pem() for each in credentials))
    return OutsideTrust(known.roots, [x509.load_der_x509_crl(each) for each in lists], known.text)


def outside(known: OutsideTrust | None = None) -> Register:
    return Register(KeyStore(vault()), outside=known or trusting(root()))


def waiting(database: Database) -> Seal:
    """A national seal that is approved and waits for its certificate."""
    organ(database)
    with database.begin() as work:
        register().set_suite(work, "o1", Suite.NATIONAL)
    seal = applied(database, Application("o1", "启用", outside=True, years=1))
    with database.begin() as work:
        return register().approve(work, APPROVER, seal.seal_id, "", hold=False)


def requested(database: Database, seal: Seal) -> Requested:
    """The key of the seal's request."""
    with database.read() as work:
        request = outside().certificate_request(work, APPROVER, seal.seal_id)
    parsed = x509.load_pem_x509_csr(request.encode())
    fields = der.read_all(der.read_all(der.read(parsed.public_bytes(Encoding.DER), der.SEQUENCE).content)[0].content)
    assert OFFICE in str(parsed.subject)
    return Requested(fields[2].whole)


def answered(key: Requested, issuer: Credential | None = None, until: datetime = NOON + 800 * DAY) -> str:
    """The certificate that the authority outside gives for a request."""
    made = make_seal(
        issuer or middle(), key, organ_id="o1", organ_name=OFFICE, name=OFFICE, validity=(NOON - DAY, until)
    )
    return pem(made.certificate)


def imported(
    database: Database, seal: Seal, certificate: str, chain: str | None = None, known: OutsideTrust | None = None
) -> Seal:
    above = middle().certificate_pem() if chain is None else chain
    with database.begin() as work:
        return outside(known).import_certificate(work, APPROVER, seal.seal_id, certificate, above, hold=False)


def documents(known: OutsideTrust | None = None) -> Documents:
    return Documents(Authorities(KeyStore(vault())), judges(), known or trusting(root()))


def test_a_seal_with_a_certificate_from_outside_seals_what_is_genuine(database: Database) -> None:
    seal = waiting(database)
    assert seal.state is State.APPROVED
    seal = imported(database, seal, answered(requested(database, seal)))
    assert seal.state is State.ACTIVE
    assert seal.valid_until == NOON + 365 * DAY
    with database.read() as work:
        assert read_seal(national.load(work, seal.seal_id)).name == OFFICE
    answer: Any = handle(database, notice_requested())[-1]
    with database.read() as work:
        document = documents().document(work, answer.document.document_id)
        content = documents().content(work, document)
        found, record = documents().verify(work, content)
        assert (found.verdict, record) == (Verdict.GENUINE, document)
        assert found.seals[0].certificate is not None
        # Who trusts the authority no more does not trust its seals, though its issuing authority is known.
        no_more, _ = documents(OutsideTrust()).verify(work, content)
    assert no_more.verdict is Verdict.UNTRUSTED
    assert Code.UNTRUSTED_ISSUER in {answer.code for answer in no_more.seals[0].answers}


def refused(
    database: Database, seal: Seal, certificate: str, chain: str | None = None, known: OutsideTrust | None = None
) -> str:
    with pytest.raises(Invalid) as raised:
        imported(database, seal, certificate, chain, known)
    assert raised.value.reason == "BAD_CERTIFICATE"
    with database.read() as work:
        assert register().seal(work, APPROVER, seal.seal_id).state is State.APPROVED
    return str(raised.value)


def test_certificates_that_a_verification_would_not_trust_are_refused(database: Database) -> None:
    seal = waiting(database)
    key = requested(database, seal)
    good = answered(key)
    revoked = make_revocation_list(
        middle(), [Revoked(x509.load_pem_x509_certificate(good.encode()).serial_number, NOON)], number=1, now=NOON
    )
    stranger = make_root(NationalKey.generate(), NOON - DAY)
    for expected, certificate, chain, known in (
        ("another key", answered(Requested(NationalKey.generate().public_key)), None, None),
        ("trusted root", good, "", None),
        ("trusted root", answered(key, stranger), stranger.certificate_pem(), None),
        ("has expired", answered(key, until=NOON - timedelta(hours=1)), None, None),
        ("is revoked", good, None, trusting(root(), lists=(revoked,))),
        ("not for signing documents", middle_as_own(key), None, None),
        ("cannot be read", "nonsense", None, None),
    ):
        assert expected in refused(database, seal, certificate, chain, known), expected
    assert imported(database, seal, good).state is State.ACTIVE


def middle_as_own(key: Requested) -> str:
    return pem(make_issuing(root(), key, NOON - DAY).certificate)
