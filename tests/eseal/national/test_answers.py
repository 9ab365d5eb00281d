"""Answers of OCSP about certificates of the national suite: asked, read and checked with `openssl`."""

import subprocess
from datetime import datetime
from pathlib import Path

import pytest
from cryptography.x509 import ocsp

from services.eseal.certificates.ocsp import ANSWER_LIFE, answer, read_question
from services.eseal.certificates.revocation import Issued
from services.eseal.keys import Credential, pem
from tests.eseal.national.builders import DAY, NOON, authority

pytestmark = pytest.mark.usefixtures("openssl")
IDENTIFIED = "distid:1234567812345678"


def openssl(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def asked(folder: Path, about: Credential, issuer: Credential, *options: str) -> bytes:
    """What the `openssl` command asks about a certificate."""
    (folder / "issuer.pem").write_text(pem(issuer.certificate))
    (folder / "seal.pem").write_text(pem(about.certificate))
    openssl(folder, "ocsp", "-issuer", "issuer.pem", *options, "-cert", "seal.pem", "-reqout", "question")
    return (folder / "question").read_bytes()


def answered(body: bytes, issuer: Credential, revoked_at: datetime | None = None) -> bytes:
    question = read_question(body)
    assert question is not None
    assert question.is_about(issuer.certificate)
    return answer(question, issuer, Issued(question.serial_number, revoked_at), NOON + DAY)


@pytest.mark.parametrize("hash_", ["-sm3", "-sha256", "-sha1"])
@pytest.mark.parametrize("revoked_at", [None, NOON])
def test_openssl_reads_what_is_answered_to_its_question(
    tmp_path: Path, hash_: str, revoked_at: datetime | None
) -> None:
    by = authority()
    given = answered(asked(tmp_path, by.seal, by.issuing, hash_), by.issuing, revoked_at)
    (tmp_path / "answer").write_bytes(given)
    options = ("-issuer", "issuer.pem", hash_, "-cert", "seal.pem", "-reqin", "question", "-respin", "answer")
    said = openssl(tmp_path, "ocsp", *options, "-noverify", "-validity_period", "999999999", "-resp_text")
    assert ("seal.pem: revoked" if revoked_at else "seal.pem: good") in said
    assert "1.2.156.10197.1.501" in said or "SM2-with-SM3" in said
    assert ("cessationOfOperation" in said) is (revoked_at is not None)
    assert "Nonce" in said
    assert "WARNING" not in said


def test_openssl_verifies_the_signature_of_an_answer(tmp_path: Path) -> None:
    by = authority()
    read = ocsp.load_der_ocsp_response(answered(asked(tmp_path, by.seal, by.issuing, "-sha256"), by.issuing))
    assert (read.this_update_utc, read.next_update_utc) == (NOON + DAY, NOON + DAY + ANSWER_LIFE)
    (tmp_path / "content").write_bytes(read.tbs_response_bytes)
    (tmp_path / "signature").write_bytes(read.signature)
    (tmp_path / "key.pem").write_text(openssl(tmp_path, "x509", "-in", "issuer.pem", "-pubkey", "-noout"))
    check = ("dgst", "-sm3", "-sigopt", IDENTIFIED, "-verify", "key.pem", "-signature", "signature", "content")
    assert "Verified OK" in openssl(tmp_path, *check)
    (tmp_path / "content").write_bytes(read.tbs_response_bytes[:-1] + b"\0")
    assert "Verified OK" not in openssl(tmp_path, *check)


def test_a_question_about_another_authority_is_not_ours(tmp_path: Path) -> None:
    by = authority()
    question = read_question(asked(tmp_path, by.issuing, by.root, "-sm3"))
    assert question is not None
    assert question.is_about(by.root.certificate)
    assert not question.is_about(by.issuing.certificate)


def test_a_question_about_several_certificates_is_none(tmp_path: Path) -> None:
    by = authority()
    asked(tmp_path, by.seal, by.issuing)
    options = ("-issuer", "issuer.pem", "-cert", "seal.pem", "-cert", "seal.pem", "-reqout", "question")
    openssl(tmp_path, "ocsp", *options)
    assert read_question((tmp_path / "question").read_bytes()) is None
    assert read_question(asked(tmp_path, by.seal, by.issuing)) is not None


def test_a_hash_that_nobody_should_use_is_not_read(tmp_path: Path) -> None:
    by = authority()
    assert read_question(asked(tmp_path, by.seal, by.issuing, "-md5")) is None
