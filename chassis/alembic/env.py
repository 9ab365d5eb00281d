"""Runs the migrations of one service on the connection that chassis.migrate opened."""

from typing import Literal

from alembic import context

from chassis.tables import Document, Instant


def render(kind: str, item: object, _: object) -> str | Literal[False]:
    """Write our column types as the plain types that they stand for: a revision never changes with the code."""
    if kind == "type" and isinstance(item, Instant):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and item is Document:
        return 'sa.JSON().with_variant(sa.dialects.postgresql.JSONB(), "postgresql")'
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=context.config.attributes.get("metadata"),
    render_as_batch=connection.dialect.name == "sqlite",
    compare_server_default=False,
    render_item=render,
)
with context.begin_transaction():
    context.run_migrations()
