"""Where private keys are made, kept and found again: in the database, encrypted, or in a token."""

from typing import Self

from sqlalchemy import insert, select

from chassis.clock import new_id
from chassis.database import UnitOfWork
from chassis.problems import Conflict
from chassis.settings import Settings
from chassis.vault import Vault
from services.eseal.domain.seal import Suite
from services.eseal.keys import SigningKey
from services.eseal.keys.software import SoftwareKey
from services.eseal.tables import keys

_SOFTWARE = "software"


class KeyStore:
    """The private keys of this installation, by id."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """With the vault of this installation."""
        return cls(Vault.from_settings(settings))

    def make(self, work: UnitOfWork, suite: Suite) -> tuple[str, SigningKey]:
        """A new key and its id. Raises Conflict SUITE_NOT_AVAILABLE."""
        self.check(suite)
        key_id, key = f"key:{new_id()}", SoftwareKey.generate()
        row = {
            "key_id": key_id,
            "place": _SOFTWARE,
            "algorithm": key.algorithm.value,
            "public_key": key.public_key,
            "encrypted": key.encrypt(self._vault, context=_context(key_id)),
            "made_at": work.now,
        }
        work.connection.execute(insert(keys), row)
        return key_id, key

    def check(self, suite: Suite) -> None:
        """Raise Conflict SUITE_NOT_AVAILABLE when this installation makes no keys of the suite."""
        if suite is not Suite.INTERNATIONAL:
            message = f"this installation makes no keys of the suite {suite}"
            raise Conflict("SUITE_NOT_AVAILABLE", message, suite=suite)

    def load(self, work: UnitOfWork, key_id: str) -> SigningKey:
        """The key with this id, ready to sign; raises InvalidTag when it was encrypted by another vault."""
        row = work.connection.execute(select(keys).where(keys.c.key_id == key_id)).one()
        return SoftwareKey.decrypt(row.encrypted, self._vault, context=_context(key_id))


def _context(key_id: str) -> str:
    """What the vault binds a key to."""
    return f"eseal.{key_id}"
