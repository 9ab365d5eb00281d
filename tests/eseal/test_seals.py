"""Making and ending seals, and what the register adds to a verification."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.x509 import Certificate, load_pem_x509_certificate

from chassis.database import Database
from chassis.problems import Exists, Invalid, NotFound
from services.eseal import store
from services.eseal.domain.answers import Verdict
from services.eseal.domain.findings import Finding
from tests.eseal.builders import (
    OFFICE,
    handle,
    notice_withdrawn,
    organ_registered,
    organ_with_seal,
    sealed_document,
    seals,
)


def verified(database: Database, content: bytes) -> Finding:
    with database.read() as work:
        return seals().verify(work, content)[0]


def certificate(pem: str) -> Certificate:
    return load_pem_x509_certificate(pem.encode())


def test_a_seal_hangs_from_the_published_root(database: Database) -> None:
    seal = organ_with_seal(database)
    other = organ_with_seal(database, "o2", "国家税务总局")
    with database.read() as work:
        (root,) = seals().trust_anchors(work)
        issuing = store.certificate(work.connection, "issuing") or ""
    above = certificate(issuing)
    certificate(seal.certificate_pem).verify_directly_issued_by(above)
    certificate(other.certificate_pem).verify_directly_issued_by(above)
    above.verify_directly_issued_by(certificate(root))
    assert (seal.name, seal.organ_id, seal.revoked_at) == (OFFICE, "o1", None)


def test_no_private_key_lies_in_the_clear(database: Database) -> None:
    seal = organ_with_seal(database)
    with database.read() as work:
        stored = [store.secrets_of(work.connection, seal.seal_id).encrypted_key]
        for role in ("root", "issuing"):
            row = store.authority(work.connection, role)
            assert row is not None
            stored.append(row.encrypted_key)
    for key in stored:
        with pytest.raises(ValueError, match=r".+"):
            serialization.load_der_private_key(key, password=None)


def test_an_organ_that_is_not_known_gets_no_seal(database: Database) -> None:
    with database.begin() as work, pytest.raises(NotFound) as raised:
        seals().create(work, "nobody")
    assert raised.value.reason == "ORGAN_NOT_FOUND"


def test_an_organ_has_one_seal_at_a_time(database: Database) -> None:
    first = organ_with_seal(database)
    with pytest.raises(Exists) as raised, database.begin() as work:
        seals().create(work, "o1")
    assert raised.value.reason == "SEAL_EXISTS"
    with database.begin() as work:
        seals().revoke(work, first.seal_id)
    with database.begin() as work:
        assert seals().create(work, "o1").seal_id != first.seal_id


def test_a_name_that_cannot_be_cut_is_refused(database: Database) -> None:
    with database.begin() as work:
        seals().keep_organs(work, [organ_registered(name="😀局")])
        with pytest.raises(Invalid) as raised:
            seals().create(work, "o1")
    assert raised.value.reason == "UNPRINTABLE_NAME"


def test_revoking_twice_gives_the_first_moment(database: Database) -> None:
    seal = organ_with_seal(database)
    with database.begin() as work:
        first = seals().revoke(work, seal.seal_id)
    with database.begin() as work:
        assert seals().revoke(work, seal.seal_id) == first
        assert first.revoked_at is not None
        with pytest.raises(NotFound):
            seals().revoke(work, "nothing")


def test_an_older_name_of_an_organ_never_overwrites_a_newer_one(database: Database) -> None:
    with database.begin() as work:
        seals().keep_organs(work, [organ_registered(name="新名", version=3), organ_registered(name="旧名", version=2)])
    with database.begin() as work:
        seals().keep_organs(work, [organ_registered(name="旧名", version=1)])
        assert store.organ_name(work.connection, "o1") == "新名"


def test_a_sealed_document_is_genuine_and_known(database: Database) -> None:
    organ_with_seal(database)
    document, content = sealed_document(database)
    with database.read() as work:
        finding, record = seals().verify(work, content)
    assert (finding.verdict, record) == (Verdict.GENUINE, document)


def test_a_seal_revoked_later_leaves_its_documents_genuine(database: Database) -> None:
    seal = organ_with_seal(database)
    _, content = sealed_document(database)
    with database.begin() as work:
        seals().revoke(work, seal.seal_id)
    assert verified(database, content).verdict is Verdict.GENUINE


def test_a_withdrawn_document_is_revoked(database: Database) -> None:
    organ_with_seal(database)
    _, content = sealed_document(database)
    handle(database, notice_withdrawn())
    assert verified(database, content).verdict is Verdict.REVOKED


@pytest.mark.parametrize("change", ["padding", "case"])
def test_rewriting_the_signature_s_container_does_not_hide_a_revocation(database: Database, change: str) -> None:
    organ_with_seal(database)
    _, content = sealed_document(database)
    handle(database, notice_withdrawn())
    start = content.index(b"/Contents <") + 11
    end = content.index(b">", start)
    container = content[start:end]
    rewritten = container.swapcase() if change == "case" else container[:-2] + b"01"
    assert rewritten != container
    finding = verified(database, content[:start] + rewritten + content[end:])
    assert finding.verdict is Verdict.ALTERED


def test_a_file_that_is_no_pdf_is_invalid_input(database: Database) -> None:
    with pytest.raises(Invalid) as raised:
        verified(database, b"hello")
    assert (raised.value.reason, raised.value.violations[0].field) == ("UNKNOWN_FORMAT", "content")
