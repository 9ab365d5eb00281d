"""Judging one signature with a seal: by whom it is, when, and whether certificate and seal were good then.

Certificates and seals are judged at the time that is proven, by the register or by a trusted timestamp; when only the
signer says when it was, at the present: whoever has stolen a key can claim any time.
"""

import hashlib
from datetime import datetime

from services.eseal.domain.answers import Code
from services.eseal.domain.findings import Answer, Kind, SealedAt, SealFinding, shortened, time_by_word
from services.eseal.domain.findings import Certificate as Facts
from services.eseal.domain.trust import Trust as TrustList
from services.eseal.national.certificate import BadCertificateError, Certificate
from services.eseal.national.chains import Distrust, Trust, distrust, is_maker, tells_of_revocation
from services.eseal.national.ofd.description import Description, Digest
from services.eseal.national.ofd.package import Files
from services.eseal.national.oids import SM2_WITH_SM3
from services.eseal.national.seals import Seal
from services.eseal.national.signatures import Signature
from services.eseal.national.sm3 import sm3

_UNTRUSTED = (Distrust.UNKNOWN_ISSUER, Distrust.BAD_SIGNATURE, Distrust.NOT_AN_AUTHORITY)
_BROKEN = frozenset({Code.CONTENT_CHANGED, Code.SIGNATURE_INVALID})


class Judge:
    """Whom to trust, what the register knows, and what time it is."""

    def __init__(self, trust: TrustList, sealed_at: SealedAt, now: datetime) -> None:
        self._list = trust
        self._trust = Trust.of(trust)
        self._sealed_at = sealed_at
        self._now = now

    @staticmethod
    def digest(kind: Digest, data: bytes) -> bytes:
        """The digest of a file."""
        return sm3(data) if kind is Digest.SM3 else hashlib.sha256(data).digest()

    def judge(self, signature: Signature, description: Description, files: Files) -> SealFinding:
        """Who signed it, when, and how certificate and seal stand; what it covers is not judged here."""
        seal, signed_digest = signature.seal, sm3(signature.signed).hex()
        try:
            signer, maker = Certificate(signature.signer), Certificate(seal.maker)
        except BadCertificateError:
            return SealFinding(Kind.SEAL, (Answer(Code.SIGNATURE_KIND_UNKNOWN),), seal_name=shortened(seal.name))
        registered = self._sealed_at(signed_digest)
        time, stamped_at, authority = self._time(signature)
        proven = registered or stamped_at
        answers = [Answer(Code.TIME_REGISTERED) if registered else Answer(time)]
        answers += self._certificate(signer, signature, proven)
        answers.append(self._seal(seal, maker, signature, proven, files.get(description.seal or "", seal.encoded)))
        fault = _fault(signature, signer, description)
        if fault is not None:
            answers.append(fault)
        believed = fault is None and any(answer.code is Code.TRUSTED_ISSUER for answer in answers)
        return SealFinding(
            kind=Kind.SEAL,
            answers=tuple(answers),
            signer=signer.name,
            certificate=_facts(signer),
            seal_id=shortened(seal.es_id),
            seal_name=shortened(seal.name),
            sealed_at=proven or signature.claimed_at,
            timestamp_authority=authority,
            signed_digest=signed_digest if believed else "",
        )

    def _time(self, signature: Signature) -> tuple[Code, datetime | None, str]:
        """How the time is known, when it was if a timestamp proves it, and whose timestamp there is."""
        if signature.timestamp is None:
            return time_by_word(signature.claimed_at, self._now).code, None, ""
        from services.eseal.national.ofd.timestamps import judge_token  # noqa: PLC0415 (loads pyHanko, on first use)

        found = judge_token(signature.timestamp, signature.signature, self._list, self._now)
        if found is None:
            return Code.TIMESTAMP_UNTRUSTED, None, ""
        codes = {answer.code for answer in found.answers}
        if codes & _BROKEN:
            return Code.TIMESTAMP_BROKEN, None, found.timestamp_authority
        if Code.TIME_STAMPED not in codes:
            return Code.TIMESTAMP_UNTRUSTED, None, found.timestamp_authority
        return Code.TIME_STAMPED, found.sealed_at, found.timestamp_authority

    def _certificate(self, signer: Certificate, signature: Signature, proven: datetime | None) -> list[Answer]:
        """How the signer's certificate stands."""
        reason = distrust(signer, self._trust, proven or self._now)
        if reason in _UNTRUSTED:
            return [Answer(Code.UNTRUSTED_ISSUER)]
        if reason is Distrust.WRONG_USE:
            return [Answer(Code.WRONG_PURPOSE)]
        trusted = Answer(Code.TRUSTED_ISSUER)
        claimed_before = (
            proven is None
            and signature.claimed_at is not None
            and signature.claimed_at < signer.parsed.not_valid_before_utc
        )
        if reason is Distrust.NOT_YET_VALID or (reason is None and claimed_before):
            return [trusted, Answer(Code.CERTIFICATE_NOT_YET_VALID)]
        if reason is Distrust.EXPIRED:
            return [trusted, Answer(Code.CERTIFICATE_EXPIRED if proven else Code.CERTIFICATE_EXPIRED_SINCE)]
        valid = [trusted, Answer(Code.CERTIFICATE_VALID)]
        return [*valid, Answer(Code.CERTIFICATE_REVOKED if reason else self._revocation(signer, proven))]

    def _revocation(self, signer: Certificate, proven: datetime | None) -> Code:
        """Of a certificate that was good: whether that is known for sure, and whether it was revoked afterwards."""
        moment = proven or self._now
        if distrust(signer, self._trust, moment, revoked_by=self._now) is Distrust.REVOKED:
            return Code.REVOKED_LATER
        return Code.NOT_REVOKED if tells_of_revocation(signer, self._trust, moment) else Code.REVOCATION_UNKNOWN

    def _seal(
        self, seal: Seal, maker: Certificate, signature: Signature, proven: datetime | None, in_package: bytes
    ) -> Answer:
        """How the seal stands: by a trusted maker, for the signer, in force, and the one that is in the package."""
        moment = proven or self._now
        # The maker's certificate need not outlive its seals, but no seal counts any more once it was revoked.
        is_made = (
            is_maker(maker, self._trust, seal.created_at, revoked_by=moment)
            and seal.algorithm == SM2_WITH_SM3
            and not seal.has_critical_extension
            and maker.public_key.verify(seal.signed, seal.signature)
            and in_package == seal.encoded
        )
        if not is_made:
            return Answer(Code.SEAL_FORGED)
        if not seal.is_held_by(signature.signer):
            return Answer(Code.SEAL_OF_ANOTHER)
        times = [moment] if signature.claimed_at is None else [moment, signature.claimed_at]
        if min(times) < max(seal.valid_from, seal.created_at):
            return Answer(Code.SEAL_NOT_YET_VALID)
        if max(times) > seal.valid_until:
            known = proven is not None or (signature.claimed_at is not None and signature.claimed_at > seal.valid_until)
            return Answer(Code.SEAL_EXPIRED if known else Code.SEAL_EXPIRED_SINCE)
        return Answer(Code.SEAL_VALID)


def _fault(signature: Signature, signer: Certificate, description: Description) -> Answer | None:
    """What is wrong with the signature itself; None for nothing."""
    if signature.algorithm != SM2_WITH_SM3 or signature.has_critical_extension:
        return Answer(Code.SIGNATURE_KIND_UNKNOWN)
    if not signer.public_key.verify(signature.signed, signature.signature):
        return Answer(Code.SIGNATURE_INVALID)
    if signature.property_info.lstrip("/") != description.location:
        return Answer(Code.CONTENT_CHANGED, shortened(description.location))
    return None


def _facts(certificate: Certificate) -> Facts:
    return Facts(
        subject=certificate.name,
        issuer=certificate.issuer_name,
        serial_number=f"{certificate.parsed.serial_number:x}"[:64],
        sha256=hashlib.sha256(certificate.encoded).hexdigest(),
        valid_from=certificate.parsed.not_valid_before_utc,
        valid_until=certificate.parsed.not_valid_after_utc,
    )
