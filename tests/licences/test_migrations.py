from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import MetaData

from chassis.migrate import upgrade
from services.licences.store import metadata
from tests.conftest import MakeDatabase


def test_the_migrations_make_the_tables_that_the_code_uses(make_database: MakeDatabase) -> None:
    database = make_database(MetaData(), "licences")
    upgrade(database)
    upgrade(database)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
