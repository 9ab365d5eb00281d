"""Reading what a use case emitted."""

from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from sqlalchemy import select

from chassis.database import UnitOfWork, service_metadata

_outbox = service_metadata().tables["outbox"]


def emitted(work: UnitOfWork) -> list[Message]:
    """The events in the outbox, oldest first; within a millisecond in no order."""
    work.flush()
    rows = work.connection.execute(select(_outbox.c.type, _outbox.c.body).order_by(_outbox.c.id)).all()
    pool = descriptor_pool.Default()
    return [GetMessageClass(pool.FindMessageTypeByName(row.type)).FromString(row.body) for row in rows]
