"""Reading what a use case emitted."""

from google.protobuf import symbol_database
from google.protobuf.message import Message
from sqlalchemy import select

from chassis.database import UnitOfWork, service_metadata

_outbox = service_metadata().tables["outbox"]


def emitted(work: UnitOfWork) -> list[Message]:
    """The events in the outbox, oldest first."""
    work.flush()
    rows = work.connection.execute(select(_outbox.c.type, _outbox.c.body).order_by(_outbox.c.id)).all()
    symbols = symbol_database.Default()
    return [symbols.pool.FindMessageTypeByName(row.type)._concrete_class.FromString(row.body) for row in rows]
