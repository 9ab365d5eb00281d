"""The platform's authorities and the certificates of seals."""

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID

from services.eseal.domain.pki import Identity, load_identity, make_issuing, make_root, make_seal
from tests.eseal.builders import NOON, OFFICE


def chain() -> tuple[Identity, Identity, Identity]:
    root = make_root(NOON)
    issuing = make_issuing(root, NOON)
    return root, issuing, make_seal(issuing, organ_id="o1", organ_name=OFFICE, now=NOON)


def usage(identity: Identity) -> set[str]:
    extension = identity.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    names = ("digital_signature", "content_commitment", "key_cert_sign", "crl_sign", "key_encipherment")
    return {name for name in names if getattr(extension, name)}


def test_each_level_is_signed_by_the_one_above() -> None:
    root, issuing, seal = chain()
    root.certificate.verify_directly_issued_by(root.certificate)
    issuing.certificate.verify_directly_issued_by(root.certificate)
    seal.certificate.verify_directly_issued_by(issuing.certificate)


def test_a_seal_signs_documents_and_nothing_else() -> None:
    root, issuing, seal = chain()
    assert usage(seal) == {"digital_signature", "content_commitment"}
    assert usage(root) == usage(issuing) == {"key_cert_sign", "crl_sign"}
    purposes = seal.certificate.extensions.get_extension_for_oid(ExtensionOID.EXTENDED_KEY_USAGE).value
    assert [purpose.dotted_string for purpose in purposes] == ["1.3.6.1.5.5.7.3.36"]  # type: ignore[attr-defined]
    limits = [
        identity.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        for identity in (root, issuing, seal)
    ]
    assert [(limit.ca, limit.path_length) for limit in limits] == [(True, 1), (True, 0), (False, None)]


def test_no_certificate_outlives_its_issuer() -> None:
    root = make_root(NOON)
    late = NOON + timedelta(days=19 * 365)
    issuing = make_issuing(root, late)
    seal = make_seal(issuing, organ_id="o1", organ_name=OFFICE, now=late)
    assert seal.certificate.not_valid_after_utc == root.certificate.not_valid_after_utc


def test_a_name_longer_than_x520_allows_is_cut_and_not_refused() -> None:
    seal = make_seal(make_issuing(make_root(NOON), NOON), organ_id="o" * 64, organ_name="国" * 100, now=NOON)
    names = {attribute.oid: attribute.value for attribute in seal.certificate.subject}
    assert names[x509.NameOID.ORGANIZATION_NAME] == "国" * 64
    assert names[x509.NameOID.COMMON_NAME] == "国" * 21


def test_an_identity_survives_storing() -> None:
    _, _, seal = chain()
    again = load_identity(seal.certificate_pem(), seal.key_der())
    assert again.certificate == seal.certificate
    assert isinstance(again.key.curve, ec.SECP256R1)
    assert again.key.private_numbers() == seal.key.private_numbers()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_accepts_the_chain(tmp_path: Path) -> None:
    for name, identity in zip(("root", "issuing", "seal"), chain(), strict=True):
        (tmp_path / f"{name}.pem").write_text(identity.certificate_pem())
    at = str(int(NOON.timestamp()))
    command = ["openssl", "verify", "-x509_strict", "-attime", at, "-CAfile", "root.pem", "-untrusted", "issuing.pem"]
    said = subprocess.run([*command, "seal.pem"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.stdout == "seal.pem: OK\n", said.stderr
