"""The connection to a platform: the operator's, or a person's by way of a portal."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from chassis.settings import Settings

if TYPE_CHECKING:
    from duokua.client import Platform, Session
    from duokua.keys import ClientKey

OPERATOR_KEY = "operator.jwk"
THUMBPRINT_CHARACTERS = 16


def operator_client_id(key: "ClientKey") -> str:
    """The client id under which the platform registers an operator's key at its first start."""
    return f"operator-{key.thumbprint[:THUMBPRINT_CHARACTERS]}"


def connect(settings: Settings) -> "Platform":
    """The platform that the settings name, for the operator whose key is among the secrets.

    Raises FileNotFoundError, which names the file, when there is no key.
    """
    from cli.supervise import endpoints_of  # noqa: PLC0415 - only what a command needs is loaded
    from duokua.client import Platform  # noqa: PLC0415
    from duokua.keys import ClientKey  # noqa: PLC0415

    key_file = settings.secrets_folder / OPERATOR_KEY
    if not key_file.exists():
        message = f"there is no operator's key {key_file}; is DUOKUA_DATA_DIR or DUOKUA_SECRETS_DIR right?"
        raise FileNotFoundError(message)
    key = ClientKey.load(key_file)
    addresses = settings.endpoints or endpoints_of(settings)
    root: Path = settings.secrets_folder / "tls-root.crt"
    return Platform(addresses, operator_client_id(key), key, root, settings.issuer)


def operator() -> "Platform":
    """The platform, for the client that the environment names, as `client register` prints it.

    Without one, for the first operator. What needs four eyes needs more than one client.
    """
    if not os.environ.get("DUOKUA_CLIENT_ID"):
        return connect(Settings())
    from duokua.client import Platform  # noqa: PLC0415 - only what a command needs is loaded

    return Platform.from_env()


@contextmanager
def connect_as(person: str, principal: str) -> Iterator["Session"]:
    """The platform for a person, in a portal's environment; for the operator when no person is named."""
    if person:
        from duokua.client import Platform  # noqa: PLC0415 - only what a command needs is loaded

        with Platform.from_env() as portal:
            yield portal.acting_for(person, principal or None)
        return
    if principal:
        message = "--for needs --person: say who acts"
        raise ValueError(message)
    with connect(Settings()) as platform:
        yield platform


@contextmanager
def person_or_client(person: str, principal: str) -> Iterator["Session"]:
    """The platform for a person, in a portal's environment; else for the client that the environment names."""
    with connect_as(person, principal) if person or principal else operator() as platform:
        yield platform
