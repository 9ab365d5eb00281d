"""Judging one CMS signature: by whom it is, when, and whether the certificate was good then.

Certificates are judged at the time that is proven, by the register or by a trusted timestamp; when only the signer says
when it was, at the present: whoever has stolen a key can claim any time.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asn1crypto import cms, x509  # type: ignore[import-untyped]
from cryptography.exceptions import UnsupportedAlgorithm
from pyhanko.sign.ades.report import AdESIndeterminate
from pyhanko.sign.general import extract_signer_info
from pyhanko.sign.validation.generic_cms import (
    cms_basic_validation,
    extract_self_reported_ts,
    extract_tst_data_iter,
    message_imprint_checker,
    validate_tst_signed_data,
)
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko_certvalidator import ValidationContext

from services.eseal.cms.evidence import Evidence
from services.eseal.domain.answers import Code
from services.eseal.domain.findings import (
    Answer,
    Certificate,
    Kind,
    SealedAt,
    SealFinding,
    authority_name,
    shortened,
    time_by_word,
)

_SHA256 = "sha256"
# What `hashlib` and pyHanko know by these names; the weak ones are told as such.
_DIGESTS = frozenset({"md5", "sha1", "sha224", _SHA256, "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512"})
# Seals sign documents (RFC 9336; Adobe's and Microsoft's older names of the same) or carry no purpose at all, as many
# certificates of legal persons do; electronic mail is what others have. Servers and timestamps are not among them.
_USAGE = KeyUsageConstraints(
    key_usage={"digital_signature", "non_repudiation"},
    extd_key_usage={
        "1.3.6.1.5.5.7.3.36",
        "adobe_authentic_documents_trust",
        "microsoft_document_signing",
        "email_protection",
        "any_extended_key_usage",
    },
    explicit_extd_key_usage_required=False,
)
# In bits (NIST SP 800-57, 5.6.1: no shorter one since 2014); pyHanko looks at RSA and DSA only.
_SHORTEST_CURVE = 224
_EXPIRED = frozenset({AdESIndeterminate.OUT_OF_BOUNDS_NO_POE, AdESIndeterminate.OUT_OF_BOUNDS_NOT_REVOKED})
_WEAK = frozenset({AdESIndeterminate.CRYPTO_CONSTRAINTS_FAILURE, AdESIndeterminate.CRYPTO_CONSTRAINTS_FAILURE_NO_POE})


@dataclass(frozen=True, slots=True)
class Signed:
    """A CMS signature and what it should be of."""

    data: cms.SignedData
    digest: Callable[[str], bytes]
    """The digest of what was signed, by the name of the algorithm."""
    claimed_at: datetime | None = None
    """What the file says of the time, where the signature itself does not."""
    kind: Kind = Kind.SEAL


async def judge(signed: Signed, evidence: Evidence, sealed_at: SealedAt, now: datetime) -> SealFinding:
    """Who signed it, when, and how certificate and signature stand; that anything changed since is not judged here."""
    return await _if_known(signed, _judged(signed, evidence, sealed_at, now))


async def judge_timestamp(signed: Signed, evidence: Evidence, now: datetime) -> SealFinding:
    """A timestamp that stands by itself, over the file: by whom, when, and whether it is to be believed."""
    return await _if_known(signed, _judged_timestamp(signed, evidence, now))


class _UnknownKindError(Exception):
    """A signature that may be good, and that nothing here can judge."""


async def _if_known(signed: Signed, finding: Awaitable[SealFinding]) -> SealFinding:
    try:
        return await finding
    except (_UnknownKindError, UnsupportedAlgorithm):
        return SealFinding(signed.kind, (Answer(Code.SIGNATURE_KIND_UNKNOWN),))


async def _judged(signed: Signed, evidence: Evidence, sealed_at: SealedAt, now: datetime) -> SealFinding:
    info = extract_signer_info(signed.data)
    algorithm = info["digest_algorithm"]["algorithm"].native
    # Without attributes the attributes of any other signature could be passed off as a file that was signed.
    if algorithm not in _DIGESTS or not info["signed_attrs"].native:
        raise _UnknownKindError
    digest = signed.digest(algorithm)
    registered = sealed_at(digest.hex()) if algorithm == _SHA256 else None
    timing = await _timing(info, signed, evidence, now)
    proven = registered or timing.stamped_at
    status, revocation = await _status(signed, digest, evidence, proven or now)
    certificate = status["signing_cert"]
    answers: list[Answer] = []
    if not status["intact"]:
        answers.append(Answer(Code.CONTENT_CHANGED))
    elif not status["valid"]:
        answers.append(Answer(Code.SIGNATURE_INVALID))
    else:
        if proven and revocation is Code.NOT_REVOKED:
            later, _ = await _status(signed, digest, evidence, now)
            revocation = Code.REVOKED_LATER if later["revocation_details"] is not None else revocation
        answers += [Answer(code) for code in _certificate_codes(status, revocation, proven, now)]
    answers.append(Answer(Code.TIME_REGISTERED) if registered else Answer(timing.code))
    trusted = any(answer.code is Code.TRUSTED_ISSUER for answer in answers)
    return SealFinding(
        kind=signed.kind,
        answers=tuple(answers),
        signer=named(certificate.subject),
        certificate=certificate_facts(certificate),
        sealed_at=proven or timing.claimed_at,
        timestamp_authority=timing.authority,
        signed_digest=digest.hex() if algorithm == _SHA256 and trusted else "",
    )


async def _judged_timestamp(signed: Signed, evidence: Evidence, now: datetime) -> SealFinding:
    status = await _stamp_status(signed.data, signed.digest, evidence, now)
    authority, moment = authority_named(status["signing_cert"].subject), status["timestamp"]
    if not status["intact"]:
        answers = [Code.CONTENT_CHANGED]
    elif not status["valid"]:
        answers = [Code.SIGNATURE_INVALID]
    elif status["trust_problem_indic"] is not None or moment > now:
        answers = [Code.UNCHANGED, Code.UNTRUSTED_ISSUER, Code.TIMESTAMP_UNTRUSTED]
    else:
        answers = [Code.UNCHANGED, Code.TRUSTED_ISSUER, Code.CERTIFICATE_VALID, Code.TIME_STAMPED]
    return SealFinding(
        kind=Kind.TIMESTAMP,
        answers=tuple(Answer(code) for code in answers),
        signer=authority,
        certificate=certificate_facts(status["signing_cert"]),
        sealed_at=moment,
        timestamp_authority=authority,
    )


@dataclass(frozen=True, slots=True)
class _Timing:
    code: Code
    claimed_at: datetime | None
    stamped_at: datetime | None = None
    authority: str = ""


async def _timing(info: cms.SignerInfo, signed: Signed, evidence: Evidence, now: datetime) -> _Timing:
    """What the timestamp says, if its authority's certificate is good now: an old key may be in anybody's hands."""
    claimed = extract_self_reported_ts(info) or signed.claimed_at
    if claimed is not None and claimed.tzinfo is None:
        # A date in PDF may leave out how far it is from UTC, which then nobody knows.
        claimed = claimed.replace(tzinfo=UTC)
    try:
        stamp = await _stamp(info, evidence, now)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 (a hostile token can make a parser raise anything; it is not believed)
        return _Timing(Code.TIMESTAMP_UNTRUSTED, claimed)
    if stamp is None:
        return _Timing(time_by_word(claimed, now).code, claimed)
    if not (stamp["intact"] and stamp["valid"]):
        return _Timing(Code.TIMESTAMP_BROKEN, claimed)
    authority = authority_named(stamp["signing_cert"].subject)
    if stamp["trust_problem_indic"] is not None or stamp["timestamp"] > now:
        return _Timing(Code.TIMESTAMP_UNTRUSTED, claimed, authority=authority)
    return _Timing(Code.TIME_STAMPED, claimed, stamp["timestamp"], authority)


async def _stamp(info: cms.SignerInfo, evidence: Evidence, now: datetime) -> dict[str, Any] | None:
    """The timestamp over the signature; of several one that is trusted."""
    found = None
    for token in extract_tst_data_iter(info, signed=False):
        found = await _stamp_status(token, message_imprint_checker(info), evidence, now)
        if found["intact"] and found["valid"] and found["trust_problem_indic"] is None:
            break
    return found


async def _stamp_status(
    token: cms.SignedData, digest: Callable[[str], bytes], evidence: Evidence, now: datetime
) -> dict[str, Any]:
    """What pyHanko finds of a timestamp now, as `_status` does of a signature."""
    found, _ = await evidence.best_known(
        evidence.trust.timestamp_roots, now, lambda context: validate_tst_signed_data(token, context, digest)
    )
    return found


async def _status(signed: Signed, digest: bytes, evidence: Evidence, moment: datetime) -> tuple[dict[str, Any], Code]:
    """What pyHanko finds at that moment, and what is known of revocation; the best that anything here can tell."""
    return await evidence.best_known(evidence.trust.roots, moment, lambda context: _found(signed, digest, context))


def _found(signed: Signed, digest: bytes, context: ValidationContext) -> Awaitable[dict[str, Any]]:
    return cms_basic_validation(signed.data, raw_digest=digest, validation_context=context, key_usage_settings=_USAGE)


def _certificate_codes(
    status: dict[str, Any], revocation: Code, proven: datetime | None, now: datetime
) -> tuple[Code, ...]:
    problem, certificate, moment = status["trust_problem_indic"], status["signing_cert"], proven or now
    path = status["validation_path"]
    chained = path is not None
    if problem in _WEAK or (chained and any(map(_has_short_curve, path.iter_certs(include_root=True)))):
        return (Code.WEAK_ALGORITHM,)
    if certificate.ca:
        # pyHanko takes a trusted root for a signer, whatever its key is for.
        return Code.UNCHANGED, Code.WRONG_PURPOSE
    if problem is None or revocation is Code.CERTIFICATE_REVOKED:
        return Code.UNCHANGED, Code.TRUSTED_ISSUER, Code.CERTIFICATE_VALID, revocation
    if problem in _EXPIRED or (chained and certificate.not_valid_after < moment):
        expired = Code.CERTIFICATE_EXPIRED if proven else Code.CERTIFICATE_EXPIRED_SINCE
        return Code.UNCHANGED, Code.TRUSTED_ISSUER, expired
    if chained and certificate.not_valid_before > moment:
        return Code.UNCHANGED, Code.TRUSTED_ISSUER, Code.CERTIFICATE_NOT_YET_VALID
    wrong = problem is AdESIndeterminate.CHAIN_CONSTRAINTS_FAILURE
    return Code.UNCHANGED, Code.WRONG_PURPOSE if wrong else Code.UNTRUSTED_ISSUER


def _has_short_curve(certificate: x509.Certificate) -> bool:
    key = certificate.public_key
    return bool(key.algorithm == "ec" and key.bit_size < _SHORTEST_CURVE)


def certificate_facts(certificate: x509.Certificate) -> Certificate:
    """What a certificate says of itself."""
    return Certificate(
        subject=named(certificate.subject),
        issuer=authority_named(certificate.issuer),
        serial_number=f"{certificate.serial_number:x}"[:64],
        sha256=certificate.sha256.hex(),
        valid_from=certificate.not_valid_before.astimezone(UTC),
        valid_until=certificate.not_valid_after.astimezone(UTC),
    )


def named(name: x509.Name) -> str:
    """The organisation that a name names, or else its common name; empty when it cannot be read."""
    organisation, _, common = _parts(name)
    return shortened(organisation or common)


def authority_named(name: x509.Name) -> str:
    """The authority that a name names; empty when it cannot be read."""
    return authority_name(*_parts(name))


def _parts(name: x509.Name) -> tuple[str, str, str]:
    """Organisation, unit and common name of a name; each empty where it is not there, or not one text."""
    try:
        names = name.native
    except (UnicodeDecodeError, ValueError, TypeError):
        # Real certificates hold names in wrong encodings; the verdict does not hang on the name.
        return "", "", ""
    wanted = (names.get(each, "") for each in ("organization_name", "organizational_unit_name", "common_name"))
    organisation, unit, common = (each if isinstance(each, str) else "" for each in wanted)
    return organisation, unit, common
