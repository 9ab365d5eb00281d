"""What a world is put together from; a planted bug puts another part in its place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chassis.bus.broker import Consumer, Delivery, Publisher
from chassis.bus.handling import Handling
from services.cases.domain.decide import decide
from services.cases.saga import Decide
from services.cases.tasks import Given
from tests.simulation.databases import SimulatedDatabase

Handle = Callable[[Handling, Consumer, Sequence[Delivery]], None]


def handle_then_settle(handling: Handling, consumer: Consumer, deliveries: Sequence[Delivery]) -> None:
    """What `chassis.bus.consuming` does with a batch."""
    consumer.settle(handling.handle(deliveries))


def as_it_is(publisher: Publisher) -> Publisher:
    """The broker's own publisher."""
    return publisher


def as_said(_database: SimulatedDatabase, given: Given) -> Given:
    """The answer as its office gave it."""
    return given


def nothing(_database: SimulatedDatabase) -> None:
    """Nothing besides."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The real parts."""

    decide: Decide = decide
    handle: Handle = handle_then_settle
    publisher: Callable[[Publisher], Publisher] = as_it_is
    after_batch: Callable[[SimulatedDatabase], None] = nothing
    before_submission: Callable[[SimulatedDatabase], None] = nothing
    answer: Callable[[SimulatedDatabase, Given], Given] = as_said


REAL = Parts()
