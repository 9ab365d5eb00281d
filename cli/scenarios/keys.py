"""`duokua scenario key`: the key with which a publisher signs packages."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from chassis.settings import keep_private
from cli.options import AsJson
from cli.output import print_json, say

app = typer.Typer(no_args_is_help=True, help="Keys to sign packages with: new.")

PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file", help="A file with the key's passphrase in its first line.", exists=True, dir_okay=False
    ),
]


@app.command()
def new(
    name: Annotated[Path, typer.Argument(metavar="NAME", help="The files are called NAME.key and NAME.pub.")],
    passphrase_file: PassphraseFile = None,
    no_passphrase: Annotated[bool, typer.Option("--no-passphrase", help="Keep the key unencrypted.")] = False,  # noqa: FBT002
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Make a key: NAME.key (0600, encrypted) signs, NAME.pub goes to those who install. Files that are there stay."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - loads on use

    from services.matters.package.keys import private_key_pem, public_key_pem  # noqa: PLC0415
    from services.matters.package.signatures import key_id_of  # noqa: PLC0415

    passphrase = "" if no_passphrase else passphrase_of(passphrase_file, confirm=True)
    if not passphrase and not no_passphrase:
        message = "an empty passphrase protects nothing: give one, or --no-passphrase"
        raise ValueError(message)
    keep_private()
    key = Ed25519PrivateKey.generate()
    public_key = key.public_key().public_bytes_raw()
    secret, public = name.with_name(f"{name.name}.key"), name.with_name(f"{name.name}.pub")
    if public.exists():
        message = f"{public} is there already: choose another name"
        raise ValueError(message)
    _create(secret, private_key_pem(key, passphrase), 0o600)
    _create(public, public_key_pem(public_key).encode(), 0o644)
    if json:
        print_json({"key_id": key_id_of(public_key), "key": str(secret), "public_key": str(public)})
    else:
        say(f"key {key_id_of(public_key)}: {secret} signs and stays with you, {public} goes to those who install")


def passphrase_of(file: Path | None, *, confirm: bool = False) -> str:
    """The passphrase in a file, or what is typed at a terminal; empty where there is neither."""
    if file is not None:
        lines = file.read_text(encoding="utf-8").splitlines()
        return lines[0] if lines else ""
    if not sys.stdin.isatty():
        return ""
    typed: str = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm, default="", err=True)
    return typed


def _create(file: Path, content: bytes, mode: int) -> None:
    """Write a file that is not there yet, never readable by more than it says."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)
    file.chmod(mode)
