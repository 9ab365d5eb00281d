"""Known bugs, planted in a simulated process by composition, to see that the simulation finds them.

What they do to a database goes past the simulated faults.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from chassis.bus.broker import BrokerAwayError, Consumer, Delivery, Handled, Publisher, Receipt
from chassis.bus.events import Envelope
from chassis.bus.handling import DatabaseAwayError, Handling
from chassis.database import service_metadata
from services.cases import store
from services.cases.domain.case import Case, TaskKind
from services.cases.domain.decide import Decision, decide
from services.cases.domain.inputs import Completed, Failed, Input
from services.cases.domain.plan import Plan
from services.cases.tasks import Given
from tests.simulation.databases import SimulatedDatabase
from tests.simulation.parts import Parts

_TABLES = service_metadata().tables


def acknowledge_first(handling: Handling, consumer: Consumer, deliveries: Sequence[Delivery]) -> None:
    """The broker may forget a batch before its effect is committed."""
    consumer.settle([Handled(delivery) for delivery in deliveries])
    while True:
        with suppress(DatabaseAwayError):
            handling.handle(deliveries)
            return


def forget_inbox(database: SimulatedDatabase) -> None:
    """Nothing is remembered of what was handled."""
    with database.engine.begin() as connection:
        connection.execute(delete(_TABLES["inbox"]))


def forget_requests(database: SimulatedDatabase) -> None:
    """Nothing is remembered of what was answered."""
    with database.engine.begin() as connection:
        connection.execute(delete(_TABLES["requests"]))


def undo_twice(plan: Plan, case: Case | None, given: Input, now: datetime) -> Decision:
    """The first answer that something is undone is taken for a failure: it is asked for again."""
    task = case.tasks.get(given.task_id) if case is not None and isinstance(given, Completed) else None
    if task is not None and task.kind is TaskKind.UNDO and task.task_id.endswith(":u1"):
        return decide(plan, case, Failed(task.task_id, f"not {task.task_id}", "?", timedelta(0)), now)
    return decide(plan, case, given, now)


def trust_old_leases(database: SimulatedDatabase, given: Given) -> Given:
    """An answer counts under whatever lease it was given."""
    with database.engine.begin() as connection:
        lease = connection.scalar(select(store.tasks.c.lease).where(store.tasks.c.task_id == given.task_id))
    return replace(given, lease=lease or given.lease)


class HastyPublisher:
    """Takes whatever it has sent for settled: it waits neither for confirms nor for consumers."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    def publish(self, envelopes: Sequence[Envelope]) -> Receipt:
        """Send events, and have the outbox forget them."""
        try:
            receipt = self._publisher.publish(envelopes)
        except BrokerAwayError:
            return Receipt(settled=[envelope.id for envelope in envelopes])
        return Receipt(settled=[*receipt.settled, *receipt.pending], unroutable=receipt.unroutable)

    def keep_alive(self) -> None:
        """As the publisher does."""
        self._publisher.keep_alive()

    def close(self) -> None:
        """As the publisher does."""
        self._publisher.close()


BUGS = {
    "acknowledged before the commit": Parts(handle=acknowledge_first),
    "no de-duplication": Parts(after_batch=forget_inbox),
    "undone twice": Parts(decide=undo_twice),
    "requests forgotten": Parts(before_submission=forget_requests),
    "outbox forgotten before the confirm": Parts(publisher=HastyPublisher),
    "leases not checked": Parts(answer=trust_old_leases),
}
