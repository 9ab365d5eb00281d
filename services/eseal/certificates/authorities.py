"""The platform's own certification authorities as the service keeps them: made on first use."""

from collections.abc import Callable, Sequence
from datetime import datetime

from cryptography.x509 import load_pem_x509_certificate
from sqlalchemy import ColumnElement, Row, and_, or_, select

from chassis.clock import new_id
from chassis.database import UnitOfWork, insert
from services.eseal.certificates import profiles
from services.eseal.domain.seal import Suite
from services.eseal.keys import Credential, SigningKey
from services.eseal.keys.keystore import KeyStore
from services.eseal.national import issuing as national
from services.eseal.tables import authorities

ROOT = "root"
ISSUING = "issuing"
MAKER = "maker"
_PROFILES = {Suite.INTERNATIONAL: profiles, Suite.NATIONAL: national}
_Make = Callable[[UnitOfWork, SigningKey], tuple[str, Credential]]


class Authorities:
    """Root and issuing authority of each suite, and the maker of the national seals."""

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys

    def issuing(self, work: UnitOfWork, suite: Suite) -> tuple[str, Credential]:
        """The authority that issues certificates of seals, with its id; made, with its root, when there is none.

        For write transactions.
        """
        return self._ensure(work, suite, ISSUING, lambda work, key: self._make_issuing(work, suite, key))

    def maker(self, work: UnitOfWork) -> Credential:
        """Who makes the seals of the national suite; made when there is none. For write transactions."""

        def make(work: UnitOfWork, key: SigningKey) -> tuple[str, Credential]:
            issuer_id, issuer = self.issuing(work, Suite.NATIONAL)
            return issuer_id, national.make_maker(issuer, key, work.now)

        return self._ensure(work, Suite.NATIONAL, MAKER, make)[1]

    def anchors(self, work: UnitOfWork) -> Sequence[str]:
        """The root certificates, PEM, retired ones too; none before the first seal was made."""
        return _certificates(work, authorities.c.role == ROOT)

    def trusted(self, work: UnitOfWork) -> Sequence[str]:
        """Whom a verification trusts, PEM: the roots, and what no national document brings along below them."""
        below = and_(authorities.c.role == ISSUING, authorities.c.suite == Suite.NATIONAL.value)
        return _certificates(work, or_(authorities.c.role == ROOT, below))

    def _make_issuing(self, work: UnitOfWork, suite: Suite, key: SigningKey) -> tuple[str, Credential]:
        profile = _PROFILES[suite]
        root_id, root = self._ensure(work, suite, ROOT, lambda work, key: ("", profile.make_root(key, work.now)))
        return root_id, profile.make_issuing(root, key, work.now)

    def _ensure(self, work: UnitOfWork, suite: Suite, role: str, make: _Make) -> tuple[str, Credential]:
        return self._load(work, suite, role) or self._make(work, suite, role, make)

    def _make(self, work: UnitOfWork, suite: Suite, role: str, make: _Make) -> tuple[str, Credential]:
        key_id, key = self._keys.make(work, suite)
        issuer_id, made = make(work, key)
        _add(work, suite, role, key_id=key_id, issuer_id=issuer_id, certificate_pem=made.certificate_pem())
        kept = self._load(work, suite, role)
        if kept is None:
            raise RuntimeError(f"the {role} authority was kept and is not there")
        # Not `made`: two processes may make one at the same time, and the first one counts.
        return kept

    def _load(self, work: UnitOfWork, suite: Suite, role: str) -> tuple[str, Credential] | None:
        row = _issuing_row(work, suite, role)
        if row is None:
            return None
        certificate = load_pem_x509_certificate(row.certificate_pem.encode())
        return row.authority_id, Credential(self._keys.load(work, row.key_id), certificate)


def _certificates(work: UnitOfWork, wanted: ColumnElement[bool]) -> Sequence[str]:
    query = select(authorities.c.certificate_pem).where(wanted)
    return list(work.connection.scalars(query.order_by(authorities.c.created_at, authorities.c.authority_id)))


def _issuing_row(work: UnitOfWork, suite: Suite, role: str) -> Row[str, str, str] | None:
    query = select(authorities.c.authority_id, authorities.c.key_id, authorities.c.certificate_pem)
    return work.connection.execute(query.where(authorities.c.issuing_slot == _slot(suite, role))).one_or_none()


def _add(work: UnitOfWork, suite: Suite, role: str, *, key_id: str, issuer_id: str, certificate_pem: str) -> None:
    row: dict[str, str | datetime] = {
        "authority_id": new_id(),
        "role": role,
        "suite": suite.value,
        "key_id": key_id,
        "certificate_pem": certificate_pem,
        "issuer_id": issuer_id,
        "created_at": work.now,
        "issuing_slot": _slot(suite, role),
    }
    work.connection.execute(insert(work.connection, authorities).on_conflict_do_nothing(), [row])


def _slot(suite: Suite, role: str) -> str:
    return f"{role}/{suite}"
