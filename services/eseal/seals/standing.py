"""What the register says of the seals that were found on a file: whether they were in use at the time."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from cryptography.hazmat.primitives import hashes
from cryptography.x509 import load_pem_x509_certificate
from sqlalchemy import select

from chassis.database import UnitOfWork
from services.eseal.domain.answers import Code, Question
from services.eseal.domain.findings import Answer, Finding, Kind, SealFinding
from services.eseal.domain.seal import Act, Entry
from services.eseal.seals.store import history_of
from services.eseal.tables import seals

_PROVEN = frozenset({Code.TIME_REGISTERED, Code.TIME_STAMPED})
_AFTER = {
    Act.ACTIVATED: Code.SEAL_VALID,
    Act.RESUMED: Code.SEAL_VALID,
    Act.SUSPENDED: Code.SEAL_SUSPENDED,
    Act.REVOKED: Code.SEAL_REVOKED,
    Act.REPLACED: Code.SEAL_REVOKED,
}


def with_standing(work: UnitOfWork, finding: Finding) -> Finding:
    """The finding with the register's word on each seal that it knows; of others nothing is known."""
    return replace(finding, seals=tuple(_known(work, seal) for seal in finding.seals))


def standing_at(history: Iterable[Entry], moment: datetime | None) -> Code:
    """How a seal stood at a moment, by what had been done to it until then; without one, how it stands now.

    What was sealed in the very moment in which the seal was stopped was sealed before.
    """
    code = Code.SEAL_NOT_YET_VALID
    for entry in history:
        after = _AFTER.get(entry.act, code)
        if moment is None or entry.at < moment or (entry.at == moment and after is Code.SEAL_VALID):
            code = after
    return code


def _known(work: UnitOfWork, seal: SealFinding) -> SealFinding:
    if seal.kind is Kind.TIMESTAMP or seal.certificate is None:
        return seal
    number = str(int(seal.certificate.serial_number or "0", 16))
    query = select(seals.c.seal_id, seals.c.name, seals.c.certificate_pem).where(seals.c.serial_number == number)
    for row in work.connection.execute(query):
        certificate = load_pem_x509_certificate(row.certificate_pem.encode())
        if certificate.fingerprint(hashes.SHA256()).hex() != seal.certificate.sha256:
            continue
        time = seal.answer(Question.TIME)
        # A time that only the signer says may be any; then it is asked how the seal stands today.
        proven = seal.sealed_at if time is not None and time.code in _PROVEN else None
        code = standing_at(history_of(work.connection, row.seal_id), proven)
        return replace(seal.answered(Answer(code)), seal_id=row.seal_id, seal_name=row.name)
    return seal if seal.answer(Question.SEAL) else seal.answered(Answer(Code.SEAL_UNKNOWN))
