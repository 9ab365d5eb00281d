"""The platform's own certification authorities as the service keeps them: made on first use, followed by others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

import structlog
from cryptography.x509 import load_pem_x509_certificate
from sqlalchemy import ColumnElement, and_, or_, select, update

from chassis.clock import new_id
from chassis.database import UnitOfWork, insert
from chassis.settings import Settings
from services.eseal.certificates import profiles
from services.eseal.domain.seal import Suite
from services.eseal.keys import Credential, SigningKey
from services.eseal.keys.keystore import KeyStore
from services.eseal.national import issuing as national
from services.eseal.tables import authorities

ROOT = "root"
ISSUING = "issuing"
MAKER = "maker"
TIMESTAMPING = "timestamping"
_PROFILES = {Suite.INTERNATIONAL: profiles, Suite.NATIONAL: national}
# An authority is followed by another before what it issues would outlive it, or a timestamp would prove too little.
_LONGEST_ISSUED = {
    ROOT: profiles.ISSUING_YEARS * profiles.YEAR,
    ISSUING: profiles.SEAL_YEARS * profiles.YEAR,
    MAKER: profiles.SEAL_YEARS * profiles.YEAR,
    TIMESTAMPING: profiles.SEAL_YEARS * profiles.YEAR,
}
_log = structlog.get_logger(__name__)
_Make = Callable[[UnitOfWork, SigningKey], tuple[str, Credential]]


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority of the platform, in office or retired."""

    authority_id: str
    role: str
    suite: Suite
    key_id: str
    certificate_pem: str
    created_at: datetime
    retired_at: datetime | None


_COLUMNS = [authorities.c[name] for name in Authority.__dataclass_fields__]


class Authorities:
    """Roots and issuing authorities of each suite, and the makers of the national seals."""

    def __init__(self, keys: KeyStore, public_url: str = "") -> None:
        """`public_url`: under which revocation lists and the like are to be had by HTTP; empty for nowhere."""
        self._keys = keys
        self._public_url = public_url.rstrip("/")

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """With the keys of this installation, and the address that its settings name."""
        return cls(KeyStore.from_settings(settings), settings.eseal_public_url)

    def issuing(self, work: UnitOfWork, suite: Suite) -> tuple[str, Credential]:
        """The authority that issues certificates of seals, with its id; made, with its root, when there is none.

        One that a new seal would outlive is followed by another.

        For write transactions.
        """
        return self._ensure(work, suite, ISSUING, lambda work, key: self._make_issuing(work, suite, key))

    def maker(self, work: UnitOfWork) -> Credential:
        """Who makes the seals of the national suite; made when there is none. For write transactions."""

        def make(work: UnitOfWork, key: SigningKey) -> tuple[str, Credential]:
            issuer_id, issuer = self.issuing(work, Suite.NATIONAL)
            return issuer_id, national.make_maker(issuer, key, work.now)

        return self._ensure(work, Suite.NATIONAL, MAKER, make)[1]

    def timestamping(self, work: UnitOfWork) -> Credential:
        """Whose the platform's own timestamps are, with the authorities above; made when there is none.

        For write transactions.
        """

        def make(work: UnitOfWork, key: SigningKey) -> tuple[str, Credential]:
            issuer_id, issuer = self.issuing(work, Suite.INTERNATIONAL)
            return issuer_id, profiles.make_timestamping(issuer, key, work.now)

        own_id, own = self._ensure(work, Suite.INTERNATIONAL, TIMESTAMPING, make)
        issuer = authorities.alias()
        query = select(issuer.c.certificate_pem).join(authorities, authorities.c.issuer_id == issuer.c.authority_id)
        above = work.connection.execute(query.where(authorities.c.authority_id == own_id)).scalar_one()
        return replace(own, chain=[load_pem_x509_certificate(above.encode())])

    def published(self, authority_id: str) -> str:
        """Where an authority's certificate and list are to be had, without their suffixes; empty for nowhere."""
        return f"{self._public_url}/{authority_id}" if self._public_url else ""

    def all(self, work: UnitOfWork) -> Sequence[Authority]:
        """Every authority that issues, the oldest first, retired ones too: they stay trusted for what they signed."""
        query = select(*_COLUMNS).where(authorities.c.role != TIMESTAMPING)
        query = query.order_by(authorities.c.created_at, authorities.c.role.desc(), authorities.c.authority_id)
        return [_authority(row) for row in work.connection.execute(query)]

    def credential(self, work: UnitOfWork, authority: Authority) -> Credential:
        """An authority with its key."""
        certificate = load_pem_x509_certificate(authority.certificate_pem.encode())
        return Credential(self._keys.load(work, authority.key_id), certificate)

    def rotate(self, work: UnitOfWork, suite: Suite, *, root: bool) -> None:
        """Retires the issuing authority of a suite, and with `root` its root, and makes those that follow.

        What was retired issues no more certificates, and goes on to say which of its own are revoked.
        Raises Conflict SUITE_NOT_AVAILABLE.
        """
        slots = [_slot(suite, role) for role in (TIMESTAMPING, MAKER, ISSUING, *((ROOT,) if root else ()))]
        _retire(work, authorities.c.issuing_slot.in_(slots))
        self.issuing(work, suite)

    def issued_by(self, work: UnitOfWork, authority_id: str) -> Sequence[str]:
        """The certificates of authorities, and of our timestamps, that an authority issued, PEM."""
        return _certificates(work, authorities.c.issuer_id == authority_id)

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
        return root_id, profile.make_issuing(root, key, work.now, self.published(root_id))

    def _ensure(self, work: UnitOfWork, suite: Suite, role: str, make: _Make) -> tuple[str, Credential]:
        found = self._load(work, suite, role)
        if found is None:
            return self._make(work, suite, role, make)
        authority_id, authority = found
        if authority.certificate.not_valid_after_utc >= work.now + _LONGEST_ISSUED[role]:
            return found
        _retire(work, authorities.c.authority_id == authority_id)
        _log.warning("authority_followed", role=role, suite=suite.value, authority_id=authority_id)
        return self._make(work, suite, role, make)

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
        query = select(*_COLUMNS).where(authorities.c.issuing_slot == _slot(suite, role))
        row = work.connection.execute(query).one_or_none()
        if row is None:
            return None
        found = _authority(row)
        return found.authority_id, self.credential(work, found)


def _authority(row: Sequence[Any]) -> Authority:
    found = Authority(*row)
    return replace(found, suite=Suite(found.suite))


def _certificates(work: UnitOfWork, wanted: ColumnElement[bool]) -> Sequence[str]:
    query = select(authorities.c.certificate_pem).where(wanted)
    return list(work.connection.scalars(query.order_by(authorities.c.created_at, authorities.c.authority_id)))


def _retire(work: UnitOfWork, which: ColumnElement[bool]) -> None:
    issuing = update(authorities).where(which, authorities.c.issuing_slot.is_not(None))
    work.connection.execute(issuing.values(issuing_slot=None, retired_at=work.now))


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
