"""Judging one CMS signature: by whom it is, when, and whether the certificate was good then.

Certificates are judged at the time that is proven, by the register or by a trusted timestamp; when only the signer says
when it was, at the present: whoever has stolen a key can claim any time. Revocation lists and answers come from the
trust list and from the file itself; they are signed, so that it does not matter where they were found.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from asn1crypto import cms, crl, ocsp, x509  # type: ignore[import-untyped]
from pyhanko.sign.ades.report import AdESIndeterminate
from pyhanko.sign.general import extract_signer_info
from pyhanko.sign.validation.generic_cms import cms_basic_validation, collect_timing_info, validate_tst_signed_data
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko_certvalidator import ValidationContext

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

    def context(self, roots: Sequence[bytes], moment: datetime, mode: str = "soft-fail") -> ValidationContext:
        """What pyHanko judges a chain in; nothing is fetched."""
        return ValidationContext(
            trust_roots=[x509.Certificate.load(root) for root in roots],
            other_certs=list(self.certificates),
            crls=self.lists,
            ocsps=list(self.responses),
            moment=moment,
            allow_fetching=False,
            revocation_mode=mode,
            # A list is published after what it is asked about; who was revoked is told with the time of it.
            retroactive_revinfo=True,
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
    status = await _status(signed, digest, evidence.context(evidence.trust.roots, proven or now))
    certificate = status["signing_cert"]
    answers: list[Answer] = []
    if not status["intact"]:
        answers.append(Answer(Code.CONTENT_CHANGED))
    elif not status["valid"]:
        answers.append(Answer(Code.SIGNATURE_INVALID))
    else:
        answers += await _certificate_answers(signed, digest, status, evidence, (proven, now))
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

    async def validated(moment: datetime) -> dict[str, Any]:
        context = evidence.context(evidence.trust.timestamp_roots, moment)
        found: dict[str, Any] = await validate_tst_signed_data(signed.data, context, signed.digest)
        return found

    status = await validated(now)
    if status["trust_problem_indic"] in _EXPIRED:
        status = await validated(status["timestamp"])
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
    """What the timestamp says, at a time when its own certificate was good: now, or while the timestamp was made."""

    async def collected(moment: datetime) -> dict[str, Any]:
        context = evidence.context(evidence.trust.timestamp_roots, moment)
        found: dict[str, Any] = await collect_timing_info(info, context, signed.digest)
        return found

    found = await collected(now)
    claimed = found.get("signer_reported_dt") or signed.claimed_at
    stamp = found.get("timestamp_validity")
    if stamp is None:
        return _Timing(Code.TIME_CLAIMED if claimed else Code.TIME_UNKNOWN, claimed)
    if not (stamp.intact and stamp.valid):
        return _Timing(Code.TIMESTAMP_BROKEN, claimed)
    if not stamp.trusted and stamp.trust_problem_indic in _EXPIRED:
        # As an archive's reader does: an authority's certificate may end, its past timestamps do not.
        stamp = (await collected(stamp.timestamp))["timestamp_validity"]
    authority = named(stamp.signing_cert.subject)
    if not stamp.trusted or stamp.timestamp > now:
        return _Timing(Code.TIMESTAMP_UNTRUSTED, claimed, authority=authority)
    return _Timing(Code.TIME_STAMPED, claimed, stamp.timestamp, authority)


def _status(signed: Signed, digest: bytes, context: ValidationContext) -> Awaitable[dict[str, Any]]:
    return cms_basic_validation(signed.data, raw_digest=digest, validation_context=context, key_usage_settings=_USAGE)


async def _certificate_answers(
    signed: Signed,
    digest: bytes,
    status: dict[str, Any],
    evidence: Evidence,
    moments: tuple[datetime | None, datetime],
) -> list[Answer]:
    proven, now = moments
    problem = status["trust_problem_indic"]
    certificate = status["signing_cert"]
    if problem is None:
        revocation = await _revocation(signed, digest, evidence, proven, now)
        return [Answer(Code.UNCHANGED), Answer(Code.TRUSTED_ISSUER), Answer(Code.CERTIFICATE_VALID), revocation]
    if problem in (AdESIndeterminate.REVOKED_NO_POE, AdESIndeterminate.REVOKED_CA_NO_POE):
        return [
            Answer(Code.UNCHANGED),
            Answer(Code.TRUSTED_ISSUER),
            Answer(Code.CERTIFICATE_VALID),
            Answer(Code.CERTIFICATE_REVOKED),
        ]
    if problem in _WEAK:
        return [Answer(Code.WEAK_ALGORITHM)]
    moment = proven or now
    if problem in _EXPIRED or (status["validation_path"] is not None and certificate.not_valid_after < moment):
        expired = Code.CERTIFICATE_EXPIRED if proven else Code.CERTIFICATE_EXPIRED_SINCE
        return [Answer(Code.UNCHANGED), Answer(Code.TRUSTED_ISSUER), Answer(expired)]
    if status["validation_path"] is not None and certificate.not_valid_before > moment:
        return [Answer(Code.UNCHANGED), Answer(Code.TRUSTED_ISSUER), Answer(Code.CERTIFICATE_NOT_YET_VALID)]
    wrong = problem is AdESIndeterminate.CHAIN_CONSTRAINTS_FAILURE
    return [Answer(Code.UNCHANGED), Answer(Code.WRONG_PURPOSE if wrong else Code.UNTRUSTED_ISSUER)]


async def _revocation(
    signed: Signed, digest: bytes, evidence: Evidence, proven: datetime | None, now: datetime
) -> Answer:
    """Of a certificate that was good: whether that is known for sure, and whether it was revoked afterwards."""
    if not evidence.tells_of_revocation:
        return Answer(Code.REVOCATION_UNKNOWN)
    if proven:
        later = await _status(signed, digest, evidence.context(evidence.trust.roots, now))
        if later["revocation_details"] is not None:
            return Answer(Code.REVOKED_LATER)
    known = await _status(signed, digest, evidence.context(evidence.trust.roots, proven or now, "require"))
    return Answer(Code.NOT_REVOKED if known["trust_problem_indic"] is None else Code.REVOCATION_UNKNOWN)


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
