"""Keys of the port as `cryptography` wants them, whose builders make certificates, requests and revocation lists."""

from typing import Never, Self

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.eseal.keys import Algorithm, SigningKey


def builder_key(key: SigningKey) -> ec.EllipticCurvePrivateKey:
    """A key for `sign` of the builders of `cryptography.x509`; they know no SM2, so ValueError for such a key."""
    if key.algorithm is not Algorithm.ECDSA_P256_SHA256:
        raise ValueError(f"the builders know P-256 keys only, not {key.algorithm}")
    return _BuilderKey(key)


class _BuilderKey(ec.EllipticCurvePrivateKey):
    """Signs through the port; the builders ask nothing else of a key."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key
        public = serialization.load_der_public_key(key.public_key)
        if not isinstance(public, ec.EllipticCurvePublicKey):
            raise TypeError("the public key is not an elliptic curve key")
        self._public = public

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public.curve

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._public

    def sign(self, data: bytes, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:  # type: ignore[override]
        if not isinstance(signature_algorithm.algorithm, hashes.SHA256):
            raise TypeError("keys of seals sign with SHA-256, and digest the data themselves")
        return self._key.sign(data)

    def exchange(self, *_: object) -> Never:
        raise NotImplementedError("a key of a seal signs, and does nothing else")

    def private_numbers(self) -> Never:
        raise NotImplementedError("nobody sees a private key")

    def private_bytes(self, *_: object) -> Never:
        raise NotImplementedError("nobody sees a private key")

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[object, object]) -> Self:
        return self
