"""`duokua scenario verify`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chassis.settings import Settings
from cli.connection import connect
from cli.options import AsJson
from cli.output import print_json, say
from cli.scenarios.folders import read_package
from cli.scenarios.signing import File
from cli.scenarios.trusting import trusted_publishers

if TYPE_CHECKING:
    from services.matters.package.archive import Package


def verify(
    file: File,
    key: Annotated[
        list[Path] | None,
        typer.Option(help="A trusted publisher's *.pub; then no platform is asked.", exists=True, dir_okay=False),
    ] = None,
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Say who signed a package, when by their own account, and which files were changed since it was packed.

    Who is trusted, the files after --key say, or the platform's trust list. Exit status 1 unless the package is whole,
    all of its signatures hold, and one of them is of a trusted publisher.
    """
    package = read_package(file)
    trusted = _keys_in(key) if key else _trust_list()
    verdicts = _verdicts(package, trusted)
    whole = not package.changed and all(each["holds"] for each in verdicts)
    good = whole and any(each["trusted"] for each in verdicts)
    if json:
        changed = list(package.changed)
        print_json({"digest": package.digest, "good": good, "whole": whole, "changed": changed, "signatures": verdicts})
    else:
        _print(package, verdicts)
        untrusted = "whole, but nobody who is trusted here signed it" if whole else "not to be used"
        say(f"{file}: {'good' if good else untrusted}; digest {package.digest}")
    raise typer.Exit(0 if good else 1)


def _keys_in(files: list[Path]) -> dict[str, str]:
    """Key files by the key's id: how each is called."""
    from services.matters.package.keys import read_public_key  # noqa: PLC0415 - only what a command needs is loaded
    from services.matters.package.signatures import key_id_of  # noqa: PLC0415

    return {key_id_of(read_public_key(file.read_text("utf-8", "replace"))): file.name for file in files}


def _trust_list() -> dict[str, str]:
    with connect(Settings()) as platform:
        return {publisher.key_id: publisher.name for publisher in trusted_publishers(platform)}


def _verdicts(package: "Package", trusted: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "publisher": each.publisher,
            "key_id": each.key_id,
            "signed_at": f"{each.signed_at:%Y-%m-%dT%H:%M:%SZ}",
            "holds": each.holds(package.statement),
            "trusted": each.key_id in trusted,
            "trusted_as": trusted.get(each.key_id, ""),
        }
        for each in package.signatures
    ]


def _print(package: "Package", verdicts: list[dict[str, Any]]) -> None:
    for path in package.changed:
        say(f"{path} was changed after the package was packed")
    for each in verdicts:
        who = f"{each['publisher']} (key {each['key_id']}), who says at {each['signed_at']}"
        if not each["holds"]:
            say(f"signature of {who}: does not hold for this package")
        elif each["trusted"]:
            say(f"signed by {who}; trusted as {each['trusted_as']}")
        else:
            say(f"signed by {who}; not trusted")
    if not package.signatures:
        say("nobody signed it")
