"""The key with which a client proves who it is (`private_key_jwt`, RFC 7523)."""

import json
import logging
import os
import stat
import time
import uuid
from pathlib import Path
from typing import Final, Self

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

_log = logging.getLogger("duokua.keys")

# The platform takes assertions of at most 5 minutes; short ones are worth little to a thief.
ASSERTION_SECONDS: Final = 60


class ClientKey:
    """A P-256 key pair; the platform is given the public half when the client is registered."""

    def __init__(self, key: ECKey) -> None:
        if not key.is_private or key.curve_name != "P-256":
            kind = "private" if key.is_private else "public"
            raise ValueError(f"a client's key must be a private P-256 key; this is a {kind} {key.curve_name} key")
        self._key = key
        self._thumbprint = key.thumbprint()

    def __repr__(self) -> str:
        """Tell the thumbprint, never the key."""
        return f"ClientKey({self._thumbprint!r})"

    @classmethod
    def generate(cls) -> Self:
        """Make a new key."""
        return cls(ECKey.generate_key("P-256"))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read a key from a JWK file (RFC 7517).

        Raises OSError when the file cannot be read and ValueError when it does not hold a private P-256 key.
        """
        file = Path(path)
        if stat.S_IMODE(file.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
            _log.warning("the key file %s can be used by others on this machine; make it mode 0600", file)
        return cls.from_jwk(file.read_text("utf-8"), source=str(file))

    @classmethod
    def from_jwk(cls, jwk: str, source: str = "the JWK") -> Self:
        """Make a key of a private JWK in JSON; `source` is what errors call it."""
        try:
            return cls(ECKey.import_key(json.loads(jwk)))
        except (ValueError, TypeError, KeyError, JoseError) as cause:
            raise ValueError(f"{source} does not hold a private P-256 key as JWK: {cause}") from cause

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the key as a JWK file of mode 0600, all of it or nothing; replaces the file that was there."""
        file = Path(path)
        draft = file.with_name(f".{file.name}.{uuid.uuid4().hex}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(self._key.as_dict(private=True), stream)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(file)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise

    @property
    def thumbprint(self) -> str:
        """The key's SHA-256 thumbprint (RFC 7638), base64url; also its `kid`."""
        return self._thumbprint

    @property
    def public_jwk(self) -> str:
        """The public half as JWK in JSON, for registering the client."""
        jwk = self._key.as_dict(private=False)
        return json.dumps({**jwk, "kid": self._thumbprint, "alg": "ES256", "use": "sig"}, sort_keys=True)

    def assertion(self, client_id: str, audience: str) -> str:
        """Sign that we are `client_id`, for `audience`: a JWT good for 60 seconds, and for one use (RFC 7523, 3)."""
        now = int(time.time())
        claims: dict[str, object] = {
            "iss": client_id,
            "sub": client_id,
            "aud": audience,
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
            "jti": uuid.uuid4().hex,
        }
        return jwt.encode({"alg": "ES256", "typ": "JWT", "kid": self._thumbprint}, claims, self._key)
