"""Judging one CMS signature: by whom it is, when, and whether the certificate was good then.

Certificates are judged at the time that is proven, by the register or by a trusted timestamp; when only the signer says
when it was, at the present: whoever has stolen a key can claim any time. Revocation lists and answers come from the
trust list and from the file itself; they are signed, so that it does not matter where they were found.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from asn1crypto import cms, crl, ocsp, x509  # type: ignore[import-untyped]
from pyhanko.sign.ades.report import AdESIndeterminate
from pyhanko.sign.general import extract_signer_info
from pyhanko.sign.validation.generic_cms import cms_basic_validation, collect_timing_info, validate_tst_signed_data
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.policy_decl import (
    CertRevTrustPolicy,
    FreshnessReqType,
    RevocationCheckingPolicy,
    RevocationCheckingRule,
)

from services.eseal.domain.answers import Code
from services.eseal.domain.findings import Answer, Certificate, Kind, SealedAt, SealFinding, shortened
from services.eseal.domain.trust import Trust

_SHA256 = "sha256"
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
_ANY_AGE = timedelta(days=100 * 365)


def _policy(signer: RevocationCheckingRule, authorities: RevocationCheckingRule, **how: Any) -> CertRevTrustPolicy:
    # A list is published after what it is asked about; who was revoked is told with the time of it.
    return CertRevTrustPolicy(RevocationCheckingPolicy(signer, authorities), retroactive_revinfo=True, **how)


_REQUIRED, _NOT_ASKED = RevocationCheckingRule.CRL_OR_OCSP_REQUIRED, RevocationCheckingRule.NO_CHECK
# From what is known best to nothing: of the signer and the authorities above, of the signer alone, whatever was said of
# the signer however long ago. pyHanko looks for a list only where it is required.
_UNKNOWN = _policy(_NOT_ASKED, _NOT_ASKED)
_KNOWN = (_policy(_REQUIRED, _REQUIRED), _policy(_REQUIRED, _NOT_ASKED))
_OUTDATED = _policy(
    _REQUIRED, _NOT_ASKED, freshness=_ANY_AGE, freshness_req_type=FreshnessReqType.MAX_DIFF_REVOCATION_VALIDATION
)
_EXPIRED = frozenset({AdESIndeterminate.OUT_OF_BOUNDS_NO_POE, AdESIndeterminate.OUT_OF_BOUNDS_NOT_REVOKED})
_WEAK = frozenset({AdESIndeterminate.CRYPTO_CONSTRAINTS_FAILURE, AdESIndeterminate.CRYPTO_CONSTRAINTS_FAILURE_NO_POE})


@dataclass(frozen=True, slots=True)
class Evidence:
    """What there is to judge certificates by: the trust list, and what the file itself brings along."""

    trust: Trust
    certificates: Sequence[x509.Certificate] = ()
    revocation_lists: Sequence[crl.CertificateList] = ()
    responses: Sequence[ocsp.OCSPResponse] = ()
    lists: list[crl.CertificateList] = field(init=False)

    def __post_init__(self) -> None:
        known = [crl.CertificateList.load(each) for each in self.trust.revocation_lists]
        object.__setattr__(self, "lists", [*known, *self.revocation_lists])

    def context(
        self, roots: Sequence[bytes], moment: datetime, policy: CertRevTrustPolicy = _UNKNOWN
    ) -> ValidationContext:
        """What pyHanko judges a chain in; nothing is fetched."""
        return ValidationContext(
            trust_roots=[x509.Certificate.load(root) for root in roots],
            other_certs=list(self.certificates),
            crls=self.lists,
            ocsps=list(self.responses),
            moment=moment,
            allow_fetching=False,
            revinfo_policy=policy,
        )

    @property
    def tells_of_revocation(self) -> bool:
        """Whether anything here can tell that a certificate was revoked."""
        return bool(self.lists or self.responses)


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
    info = extract_signer_info(signed.data)
    algorithm = info["digest_algorithm"]["algorithm"].native
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


async def judge_timestamp(signed: Signed, evidence: Evidence, now: datetime) -> SealFinding:
    """A timestamp that stands by itself, over the file: by whom, when, and whether it is to be believed."""
    context = evidence.context(evidence.trust.timestamp_roots, now)
    status = await validate_tst_signed_data(signed.data, context, signed.digest)
    authority, moment = named(status["signing_cert"].subject), status["timestamp"]
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
    context = evidence.context(evidence.trust.timestamp_roots, now)
    found = await collect_timing_info(info, context, signed.digest)
    claimed = found.get("signer_reported_dt") or signed.claimed_at
    stamp = found.get("timestamp_validity")
    if stamp is None:
        return _Timing(Code.TIME_CLAIMED if claimed else Code.TIME_UNKNOWN, claimed)
    if not (stamp.intact and stamp.valid):
        return _Timing(Code.TIMESTAMP_BROKEN, claimed)
    authority = named(stamp.signing_cert.subject)
    if not stamp.trusted or stamp.timestamp > now:
        return _Timing(Code.TIMESTAMP_UNTRUSTED, claimed, authority=authority)
    return _Timing(Code.TIME_STAMPED, claimed, stamp.timestamp, authority)


async def _status(signed: Signed, digest: bytes, evidence: Evidence, moment: datetime) -> tuple[dict[str, Any], Code]:
    """What pyHanko finds at that moment, and what is known of revocation; the best that anything here can tell."""
    for policy in (*_KNOWN, _OUTDATED) if evidence.tells_of_revocation else ():
        found = await _found(signed, digest, evidence.context(evidence.trust.roots, moment, policy))
        if found["revocation_details"] is not None:
            return found, Code.CERTIFICATE_REVOKED
        if found["trust_problem_indic"] is None and policy is not _OUTDATED:
            return found, Code.NOT_REVOKED
    return await _found(signed, digest, evidence.context(evidence.trust.roots, moment)), Code.REVOCATION_UNKNOWN


def _found(signed: Signed, digest: bytes, context: ValidationContext) -> Awaitable[dict[str, Any]]:
    return cms_basic_validation(signed.data, raw_digest=digest, validation_context=context, key_usage_settings=_USAGE)


def _certificate_codes(
    status: dict[str, Any], revocation: Code, proven: datetime | None, now: datetime
) -> tuple[Code, ...]:
    problem, certificate, moment = status["trust_problem_indic"], status["signing_cert"], proven or now
    if problem is None or revocation is Code.CERTIFICATE_REVOKED:
        return Code.UNCHANGED, Code.TRUSTED_ISSUER, Code.CERTIFICATE_VALID, revocation
    if problem in _WEAK:
        return (Code.WEAK_ALGORITHM,)
    chained = status["validation_path"] is not None
    if problem in _EXPIRED or (chained and certificate.not_valid_after < moment):
        expired = Code.CERTIFICATE_EXPIRED if proven else Code.CERTIFICATE_EXPIRED_SINCE
        return Code.UNCHANGED, Code.TRUSTED_ISSUER, expired
    if chained and certificate.not_valid_before > moment:
        return Code.UNCHANGED, Code.TRUSTED_ISSUER, Code.CERTIFICATE_NOT_YET_VALID
    wrong = problem is AdESIndeterminate.CHAIN_CONSTRAINTS_FAILURE
    return Code.UNCHANGED, Code.WRONG_PURPOSE if wrong else Code.UNTRUSTED_ISSUER


def certificate_facts(certificate: x509.Certificate) -> Certificate:
    """What a certificate says of itself."""
    return Certificate(
        subject=named(certificate.subject),
        issuer=named(certificate.issuer),
        serial_number=f"{certificate.serial_number:x}"[:64],
        sha256=certificate.sha256.hex(),
        valid_from=certificate.not_valid_before.astimezone(UTC),
        valid_until=certificate.not_valid_after.astimezone(UTC),
    )


def named(name: x509.Name) -> str:
    """The organisation that a name names, or else its common name; empty when it cannot be read."""
    try:
        names = name.native
        chosen = names.get("organization_name") or names.get("common_name", "")
    except (UnicodeDecodeError, ValueError, TypeError):
        # Real certificates hold names in wrong encodings; the verdict does not hang on the name.
        return ""
    return shortened(chosen) if isinstance(chosen, str) else ""
