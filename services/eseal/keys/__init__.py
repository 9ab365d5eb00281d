"""Private keys of seals and authorities: used through one port, and seen by nobody.

What signs takes a `SigningKey`, or a `Credential` where a certificate has to go with the signature, and does not know
whether the key lies in the database (`software.py`) or in a token. No code outside this folder sees a private key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from cryptography.hazmat.primitives import serialization
from cryptography.x509 import Certificate


class Algorithm(StrEnum):
    """What a key signs with: the curve and the digest that go together in a suite."""

    ECDSA_P256_SHA256 = "ECDSA_P256_SHA256"
    SM2_SM3 = "SM2_SM3"


class SigningKey(Protocol):
    """A private key that can be used and not seen; safe to share between threads."""

    @property
    def algorithm(self) -> Algorithm:
        """What it signs with."""

    @property
    def public_key(self) -> bytes:
        """The public key, DER (SubjectPublicKeyInfo of RFC 5280)."""

    def sign(self, data: bytes) -> bytes:
        """Digests the data and signs: DER SEQUENCE {r, s}, for SM2 under the default identity of the signer."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A key, its certificate, and the authorities between the certificate and a root, without the root.

    An authority's certificate is parsed where it is needed: `cryptography` reads P-256 ones in full, of SM2 ones all
    but the key.
    """

    key: SigningKey
    certificate: Certificate
    chain: Sequence[Certificate] = ()

    def certificate_pem(self) -> str:
        """The certificate as PEM text."""
        return pem(self.certificate)


def pem(certificate: Certificate) -> str:
    """A certificate as PEM text."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
