"""Where private keys are made, kept and found again: in the database, encrypted, or in a token."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Self, TypeAlias

from cryptography.exceptions import InvalidTag
from sqlalchemy import insert, select

from chassis.clock import new_id
from chassis.database import UnitOfWork
from chassis.problems import Conflict, Unavailable
from chassis.settings import Settings
from chassis.vault import Vault
from services.eseal.domain.seal import Suite
from services.eseal.keys import Algorithm, SigningKey
from services.eseal.keys.national import NationalKey
from services.eseal.keys.software import SoftwareKey
from services.eseal.national.libcrypto import NationalAlgorithmsMissingError, libcrypto
from services.eseal.tables import keys

if TYPE_CHECKING:
    from services.eseal.keys.token import Token

PIN_SECRET = "eseal-token.pin"  # noqa: S105 - the name of the file, not its content
_SOFTWARE = "software"
_HARDWARE = "pkcs11"
_Kept: TypeAlias = SoftwareKey | NationalKey
_MAKERS: Mapping[Suite, type[_Kept]] = {
    Suite.INTERNATIONAL: SoftwareKey,
    Suite.NATIONAL: NationalKey,
}
_READERS: Mapping[Algorithm, type[_Kept]] = {maker.algorithm: maker for maker in _MAKERS.values()}


class KeyStore:
    """The private keys of this installation, by id: new ones in the token where there is one, else in the database."""

    def __init__(self, vault: Vault, token: "Token | None" = None) -> None:
        self._vault = vault
        self._token = token

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """With the vault of this installation, and the token that its settings name."""
        return cls(Vault.from_settings(settings), _token_of(settings))

    def make(self, work: UnitOfWork, suite: Suite) -> tuple[str, SigningKey]:
        """A new key and its id. Raises Conflict SUITE_NOT_AVAILABLE, Unavailable TOKEN_AWAY."""
        self.check(suite)
        key_id = f"key:{new_id()}"
        # A transaction that comes to nothing leaves a key in the token that nothing names: it does no harm.
        made = self._token.make(key_id) if self._token else _MAKERS[suite].generate()
        kept = made.encrypt(self._vault, context=key_context(key_id)) if isinstance(made, _Kept) else b""
        row = {
            "key_id": key_id,
            "place": _SOFTWARE if kept else _HARDWARE,
            "algorithm": made.algorithm.value,
            "public_key": made.public_key,
            "encrypted": kept,
            "made_at": work.now,
        }
        work.connection.execute(insert(keys), row)
        return key_id, made

    def check(self, suite: Suite) -> None:
        """Raise Conflict SUITE_NOT_AVAILABLE when this installation makes no keys of the suite."""
        if suite is not Suite.NATIONAL:
            return
        if self._token is not None:
            message = (
                "keys are made in the token, which makes none of SM2; the suite NATIONAL needs a store without a token"
            )
            raise Conflict("SUITE_NOT_AVAILABLE", message, suite=suite)
        try:
            libcrypto()
        except NationalAlgorithmsMissingError as fault:
            raise Conflict("SUITE_NOT_AVAILABLE", str(fault), suite=suite) from fault

    def load(self, work: UnitOfWork, key_id: str) -> SigningKey:
        """The key with this id, ready to sign.

        Raises Unavailable KEY_UNREADABLE when it was encrypted by another vault, TOKEN_MISSING when it lies in a token
        and the settings name none.
        """
        row = work.connection.execute(select(keys).where(keys.c.key_id == key_id)).one()
        if row.place == _SOFTWARE:
            reader, context = _READERS[Algorithm(row.algorithm)], key_context(key_id)
            try:
                return reader.decrypt(row.encrypted, self._vault, context=context)
            except InvalidTag as fault:
                message = (
                    "the key was encrypted under another vault.key: put the secret right, and start this process anew"
                )
                raise Unavailable("KEY_UNREADABLE", message, key_id=key_id) from fault
        if self._token is None:
            message = "the key lies in a token: set DUOKUA_ESEAL_TOKEN_MODULE and DUOKUA_ESEAL_TOKEN_LABEL"
            raise Unavailable("TOKEN_MISSING", message, key_id=key_id)
        from services.eseal.keys.token import TokenKey  # noqa: PLC0415 (where there is a token)

        return TokenKey(self._token, key_id, row.public_key)


def _token_of(settings: Settings) -> "Token | None":
    """The token that the settings name; one for the whole process, as a login is dear and a second one useless."""
    if settings.eseal_token_module is None:
        return None
    if not settings.has_secret(PIN_SECRET):
        path = settings.secrets_folder / PIN_SECRET
        raise FileNotFoundError(f"there is no secret {path}: put the user PIN of the seals' token there")
    pin = settings.secret(PIN_SECRET).decode()
    return _opened(str(settings.eseal_token_module), settings.eseal_token_label, pin)


@cache
def _opened(module: str, label: str, pin: str) -> "Token":
    from services.eseal.keys.token import Token  # noqa: PLC0415 (where there is a token)

    return Token(module, label, pin)


def key_context(key_id: str) -> str:
    """What the vault binds a key to."""
    return f"eseal.{key_id}"
