"""Keys that are made in a PKCS#11 token and never leave it (PKCS #11 v2.40: a hardware module, or SoftHSM).

python-pkcs11 promises the library that one thread calls it, and lets go of the interpreter during calls: two threads at
once have crashed SoftHSM and sent it into endless loops. So one lock for the whole process stands round every call.
"""

import hashlib
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar, cast

import pkcs11
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from pkcs11.exceptions import (
    NoSuchKey,
    PinExpired,
    PinIncorrect,
    PinInvalid,
    PinLenRange,
    PinLocked,
    PKCS11Error,
    UserAlreadyLoggedIn,
)
from pkcs11.util.ec import encode_ec_public_key, encode_named_curve_parameters

from chassis.problems import Unavailable
from services.eseal.keys import Algorithm

_CURVE = "secp256r1"
_PRIVATE = {
    pkcs11.Attribute.SENSITIVE: True,
    pkcs11.Attribute.EXTRACTABLE: False,
    pkcs11.Attribute.PRIVATE: True,
    pkcs11.Attribute.SIGN: True,
    pkcs11.Attribute.DECRYPT: False,
    pkcs11.Attribute.UNWRAP: False,
}
_ONE_CALL = threading.RLock()

_Answer = TypeVar("_Answer")


class Token:
    """A token, which is logged in to when it is first used, and anew when it was away."""

    def __init__(self, module: str, label: str, pin: str) -> None:
        self._module = module
        self._label = label
        self._pin = pin
        self._session: pkcs11.Session | None = None
        # Good for as long as the session is; to search for a key each time takes longer than to sign.
        self._found: dict[str, pkcs11.PrivateKey] = {}
        self._pin_refused = False

    def make(self, key_id: str) -> "TokenKey":
        """A new P-256 key in the token, under this id. Raises Unavailable TOKEN_AWAY."""

        def generate(session: pkcs11.Session) -> bytes:
            curve = session.create_domain_parameters(
                pkcs11.KeyType.EC, {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters(_CURVE)}, local=True
            )
            public, private = curve.generate_keypair(
                store=True, label=key_id, id=_object_id(key_id), private_template=_PRIVATE
            )
            if private[pkcs11.Attribute.EXTRACTABLE] or not private[pkcs11.Attribute.SENSITIVE]:
                private.destroy()
                public.destroy()
                raise RuntimeError(f"the token {self._label} makes keys that can be taken out of it")
            return bytes(encode_ec_public_key(public))

        return TokenKey(self, key_id, self.call(generate))

    def sign(self, key_id: str, digest: bytes) -> bytes:
        """The raw signature of a digest: r and s, 32 bytes each. Raises Unavailable TOKEN_AWAY, KEY_MISSING."""

        def sign(session: pkcs11.Session) -> bytes:
            key = self._found.get(key_id) or _find(session, key_id)
            self._found[key_id] = key
            # The plain mechanism: that which digests as well is missing from some tokens, SoftHSM's among them.
            return bytes(key.sign(digest, mechanism=pkcs11.Mechanism.ECDSA))  # type: ignore[attr-defined] # not typed

        return self.call(sign)

    def call(self, act: Callable[[pkcs11.Session], _Answer]) -> _Answer:
        """What the token answers, one call of the process at a time; a session that was lost is opened once more.

        Raises Unavailable TOKEN_AWAY, TOKEN_PIN_REFUSED.
        """
        with _ONE_CALL:
            try:
                return act(self._session or self._open())
            except PKCS11Error:
                self._close()
            try:
                # A library may hold a token for lost that was away once, for as long as it is not started anew.
                pkcs11.lib(self._module).reinitialize()
                return act(self._open())
            except PKCS11Error as error:
                self._close()
                why = type(error).__name__
                message = f"the token {self._label} of the seals' keys does not answer: {why}"
                raise Unavailable("TOKEN_AWAY", message, why=why) from error

    def _open(self) -> pkcs11.Session:
        if self._pin_refused:
            # Tokens lock themselves after a few wrong attempts: one is enough until somebody puts it right.
            message = f"the token {self._label} refused the PIN: put eseal-token.pin right and start this process anew"
            raise Unavailable("TOKEN_PIN_REFUSED", message)
        token = pkcs11.lib(self._module).get_token(token_label=self._label)
        try:
            self._session = token.open(rw=True, user_pin=self._pin)
        except UserAlreadyLoggedIn:
            # Whoever logs in does so for the whole process.
            self._session = token.open(rw=True)
        except (PinIncorrect, PinInvalid, PinLenRange, PinLocked, PinExpired):
            self._pin_refused = True
            raise
        return self._session

    def _close(self) -> None:
        session, self._session = self._session, None
        self._found.clear()
        if session is not None:
            # It may be gone already: that may be why it is closed.
            with suppress(PKCS11Error):
                session.close()


class TokenKey:
    """A P-256 key in a token; a `SigningKey`."""

    algorithm = Algorithm.ECDSA_P256_SHA256

    def __init__(self, token: Token, key_id: str, public_key: bytes) -> None:
        self._token = token
        self._key_id = key_id
        self.public_key = public_key

    def sign(self, data: bytes) -> bytes:
        """ECDSA with SHA-256, DER. Raises Unavailable TOKEN_AWAY, KEY_MISSING when the token has no such key."""
        raw = self._token.sign(self._key_id, hashlib.sha256(data).digest())
        half = len(raw) // 2
        return encode_dss_signature(int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big"))


def _find(session: pkcs11.Session, key_id: str) -> pkcs11.PrivateKey:
    try:
        return cast(
            "pkcs11.PrivateKey",
            session.get_key(
                object_class=pkcs11.ObjectClass.PRIVATE_KEY, key_type=pkcs11.KeyType.EC, id=_object_id(key_id)
            ),
        )
    except NoSuchKey:
        message = f"the token has no key {key_id}: it is not the one in which the key was made, or was emptied since"
        raise Unavailable("KEY_MISSING", message, key_id=key_id) from None


def _object_id(key_id: str) -> bytes:
    return key_id.encode()
