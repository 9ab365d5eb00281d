"""Migrations: `python -m chassis.migrate upgrade [SERVICE...]` and `... revision SERVICE MESSAGE`.

Each service keeps its own, in `services/<name>/migrations/`, numbered 0001 upwards.
"""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from chassis.context import open_database
from chassis.database import Database
from chassis.settings import SERVICES, Settings, keep_private

LOCK_TIMEOUT = "5s"
STATEMENT_TIMEOUT = "300s"
ADVISORY_LOCK = 0x64756F6B


def upgrade(database: Database) -> None:
    """Bring a service's database to the newest revision; several processes may try at once, one does it."""
    with database.engine.connect() as connection, connection.begin():
        if database.is_sqlite:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ADVISORY_LOCK})
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'")
        config = _config(database.service, connection)
        if MigrationContext.configure(connection).get_current_revision() != head(database.service):
            command.upgrade(config, "head")


def head(service: str) -> str | None:
    """The newest revision of a service."""
    return ScriptDirectory.from_config(_config(service)).get_current_head()


def revision(database: Database, message: str) -> None:
    """Write a new revision from the difference between the database and the service's tables."""
    with database.engine.connect() as connection, connection.begin():
        config = _config(database.service, connection)
        config.attributes["metadata"] = importlib.import_module(f"services.{database.service}.store").metadata
        number = int(head(database.service) or "0") + 1
        command.revision(config, message, autogenerate=True, rev_id=f"{number:04d}")


def _config(service: str, connection: Connection | None = None) -> Config:
    package = importlib.import_module(f"services.{service}")
    folder = Path(package.__path__[0]) / "migrations"
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "alembic"))
    config.set_main_option("version_locations", str(folder))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = connection
    return config


def main(arguments: Sequence[str]) -> None:
    """The command line."""
    settings = Settings()
    action, *rest = arguments or ["upgrade"]
    if action == "revision":
        service, message = rest
        revision(open_database(settings, service), message)
        return
    for service in rest or SERVICES:
        database = open_database(settings, service)
        upgrade(database)
        database.close()


if __name__ == "__main__":
    keep_private()
    main(sys.argv[1:])
