"""The platform's own certification authorities as the service keeps them: made on first use."""

from collections.abc import Callable, Sequence
from datetime import datetime

from cryptography.x509 import load_pem_x509_certificate
from sqlalchemy import Row, select

from chassis.clock import new_id
from chassis.database import UnitOfWork, insert
from services.eseal.certificates.profiles import make_issuing, make_root
from services.eseal.domain.seal import Suite
from services.eseal.keys import Credential, SigningKey
from services.eseal.keys.keystore import KeyStore
from services.eseal.tables import authorities

ROOT = "root"
ISSUING = "issuing"


class Authorities:
    """Root and issuing authority of this installation."""

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys

    def issuing(self, work: UnitOfWork) -> tuple[str, Credential]:
        """The authority that issues certificates of seals, with its id; made, with its root, when there is none.

        For write transactions.
        """
        return self._ensure(work, ISSUING, self._make_issuing)

    def anchors(self, work: UnitOfWork) -> Sequence[str]:
        """The root certificates, PEM, retired ones too; none before the first seal was made."""
        query = (
            select(authorities.c.certificate_pem)
            .where(authorities.c.role == ROOT)
            .order_by(authorities.c.created_at, authorities.c.authority_id)
        )
        return list(work.connection.scalars(query))

    def _make_issuing(self, work: UnitOfWork, key: SigningKey) -> tuple[str, Credential]:
        root_id, root = self._ensure(work, ROOT, lambda work, key: ("", make_root(key, work.now)))
        return root_id, make_issuing(root, key, work.now)

    def _ensure(
        self, work: UnitOfWork, role: str, make: Callable[[UnitOfWork, SigningKey], tuple[str, Credential]]
    ) -> tuple[str, Credential]:
        return self._load(work, role) or self._make(work, role, make)

    def _make(
        self, work: UnitOfWork, role: str, make: Callable[[UnitOfWork, SigningKey], tuple[str, Credential]]
    ) -> tuple[str, Credential]:
        key_id, key = self._keys.make(work, Suite.INTERNATIONAL)
        issuer_id, made = make(work, key)
        _add(work, role, key_id, issuer_id, made.certificate_pem())
        kept = self._load(work, role)
        if kept is None:
            raise RuntimeError(f"the {role} authority was kept and is not there")
        # Not `made`: two processes may make one at the same time, and the first one counts.
        return kept

    def _load(self, work: UnitOfWork, role: str) -> tuple[str, Credential] | None:
        row = _issuing_row(work, role)
        if row is None:
            return None
        certificate = load_pem_x509_certificate(row.certificate_pem.encode())
        return row.authority_id, Credential(self._keys.load(work, row.key_id), certificate)


def _issuing_row(work: UnitOfWork, role: str) -> Row[str, str, str] | None:
    query = select(authorities.c.authority_id, authorities.c.key_id, authorities.c.certificate_pem)
    return work.connection.execute(query.where(authorities.c.issuing_slot == _slot(role))).one_or_none()


def _add(work: UnitOfWork, role: str, key_id: str, issuer_id: str, certificate_pem: str) -> None:
    row: dict[str, str | datetime] = {
        "authority_id": new_id(),
        "role": role,
        "suite": Suite.INTERNATIONAL.value,
        "key_id": key_id,
        "certificate_pem": certificate_pem,
        "issuer_id": issuer_id,
        "created_at": work.now,
        "issuing_slot": _slot(role),
    }
    work.connection.execute(insert(work.connection, authorities).on_conflict_do_nothing(), [row])


def _slot(role: str) -> str:
    return f"{role}/{Suite.INTERNATIONAL}"
