"""What everybody may have of the platform's authorities: lists and answers, checked with openssl."""

import base64
import shutil
import subprocess
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from chassis.database import Database
from chassis.health import HealthServer
from chassis.testing import ManualClock
from services.eseal.certificates.authorities import ISSUING, ROOT, Authorities, Authority
from services.eseal.certificates.ocsp import LARGEST_QUESTION
from services.eseal.certificates.publishing import PREFIX, Publisher
from services.eseal.domain.seal import Seal, State, Suite
from services.eseal.keys.keystore import KeyStore
from services.eseal.national.oids import SM2_WITH_SM3
from services.eseal.seals.application import Application
from services.eseal.seals.register import Register
from tests.eseal.builders import APPLICANT, APPROVER, NOON, made, organ, organ_with_seal, register, revoked, root, vault

URL = "http://pki.example.cn/pki"
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def authorities() -> Authorities:
    return Authorities(KeyStore(vault()), URL)


def known(database: Database) -> list[Authority]:
    with database.read() as work:
        return list(authorities().all(work))


def issuing(database: Database) -> Authority:
    return [each for each in known(database) if each.role == ISSUING][-1]


def certificate(holder: Seal | Authority) -> x509.Certificate:
    return x509.load_pem_x509_certificate(holder.certificate_pem.encode())


def listed(database: Database, authority: Authority) -> x509.CertificateRevocationList:
    page = Publisher(database, authorities())("GET", f"{PREFIX}{authority.authority_id}.crl", b"")
    assert page
    return x509.load_der_x509_crl(page.body)


def asked(database: Database, body: bytes) -> ocsp.OCSPResponse:
    page = Publisher(database, authorities())("POST", f"{PREFIX}ocsp", body)
    assert page
    assert page.content_type == "application/ocsp-response"
    return ocsp.load_der_ocsp_response(page.body)


def question(of: x509.Certificate, issuer: x509.Certificate, nonce: bytes = b"") -> bytes:
    builder = ocsp.OCSPRequestBuilder().add_certificate(of, issuer, hashes.SHA256())
    if nonce:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def seal_with_places(database: Database) -> Seal:
    """One whose certificate names where to ask."""
    organ(database)
    register = Register(KeyStore(vault()), authorities())
    with database.begin() as work:
        seal = register.apply(work, APPLICANT, Application("o1", "启用"))
        return register.approve(work, APPROVER, seal.seal_id, "", hold=False)


def test_a_list_names_revoked_seals_and_no_others(database: Database, clock: ManualClock) -> None:
    seal, other = organ_with_seal(database), organ_with_seal(database, "o2", "国家税务总局")
    above = issuing(database)
    assert list(listed(database, above)) == []
    clock.advance(days=1)
    revoked(database, seal)
    (entry,) = made = list(listed(database, above))
    assert entry.serial_number == certificate(seal).serial_number != certificate(other).serial_number
    assert entry.revocation_date_utc == NOON + timedelta(days=1)
    crl = listed(database, above)
    assert crl.is_signature_valid(certificate(above).public_key())  # type: ignore[arg-type] # it is P-256
    assert (crl.last_update_utc, crl.next_update_utc) == (NOON + timedelta(days=1), NOON + timedelta(days=8))
    assert len(made) == 1


def test_a_replaced_seal_whose_key_was_stolen_can_still_be_revoked(database: Database, clock: ManualClock) -> None:
    first = organ_with_seal(database)
    made(database, Application("o1", "换发", replaces=first.seal_id))
    above = issuing(database)
    assert list(listed(database, above)) == []
    clock.advance(days=1)
    assert revoked(database, first).state is State.REVOKED
    (entry,) = list(listed(database, above))
    assert entry.serial_number == certificate(first).serial_number
    answer = asked(database, question(certificate(first), certificate(above)))
    assert answer.certificate_status is ocsp.OCSPCertStatus.REVOKED


def test_authorities_answer_for_those_below_them(database: Database, clock: ManualClock) -> None:
    organ_with_seal(database)
    with database.begin() as work:
        stamping = authorities().timestamping(work)
    clock.advance(days=1)
    with database.begin() as work:
        authorities().rotate(work, Suite.INTERNATIONAL, root=False)
    known_ones = known(database)
    (top,), issuers = [[each for each in known_ones if each.role == role] for role in (ROOT, ISSUING)]
    assert len(issuers) == 2
    for below in issuers:
        answer = asked(database, question(certificate(below), certificate(top)))
        assert answer.certificate_status is ocsp.OCSPCertStatus.GOOD
    answer = asked(database, question(stamping.certificate, certificate(issuers[0])))
    assert answer.certificate_status is ocsp.OCSPCertStatus.GOOD


def test_the_number_of_a_list_grows(database: Database, clock: ManualClock) -> None:
    organ_with_seal(database)
    numbers = []
    for _ in range(2):
        crl = listed(database, issuing(database))
        numbers.append(crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number)
        clock.advance(seconds=1)
    assert numbers[0] < numbers[1]


def test_a_list_is_not_made_anew_for_everybody_who_asks(database: Database, clock: ManualClock) -> None:
    organ_with_seal(database)
    publisher, path = Publisher(database, authorities()), f"{PREFIX}{issuing(database).authority_id}.crl"
    first = publisher("GET", path, b"")
    clock.advance(seconds=1)
    assert publisher("GET", path, b"") == first


def test_a_question_about_a_seal_is_answered_as_things_are(database: Database, clock: ManualClock) -> None:
    seal = organ_with_seal(database)
    above = certificate(issuing(database))
    asking = question(certificate(seal), above, nonce=b"once")
    response = asked(database, asking)
    assert (response.response_status, response.certificate_status) == (
        ocsp.OCSPResponseStatus.SUCCESSFUL,
        ocsp.OCSPCertStatus.GOOD,
    )
    assert response.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"once"
    clock.advance(days=1)
    revoked(database, seal)
    response = asked(database, asking)
    assert response.certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert response.revocation_time_utc == NOON + timedelta(days=1)


def test_what_an_authority_never_issued_is_not_good(database: Database) -> None:
    seal = organ_with_seal(database)
    known_one = ocsp.load_der_ocsp_request(question(certificate(seal), certificate(issuing(database))))
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(
        known_one.issuer_name_hash, known_one.issuer_key_hash, known_one.serial_number + 1, hashes.SHA256()
    )
    body = builder.build().public_bytes(Encoding.DER)
    assert asked(database, body).certificate_status is ocsp.OCSPCertStatus.UNKNOWN


def test_a_seal_of_the_national_suite_is_answered_for_too(database: Database) -> None:
    organ(database)
    with database.begin() as work:
        register().set_suite(work, "o1", Suite.NATIONAL)
    seal = seal_with_places(database)
    above = issuing(database)
    assert (seal.suite, above.suite) == (Suite.NATIONAL, Suite.NATIONAL)
    access = certificate(seal).extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    assert f"{URL}/ocsp" in [each.access_location.value for each in access]
    asking = question(certificate(seal), certificate(above))
    assert asked(database, asking).certificate_status is ocsp.OCSPCertStatus.GOOD
    revoked(database, seal)
    answer = asked(database, asking)
    assert (answer.certificate_status, answer.revocation_time_utc) == (ocsp.OCSPCertStatus.REVOKED, NOON)
    assert answer.signature_algorithm_oid.dotted_string == SM2_WITH_SM3


@pytest.mark.parametrize("body", [b"", b"hello", b"\x30\x80", b"x" * (LARGEST_QUESTION + 1)])
def test_what_is_no_question_is_told_so(database: Database, body: bytes) -> None:
    organ_with_seal(database)
    assert asked(database, body).response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def test_other_authorities_are_not_spoken_for(database: Database) -> None:
    seal = organ_with_seal(database)
    other = root().certificate
    response = asked(database, question(certificate(seal), other))
    assert response.response_status is ocsp.OCSPResponseStatus.UNAUTHORIZED


def test_certificates_say_where_to_ask(database: Database) -> None:
    seal = seal_with_places(database)
    above = issuing(database)
    extensions = certificate(seal).extensions
    (point,) = extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    assert [name.value for name in point.full_name or ()] == [f"{URL}/{above.authority_id}.crl"]
    access = extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    assert [each.access_location.value for each in access] == [f"{URL}/ocsp", f"{URL}/{above.authority_id}.crt"]
    (top,) = certificate(above).extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    root_id = next(each.authority_id for each in known(database) if each.role == ROOT)
    assert [name.value for name in top.full_name or ()] == [f"{URL}/{root_id}.crl"]


def test_an_authority_is_followed_by_another_and_goes_on_to_answer(database: Database, clock: ManualClock) -> None:
    first = organ_with_seal(database)
    before = issuing(database)
    clock.advance(days=1)
    with database.begin() as work:
        authorities().rotate(work, Suite.INTERNATIONAL, root=False)
    second = organ_with_seal(database, "o2", "国家税务总局")
    after = issuing(database)
    assert [each.role for each in known(database)] == [ROOT, ISSUING, ISSUING]
    certificate(first).verify_directly_issued_by(certificate(before))
    certificate(second).verify_directly_issued_by(certificate(after))
    assert certificate(before).subject != certificate(after).subject
    revoked(database, first)
    assert [entry.serial_number for entry in listed(database, before)] == [certificate(first).serial_number]
    assert list(listed(database, after)) == []
    clock.advance(days=1)
    with database.begin() as work:
        authorities().rotate(work, Suite.INTERNATIONAL, root=True)
        assert len(authorities().anchors(work)) == 2
    certificate(issuing(database)).verify_directly_issued_by(certificate(known(database)[-2]))


def test_pages_are_served_by_http(database: Database) -> None:
    seal = organ_with_seal(database)
    above = issuing(database)
    server = HealthServer("127.0.0.1:0", {}, {PREFIX: Publisher(database, authorities())})
    server.start()
    connection = HTTPConnection("127.0.0.1", server.port)
    try:

        def fetch(method: str, path: str, body: bytes | None = None) -> tuple[int, str | None, bytes]:
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.getheader("Content-Type"), answer.read()

        kept = certificate(above).public_bytes(Encoding.DER)
        assert fetch("GET", f"/pki/{above.authority_id}.crt") == (200, "application/pkix-cert", kept)
        assert fetch("GET", f"/pki/{above.authority_id}.crl")[:2] == (200, "application/pkix-crl")
        asking = question(certificate(seal), certificate(above))
        behind = quote(base64.b64encode(asking).decode(), safe="")
        for status, _, body in (fetch("POST", "/pki/ocsp", asking), fetch("GET", f"/pki/ocsp/{behind}")):
            assert status == 200
            assert ocsp.load_der_ocsp_response(body).certificate_status is ocsp.OCSPCertStatus.GOOD
        for path in ("/pki/nothing.crl", "/pki/nothing.crt", "/pki/", "/pki/ocsp", "/other"):
            assert fetch("GET", path)[0] == 404
        assert fetch("POST", "/pki/nothing", b"")[0] == 404
        assert fetch("POST", "/pki/ocsp", b"x" * 70_000)[0] == 413
    finally:
        connection.close()
        server.stop()


@needs_openssl
def test_openssl_checks_a_seal_against_list_and_answer(database: Database, tmp_path: Path) -> None:
    seal = seal_with_places(database)
    top, above = known(database)
    for name, holder in (("root", top), ("issuing", above), ("seal", seal)):
        (tmp_path / f"{name}.pem").write_text(holder.certificate_pem)
    check = (
        f"openssl verify -attime {int(NOON.timestamp())} -crl_check_all -CRLfile lists.pem -CAfile root.pem "
        "-untrusted issuing.pem seal.pem"
    )
    at = int(NOON.timestamp())
    # The answer was given at noon, which is not now.
    read = (
        "openssl ocsp -issuer issuing.pem -sha256 -cert seal.pem -respin answer -no_nonce -validity_period 999999999 "
        f"-CAfile root.pem -verify_other issuing.pem -attime {at}"
    )

    def said(command: str) -> str:
        done = subprocess.run(command.split(), cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def written() -> None:
        lists = [listed(database, each).public_bytes(Encoding.PEM) for each in (top, above)]
        (tmp_path / "lists.pem").write_bytes(b"".join(lists))
        page = Publisher(database, authorities())("POST", "/pki/ocsp", question(certificate(seal), certificate(above)))
        assert page
        (tmp_path / "answer").write_bytes(page.body)

    written()
    assert said(check) == "seal.pem: OK\n"
    assert "seal.pem: good" in said(read)
    revoked(database, seal)
    written()
    assert "certificate revoked" in said(check)
    answer = said(read)
    assert "Response verify OK" in answer
    assert "seal.pem: revoked" in answer
