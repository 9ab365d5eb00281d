"""`duokua scenario sign`."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.options import AsJson
from cli.output import print_json, say
from cli.scenarios.folders import read_package
from cli.scenarios.keys import PassphraseFile, passphrase_of

File = Annotated[Path, typer.Argument(metavar="FILE", help="The *.duokua file.", exists=True, dir_okay=False)]


def sign(
    file: File,
    key: Annotated[Path, typer.Option(help="The publisher's key, as `key new` made it.", exists=True, dir_okay=False)],
    publisher: Annotated[str, typer.Option(help="Who publishes the package.")],
    passphrase_file: PassphraseFile = None,
    out: Annotated[Path | None, typer.Option(help="The signed file; by default the same one.")] = None,
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Sign a package. Others who signed it stay; who signs again replaces the own signature. No platform is needed."""
    from services.matters.package import archive, signatures  # noqa: PLC0415 - only what a command needs is loaded
    from services.matters.package.keys import read_private_key  # noqa: PLC0415
    from services.matters.trust import check_whole  # noqa: PLC0415

    package = read_package(file)
    check_whole(package)
    pem = key.read_bytes()
    passphrase = passphrase_of(passphrase_file) if passphrase_file or b"ENCRYPTED" in pem else ""
    made = signatures.sign(package.statement, read_private_key(pem, passphrase), publisher, datetime.now(UTC))
    others = [each for each in package.signatures if each.key_id != made.key_id]
    if len(others) >= signatures.MOST_SIGNATURES:
        message = f"{file} has {len(others)} signatures, and a package has {signatures.MOST_SIGNATURES} at most"
        raise ValueError(message)
    _replace(out or file, archive.pack(archive.made_of(package.files, [*others, made])))
    if json:
        print_json({"file": str(out or file), "key_id": made.key_id, "publisher": publisher, "digest": package.digest})
    else:
        say(f"{out or file} is signed by {publisher} (key {made.key_id})")


def _replace(file: Path, content: bytes) -> None:
    """Write a file whole, or leave it as it was."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    beside.write_bytes(content)
    beside.replace(file)
