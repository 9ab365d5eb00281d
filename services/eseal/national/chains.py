"""Whether a certificate with an SM2 key hangs from a trusted one, as of a moment. Nothing is fetched.

No library checks such chains: OpenSSL's knows the signer's identifier for the last certificate alone, and
`cryptography` has no SM2. The rules are those of RFC 5280, 6.1, without policies and name constraints, which the
certificates of GB/T 20518 do without; a critical extension that is not known here ends the matter.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from services.eseal.domain import trust
from services.eseal.national import der
from services.eseal.national.certificate import ALGORITHMS, BadCertificateError, Certificate, extension

_LONGEST_CHAIN = 6


class Distrust(StrEnum):
    """Why a certificate is not trusted; the later ones are nearer to trust."""

    UNKNOWN_ISSUER = "UNKNOWN_ISSUER"
    BAD_SIGNATURE = "BAD_SIGNATURE"
    NOT_AN_AUTHORITY = "NOT_AN_AUTHORITY"
    WRONG_USE = "WRONG_USE"
    NOT_YET_VALID = "NOT_YET_VALID"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


@dataclass(frozen=True, slots=True)
class Trust:
    """What the judge of a signature goes by: trusted roots, authorities under them, and lists of what is revoked."""

    anchors: Sequence[Certificate]
    authorities: Sequence[Certificate] = ()
    lists: Sequence[x509.CertificateRevocationList] = ()

    @classmethod
    def of(cls, trust: trust.Trust) -> "Trust":
        """What a trust list has for this suite; certificates with other keys are for the other one.

        A certificate that another one on the list issued is no root: it is judged by that one, so that an issuing
        authority can be listed, which no OFD brings along, and still be revoked.
        """
        every = list(_readable(trust.roots))
        names = {each.subject for each in every}
        above = [each for each in every if each.issuer == each.subject or each.issuer not in names]
        return cls(
            anchors=above,
            authorities=[each for each in every if each not in above],
            lists=[x509.load_der_x509_crl(each) for each in trust.revocation_lists],
        )


def _readable(certificates: Sequence[bytes]) -> Iterator[Certificate]:
    for encoded in certificates:
        try:
            yield Certificate(encoded)
        except BadCertificateError:
            continue


def distrust(
    certificate: Certificate, trust: Trust, moment: datetime, revoked_by: datetime | None = None
) -> Distrust | None:
    """Why the certificate is not trusted for signing documents at the moment; None when it is.

    `revoked_by`: what was revoked until then counts, by default until the moment. Of several ways up, the one that
    comes nearest to trust gives the reason.
    """
    if not certificate.may_sign_documents or not certificate.has_known_extensions:
        return Distrust.WRONG_USE
    order = list(Distrust)
    reasons = [_fault(path, trust, moment, revoked_by or moment) for path in _paths(certificate, trust)]
    if None in reasons:
        return None
    return max((reason for reason in reasons if reason), key=order.index, default=Distrust.UNKNOWN_ISSUER)


def way_up(certificate: Certificate, trust: Trust, moment: datetime) -> Sequence[Certificate]:
    """The authorities above a trusted certificate, the root last."""
    return next(path[1:] for path in _paths(certificate, trust) if _fault(path, trust, moment, moment) is None)


def is_maker(certificate: Certificate, trust: Trust, made_at: datetime, revoked_by: datetime) -> bool:
    """Whether the holder was trusted with making seals when a seal was made.

    Not everybody who may sign documents may: a company could make itself a seal in an organ's name. A maker is on the
    trust list in person, or has a certificate for this purpose from somebody who is.
    """
    reason = distrust(certificate, trust, made_at, revoked_by)
    if certificate in (*trust.anchors, *trust.authorities):
        judged = reason in (None, Distrust.UNKNOWN_ISSUER)
        return judged and certificate.may_sign_documents and certificate.is_valid_at(made_at)
    return reason is None and certificate.may_make_seals


def tells_of_revocation(certificate: Certificate, trust: Trust, moment: datetime) -> bool:
    """Whether a list of the certificate's issuer is there that was made after the moment, or is in force at it."""
    issuers = [each for each in (*trust.anchors, *trust.authorities) if _named_by(certificate, each)]
    for each in trust.lists:
        until = each.next_update_utc
        fresh = each.last_update_utc >= moment or (until is not None and moment <= until)
        if fresh and any(is_list_of(each, issuer) for issuer in issuers):
            return True
    return False


def _paths(certificate: Certificate, trust: Trust) -> Iterator[list[Certificate]]:
    """All ways from a certificate up to a trusted root, by names and key identifiers alone."""
    waiting = [[certificate]]
    while waiting:
        path = waiting.pop()
        last = path[-1]
        for anchor in trust.anchors:
            if _named_by(last, anchor):
                yield [*path, anchor]
        if len(path) < _LONGEST_CHAIN:
            waiting.extend([*path, each] for each in trust.authorities if _named_by(last, each) and each not in path)


def _named_by(certificate: Certificate, issuer: Certificate) -> bool:
    if certificate.issuer != issuer.subject:
        return False
    wanted = extension(certificate.parsed.extensions, x509.AuthorityKeyIdentifier)
    has = extension(issuer.parsed.extensions, x509.SubjectKeyIdentifier)
    return not (wanted and wanted.key_identifier and has) or wanted.key_identifier == has.digest


def _fault(path: Sequence[Certificate], trust: Trust, moment: datetime, revoked_by: datetime) -> Distrust | None:
    """What is wrong with a path, from the root down."""
    for below, (certificate, issuer) in enumerate(pairwise(path)):
        if not certificate.is_signed_by(issuer):
            return Distrust.BAD_SIGNATURE
        if not _is_authority(issuer, below):
            return Distrust.NOT_AN_AUTHORITY
    for certificate in path:
        if moment < certificate.parsed.not_valid_before_utc:
            return Distrust.NOT_YET_VALID
        if moment > certificate.parsed.not_valid_after_utc:
            return Distrust.EXPIRED
    revoked = any(_revoked(certificate, issuer, trust, revoked_by) for certificate, issuer in pairwise(path))
    return Distrust.REVOKED if revoked else None


def _is_authority(certificate: Certificate, authorities_below: int) -> bool:
    constraints = extension(certificate.parsed.extensions, x509.BasicConstraints)
    usage = extension(certificate.parsed.extensions, x509.KeyUsage)
    if constraints is None or not constraints.ca or usage is None or not usage.key_cert_sign:
        return False
    deep_enough = constraints.path_length is None or authorities_below <= constraints.path_length
    return deep_enough and certificate.has_known_extensions


def _revoked(certificate: Certificate, issuer: Certificate, trust: Trust, moment: datetime) -> bool:
    """Whether a list of the issuer has the certificate as revoked by then. An entry counts however old its list is."""
    for each in trust.lists:
        entry = each.get_revoked_certificate_by_serial_number(certificate.parsed.serial_number)
        if entry is not None and entry.revocation_date_utc <= moment and is_list_of(each, issuer):
            return True
    return False


def is_list_of(revocation_list: x509.CertificateRevocationList, issuer: Certificate) -> bool:
    """Whether the issuer signed this list, and may."""
    usage = extension(issuer.parsed.extensions, x509.KeyUsage)
    if usage is None or not usage.crl_sign or revocation_list.issuer.public_bytes() != issuer.subject:
        return False
    outer = der.read(revocation_list.public_bytes(Encoding.DER), der.SEQUENCE)
    content, algorithm, signature = outer.children(der.SEQUENCE, der.SEQUENCE, der.BIT_STRING)
    return algorithm.whole in ALGORITHMS and issuer.public_key.verify(content.whole, der.as_bits(signature))
