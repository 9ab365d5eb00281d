"""How a seal comes by its certificate."""

from dataclasses import replace
from datetime import datetime

from services.eseal.certificates import profiles
from services.eseal.certificates.profiles import YEAR
from services.eseal.domain.seal import Kind, Seal, Suite
from services.eseal.keys import Credential, SigningKey, pem
from services.eseal.national import issuing as national

_MAKERS = {Suite.INTERNATIONAL: profiles.make_seal, Suite.NATIONAL: national.make_seal}


def issue(seal: Seal, key: SigningKey, issuing: tuple[str, Credential], now: datetime, published: str = "") -> Seal:
    """The seal with a certificate of the platform's own authority, good for as long as was applied for.

    `published`: as `profiles.make_issuing` has it.
    """
    issuer_id, authority = issuing
    made = _MAKERS[seal.suite](
        authority,
        key,
        organ_id=seal.organ_id,
        organ_name=seal.organ_name,
        name=seal.organ_name if seal.kind is Kind.ORGAN else seal.name,
        validity=(now, now + seal.years * YEAR),
        published=published,
    )
    return replace(
        seal,
        certificate_pem=made.certificate_pem(),
        chain_pem="".join(pem(certificate) for certificate in made.chain),
        issuer_id=issuer_id,
        serial_number=str(made.certificate.serial_number),
        valid_from=made.certificate.not_valid_before_utc,
        valid_until=made.certificate.not_valid_after_utc,
    )
