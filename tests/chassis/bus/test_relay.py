import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from google.protobuf.wrappers_pb2 import Int64Value, StringValue
from sqlalchemy import func, select

from chassis.bus import dead_letters
from chassis.bus.broker import BrokerAwayError, Consumer, Receipt
from chassis.bus.events import Envelope
from chassis.bus.relay import Relay
from chassis.testing import ManualClock
from tests.chassis.bus.shop import NUMBER, TEXT, Shop, metadata
from tests.conftest import MakeDatabase
from tests.servers.process import wait_until

outbox = metadata.tables["outbox"]


@dataclass
class ScriptedBroker:
    """Keeps what is published, but for types without a queue, and goes away when told to."""

    no_queue_for: set[str] = field(default_factory=set)
    away: bool = False
    keeps: bool = True
    beats: int = 0
    got: list[Envelope] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    hold: Callable[[], None] = lambda: None
    on_settled: Callable[[Sequence[str]], None] = lambda _: None
    volatile: bool = False

    def publisher(self, _service: str, on_settled: Callable[[Sequence[str]], None]) -> "ScriptedBroker":
        self.on_settled = on_settled
        return self

    def consumer(self, service: str, events: object) -> Consumer:
        raise NotImplementedError

    def publish(self, envelopes: Sequence[Envelope]) -> Receipt:
        self.hold()
        if self.away:
            raise BrokerAwayError("away")
        taken = [each for each in envelopes if each.type not in self.no_queue_for]
        self.got += taken
        self.batches.append(len(envelopes))
        kept = {each.id for each in taken}
        unroutable = {each.id for each in envelopes} - kept
        return Receipt(settled=kept, unroutable=unroutable) if self.keeps else Receipt((), kept, unroutable)

    def keep_alive(self) -> None:
        self.beats += 1
        if self.away:
            raise BrokerAwayError("away")

    def close(self) -> None:
        pass


@pytest.fixture
def shop(make_database: MakeDatabase) -> Shop:
    shop = Shop(make_database(metadata))
    shop.database.listen()
    return shop


@contextmanager
def running(relay: Relay) -> Iterator[None]:
    thread = threading.Thread(target=relay.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        relay.stop()
        thread.join(10)
    assert not thread.is_alive()


def test_events_leave_in_their_order_as_soon_as_they_are_committed(shop: Shop) -> None:
    broker = ScriptedBroker()
    with running(Relay("shop", shop.database, broker)):
        shop.emit("a", "b")
        wait_until(lambda: len(broker.got) == 2, seconds=5, what="two events published, long before the safety look")
        wait_until(lambda: shop.outbox_size() == 0, seconds=5, what="an empty outbox")
    assert [each.source for each in broker.got] == ["/services/shop"] * 2
    assert [each.id for each in broker.got] == sorted(each.id for each in broker.got)


def test_a_relay_with_nothing_to_do_gives_its_broker_two_signs_of_life_a_heartbeat(shop: Shop) -> None:
    broker = ScriptedBroker()
    with running(Relay("shop", shop.database, broker, heartbeat=0.2)):
        wait_until(lambda: broker.beats >= 5, seconds=10, what="signs of life")
    assert broker.got == []


def test_an_outbox_written_before_the_start_is_published_in_batches(shop: Shop) -> None:
    shop.emit(*(str(number) for number in range(450)))
    broker = ScriptedBroker()
    with running(Relay("shop", shop.database, broker)):
        wait_until(lambda: shop.outbox_size() == 0, seconds=10, what="an empty outbox")
    assert [size for size in broker.batches if size] == [200, 200, 50]
    assert len({each.id for each in broker.got}) == 450


def test_what_the_broker_did_not_take_stays_and_goes_later(shop: Shop) -> None:
    broker = ScriptedBroker(away=True)
    with running(Relay("shop", shop.database, broker)):
        shop.emit("a")
        wait_until(lambda: broker.batches == [] and shop.outbox_size() == 1, seconds=5, what="the row kept")
        broker.away = False
        wait_until(lambda: shop.outbox_size() == 0, seconds=10, what="an empty outbox")
    assert len(broker.got) == 1


def test_an_unroutable_event_stays_is_not_tried_hot_and_hinders_no_other(shop: Shop) -> None:
    broker = ScriptedBroker(no_queue_for={NUMBER})
    with running(Relay("shop", shop.database, broker)):
        with shop.database.begin() as work:
            for number in range(250):
                work.emit(Int64Value(value=number), subject="test")
        shop.emit("a")
        wait_until(lambda: len(broker.got) == 1, seconds=5, what="the routable event")
        tried = len(broker.batches)
        assert tried < 10
        assert shop.outbox_size() in {250, 251}
        broker.no_queue_for.clear()
        wait_until(lambda: shop.outbox_size() == 0, seconds=10, what="an empty outbox once there is a queue")


def test_an_event_that_no_queue_takes_for_an_hour_is_a_dead_letter_of_its_sender(make_database: MakeDatabase) -> None:
    clock = ManualClock()
    shop = Shop(make_database(metadata, "shop", clock=clock))
    broker = ScriptedBroker(no_queue_for={TEXT})
    relay = Relay("shop", shop.database, broker)
    shop.emit("a")
    relay.relay_batch()
    clock.advance(minutes=59)
    shop.emit("b")
    relay.relay_batch()
    assert (shop.outbox_size(), shop.dead()) == (2, [])
    clock.advance(minutes=2)
    relay.relay_batch()
    [(first, _, reason)] = shop.dead()
    assert (shop.outbox_size(), reason) == (1, "UNROUTABLE")
    broker.no_queue_for.clear()
    with shop.database.begin() as work:
        dead_letters.replay(work, [first], actor="client:op", reason="its consumer is there now")
    clock.advance(minutes=2)
    relay.relay_batch()
    assert [StringValue.FromString(each.body).value for each in broker.got] == ["a", "b"]
    assert (shop.outbox_size(), shop.dead()) == (0, [])


def test_thousands_of_events_that_no_queue_takes_are_all_held_and_all_given_up_in_time(
    make_database: MakeDatabase,
) -> None:
    clock = ManualClock()
    shop = Shop(make_database(metadata, "shop", clock=clock))
    relay = Relay("shop", shop.database, ScriptedBroker(no_queue_for={TEXT}))
    shop.emit(*(str(number) for number in range(1000)))
    relay.relay_batch()
    with shop.database.read() as work:
        held = work.connection.execute(select(func.count(outbox.c.held_since))).scalar_one()
    assert held == 1000
    clock.advance(minutes=61)
    while relay.relay_batch():
        pass
    assert shop.outbox_size() == 0


def test_events_that_the_broker_refuses_stay_and_are_a_trouble(shop: Shop) -> None:
    class Refusing(ScriptedBroker):
        def publish(self, envelopes: Sequence[Envelope]) -> Receipt:
            super().publish(envelopes)
            return Receipt(settled={each.id for each in envelopes[1:]})

    shop.emit("a", "b", "c")
    with pytest.raises(BrokerAwayError, match="did not take 1 events"):
        Relay("shop", shop.database, Refusing()).relay_batch()
    assert shop.outbox_size() == 1


def test_a_row_of_a_broker_that_keeps_nothing_stays_until_its_consumers_are_done(shop: Shop) -> None:
    broker = ScriptedBroker(keeps=False)
    shop.emit("a", "b")
    with running(Relay("shop", shop.database, broker)):
        wait_until(lambda: len(broker.got) == 2, seconds=5, what="both published")
        shop.emit("c")
        wait_until(lambda: len(broker.got) == 3, seconds=5, what="the third published, the others not again")
        assert shop.outbox_size() == 3
        broker.on_settled([broker.got[0].id])
        wait_until(lambda: shop.outbox_size() == 2, seconds=5, what="the settled row gone")
    again = ScriptedBroker(keeps=False)
    with running(Relay("shop", shop.database, again)):
        wait_until(lambda: len(again.got) == 2, seconds=5, what="the unsettled published again after a restart")
    assert ids_of(again.got) == ids_of(broker.got[1:])


def test_two_relays_share_an_outbox_without_publishing_twice(shop: Shop) -> None:
    if shop.database.is_sqlite:
        pytest.skip("one relay on SQLite")
    shop.emit(*(str(number) for number in range(1000)))
    together = threading.Barrier(2, timeout=5)
    brokers = [ScriptedBroker(), ScriptedBroker()]
    for broker in brokers:
        broker.hold = once(together.wait)
    relays = [Relay("shop", shop.database, broker) for broker in brokers]
    with running(relays[0]), running(relays[1]):
        wait_until(lambda: shop.outbox_size() == 0, seconds=10, what="an empty outbox")
    published = ids_of(brokers[0].got) + ids_of(brokers[1].got)
    assert len(published) == len(set(published)) == 1000
    assert brokers[0].got
    assert brokers[1].got


def test_a_batch_that_ends_at_its_bytes_is_followed_by_the_next_at_once(shop: Shop) -> None:
    broker = ScriptedBroker()
    shop.emit(*("x" * 1_000_000 for _ in range(12)))
    with running(Relay("shop", shop.database, broker)):
        # Sooner than the slow look that would find the others otherwise.
        wait_until(lambda: shop.outbox_size() == 0, seconds=10, what="an empty outbox")
    assert broker.batches == [5, 5, 2]


def once(call: Callable[[], object]) -> Callable[[], None]:
    calls = [call]

    def hold() -> None:
        if calls:
            calls.pop()()

    return hold


def ids_of(envelopes: Sequence[Envelope]) -> list[str]:
    return [each.id for each in envelopes]
