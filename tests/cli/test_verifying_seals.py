"""`duokua seal verify` without a platform: whom to trust comes from files, and nothing else is asked."""

import base64
import json
import re
from hashlib import sha256
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from chassis.problems import Problem
from cli.seals import app
from services.eseal.cms.signing import CmsSigner
from tests.cli.test_light_commands import SERVER, loaded
from tests.eseal.builders import NOON, OFFICE, credential, issuing, root, sealed_file
from tests.eseal.pdf.builders import DAY, revocation_list


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "notice.pdf").write_bytes(sealed_file().content)
    (tmp_path / "empty").touch()
    (tmp_path / "bad.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    (tmp_path / "root.pem").write_text(f"our province's root\n{root().certificate_pem()}")
    return tmp_path


def verify(folder: Path, *arguments: str, file: str = "notice.pdf") -> Result:
    paths = [str(folder / each) if (folder / each).exists() else each for each in arguments]
    return CliRunner().invoke(app, ["verify", str(folder / file), *paths])


def test_a_genuine_file_is_told_in_words(folder: Path) -> None:
    done = verify(folder, "--trust", "root.pem")
    assert done.exit_code == 0, done.output
    assert "notice.pdf: GENUINE (PDF)" in done.output
    assert f"由{OFFICE}于2026-06-01 12:00（北京时间）盖章" in done.output
    assert "+ COVERS_ALL" in done.output
    assert "? REVOCATION_UNKNOWN" in done.output


def test_json_says_the_same_to_programs(folder: Path) -> None:
    found = json.loads(verify(folder, "--trust", "root.pem", "--json").output)
    (seal,) = found["seals"]
    assert (found["verdict"], found["format"], seal["signer"]) == ("GENUINE", "PDF", OFFICE)
    assert seal["answers"]["changed"] == {
        "code": "UNCHANGED",
        "standing": "GOOD",
        "detail": "",
        "zh": "盖章后未被改动",
        "en": "nothing was changed since",
    }


def test_what_is_not_genuine_ends_with_status_1(folder: Path) -> None:
    (folder / "changed.pdf").write_bytes(sealed_file().content + b"\n% paid\n")
    done = verify(folder, "--trust", "root.pem", file="changed.pdf")
    assert (done.exit_code, "ALTERED" in done.output) == (1, True)
    (folder / "other.pem").write_text(root(NOON + DAY).certificate_pem())
    done = verify(folder, "--trust", "other.pem")
    assert (done.exit_code, "- UNTRUSTED_ISSUER" in done.output) == (1, True)


def test_a_list_of_revoked_certificates_counts(folder: Path) -> None:
    listed = base64.encodebytes(revocation_list(issuing(), [(credential(), NOON)])).decode()
    (folder / "revoked.pem").write_text(f"-----BEGIN X509 CRL-----\n{listed}-----END X509 CRL-----\n")
    done = verify(folder, "--trust", "root.pem", "--trust", "revoked.pem")
    assert (done.exit_code, "REVOKED" in done.output) == (1, True)


def test_a_signature_may_lie_apart_from_its_file(folder: Path) -> None:
    (folder / "data.bin").write_bytes(b"any data")
    signature = CmsSigner(credential()).detached(sha256(b"any data").digest(), signed_at=NOON)
    (folder / "data.p7s").write_bytes(signature)
    assert verify(folder, "--trust", "root.pem", "--signature", "data.p7s", file="data.bin").exit_code == 0
    (folder / "data.bin").write_bytes(b"any date")
    done = verify(folder, "--trust", "root.pem", "--signature", "data.p7s", file="data.bin")
    assert (done.exit_code, "- CONTENT_CHANGED" in done.output) == (1, True)


@pytest.mark.parametrize(
    ("file", "options", "why"),
    [
        ("root.pem", ("--trust", "root.pem"), "UNKNOWN_FORMAT"),
        ("notice.pdf", ("--trust", "notice.pdf"), "notice.pdf: the trust list has no PEM block"),
        ("notice.pdf", ("--trust", "root.pem", "--trust", "empty"), "empty: the trust list is empty"),
        ("notice.pdf", ("--trust", "bad.pem"), "bad.pem: entry 1 of the trust list is no CERTIFICATE"),
        ("empty", ("--trust", "root.pem"), "UNKNOWN_FORMAT: .*empty is empty"),
        ("/dev/zero", ("--trust", "root.pem"), "TOO_LARGE: /dev/zero has more than 16000000 bytes"),
        ("/dev/zero", (), "TOO_LARGE"),
        ("notice.pdf", ("--trust", "root.pem", "--signature", "empty"), "empty is empty"),
        ("notice.pdf", ("--signature", "empty"), "empty is empty"),
        ("notice.pdf", ("--timestamp-trust", "root.pem"), "goes with --trust"),
        ("notice.pdf", ("--trust", "root.pem", "--signature", "root.pem"), "BROKEN_SIGNATURE"),
    ],
)
def test_what_cannot_be_judged_is_an_error_that_says_why(
    folder: Path, file: str, options: tuple[str, ...], why: str
) -> None:
    done = verify(folder, *options, file=file)
    assert isinstance(done.exception, ValueError | Problem)
    assert re.search(why, str(done.exception))


def test_a_folder_is_no_trust_list(folder: Path) -> None:
    assert verify(folder, "--trust", str(folder)).exit_code == 2


def test_it_loads_no_server_and_leaves_reading_to_another_process(folder: Path) -> None:
    modules = loaded(folder, "seal", "verify", str(folder / "notice.pdf"), "--trust", str(folder / "root.pem"))
    assert "services.eseal.verification.judges" in modules
    assert modules & (SERVER | {"pyhanko"}) == set()
