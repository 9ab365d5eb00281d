"""Signatures that other tools would take, or that other keys made: what is believed of them, and what is said."""

import hashlib
from datetime import datetime
from functools import cache

import pytest
from asn1crypto import cms  # type: ignore[import-untyped]
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from services.eseal.certificates import profiles
from services.eseal.certificates.profiles import key_usage
from services.eseal.cms import detached
from services.eseal.cms.signing import DATA, SIGNED_DATA, CmsSigner
from services.eseal.domain.answers import Code, Question, Verdict
from services.eseal.domain.findings import Finding, UnreadableError
from services.eseal.domain.trust import Trust
from services.eseal.keys import Credential
from services.eseal.keys.builders import builder_key
from services.eseal.keys.software import SoftwareKey
from services.eseal.national.der import SET, encode, integer, octets, oid, sequence
from services.eseal.national.seals import certificate_bytes
from services.eseal.national.sm3 import sm3
from services.eseal.pdf.grades import Level
from services.eseal.pdf.prepared import Validation
from services.eseal.pdf.preparing import _put_evidence
from tests.eseal.builders import NOON, credential, issuing, root, trust
from tests.eseal.national.builders import authority
from tests.eseal.pdf import attacks
from tests.eseal.pdf.builders import DAY, codes, judged, pages, revocation_list, sealed, timestamping
from tests.eseal.pdf.raw import Raw
from tests.eseal.pdf.test_timestamped import timestamped

SHA256, SM3 = "2.16.840.1.101.3.4.2.1", "1.2.156.10197.1.401"
ECDSA, SM2 = "1.2.840.10045.4.3.2", "1.2.156.10197.1.501"
CONTENT = b"a file of any kind"


def judged_apart(content: bytes, signature: bytes) -> Finding:
    return detached.inspect(content, signature, trust(), lambda _: None, NOON + DAY)


def signature_of(content: bytes) -> bytes:
    return CmsSigner(credential()).detached(hashlib.sha256(content).digest(), signed_at=NOON)


def revoking(who: Credential, at: datetime) -> Trust:
    """A trust list that knows of a revocation."""
    lists = (revocation_list(issuing(), [(who, at)], at=NOON + DAY / 2), revocation_list(root(), at=NOON + DAY / 2))
    return Trust(trust().roots, trust().timestamp_roots, lists)


def test_the_attributes_of_a_signature_are_no_file_that_was_signed() -> None:
    """Without attributes of its own the same value would be a signature of them."""
    genuine = cms.ContentInfo.load(signature_of(CONTENT))
    assert judged_apart(CONTENT, genuine.dump()).verdict is Verdict.GENUINE
    signer = genuine["content"]["signer_infos"][0]
    attributes: bytes = signer["signed_attrs"].untag().dump()
    kept = ("version", "sid", "digest_algorithm", "signature_algorithm", "signature")
    bare = cms.SignerInfo({name: signer[name] for name in kept})
    parts = {name: genuine["content"][name] for name in ("version", "digest_algorithms", "encap_content_info")}
    data = cms.SignedData({**parts, "certificates": genuine["content"]["certificates"], "signer_infos": [bare]})
    found = judged_apart(attributes, cms.ContentInfo({"content_type": "signed_data", "content": data}).dump())
    assert found.verdict is Verdict.UNTRUSTED
    assert {answer.code for answer in found.seals[0].answers} >= {Code.SIGNATURE_KIND_UNKNOWN}


def test_a_signature_may_be_filled_up_with_zeros_and_with_nothing_else() -> None:
    signature = signature_of(CONTENT)
    assert judged_apart(CONTENT, signature + bytes(4096)).verdict is Verdict.GENUINE
    for wrong in (signature + bytes(8) + b"1", signature[:-1], bytes(100), b"0"):
        with pytest.raises(UnreadableError, match="cannot be read as CMS"):
            judged_apart(CONTENT, wrong)


def national(digest_algorithm: str, digest: bytes, algorithm: str) -> bytes:
    """A signature in CMS with an SM2 key."""
    by = authority().seal
    types = sequence(oid("1.2.840.113549.1.9.3"), encode(SET, oid(DATA)))
    attributes = encode(SET, *sorted([types, sequence(oid("1.2.840.113549.1.9.4"), encode(SET, octets(digest)))]))
    who = sequence(by.certificate.issuer.public_bytes(), integer(by.certificate.serial_number))
    digested = sequence(oid(digest_algorithm))
    own = b"\xa0" + attributes[1:]
    value = octets(by.key.sign(attributes))
    signer = sequence(integer(1), who, digested, own, sequence(oid(algorithm)), value)
    certificates = encode(0xA0, certificate_bytes(by), certificate_bytes(authority().issuing))
    data = (integer(1), encode(SET, digested), sequence(oid(DATA)), certificates, encode(SET, signer))
    return sequence(oid(SIGNED_DATA), encode(0xA0, sequence(*data)))


@cache
def _sealed() -> Raw:
    return Raw(sealed())


@pytest.mark.parametrize(
    ("digest", "algorithm"), [(SM3, SM2), (SHA256, SM2), (SHA256, ECDSA), ("1.2.3", ECDSA), (SHA256, "1.2.3")]
)
def test_a_pdf_signed_with_algorithms_that_are_not_known_here_is_not_called_broken(digest: str, algorithm: str) -> None:
    raw = _sealed()
    _, first, second, _ = raw.byte_range
    covered = raw.content[:first] + raw.content[second:]
    made = sm3(covered) if digest == SM3 else hashlib.sha256(covered).digest()
    found = judged(raw.with_container(national(digest, made, algorithm)))
    assert found.verdict is Verdict.UNTRUSTED
    assert codes(found) == [{"SIGNATURE_KIND_UNKNOWN"}]


def test_a_timestamp_by_somebody_whose_certificate_was_revoked_proves_nothing() -> None:
    content = sealed(level=Level.B_T)
    known = judged(content, by=revoking(credential(), NOON + DAY)).seals[0].answer(Question.TIME)
    assert known is not None
    assert known.code is Code.TIME_STAMPED
    found = judged(content, by=revoking(timestamping(), NOON - DAY))
    assert "TIMESTAMP_UNTRUSTED" in codes(found)[0]


def test_who_stole_both_keys_cannot_seal_in_the_past_once_the_timestamps_are_revoked() -> None:
    lists = revocation_list(
        issuing(), [(credential(), NOON + DAY / 4), (timestamping(), NOON + DAY / 4)], at=NOON + DAY / 2
    )
    by = Trust(trust().roots, trust().timestamp_roots, (lists, revocation_list(root(), at=NOON + DAY / 2)))
    assert judged(sealed(level=Level.B_T), by=by).verdict is Verdict.REVOKED


def test_a_timestamp_over_the_file_by_somebody_whose_certificate_was_revoked_is_a_foreign_one() -> None:
    found = judged(timestamped(sealed(pages())), by=revoking(timestamping(), NOON - DAY))
    assert Code.FOREIGN_SIGNATURE_ON_TOP in {remark.code for remark in found.remarks}


def answer_of(holder: Credential, issuer: Credential, at: datetime) -> bytes:
    """An answer (OCSP) by a responder of the issuer's that the certificate is good."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "OCSP")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(issuer.certificate.subject)
    builder = (
        builder.public_key(key.public_key()).serial_number(1).not_valid_before(NOON).not_valid_after(NOON + 9 * DAY)
    )
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), critical=False)
    builder = builder.add_extension(key_usage(digital_signature=True), critical=True)
    own = builder.add_extension(x509.OCSPNoCheck(), critical=False).sign(builder_key(issuer.key), hashes.SHA256())
    status, of = ocsp.OCSPCertStatus.GOOD, (holder.certificate, issuer.certificate, hashes.SHA256())
    answers = ocsp.OCSPResponseBuilder().add_response(*of, status, at, at + 7 * DAY, None, None)
    answers = answers.responder_id(ocsp.OCSPResponderEncoding.HASH, own).certificates([own])
    return answers.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.mark.parametrize("level", [Level.B_B, Level.B_T])
def test_an_old_answer_that_a_certificate_is_good_is_no_match_for_a_list_that_has_it_as_revoked(level: Level) -> None:
    """Whoever steals a key has such an answer, or gets one before the theft is noticed."""
    above = profiles.make_issuing(root(), SoftwareKey.generate(), NOON, "http://pki.example/root")
    validity = (NOON, NOON + 365 * DAY)
    holder = profiles.make_seal(
        above, SoftwareKey.generate(), organ_id="o1", organ_name="局", name="局", validity=validity,
        published="http://pki.example/issuing",
    )  # fmt: skip
    content = sealed(level=level, by=holder, at=NOON + 2 * DAY)
    chain = [each.certificate.public_bytes(Encoding.DER) for each in (holder, above, root())]
    answers = [answer_of(holder, above, NOON), answer_of(above, root(), NOON)]
    content = attacks.updated(content, lambda writer: _put_evidence(writer, Validation(chain, (), answers)))
    assert "NOT_REVOKED" in codes(judged(content, now=NOON + 3 * DAY))[0]
    lists = (revocation_list(above, [(holder, NOON + DAY)], at=NOON + DAY), revocation_list(root(), at=NOON + DAY))
    for known in (lists, lists[:1]):
        by = Trust(trust().roots, trust().timestamp_roots, known)
        assert judged(content, now=NOON + 3 * DAY, by=by).verdict is Verdict.REVOKED
