"""The platform's certification authority as the service keeps it: made on first use, keys encrypted at rest."""

from collections.abc import Callable, Sequence

from chassis.database import UnitOfWork
from chassis.vault import Vault
from services.eseal import store
from services.eseal.domain.pki import Identity, load_identity, make_issuing, make_root

ROOT = "root"
ISSUING = "issuing"


class Authorities:
    """Root and issuing authority of this installation."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def issuing(self, work: UnitOfWork) -> Identity:
        """The issuing authority with its key; makes both authorities when there are none. For write transactions."""
        return self._load(work, ISSUING) or self._make(work, ISSUING, self._make_issuing)

    def chain(self, work: UnitOfWork) -> Sequence[str]:
        """What lies between a seal and the root, PEM."""
        return _present(store.certificate(work.connection, ISSUING))

    def anchors(self, work: UnitOfWork) -> Sequence[str]:
        """The root certificates, PEM; none before the first seal was made."""
        return _present(store.certificate(work.connection, ROOT))

    def _make_issuing(self, work: UnitOfWork) -> Identity:
        root = self._load(work, ROOT) or self._make(work, ROOT, lambda work: make_root(work.now))
        return make_issuing(root, work.now)

    def _make(self, work: UnitOfWork, role: str, make: Callable[[UnitOfWork], Identity]) -> Identity:
        made = make(work)
        key = self._vault.encrypt(made.key_der(), context=_context(role))
        store.add_authority(work.connection, role, made.certificate_pem(), key, work.now)
        kept = self._load(work, role)
        if kept is None:
            raise RuntimeError(f"the {role} authority was kept and is not there")
        # Not `made`: two processes may make one at the same time, and the first one counts.
        return kept

    def _load(self, work: UnitOfWork, role: str) -> Identity | None:
        row = store.authority(work.connection, role)
        if row is None:
            return None
        return load_identity(row.certificate_pem, self._vault.decrypt(row.encrypted_key, context=_context(role)))


def seal_key_context(seal_id: str) -> str:
    """What the vault binds the key of a seal to."""
    return f"eseal.seal:{seal_id}"


def _context(role: str) -> str:
    return f"eseal.authority:{role}"


def _present(certificate: str | None) -> Sequence[str]:
    return [] if certificate is None else [certificate]
