"""Signing keys: first use, rotation, what replicas notice, and what lies in the database."""

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

from joserfc import jws
from joserfc.jwk import ECKey
from sqlalchemy import func, select

from chassis.clock import new_id
from chassis.database import Database, create_tables
from chassis.settings import Settings
from chassis.testing import ManualClock
from chassis.vault import make_key
from services.identity import store, token_store
from services.identity.bootstrap import prepare
from services.identity.domain.keys import operator_client_id
from services.identity.domain.permissions import Role
from services.identity.domain.tokens import Assertion
from services.identity.token_service import PRUNING_BATCH, Tokens
from tests.identity.builders import (
    LI_LEI,
    NOON,
    RESTAURANT_USCC,
    assertion,
    claims_of,
    company,
    identity,
    key,
    operator,
    person,
    public,
    tokens,
    vault,
)


def served(database: Database) -> list[str]:
    with database.read() as work:
        return [members["kid"] for members in json.loads(tokens().public_keys(work))["keys"]]


def test_the_first_key_is_made_once_by_many_replicas(database: Database) -> None:
    replicas = 6
    start = Barrier(replicas)

    def make() -> str:
        replica = tokens()
        start.wait(timeout=10)
        with database.begin() as work:
            return replica.ensure_key(work)

    with ThreadPoolExecutor(replicas) as pool:
        made = {pending.result(timeout=30) for pending in [pool.submit(make) for _ in range(replicas)]}
    assert len(made) == 1
    assert served(database) == list(made)


def test_two_rotations_at_once_leave_one_current_key(database: Database) -> None:
    replicas = 4
    start = Barrier(replicas)
    with database.begin() as work:
        tokens().ensure_key(work)

    def rotate() -> None:
        start.wait(timeout=10)
        with database.begin() as work:
            tokens().rotate(work)

    with ThreadPoolExecutor(replicas) as pool:
        for pending in [pool.submit(rotate) for _ in range(replicas)]:
            pending.result(timeout=30)
    with database.read() as work:
        current = select(func.count()).where(store.signing_keys.c.slot == "current")
        assert work.connection.scalar(current) == 1
        unretired = select(func.count()).where(store.signing_keys.c.retired_at.is_(None))
        assert work.connection.scalar(unretired) == 1


def test_public_keys_say_nothing_private(database: Database) -> None:
    with database.begin() as work:
        made = tokens().ensure_key(work)
        (members,) = json.loads(tokens().public_keys(work))["keys"]
    assert members.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert (members["kid"], members["use"], members["alg"]) == (made, "sig", "ES256")
    assert ECKey.import_key(members).thumbprint() == made


def test_a_replica_notices_that_another_has_rotated(database: Database) -> None:
    of = key()
    here, elsewhere = tokens(), tokens()
    with database.begin() as work:
        client = operator(work, of)
        before = here.issue(work, assertion(client.client_id, of)).access_token
    with database.begin() as work:
        rotated = elsewhere.rotate(work)
    with database.begin() as work:
        after = here.issue(work, assertion(client.client_id, of)).access_token
        key_set = here.public_keys(work)
    assert header(after)["kid"] == rotated != header(before)["kid"]
    assert claims_of(before, key_set)["client_id"] == claims_of(after, key_set)["client_id"] == client.client_id


def header(token: str) -> dict[str, str]:
    return dict(jws.extract_compact(token.encode()).headers())


def test_a_retired_key_is_served_until_its_last_token_has_expired(database: Database, clock: ManualClock) -> None:
    with database.begin() as work:
        before = tokens().ensure_key(work)
    with database.begin() as work:
        after = tokens().rotate(work)
    clock.advance(minutes=15, seconds=1)
    assert sorted(served(database)) == sorted([before, after])
    clock.advance(minutes=5)
    assert served(database) == [after]


def test_the_private_part_of_a_retired_key_is_gone(database: Database) -> None:
    with database.begin() as work:
        before = tokens().ensure_key(work)
        tokens().rotate(work)
        query = select(store.signing_keys.c.sealed).where(store.signing_keys.c.key_id == before)
        assert work.connection.scalar(query) == b""


def test_pruning_forgets_what_has_expired_and_nothing_else(database: Database, clock: ManualClock) -> None:
    def note(count: int, expires: timedelta) -> None:
        with database.begin() as work:
            for _ in range(count):
                token_store.remember_assertion(work.connection, Assertion("client", new_id(), NOON + expires))

    def left() -> int:
        with database.read() as work:
            return work.connection.scalar(select(func.count()).select_from(store.assertions)) or 0

    with database.begin() as work:
        tokens().ensure_key(work)
        current = tokens().rotate(work)
    note(PRUNING_BATCH + 3, timedelta(minutes=1))
    note(2, timedelta(hours=2))
    assert tokens().prune(database) > clock.now()
    assert left() == PRUNING_BATCH + 5
    clock.advance(hours=1)
    assert tokens().prune(database) > clock.now()
    assert left() == 2
    with database.read() as work:
        assert list(work.connection.scalars(select(store.signing_keys.c.key_id))) == [current]


def test_no_identity_number_and_no_private_key_lies_in_the_database_in_the_clear(
    tmp_path: Path, clock: ManualClock
) -> None:
    file = tmp_path / "identity.db"
    database = Database(f"sqlite:///{file}", "identity", signals_folder=tmp_path, clock=clock)
    create_tables(database, store.metadata)
    with database.begin() as work:
        someone, firm = person(work), company(work)
        key_id = tokens().ensure_key(work)
        current = token_store.current_key(work.connection)
        assert current
        plain = vault().decrypt(current.sealed, context=f"identity.signing-key.{key_id}")
        row = work.connection.execute(select(store.persons).where(store.persons.c.person_id == someone.person_id)).one()
    database.close()
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    raw = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert someone.masked_number.encode() in raw
    assert LI_LEI.encode() not in raw
    assert RESTAURANT_USCC.encode() not in raw
    assert firm.person_id.encode() in raw
    assert json.loads(plain)["d"].encode() not in raw
    context = f"identity.person-number.natural.{someone.person_id}"
    assert vault().decrypt(row.sealed_number, context=context).decode() == LI_LEI


def installation(tmp_path: Path, operator_jwk: str | None) -> Settings:
    settings = Settings(data_dir=tmp_path)
    settings.secrets_folder.mkdir()
    (settings.secrets_folder / "vault.key").write_bytes(make_key())
    if operator_jwk is not None:
        (settings.secrets_folder / "operator.pub.jwk").write_text(operator_jwk)
    return settings


def test_the_first_operator_is_there_after_every_start(database: Database, tmp_path: Path) -> None:
    of = key()
    settings = installation(tmp_path, public(of))
    prepare(settings, database)
    prepare(settings, database)
    expected = f"operator-{of.thumbprint()[:16]}"
    assert operator_client_id(of) == expected
    with database.begin() as work:
        (client,) = identity().list_clients(work, "", 10)
        assert (client.client_id, client.role) == (expected, Role.OPERATOR)
        issued = Tokens.from_settings(settings).issue(work, assertion(expected, of, aud=settings.issuer))
    assert "clients.write" in issued.scope


def test_an_operator_who_was_disabled_or_got_another_key_stays_so(database: Database, tmp_path: Path) -> None:
    of, other = key(), key()
    settings = installation(tmp_path, public(of))
    prepare(settings, database)
    with database.begin() as work:
        identity().replace_client_key(work, operator_client_id(of), public(other))
        changed = identity().disable_client(work, operator_client_id(of))
    prepare(settings, database)
    with database.begin() as work:
        assert identity().ensure_operator(work, public(of), "again") == changed


def test_without_an_operators_key_only_the_signing_key_is_made(database: Database, tmp_path: Path) -> None:
    prepare(installation(tmp_path, None), database)
    assert len(served(database)) == 1
    with database.read() as work:
        assert identity().list_clients(work, "", 10) == []


def test_many_api_processes_may_start_at_once(database: Database, tmp_path: Path) -> None:
    settings = installation(tmp_path, public(key()))
    starts = 4
    start = Barrier(starts)

    def begin() -> None:
        start.wait(timeout=10)
        prepare(settings, database)

    with ThreadPoolExecutor(starts) as pool:
        for pending in [pool.submit(begin) for _ in range(starts)]:
            pending.result(timeout=30)
    with database.read() as work:
        assert len(identity().list_clients(work, "", 10)) == 1
    assert len(served(database)) == 1
