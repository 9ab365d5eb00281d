from datetime import datetime
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, text

from chassis.database import Database
from chassis.migrate import _config, upgrade
from services.eseal.certificates.authorities import Authorities
from services.eseal.certificates.profiles import make_issuing, make_root, make_seal
from services.eseal.domain.seal import Kind, State, Suite
from services.eseal.domain.use import Purpose
from services.eseal.keys import Credential
from services.eseal.keys.keystore import KeyStore
from services.eseal.keys.software import SoftwareKey
from services.eseal.seals import store
from services.eseal.seals.desk import SealDesk
from services.eseal.store import metadata
from tests.conftest import MakeDatabase
from tests.eseal.builders import LONG, NOON, OFFICE, vault


def test_the_migrations_make_the_tables_that_the_code_uses(make_database: MakeDatabase) -> None:
    database = make_database(MetaData(), "eseal")
    upgrade(database)
    upgrade(database)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_postgresql_does_not_try_to_compress_documents(postgres_url: str, tmp_path: Path) -> None:
    database = Database(postgres_url, "eseal", signals_folder=tmp_path)
    upgrade(database)
    query = "SELECT attstorage::text FROM pg_attribute WHERE attrelid = 'documents'::regclass AND attname = 'content'"
    with database.read() as work:
        assert work.connection.scalar(text(query)) == "e"
    database.close()


def test_seals_from_before_the_register_go_on(make_database: MakeDatabase) -> None:
    database = make_database(MetaData(), "eseal")
    with database.engine.connect() as connection, connection.begin():
        command.upgrade(_config("eseal", connection), "0002")
    root_key, issuing_key, key = (SoftwareKey.generate() for _ in range(3))
    root = make_root(root_key, NOON)
    issuing = make_issuing(root, issuing_key, NOON)
    seal = make_seal(issuing, key, organ_id="o1", organ_name=OFFICE, name=OFFICE, validity=(NOON, NOON + LONG))
    with database.begin() as work:
        _keep_authority(work.connection, "root", root, root_key)
        _keep_authority(work.connection, "issuing", issuing, issuing_key)
        _keep_seal(work.connection, "s1", seal, key, revoked=False)
        _keep_seal(work.connection, "s0", seal, key, revoked=True)
    upgrade(database)
    keys = KeyStore(vault())
    with database.begin() as work:
        active, ended = (store.seal_by_id(work.connection, seal_id) for seal_id in ("s1", "s0"))
        assert active
        assert ended
        assert (active.kind, active.state, active.matters, active.name) == (Kind.ORGAN, State.ACTIVE, ("*",), OFFICE)
        assert (ended.state, len(store.history_of(work.connection, "s0"))) == (State.REVOKED, 2)
        chosen = SealDesk(keys).choose(work, Purpose("o1", "o1", ""))
        assert chosen == active
        credential, picture = SealDesk(keys).equip(work, active)
        assert (credential.key.public_key, credential.certificate) == (key.public_key, seal.certificate)
        assert (list(credential.chain), picture.png, picture.width_mm) == ([issuing.certificate], b"png", 42)
        _, above = Authorities(keys).issuing(work, Suite.INTERNATIONAL)
        assert (above.certificate, above.key.public_key) == (issuing.certificate, issuing_key.public_key)
        assert Authorities(keys).anchors(work) == [root.certificate_pem()]


def _keep_authority(connection: Connection, role: str, made: Credential, key: SoftwareKey) -> None:
    connection.execute(
        text("INSERT INTO authorities VALUES (:role, :pem, :key, :now)"),
        {
            "role": role,
            "pem": made.certificate_pem(),
            "key": key.encrypt(vault(), context=f"eseal.authority:{role}"),
            "now": _written(connection, NOON),
        },
    )


def _keep_seal(connection: Connection, seal_id: str, made: Credential, key: SoftwareKey, *, revoked: bool) -> None:
    connection.execute(
        text("INSERT INTO seals VALUES (:seal_id, 'o1', :name, :pem, :key, :picture, :now, :until, :revoked_at)"),
        {
            "seal_id": seal_id,
            "name": OFFICE,
            "pem": made.certificate_pem(),
            "key": key.encrypt(vault(), context=f"eseal.seal:{seal_id}"),
            "picture": b"png",
            "now": _written(connection, NOON),
            "until": _written(connection, NOON + LONG),
            "revoked_at": _written(connection, NOON) if revoked else None,
        },
    )


def _written(connection: Connection, moment: datetime) -> datetime | str:
    """A moment as the database's own column has it."""
    return f"{moment:%Y-%m-%d %H:%M:%S}.000000" if connection.dialect.name == "sqlite" else moment
