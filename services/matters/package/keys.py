"""Keys of publishers, as files: Ed25519 in PEM."""

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from chassis.problems import Invalid, Violation


def private_key_pem(key: Ed25519PrivateKey, passphrase: str) -> bytes:
    """A publisher's key as it is kept: PKCS #8, encrypted where there is a passphrase."""
    encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def read_private_key(pem: bytes, passphrase: str) -> Ed25519PrivateKey:
    """A publisher's key. Raises ValueError, which says what is wrong with the file or the passphrase."""
    try:
        key = load_pem_private_key(pem, passphrase.encode() if passphrase else None)
    except TypeError:
        wrong = "is not encrypted, and a passphrase was given" if passphrase else "is encrypted: give its passphrase"
        message = f"the key {wrong}"
        raise ValueError(message) from None
    except (ValueError, UnsupportedAlgorithm):
        message = "this is no private key in PEM, or the passphrase is another one"
        raise ValueError(message) from None
    if not isinstance(key, Ed25519PrivateKey):
        message = "this is a key of another kind: packages are signed with Ed25519"
        raise ValueError(message)  # noqa: TRY004 - what is wrong is the file's content
    return key


def public_key_pem(public_key: bytes) -> str:
    """The 32 bytes of a public key as a file: SubjectPublicKeyInfo in PEM."""
    key = Ed25519PublicKey.from_public_bytes(public_key)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read_public_key(pem: str) -> bytes:
    """The 32 bytes of an Ed25519 key in PEM. Raises Invalid BAD_PUBLIC_KEY."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        fault = Violation("public_key_pem", "should be the file that `duokua scenario key new` calls *.pub")
        raise Invalid("BAD_PUBLIC_KEY", "this is no Ed25519 public key in PEM", [fault])
    return key.public_bytes_raw()
