"""`duokua vault rotate`: on a platform that stands still, with what each service had encrypted."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from chassis.context import Context
from chassis.migrate import upgrade
from chassis.problems import Unavailable
from chassis.sealed import renew_all
from chassis.settings import SERVICES, Settings
from chassis.vault import KEY_SECRET, Vault, VaultKeys, alone_with_key
from cli import vaults
from cli.initialise import initialise, write_secret
from services.eseal.keys.keystore import KeyStore
from services.eseal.seals.desk import SealDesk
from services.eseal.seals.register import Register
from services.eseal.service import Documents
from services.identity.domain.directory import PersonKind
from services.identity.service import Identity
from services.identity.token_service import Tokens
from tests.eseal.builders import organ_registered
from tests.platform.sealing import ensure_seal

NUMBER = "330106199003071236"


def settings(folder: Path) -> Settings:
    """A platform with a seal, a person and a key for tokens."""
    made = Settings(data_dir=folder)
    initialise(made.secrets_folder)
    context = Context(made)
    for service in SERVICES:
        upgrade(context.database(service))
    with context.database("eseal").begin() as work:
        Documents.from_settings(made).keep_organs(work, [organ_registered()])
        ensure_seal(Register.from_settings(made), work, "o1")
    with context.database("identity").begin() as work:
        Tokens.from_settings(made).ensure_key(work)
    person(made)
    context.close()
    return made


def person(made: Settings) -> str:
    context = Context(made)
    try:
        with context.database("identity").begin() as work:
            return Identity.from_settings(made).register_person(work, PersonKind.NATURAL, "李雷", NUMBER, 2).person_id
    finally:
        context.close()


def sign(made: Settings) -> bytes:
    """What the seal signs, with the key that lies in the database."""
    context = Context(made)
    try:
        with context.database("eseal").begin() as work:
            seal = ensure_seal(Register.from_settings(made), work, "o1")
            assert seal.state.value == "ACTIVE"
            credential, _ = SealDesk(KeyStore.from_settings(made)).equip(work, seal)
            return credential.key.sign(b"data")
    finally:
        context.close()


def rotate(made: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    monkeypatch.setenv("DUOKUA_DATA_DIR", str(made.data_dir))
    done = CliRunner().invoke(vaults.app, ["rotate", "--json"], catch_exceptions=False)
    answer: dict[str, int] = json.loads(done.stdout)
    return answer


def test_everything_is_there_afterwards_and_nothing_under_the_old_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = settings(tmp_path)
    secret = made.secrets_folder / KEY_SECRET
    before, same = secret.read_bytes(), person(made)
    renewed = rotate(made, monkeypatch)
    # The keys of the seal, its issuing authority and its root; the person's number and the key of tokens.
    assert (renewed["eseal"], renewed["identity"]) == (3, 2)
    assert secret.stat().st_mode & 0o777 == 0o600
    assert not VaultKeys.read(secret.read_bytes()).older
    assert sign(made)
    assert person(made) == same
    after = secret.read_bytes()
    secret.write_bytes(before)
    with pytest.raises(Unavailable, match="KEY_UNREADABLE"):
        sign(made)
    secret.write_bytes(after)
    assert rotate(made, monkeypatch)["eseal"] == 3, "it can be done again"


def test_what_was_broken_off_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = settings(tmp_path)
    secret = made.secrets_folder / KEY_SECRET
    during = VaultKeys.read(secret.read_bytes()).rotated()
    secret.write_bytes(during.write())
    assert sign(made), "with both keys everything can be read"
    assert rotate(made, monkeypatch)["eseal"] == 3
    assert VaultKeys.read(secret.read_bytes()) == during.settled()
    assert Vault.from_settings(made).fingerprint(b"x", context="c") == Vault(during).fingerprint(b"x", context="c")
    assert sign(made)


def test_secrets_of_another_platform_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = settings(tmp_path)
    secret = made.secrets_folder / KEY_SECRET
    own = secret.read_bytes()
    secret.unlink()
    initialise(made.secrets_folder)
    with pytest.raises(ValueError, match="another key"):
        rotate(made, monkeypatch)
    secret.write_bytes(own)
    assert sign(made)


def test_a_key_that_somebody_works_with_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = settings(tmp_path)
    secret = made.secrets_folder / KEY_SECRET
    before, platform = secret.read_bytes(), Vault.from_settings(made)
    with pytest.raises(ValueError, match="stop the platform"):
        rotate(made, monkeypatch)
    assert secret.read_bytes() == before
    assert platform.encrypt(b"x", context="c")
    del platform
    assert rotate(made, monkeypatch)["eseal"] == 3


def test_nobody_begins_to_work_with_a_key_that_is_being_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = settings(tmp_path)
    secret = made.secrets_folder / KEY_SECRET
    with alone_with_key(made):
        with pytest.raises(ValueError, match="being replaced"):
            Vault.from_settings(made)
        with pytest.raises(ValueError, match="another duokua vault rotate goes on"):
            rotate(made, monkeypatch)
        write_secret(secret, VaultKeys.read(secret.read_bytes()).rotated().write())
        with pytest.raises(ValueError, match="another duokua vault rotate goes on"):
            rotate(made, monkeypatch)
    assert sign(made)


def test_nobody_begins_to_work_while_values_are_encrypted_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, begun = settings(tmp_path), list[str]()

    def renewed(*given: Any) -> int:
        with pytest.raises(ValueError, match="being replaced"):
            Vault.from_settings(made)
        begun.append("refused")
        return renew_all(*given)

    monkeypatch.setattr(vaults, "renew_all", renewed)
    rotate(made, monkeypatch)
    assert begun
    assert sign(made)


def test_a_damaged_secret_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = settings(tmp_path)
    for damaged in (b"", b"no key", b"QUFB"):
        (made.secrets_folder / KEY_SECRET).write_bytes(damaged)
        with pytest.raises(ValueError, match="vault"):
            rotate(made, monkeypatch)
        with pytest.raises(ValueError, match="vault"):
            sign(made)
