"""SM2 keys that are made here and lie in the database, encrypted by the vault like the P-256 ones of `software.py`."""

from typing import Self

from chassis.vault import Vault
from services.eseal.keys import Algorithm
from services.eseal.national.sm2 import PrivateKey


class NationalKey:
    """An SM2 key in this process's memory; a `SigningKey`."""

    algorithm = Algorithm.SM2_SM3

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self.public_key = key.public_key.spki

    @classmethod
    def generate(cls) -> Self:
        """A new key. Raises NationalAlgorithmsMissingError when the system's OpenSSL has no SM2."""
        return cls(PrivateKey.generate())

    @classmethod
    def decrypt(cls, encrypted: bytes, vault: Vault, *, context: str) -> Self:
        """Reads back what `encrypt` gave; raises InvalidTag when it was changed, or was encrypted for another use."""
        return cls(PrivateKey.from_pkcs8(vault.decrypt(encrypted, context=context)))

    def encrypt(self, vault: Vault, *, context: str) -> bytes:
        """The key as it may be stored."""
        return vault.encrypt(self._key.pkcs8(), context=context)

    def sign(self, data: bytes) -> bytes:
        """SM2 with SM3 under the default identifier, DER."""
        return self._key.sign(data)
