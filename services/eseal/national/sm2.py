"""SM2 signatures with SM3 (GB/T 32918.2-2016, GM/T 0009): keys, signing, verifying.

Signatures are DER `SEQUENCE {r, s}`, public keys SubjectPublicKeyInfo, private keys PKCS#8, as in certificates and
seals. The signer's identifier goes into what is signed; GM/T 0009 fixes it where nobody has agreed on another.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, Self

from services.eseal.national.libcrypto import decoded, encoded, failure, libcrypto

DEFAULT_IDENTIFIER = b"1234567812345678"
LONGEST_IDENTIFIER = 8191
POINT_BYTES = 65
# ecPublicKey on the named curve sm2p256v1, an uncompressed point. Whoever may choose the curve's parameters can make a
# key that fits somebody else's signature, so a key has these bytes or is refused.
_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
_UNCOMPRESSED = 4
# Two numbers of 256 bits in DER.
_LARGEST_SIGNATURE = 72


class BadKeyError(Exception):
    """The bytes are not an SM2 key."""


class _Handle:
    """An EVP_PKEY, freed with its owner. Neither copied nor pickled: it is an address."""

    __slots__ = ("_free", "address")

    def __init__(self, address: int) -> None:
        self.address = address
        # Kept here: when the interpreter ends, modules may be gone before the last key.
        self._free = libcrypto().EVP_PKEY_free

    def __del__(self) -> None:
        self._free(self.address)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key cannot be pickled or copied")


class PublicKey:
    """An SM2 public key. May be used by several threads at once."""

    __slots__ = ("_handle", "spki")

    def __init__(self, spki: bytes) -> None:
        """`spki`: SubjectPublicKeyInfo, DER. Raises BadKeyError, also for a point that is not on the curve."""
        if len(spki) != len(_SPKI) + POINT_BYTES or not spki.startswith(_SPKI) or spki[len(_SPKI)] != _UNCOMPRESSED:
            raise BadKeyError("not an SM2 public key: sm2p256v1 as a named curve with an uncompressed point is wanted")
        address = decoded(libcrypto().d2i_PUBKEY, spki)
        if not address:
            raise BadKeyError("not an SM2 public key: its point is not on the curve")
        self._handle = _Handle(address)
        self.spki = spki

    @classmethod
    def from_point(cls, point: bytes) -> Self:
        """The key of an uncompressed point: 04, x, y. Raises BadKeyError."""
        return cls(_SPKI + point)

    @property
    def point(self) -> bytes:
        """04, x, y."""
        return self.spki[len(_SPKI) :]

    def verify(self, message: bytes, signature: bytes, identifier: bytes = DEFAULT_IDENTIFIER) -> bool:
        """Whether the signature, strict DER with both numbers in range, is this key's over the message."""
        library = libcrypto()
        if not 0 < len(signature) <= _LARGEST_SIGNATURE:
            return False
        with _context(self._handle, library.EVP_DigestVerifyInit, identifier) as context:
            valid = library.EVP_DigestVerify(context, signature, len(signature), message, len(message)) == 1
            library.ERR_clear_error()
            return bool(valid)

    def __eq__(self, other: object) -> bool:
        return self.spki == other.spki if isinstance(other, PublicKey) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.spki)


class PrivateKey:
    """An SM2 private key. May be used by several threads at once; shows nothing of itself."""

    __slots__ = ("_handle", "public_key")

    def __init__(self, address: int) -> None:
        """Takes over an EVP_PKEY; `generate` and `from_pkcs8` make one."""
        self._handle = _Handle(address)
        self.public_key = PublicKey(encoded(libcrypto().i2d_PUBKEY, address, "reading the public half of a key"))

    @classmethod
    def generate(cls) -> Self:
        """A new key, its number from OpenSSL's generator."""
        address = libcrypto().EVP_PKEY_Q_keygen(None, None, b"SM2")
        if not address:
            raise failure("making an SM2 key")
        return cls(address)

    @classmethod
    def from_pkcs8(cls, der: bytes) -> Self:
        """Reads what `pkcs8` gave. Raises BadKeyError, which holds nothing of the key."""
        library = libcrypto()
        address = decoded(library.d2i_AutoPrivateKey, der)
        if not address:
            raise BadKeyError("not a private key in PKCS#8")
        key = cls(address)
        context = library.EVP_PKEY_CTX_new(address, None)
        try:
            if library.EVP_PKEY_pairwise_check(context) != 1:
                library.ERR_clear_error()
                raise BadKeyError("the private key and its public key do not belong together")
        finally:
            library.EVP_PKEY_CTX_free(context)
        return key

    def pkcs8(self) -> bytes:
        """The key, unencrypted; for the vault only."""
        library = libcrypto()
        container = library.EVP_PKEY2PKCS8(self._handle.address)
        if not container:
            raise failure("writing a private key")
        try:
            return encoded(library.i2d_PKCS8_PRIV_KEY_INFO, container, "writing a private key")
        finally:
            library.PKCS8_PRIV_KEY_INFO_free(container)

    def sign(self, message: bytes, identifier: bytes = DEFAULT_IDENTIFIER) -> bytes:
        """The signature over a message, DER."""
        library = libcrypto()
        with _context(self._handle, library.EVP_DigestSignInit, identifier) as context:
            size = ctypes.c_size_t(_LARGEST_SIGNATURE)
            buffer = ctypes.create_string_buffer(_LARGEST_SIGNATURE)
            if library.EVP_DigestSign(context, buffer, ctypes.byref(size), message, len(message)) != 1:
                raise failure("signing with SM2")
            return buffer.raw[: size.value]


@contextmanager
def _context(handle: _Handle, initialise: Any, identifier: bytes) -> Iterator[int]:
    """An EVP_MD_CTX with the signer's identifier, which has to be there before the key is set."""
    if len(identifier) > LONGEST_IDENTIFIER:
        raise ValueError(f"an identifier has {LONGEST_IDENTIFIER} bytes at most")
    library = libcrypto()
    context = library.EVP_MD_CTX_new()
    options = library.EVP_PKEY_CTX_new(handle.address, None)
    try:
        if not context or not options or library.EVP_PKEY_CTX_set1_id(options, identifier, len(identifier)) <= 0:
            raise failure("preparing SM2")
        library.EVP_MD_CTX_set_pkey_ctx(context, options)
        if initialise(context, None, library.EVP_sm3(), None, handle.address) != 1:
            raise failure("preparing SM2")
        yield context
    finally:
        library.EVP_MD_CTX_free(context)
        library.EVP_PKEY_CTX_free(options)
