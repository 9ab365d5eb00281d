"""`duokua vault rotate`: a new key for what is encrypted at rest."""

from importlib import import_module
from importlib.util import find_spec

import typer
from cryptography.exceptions import InvalidTag

from chassis.context import open_database
from chassis.sealed import renew_all
from chassis.settings import SERVICES, Settings, keep_private
from chassis.vault import KEY_SECRET, Vault, VaultKeys, alone_with_key
from cli.initialise import write_secret
from cli.options import AsJson
from cli.output import counted, print_json, say

app = typer.Typer()


@app.callback()
def vault() -> None:
    """Have one command be a command of the group all the same."""


@app.command()
def rotate(json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Make a new vault.key and encrypt everything with it. Stop the platform first, and start it afterwards.

    While one of its processes on this machine works with the key, nothing is done. When it is broken off, the same
    command goes on: until the end the secret holds both keys.
    """
    keep_private()
    settings = Settings()
    with alone_with_key(settings) as path:
        keys = VaultKeys.read(settings.secret(KEY_SECRET))
        if not keys.older:
            write_secret(path, keys.rotated().write())
    # What was written is another file, at whose lock a process that starts now has to be stopped too.
    with alone_with_key(settings) as path:
        keys = VaultKeys.read(settings.secret(KEY_SECRET))
        renewed = {service: _renew(settings, service, Vault(keys)) for service in SERVICES}
        write_secret(path, keys.settled().write())
    if json:
        print_json(renewed)
        return
    for service, number in renewed.items():
        say(f"{service}: {counted(number, 'value')} encrypted anew")
    say(f"{path} is another key now: back it up, and start the platform")


def _renew(settings: Settings, service: str, keys: Vault) -> int:
    module = f"services.{service}.sealed_columns"
    if find_spec(module) is None:
        return 0
    database = open_database(settings, service)
    try:
        return renew_all(database, import_module(module).SEALED, keys)
    except InvalidTag:
        message = f"the database of {service} was encrypted with another key: are secrets and database of one platform?"
        raise ValueError(message) from None
    finally:
        database.close()
