"""Migrations and tables must tell the same."""

import importlib
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from chassis.context import open_database
from chassis.migrate import upgrade
from chassis.settings import SERVICES, Settings


@pytest.mark.parametrize("service", SERVICES)
def test_the_migrations_of_a_service_make_the_tables_of_its_store(service: str, tmp_path: Path) -> None:
    database = open_database(Settings(data_dir=tmp_path), service)
    upgrade(database)
    upgrade(database)  # a second time changes nothing
    metadata = importlib.import_module(f"services.{service}.store").metadata
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()
