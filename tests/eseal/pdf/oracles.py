"""Verifiers that share no code with what seals: Poppler's `pdfsig` (NSS), openssl on what lies in the file; and `page`,
a validator of PDF/A.
"""

import subprocess
from pathlib import Path

from asn1crypto import cms  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.serialization import Encoding
from page import ValidationProfile, validate_pdf_bytes

from tests.eseal.builders import root
from tests.eseal.pdf.builders import signatures


def run(folder: Path, *command: str) -> str:
    """What the program says, on both channels."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr


def pdfsig(content: bytes, folder: Path) -> str:
    """What `pdfsig` says of all seals of a file, given the platform's root."""
    (folder / "sealed.pdf").write_bytes(content)
    (folder / "root.der").write_bytes(root().certificate.public_bytes(Encoding.DER))
    store = "sql:nss"
    (folder / "nss").mkdir(exist_ok=True)
    for options in (("-N", "--empty-password"), ("-A", "-n", "root", "-t", "CT,CT,CT", "-i", "root.der")):
        run(folder, "certutil", "-d", store, *options)
    return run(folder, "pdfsig", "-nssdir", store, "sealed.pdf")


def openssl_cms(content: bytes, folder: Path, number: int = -1) -> str:
    """What `openssl cms` says of a seal's signature and the bytes that it covers, given the platform's root."""
    signature = signatures(content)[number]
    _, first, second, length = signature.byte_range
    (folder / "covered").write_bytes(content[:first] + content[second : second + length])
    (folder / "signature.der").write_bytes(signature.pkcs7_content)
    write_root(folder)
    options = "-verify -binary -inform DER -in signature.der -content covered -CAfile root.pem -purpose any -out out"
    return run(folder, "openssl", "cms", *options.split())


def openssl_ts(token: cms.ContentInfo, value: bytes, folder: Path) -> str:
    """What `openssl ts` says of a timestamp of a signature's value, given the platform's root."""
    (folder / "token.der").write_bytes(token.dump())
    (folder / "value").write_bytes(value)
    write_root(folder)
    options = ("-in", "token.der", "-token_in", "-data", "value", "-CAfile", "root.pem")
    return run(folder, "openssl", "ts", "-verify", *options)


def write_root(folder: Path) -> None:
    (folder / "root.pem").write_text(root().certificate_pem())


def archival_faults(content: bytes) -> set[str]:
    """The rules of PDF/A-2u that a file breaks, as `page` names them, less the name of the profile before them."""
    report = validate_pdf_bytes(content, profile=ValidationProfile.PDF_A_2U)
    found = {failure.rule_id.split("-", 1)[1] for failure in report.failures}
    assert report.is_compliant is not bool(found)
    return found
