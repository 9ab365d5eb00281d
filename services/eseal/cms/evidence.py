"""What there is to judge certificates by, and pyHanko asked with the most of it that tells anything.

Revocation lists and answers come from the trust list and from the file itself; they are signed, so that it does not
matter where they were found. Nothing is fetched.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from asn1crypto import crl, ocsp, x509  # type: ignore[import-untyped]
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.policy_decl import (
    CertRevTrustPolicy,
    FreshnessReqType,
    RevocationCheckingPolicy,
    RevocationCheckingRule,
)

from services.eseal.domain.answers import Code
from services.eseal.domain.trust import Trust

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
        self,
        roots: Sequence[bytes],
        moment: datetime,
        policy: CertRevTrustPolicy = _UNKNOWN,
        *,
        lists_alone: bool = False,
    ) -> ValidationContext:
        """What pyHanko judges a chain in; nothing is fetched."""
        return ValidationContext(
            trust_roots=[x509.Certificate.load(root) for root in roots],
            other_certs=list(self.certificates),
            crls=self.lists,
            ocsps=[] if lists_alone else list(self.responses),
            moment=moment,
            allow_fetching=False,
            revinfo_policy=policy,
        )

    @property
    def tells_of_revocation(self) -> bool:
        """Whether anything here can tell that a certificate was revoked."""
        return bool(self.lists or self.responses)

    async def best_known(
        self,
        roots: Sequence[bytes],
        moment: datetime,
        ask: Callable[[ValidationContext], Awaitable[dict[str, Any]]],
    ) -> tuple[dict[str, Any], Code]:
        """What pyHanko finds at that moment, and what is known of revocation; the best that anything here can tell."""
        policies = (*_KNOWN, _OUTDATED) if self.tells_of_revocation else ()
        # An answer (OCSP) that was good once keeps pyHanko from looking at lists, and whoever stole a key has one.
        for policy in policies if self.lists and self.responses else ():
            found = await ask(self.context(roots, moment, policy, lists_alone=True))
            if found["revocation_details"] is not None:
                return found, Code.CERTIFICATE_REVOKED
        for policy in policies:
            found = await ask(self.context(roots, moment, policy))
            if found["revocation_details"] is not None:
                return found, Code.CERTIFICATE_REVOKED
            if found["trust_problem_indic"] is None and policy is not _OUTDATED:
                return found, Code.NOT_REVOKED
        return await ask(self.context(roots, moment)), Code.REVOCATION_UNKNOWN
