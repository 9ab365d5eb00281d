"""The whole path, from one transaction to the effect of another, with crashes at its seams."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from chassis.bus.broker import BrokerAwayError, Consumer, Verdict
from chassis.bus.consuming import Consuming
from chassis.bus.relay import Relay
from tests.chassis.bus.buses import MakeBus
from tests.chassis.bus.shop import NUMBER, TEXT, Shop, metadata
from tests.conftest import MakeDatabase
from tests.servers.process import wait_until


@pytest.fixture
def shop(make_database: MakeDatabase) -> Shop:
    shop = Shop(make_database(metadata))
    shop.database.listen()
    return shop


@contextmanager
def running(*parts: Relay | Consuming) -> Iterator[None]:
    threads = [threading.Thread(target=part.run, daemon=True) for part in parts]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for part in parts:
            part.stop()


class LosesAcks:
    """A consumer whose process dies between the commit and the acknowledgement, so many times."""

    def __init__(self, consumer: Consumer, times: int) -> None:
        self._consumer = consumer
        self.left = times
        self.connect = consumer.connect
        self.receive = consumer.receive
        self.interrupt = consumer.interrupt
        self.close = consumer.close

    def settle(self, verdicts: Sequence[Verdict]) -> None:
        if self.left:
            self.left -= 1
            self._consumer.close()
            raise BrokerAwayError("killed after the commit")
        self._consumer.settle(verdicts)


def test_a_crash_between_commit_and_acknowledgement_doubles_nothing(
    shop: Shop, make_bus: MakeBus, service: str
) -> None:
    bus = make_bus({service: {TEXT, NUMBER}})
    consumer = LosesAcks(bus.consumer(service, TEXT, NUMBER), times=3)
    parts = Consuming(service, consumer, shop.handling()), Relay("shop", shop.database, bus.broker)
    with running(*parts):
        shop.emit("a", "b", "c")
        wait_until(lambda: shop.outbox_size() == 0 and consumer.left == 0, seconds=20, what="all settled")
        shop.emit("d")
        wait_until(lambda: "d" in shop.written(), seconds=10, what="the last event handled")
    assert shop.written() == ["a", "b", "c", "d"]


def test_one_bad_event_in_a_batch_delays_only_itself(shop: Shop, make_bus: MakeBus, service: str) -> None:
    bad = {"bad"}

    def fail(text: str) -> None:
        if text in bad:
            raise RuntimeError("not now")

    shop.fail = fail
    bus = make_bus({service: {TEXT, NUMBER}})
    consuming = Consuming(service, bus.consumer(service, TEXT, NUMBER), shop.handling())
    with running(consuming, Relay("shop", shop.database, bus.broker)):
        shop.emit("a", "bad", "b")
        wait_until(lambda: shop.written() == ["a", "b"], seconds=10, what="the others handled")
        bad.clear()
        wait_until(lambda: shop.written() == ["a", "b", "bad"], seconds=10, what="the bad one handled at last")


def test_an_event_that_always_fails_is_given_up(shop: Shop, make_bus: MakeBus, service: str) -> None:
    def fail(text: str) -> None:
        raise RuntimeError(f"never {text}")

    shop.fail = fail
    bus = make_bus({service: {TEXT, NUMBER}})
    consuming = Consuming(service, bus.consumer(service, TEXT, NUMBER), shop.handling())
    with running(consuming, Relay("shop", shop.database, bus.broker)):
        shop.emit("a")
        wait_until(lambda: bool(shop.dead()), seconds=20, what="a dead letter")
    [(_, attempts, reason)] = shop.dead()
    assert (reason, attempts, len(shop.calls)) == ("HANDLER_FAILED", 3, 3)
    assert shop.written() == []
