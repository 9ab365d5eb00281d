"""`duokua seal` against an api that runs: an office applies, an operator decides, and everything is told later."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner, Result

from cli.main import app
from duokua.errors import DuokuaError
from duokua.eseal.v1.events_pb2 import SealingFailed
from duokua.identity.v1 import directory_pb2
from services.eseal.certificates.profiles import DOCUMENT_SIGNING, key_usage
from services.eseal.national.ofd.package import write
from services.eseal.notices import Notices
from services.eseal.service import Documents
from tests.edge import Edge
from tests.eseal.builders import LONG, NOON, OFFICE, handle, notice_requested, organ_registered
from tests.eseal.national.builders import written
from tests.eseal.pdf.builders import pages


@dataclass(frozen=True, slots=True)
class Desk:
    """The shells of an office's system and of an operator."""

    edge: Edge
    organ: str
    operator: Mapping[str, str]
    office: Mapping[str, str]

    def run(self, *arguments: str, status: int = 0, office: bool = False) -> Result:
        environment = {**self.operator, **(self.office if office else {}), "COLUMNS": "200"}
        done = CliRunner(env=environment).invoke(app, ["seal", *arguments])
        assert done.exit_code == status, done.output
        return done

    def json(self, *arguments: str, **given: Any) -> Any:
        return json.loads(self.run(*arguments, "--json", **given).stdout)

    def refused(self, *arguments: str, office: bool = False) -> str:
        """With what reason the platform refuses a command."""
        error = self.run(*arguments, status=1, office=office).exception
        assert isinstance(error, DuokuaError)
        return f"{error.reason}: {error.message}"

    def made(self) -> str:
        """A seal in use."""
        seal: str = self.json("apply", self.organ, "--reason", "启用", office=True)["seal_id"]
        self.run("approve", seal)
        return seal


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    root, _ = outside_root()
    (tmp_path / "outside.pem").write_bytes(root.public_bytes(serialization.Encoding.PEM))
    with Edge(tmp_path / "data", "eseal", eseal_outside_trust=tmp_path / "outside.pem") as edge:
        organ = edge.organ(1)
        with edge.database("eseal").begin() as work:
            Documents.from_settings(edge.settings).keep_organs(work, [organ_registered(organ)])
        system = edge.client(directory_pb2.CLIENT_ROLE_DEPARTMENT, organ)
        system._key.save(tmp_path / "office.jwk")
        operator = {"DUOKUA_DATA_DIR": str(tmp_path / "data"), "DUOKUA_ENDPOINTS": edge.settings.listen}
        office = {
            "DUOKUA_CLIENT_ID": system.client_id,
            "DUOKUA_KEY_FILE": str(tmp_path / "office.jwk"),
            "DUOKUA_ROOT_CERT": str(edge.settings.secrets_folder / "tls-root.crt"),
        }
        yield Desk(edge, organ, operator, office)


@cache
def outside_root() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """An authority outside the platform, made once."""
    key = ec.generate_private_key(ec.SECP256R1())
    return certificate(key.public_key(), key, x509.BasicConstraints(ca=True, path_length=0)), key


def certificate(
    public: Any, key: ec.EllipticCurvePrivateKey, *extensions: x509.ExtensionType, subject: str = "外部机构"
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "外部机构")]))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOON - LONG)
        .not_valid_after(NOON + LONG)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256())


def test_an_office_applies_and_somebody_else_approves(desk: Desk) -> None:
    told = desk.run("apply", desk.organ, "--reason", "启用", office=True).stdout
    (applied,) = desk.json("list", "--state", "applied")
    assert f"is applied for; somebody else approves it: duokua seal approve {applied['seal_id']}" in told
    assert "is there already, applied" in desk.run("apply", desk.organ, "--reason", "再次", office=True).stdout
    assert "seals.approve" in desk.refused("approve", desk.organ, office=True)
    assert f"{OFFICE} is active, good until" in desk.run("approve", desk.organ, "--reason", "同意").stdout
    (seal,) = desk.json("list", "--organ", desk.organ, "--state", "active")
    shown = desk.run("show", seal["seal_id"]).stdout
    assert f"{OFFICE} (organ) is active" in shown
    assert "for all matters" in shown
    assert "for 5 years: 启用" in shown
    acts = desk.json("history", seal["seal_id"])
    assert [(act["act"], act["reason"]) for act in acts[:2]] == [("APPLIED", "启用"), ("APPROVED", "同意")]
    assert acts[0]["actor"] != acts[1]["actor"]


def test_an_operator_does_not_approve_what_it_applied_for(desk: Desk) -> None:
    seal = desk.json("apply", desk.organ, "--reason", "启用")["seal_id"]
    assert "FOUR_EYES" in desk.refused("approve", seal)
    assert "is rejected" in desk.run("reject", seal, "--reason", "另行申请").stdout
    assert "applies for none" in desk.refused("approve", desk.organ)


def test_a_special_seal_has_its_name_its_matters_and_its_picture(desk: Desk, tmp_path: Path) -> None:
    options = ("--kind", "special", "--name", "审批专用章", "--matter", "330131903000", "--years", "2")
    seal = desk.json("apply", desk.organ, "--reason", "启用", *options, office=True)["seal_id"]
    assert "is made" in desk.run("approve", seal, "--hold").stdout
    assert "is active" in desk.run("activate", seal).stdout
    shown = desk.json("show", seal, "--picture", str(tmp_path / "seal.png"))
    assert (shown["name"], shown["matters"], shown["years"]) == ("审批专用章", ["330131903000"], 2)
    again = tmp_path / "seal.png"
    assert again.read_bytes().startswith(b"\x89PNG")
    renewed = desk.json("renew", seal, "--reason", "换章", "--picture", str(again), "--matter", "*", office=True)
    assert (renewed["replaces_seal_id"], renewed["matters"]) == (seal, ["*"])
    desk.run("approve", renewed["seal_id"])
    assert desk.json("show", seal)["state"] == "SEAL_STATE_REPLACED"


def test_a_seal_is_suspended_resumed_and_revoked_and_its_uses_are_counted(desk: Desk) -> None:
    seal = desk.made()
    database, notices = desk.edge.database("eseal"), Notices.from_settings(desk.edge.settings)
    handle(database, notice_requested("n1", organ_id=desk.organ), by=notices)
    assert "is suspended" in desk.run("suspend", seal, "--reason", "盘点").stdout
    last = handle(database, notice_requested("n2", organ_id=desk.organ), by=notices)[-1]
    assert isinstance(last, SealingFailed)
    assert "1 use, 1 refused attempt" in desk.run("uses", seal, "--count").stdout
    assert desk.json("uses", "--organ", desk.organ, "--count", office=True) == {"used": 1, "refused": 1}
    first, second = desk.json("uses", seal)
    assert (first["refused"], second["reason"]) == (False, "SEAL_SUSPENDED")
    assert [use["reason"] for use in desk.json("uses", "--refused", "--since", "2020-01-01")] == ["SEAL_SUSPENDED"]
    assert desk.json("uses", "--until", "2020-01-01") == []
    assert "is active" in desk.run("resume", seal, "--reason", "盘点完毕").stdout
    assert "is revoked" in desk.run("revoke", seal, "--reason", "机构撤并").stdout
    assert "WRONG_SEAL_STATE" in desk.refused("resume", seal, "--reason", "再试")
    assert "BEGIN X509 CRL" in desk.run("trust").stdout


def test_a_certificate_from_outside_makes_a_seal(desk: Desk, tmp_path: Path) -> None:
    seal = desk.json("apply", desk.organ, "--reason", "启用", "--outside", office=True)["seal_id"]
    assert "is approved" in desk.run("approve", seal).stdout
    request = x509.load_pem_x509_csr(desk.run("csr", seal).stdout.encode())
    _, key = outside_root()
    purposes = (x509.ExtendedKeyUsage([DOCUMENT_SIGNING]), key_usage(digital_signature=True))
    answer = certificate(request.public_key(), key, *purposes, subject="某局")
    path = tmp_path / "seal.crt"
    path.write_text("-----BEGIN CERTIFICATE-----")
    assert "BAD_CERTIFICATE" in desk.refused("import-certificate", seal, str(path))
    path.write_bytes(answer.public_bytes(serialization.Encoding.DER))
    refused = desk.run("import-certificate", seal, str(path), status=1).exception
    assert isinstance(refused, ValueError)
    assert "openssl x509 -inform der" in str(refused)
    assert x509.load_pem_x509_csr(desk.json("csr", seal)["request_pem"].encode()).public_key() == request.public_key()
    path.write_bytes(answer.public_bytes(serialization.Encoding.PEM))
    assert "is active" in desk.run("import-certificate", seal, str(path)).stdout


def test_what_an_office_may_ask_it_asks_in_its_own_environment(desk: Desk, tmp_path: Path) -> None:
    desk.made()
    (tmp_path / "data" / "secrets" / "operator.jwk").rename(tmp_path / "operator.jwk")
    (tmp_path / "file.txt").write_text("no seal")
    assert "UNKNOWN_FORMAT" in desk.refused("verify", str(tmp_path / "file.txt"), office=True)
    assert "BEGIN CERTIFICATE" in desk.run("trust", office=True).stdout
    assert len(desk.json("trust", office=True)["revocation_lists_pem"]) == 2


def test_the_suite_is_told_to_programs_too(desk: Desk) -> None:
    assert desk.json("suite", desk.organ, "national") == {"organ_id": desk.organ, "suite": "NATIONAL"}


def test_an_authority_is_followed_by_another(desk: Desk) -> None:
    assert "there is no authority" in desk.run("authorities").stdout
    desk.made()
    assert [each["role"] for each in desk.json("authorities")] == ["root", "issuing"]
    known = desk.json("rotate-authority")
    assert [bool(each.get("retired_at")) for each in known] == [False, True, False]
    assert len(desk.json("rotate-authority", "--root")) == 5


def test_an_official_has_a_file_sealed_and_an_operator_has_no_seals(desk: Desk, tmp_path: Path) -> None:
    seal, plain, out = desk.made(), tmp_path / "plan.pdf", tmp_path / "sealed.pdf"
    plain.write_bytes(pages(2))
    asked = ("document", str(plain), "--seal", seal, "--official", "张三", "--out", str(out), "--request-id", "r1")
    told = desk.run(*asked, "--text", "Page 2", office=True).stdout
    assert str(out) in told
    sealed = out.read_bytes()
    assert "GENUINE" in desk.run("verify", str(out)).stdout
    again = desk.json(*asked, "--text", "Page 2", office=True)
    assert (again["title"], out.read_bytes()) == ("plan", sealed)
    assert "REQUEST_ID_REUSED" in desk.refused(*asked, "--at", "1,300,300", office=True)
    assert "PERMISSION_MISSING" in desk.refused(*asked)
    (use,) = desk.json("uses", seal)
    assert (use["official"], use["document_id"]) == ("张三", again["document_id"])


def test_an_official_has_an_ofd_sealed_whatever_it_is_called(desk: Desk, tmp_path: Path) -> None:
    desk.run("suite", desk.organ, "national")
    seal, plain, out = desk.made(), tmp_path / "plan.pdf", tmp_path / "sealed"
    plain.write_bytes(write(written(60).files))
    asked = ("document", str(plain), "--seal", seal, "--official", "张三", "--out", str(out))
    desk.run(*asked, "--text", "准予许可", "--riding", office=True)
    assert "GENUINE" in desk.run("verify", str(out)).stdout
    plain.write_bytes(pages())
    assert "SEAL_NOT_FOR_FORMAT" in desk.refused(*asked, "--at", "1,300,300", office=True)
    assert [use.get("reason", "") for use in desk.json("uses", seal)] == ["", "SEAL_NOT_FOR_FORMAT"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--at", "1,2"), "--at is a page and two lengths"),
        (("--at", "1,2,3", "--text", "x"), "one place"),
    ],
)
def test_a_place_that_cannot_be_meant_is_told_before_anything_is_sent(
    tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    plain = tmp_path / "plan.pdf"
    plain.write_bytes(pages())
    asked = ["seal", "document", str(plain), "--seal", "s", "--official", "张三", "--out", str(tmp_path / "out.pdf")]
    done = CliRunner().invoke(app, [*asked, *options])
    assert done.exit_code == 1
    assert told in str(done.exception)
    assert not (tmp_path / "out.pdf").exists()


@pytest.mark.parametrize(("file", "told"), [("/dev/zero", "TOO_LARGE"), ("/dev/null", "is empty")])
def test_no_more_is_read_of_a_file_than_is_sent(tmp_path: Path, file: str, told: str) -> None:
    asked = ["seal", "document", file, "--seal", "s", "--official", "张三", "--out", str(tmp_path / "out.pdf")]
    done = CliRunner().invoke(app, asked)
    assert (done.exit_code, told in str(done.exception)) == (1, True)
