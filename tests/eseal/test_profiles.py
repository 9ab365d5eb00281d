"""The platform's authorities and the certificates of seals."""

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from services.eseal.certificates.profiles import make_issuing, make_root, make_seal
from services.eseal.keys import Credential
from services.eseal.keys.software import SoftwareKey
from tests.eseal.builders import LONG, NOON, OFFICE


def chain() -> tuple[Credential, Credential, Credential]:
    root = make_root(SoftwareKey.generate(), NOON)
    issuing = make_issuing(root, SoftwareKey.generate(), NOON)
    return (
        root,
        issuing,
        make_seal(
            issuing, SoftwareKey.generate(), organ_id="o1", organ_name=OFFICE, name=OFFICE, validity=(NOON, NOON + LONG)
        ),
    )


def usage(credential: Credential) -> set[str]:
    extension = credential.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
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
    assert usage(root) == usage(issuing) == {"digital_signature", "key_cert_sign", "crl_sign"}
    purposes = seal.certificate.extensions.get_extension_for_oid(ExtensionOID.EXTENDED_KEY_USAGE).value
    assert [purpose.dotted_string for purpose in purposes] == ["1.3.6.1.5.5.7.3.36", "1.3.6.1.5.5.7.3.4"]  # type: ignore[attr-defined]
    limits = [
        credential.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        for credential in (root, issuing, seal)
    ]
    assert [(limit.ca, limit.path_length) for limit in limits] == [(True, 1), (True, 0), (False, None)]


def test_no_certificate_outlives_its_issuer() -> None:
    root = make_root(SoftwareKey.generate(), NOON)
    late = NOON + timedelta(days=19 * 365)
    issuing = make_issuing(root, SoftwareKey.generate(), late)
    seal = make_seal(
        issuing, SoftwareKey.generate(), organ_id="o1", organ_name=OFFICE, name=OFFICE, validity=(late, late + LONG)
    )
    assert seal.certificate.not_valid_after_utc == root.certificate.not_valid_after_utc


def test_a_name_longer_than_x520_allows_is_cut_and_not_refused() -> None:
    _, issuing, _ = chain()
    seal = make_seal(
        issuing,
        SoftwareKey.generate(),
        organ_id="o" * 64,
        organ_name="国" * 100,
        name="国" * 100,
        validity=(NOON, NOON + LONG),
    )
    names = {attribute.oid: attribute.value for attribute in seal.certificate.subject}
    assert names[x509.NameOID.ORGANIZATION_NAME] == "国" * 64
    assert names[x509.NameOID.COMMON_NAME] == "国" * 21


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_accepts_the_chain(tmp_path: Path) -> None:
    for name, credential in zip(("root", "issuing", "seal"), chain(), strict=True):
        (tmp_path / f"{name}.pem").write_text(credential.certificate_pem())
    at = str(int(NOON.timestamp()))
    command = ["openssl", "verify", "-x509_strict", "-attime", at, "-CAfile", "root.pem", "-untrusted", "issuing.pem"]
    said = subprocess.run([*command, "seal.pem"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.stdout == "seal.pem: OK\n", said.stderr
