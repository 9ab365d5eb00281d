"""A new key for what is encrypted at rest: nothing is lost, whenever it is broken off."""

import base64
from importlib import import_module
from importlib.util import find_spec

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import Column, LargeBinary, MetaData, String, Table, insert, select

from chassis.database import Database
from chassis.sealed import BATCH, SealedColumn, renew_all
from chassis.settings import SERVICES
from chassis.vault import Vault, VaultKeys, make_key
from tests.conftest import MakeDatabase

METADATA = MetaData()
THINGS = Table("things", METADATA, Column("thing_id", String(64), primary_key=True), Column("sealed", LargeBinary))
SEALED = SealedColumn(THINGS, "sealed", lambda row: f"thing.{row.thing_id}")


def keys() -> VaultKeys:
    return VaultKeys.read(make_key())


def stored(database: Database) -> dict[str, bytes]:
    with database.read() as work:
        return {row.thing_id: row.sealed for row in work.connection.execute(select(THINGS))}


def test_a_secret_says_what_was_written_into_it() -> None:
    first = keys()
    assert first.write() == base64.b64encode(first.key)
    during = first.rotated()
    assert VaultKeys.read(during.write() + b"\n") == VaultKeys(during.key, (first.key,), during.fingerprint)
    after = during.settled()
    assert VaultKeys.read(after.write()) == VaultKeys(after.key, (), after.fingerprint)
    for wrong in (b"", b"%%", make_key() + b"\nyounger " + make_key()):
        with pytest.raises(ValueError, match=r".+"):
            VaultKeys.read(wrong)


def test_values_are_read_during_a_rotation_and_lost_without_their_key_after_it() -> None:
    first = keys()
    old = Vault(first).encrypt(b"plain", context="c")
    during, after = Vault(first.rotated()), Vault(first.rotated().settled())
    assert during.decrypt(old, context="c") == b"plain"
    renewed = during.renew(old, context="c")
    assert renewed is not None
    assert during.renew(renewed, context="c") is None
    with pytest.raises(InvalidTag):
        Vault(first).decrypt(renewed, context="c")
    with pytest.raises(InvalidTag):
        during.renew(old, context="another")
    with pytest.raises(InvalidTag):
        after.decrypt(old, context="c")


def test_what_values_are_looked_up_by_stays() -> None:
    first = keys()
    expected = Vault(first).fingerprint(b"number", context="c")
    once = first.rotated().settled()
    for each in (first.rotated(), once, once.rotated(), once.rotated().settled()):
        assert Vault(each).fingerprint(b"number", context="c") == expected


def test_all_rows_are_encrypted_anew_and_the_same_again_changes_nothing(make_database: MakeDatabase) -> None:
    database = make_database(METADATA, "things")
    first = keys()
    ids = [f"{number:06d}" for number in range(BATCH + 3)]
    with database.begin() as work:
        rows = [
            {"thing_id": each, "sealed": Vault(first).encrypt(each.encode(), context=f"thing.{each}")} for each in ids
        ]
        work.connection.execute(insert(THINGS), [*rows, {"thing_id": "none", "sealed": b""}])
    rotated = first.rotated()
    assert renew_all(database, [SEALED], Vault(rotated)) == len(ids)
    kept = stored(database)
    settled = Vault(rotated.settled())
    assert [settled.decrypt(kept[each], context=f"thing.{each}") for each in ids] == [each.encode() for each in ids]
    assert kept["none"] == b""
    assert renew_all(database, [SEALED], Vault(rotated)) == 0
    assert stored(database) == kept
    with pytest.raises(InvalidTag):
        renew_all(database, [SEALED], Vault(keys()))


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_forgets_what_it_encrypted(service: str) -> None:
    metadata = import_module(f"services.{service}.store").metadata
    named = {
        (table.name, column.name)
        for table in metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, LargeBinary) and column.name.startswith(("sealed", "encrypted"))
    }
    module = f"services.{service}.sealed_columns"
    known = import_module(module).SEALED if find_spec(module) else ()
    assert {(each.table.name, each.column) for each in known} == named
