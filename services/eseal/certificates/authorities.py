"""The platform's certification authority as the service keeps it: made on first use, keys encrypted at rest."""

from collections.abc import Callable, Sequence

from cryptography.x509 import Certificate, load_pem_x509_certificate

from chassis.database import UnitOfWork
from chassis.vault import Vault
from services.eseal import store
from services.eseal.certificates.profiles import make_issuing, make_root
from services.eseal.keys import Credential
from services.eseal.keys.software import SoftwareKey

ROOT = "root"
ISSUING = "issuing"


class Authorities:
    """Root and issuing authority of this installation."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def issuing(self, work: UnitOfWork) -> Credential:
        """The issuing authority with its key; makes both authorities when there are none. For write transactions."""
        return self._load(work, ISSUING) or self._make(work, ISSUING, self._make_issuing)

    def chain(self, work: UnitOfWork) -> Sequence[Certificate]:
        """What lies between a seal and the root."""
        return [
            load_pem_x509_certificate(pem.encode()) for pem in _present(store.certificate(work.connection, ISSUING))
        ]

    def anchors(self, work: UnitOfWork) -> Sequence[str]:
        """The root certificates, PEM; none before the first seal was made."""
        return _present(store.certificate(work.connection, ROOT))

    def _make_issuing(self, work: UnitOfWork, key: SoftwareKey) -> Credential:
        root = self._load(work, ROOT) or self._make(work, ROOT, lambda work, key: make_root(key, work.now))
        return make_issuing(root, key, work.now)

    def _make(self, work: UnitOfWork, role: str, make: Callable[[UnitOfWork, SoftwareKey], Credential]) -> Credential:
        key = SoftwareKey.generate()
        made = make(work, key)
        encrypted = key.encrypt(self._vault, context=_context(role))
        store.add_authority(work.connection, role, made.certificate_pem(), encrypted, work.now)
        kept = self._load(work, role)
        if kept is None:
            raise RuntimeError(f"the {role} authority was kept and is not there")
        # Not `made`: two processes may make one at the same time, and the first one counts.
        return kept

    def _load(self, work: UnitOfWork, role: str) -> Credential | None:
        row = store.authority(work.connection, role)
        if row is None:
            return None
        key = SoftwareKey.decrypt(row.encrypted_key, self._vault, context=_context(role))
        return Credential(key, load_pem_x509_certificate(row.certificate_pem.encode()))


def seal_key_context(seal_id: str) -> str:
    """What the vault binds the key of a seal to."""
    return f"eseal.seal:{seal_id}"


def _context(role: str) -> str:
    return f"eseal.authority:{role}"


def _present(certificate: str | None) -> Sequence[str]:
    return [] if certificate is None else [certificate]
