"""PAdES levels, each judged by pyHanko through our verification, by `pdfsig`, and by openssl."""

import io
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from asn1crypto import x509  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

from services.eseal.cms.signing import Stamp
from services.eseal.domain.answers import Verdict
from services.eseal.domain.findings import Finding
from services.eseal.domain.orders import Order
from services.eseal.domain.trust import read_trust
from services.eseal.pdf.grades import Grade, Level
from services.eseal.pdf.sealing import Sealer
from tests.eseal.builders import NOON, credential, issuing, root, seal_picture, trust
from tests.eseal.pdf.builders import (
    DAY,
    LONG_AFTER,
    PLACE,
    codes,
    evidence,
    judged,
    own_timestamps,
    pages,
    revocation_list,
    sealed,
    signatures,
)
from tests.eseal.pdf.oracles import openssl_cms, openssl_ts, pdfsig

GOOD = {"UNCHANGED", "COVERS_ALL", "TRUSTED_ISSUER", "CERTIFICATE_VALID"}


@pytest.mark.usefixtures("poppler_tools", "nss_tools")
@pytest.mark.parametrize("level", Level)
def test_three_verifiers_that_share_nothing_accept_every_level(level: Level, tmp_path: Path) -> None:
    content = sealed(level=level)
    said = pdfsig(content, tmp_path)
    assert "Signature is Valid." in said
    assert "Certificate is Trusted." in said
    assert "Total document signed" in said
    assert "CMS Verification successful" in openssl_cms(content, tmp_path)
    assert judged(content).verdict is Verdict.GENUINE


@pytest.mark.usefixtures("poppler_tools", "nss_tools")
def test_they_all_refuse_a_file_of_which_one_byte_was_changed(tmp_path: Path) -> None:
    content = bytearray(sealed())
    content[content.index(b"stream") + 20] ^= 1
    assert "Digest Mismatch" in pdfsig(bytes(content), tmp_path)
    assert "Verification failure" in openssl_cms(bytes(content), tmp_path)
    assert judged(bytes(content)).verdict is Verdict.ALTERED


def test_without_a_timestamp_the_time_is_what_the_signer_says() -> None:
    assert codes(judged(sealed())) == [GOOD | {"TIME_CLAIMED", "REVOCATION_UNKNOWN"}]


def test_a_timestamp_proves_the_time_and_says_whose_it_is() -> None:
    found = judged(sealed(level=Level.B_T))
    assert codes(found) == [GOOD | {"TIME_STAMPED", "REVOCATION_UNKNOWN"}]
    assert (found.sealed_at, found.seals[0].timestamp_authority) == (NOON, "多跨（平台自建时间戳，非第三方）")


def test_with_everything_in_the_file_nothing_is_left_open() -> None:
    assert codes(judged(sealed(level=Level.B_LT))) == [GOOD | {"TIME_STAMPED", "NOT_REVOKED"}]


def test_pyhanko_by_itself_accepts_what_the_file_brings_and_nothing_else() -> None:
    content = sealed(level=Level.B_LT)
    reader = PdfFileReader(io.BytesIO(content))
    anchor = x509.Certificate.load(root().certificate.public_bytes(Encoding.DER))
    how = {"trust_roots": [anchor], "allow_fetching": False, "revocation_mode": "require", "moment": NOON + DAY / 24}
    context = DocumentSecurityStore.read_dss(reader).as_validation_context(how)
    (signature,) = reader.embedded_signatures
    found = validate_pdf_signature(signature, context, ts_validation_context=context)
    assert found.bottom_line
    assert found.timestamp_validity is not None
    assert found.timestamp_validity.trusted


def stamped(signature: EmbeddedPdfSignature) -> tuple[bytes, object]:
    (attribute,) = signature.signer_info["unsigned_attrs"]
    return signature.signer_info["signature"].native, attribute["values"][0]


def test_openssl_accepts_the_timestamp_of_the_signature(tmp_path: Path) -> None:
    value, token = stamped(signatures(sealed(level=Level.B_T))[0])
    assert "Verification: OK" in openssl_ts(token, value, tmp_path)
    assert "Verification: FAILED" in openssl_ts(token, value + b"1", tmp_path)


def test_a_timestamp_carries_a_signature_past_the_end_of_its_certificate() -> None:
    assert judged(sealed(level=Level.B_T), now=LONG_AFTER).verdict is Verdict.GENUINE
    found = judged(sealed(), now=LONG_AFTER)
    assert found.verdict is Verdict.INVALID
    assert "CERTIFICATE_EXPIRED_SINCE" in codes(found)[0]


def test_a_timestamp_by_nobody_whom_one_trusts_proves_nothing() -> None:
    content = sealed(level=Level.B_T)
    found = judged(content, by=read_trust(root().certificate_pem()))
    assert found.verdict is Verdict.GENUINE
    assert "TIMESTAMP_UNTRUSTED" in codes(found)[0]
    assert judged(content, by=read_trust(root().certificate_pem()), now=LONG_AFTER).verdict is Verdict.INVALID


def test_a_timestamp_of_another_signature_does_not_pass() -> None:
    other = own_timestamps().stamp(b"something else")
    content = judged_with(lambda _: other)
    assert content.verdict is Verdict.ALTERED
    assert "TIMESTAMP_BROKEN" in codes(content)[0]


def judged_with(stamp: Stamp) -> Finding:
    made = Sealer(credential(), seal_picture(), Grade(Level.B_T, stamp)).seal(pages(), Order(PLACE), NOON)
    return judged(made.content)


def revoked(at: datetime) -> list[bytes]:
    return [revocation_list(issuing(), [(credential(), at)], at=NOON + 2 * DAY), revocation_list(root())]


@pytest.mark.parametrize(
    ("level", "at", "verdict", "code"),
    [
        (Level.B_B, NOON - DAY, Verdict.REVOKED, "CERTIFICATE_REVOKED"),
        # The signer alone says that it was before: so would a thief.
        (Level.B_B, NOON + DAY, Verdict.REVOKED, "CERTIFICATE_REVOKED"),
        (Level.B_T, NOON - DAY, Verdict.REVOKED, "CERTIFICATE_REVOKED"),
        (Level.B_T, NOON + DAY, Verdict.GENUINE, "REVOKED_LATER"),
        (Level.B_LT, NOON + DAY, Verdict.GENUINE, "REVOKED_LATER"),
    ],
)
@pytest.mark.parametrize("now", [NOON + 3 * DAY, NOON + 300 * DAY])
def test_what_was_sealed_before_a_revocation_stays_valid_if_a_timestamp_proves_it(
    level: Level, at: datetime, verdict: Verdict, code: str, now: datetime
) -> None:
    """Also with a list that is long out of date: who was revoked then is so for good."""
    found = judged(sealed(level=level), by=replace(trust(), revocation_lists=tuple(revoked(at))), now=now)
    assert (found.verdict, code in codes(found)[0]) == (verdict, True)


def test_a_revoked_authority_revokes_what_hangs_from_it() -> None:
    lists = (revocation_list(issuing()), revocation_list(root(), [(issuing(), NOON - DAY)]))
    assert judged(sealed(), by=replace(trust(), revocation_lists=lists)).verdict is Verdict.REVOKED


@pytest.mark.parametrize("lists", [[revocation_list(issuing())], [revocation_list(root())]])
def test_what_lists_do_not_tell_makes_no_seal_bad(lists: list[bytes]) -> None:
    assert judged(sealed(), by=replace(trust(), revocation_lists=tuple(lists))).verdict is Verdict.GENUINE


def test_a_list_by_somebody_else_revokes_nothing() -> None:
    forged = revocation_list(issuing(NOON + DAY), [(credential(), NOON - DAY)])
    found = judged(sealed(), by=replace(trust(), revocation_lists=(forged,)))
    assert (found.verdict, "REVOCATION_UNKNOWN" in codes(found)[0]) == (Verdict.GENUINE, True)


def test_a_level_and_what_it_takes_go_together() -> None:
    for level, stamp, validation in (
        (Level.B_T, None, None),
        (Level.B_B, own_timestamps().stamp, None),
        (Level.B_LT, own_timestamps().stamp, None),
        (Level.B_T, own_timestamps().stamp, evidence),
    ):
        with pytest.raises(ValueError, match="do not go together"):
            Grade(level, stamp, validation)
