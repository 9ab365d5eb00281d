"""Keys that are made here and lie in the database, encrypted by the vault, whose own key lies outside the database."""

from typing import Self

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from chassis.vault import Vault
from services.eseal.keys import Algorithm


class SoftwareKey:
    """A P-256 key in this process's memory; a `SigningKey`."""

    algorithm = Algorithm.ECDSA_P256_SHA256

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self.public_key = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @classmethod
    def generate(cls) -> Self:
        """A new key."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def decrypt(cls, encrypted: bytes, vault: Vault, *, context: str) -> Self:
        """Reads back what `encrypt` gave; raises InvalidTag when it was changed, or was encrypted for another use."""
        key = serialization.load_der_private_key(vault.decrypt(encrypted, context=context), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise TypeError("the stored key is not a P-256 key")
        return cls(key)

    def encrypt(self, vault: Vault, *, context: str) -> bytes:
        """The key as it may be stored."""
        plain = self._key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return vault.encrypt(plain, context=context)

    def sign(self, data: bytes) -> bytes:
        """ECDSA with SHA-256, DER."""
        return self._key.sign(data, ec.ECDSA(hashes.SHA256()))
