"""Delivering what is due to real endpoints."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import pytest
from sqlalchemy import RowMapping, select
from standardwebhooks.webhooks import Webhook

from chassis.api import Caller
from chassis.database import Database
from chassis.testing import ManualClock
from services.notify import store
from services.notify.deliverer import LEASE, Deliverer
from services.notify.domain.webhooks import MOST_ATTEMPTS, Status
from services.notify.service import DELIVERIES, Registered
from tests.notify.builders import FIRE, TAX, accepted, notify, register, sender, vault
from tests.notify.receiver import Behaviour, Receiver, answer, silent_port


class Line:
    """A line of deliveries: a database, webhooks and one deliverer, driven as the worker's background loop does."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.made: list[Deliverer] = []
        self.deliverer = self.another()
        self._woken = threading.Condition()
        self._wakes = 0
        database.callbacks.add(DELIVERIES, self._wake)
        database.listen()

    def another(self, at_once: int = 10) -> Deliverer:
        """A deliverer that is closed with the line."""
        self.made.append(Deliverer(vault(), sender(), at_once=at_once, chance=lambda: 0.0))
        return self.made[-1]

    def register(self, url: str, caller: Caller = TAX) -> Registered:
        with self.database.begin() as work:
            return register(notify(), work, url, caller)

    def tell(self, *versions: int, organ_id: str = "tax-bureau") -> None:
        with self.database.begin() as work:
            notify().tell(work, [accepted(organ_id=organ_id, version=version) for version in versions])

    def log(self) -> Sequence[RowMapping]:
        with self.database.read() as work:
            query = select(store.deliveries).order_by(store.deliveries.c.delivery_id)
            return work.connection.execute(query).mappings().all()

    def deliver_until(self, done: Callable[[Sequence[RowMapping]], bool], seconds: float = 15) -> Sequence[RowMapping]:
        """Delivers, again whenever it is woken, until the log is as wanted."""
        while True:
            with self._woken:
                before = self._wakes
            self.deliverer.deliver_due(self.database)
            rows = self.log()
            if done(rows):
                return rows
            with self._woken:
                assert self._woken.wait_for(lambda: self._wakes > before, seconds), [dict(row) for row in rows]  # noqa: B023

    def attempt(self, number: int) -> RowMapping:
        """Delivers until that attempt at the one delivery is recorded, that is, its lease is gone."""
        lease = self.database.clock.now() + LEASE
        return self.deliver_until(lambda rows: rows[0]["attempts"] == number and rows[0]["next_attempt_at"] != lease)[0]

    def _wake(self) -> None:
        with self._woken:
            self._wakes += 1
            self._woken.notify_all()


@pytest.fixture
def line(database: Database) -> Iterator[Line]:
    line = Line(database)
    yield line
    for deliverer in line.made:
        deliverer.shut_down()


def all_of(status: Status) -> Callable[[Sequence[RowMapping]], bool]:
    return lambda rows: all(row["status"] == status for row in rows)


@contextmanager
def held(receiver: Receiver) -> Iterator[threading.Event]:
    """The receiver's next answer comes when the event is set."""
    free = threading.Event()

    def behave(handler: BaseHTTPRequestHandler) -> None:
        free.wait(15)
        answer(204)(handler)

    receiver.behaviours.append(behave)
    yield free
    free.set()


def test_a_delivery_arrives_signed(line: Line, receiver: Receiver, clock: ManualClock) -> None:
    made = line.register(receiver.url)
    line.tell(2)
    [row] = line.deliver_until(all_of(Status.DELIVERED))
    [got] = receiver.got
    assert Webhook(made.secret).verify(got.body, got.headers)["data"]["case_id"] == "c1"
    assert got.headers["webhook-id"] == row["delivery_id"]
    assert (row["attempts"], row["http_status"], row["last_error"]) == (1, 204, "")
    assert (row["delivered_at"], row["next_attempt_at"]) == (clock.now(), None)


def test_after_a_fault_it_is_sent_again_with_the_same_id(line: Line, receiver: Receiver, clock: ManualClock) -> None:
    receiver.behaviours = [answer(500)]
    made = line.register(receiver.url)
    line.tell(2)
    row = line.attempt(1)
    assert (row["status"], row["http_status"]) == (Status.PENDING, 500)
    assert row["last_error"] == "the endpoint answered 500"
    assert (row["next_attempt_at"] - clock.now()).total_seconds() == 5
    assert line.deliverer.deliver_due(line.database) == row["next_attempt_at"]
    assert len(receiver.got) == 1
    clock.advance(seconds=5)
    [row] = line.deliver_until(all_of(Status.DELIVERED))
    first, second = receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    Webhook(made.secret).verify(second.body, second.headers)
    assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 5


def test_after_the_last_attempt_it_is_given_up(line: Line, receiver: Receiver, clock: ManualClock) -> None:
    receiver.behaviours = [answer(503)] * MOST_ATTEMPTS
    line.register(receiver.url)
    line.tell(2)
    for attempt in range(1, MOST_ATTEMPTS + 1):
        line.attempt(attempt)
        clock.advance(hours=30)
    [row] = line.log()
    assert (row["status"], row["attempts"]) == (Status.FAILED, MOST_ATTEMPTS)
    assert line.deliverer.deliver_due(line.database) is None
    assert len(receiver.got) == MOST_ATTEMPTS


def test_an_endpoint_that_is_gone_is_told_of_nothing_any_more(line: Line, receiver: Receiver) -> None:
    receiver.behaviours = [answer(410)]
    line.register(receiver.url)
    line.tell(2, 3)
    rows = line.deliver_until(all_of(Status.FAILED))
    assert sorted(row["attempts"] for row in rows) == [0, 1]
    line.tell(4)
    assert len(line.log()) == 2
    with line.database.read() as work:
        assert notify().webhooks(work, TAX, None, 10)[0]["disabled_at"] is not None


def test_a_slow_endpoint_holds_up_nobody_else(line: Line, receiver: Receiver) -> None:
    with Receiver() as slow, held(slow) as free:
        line.register(slow.url, TAX)
        line.register(receiver.url, FIRE)
        line.tell(2, 3, 4)
        line.tell(5, 6, 7, organ_id="fire-brigade")
        line.deliver_until(lambda rows: sum(row["status"] == Status.DELIVERED for row in rows) == 3)
        assert (len(receiver.got), len(slow.got)) == (3, 1)
        free.set()
        line.deliver_until(all_of(Status.DELIVERED))


def test_one_endpoint_gets_one_message_at_a_time_oldest_first(line: Line, receiver: Receiver) -> None:
    line.register(receiver.url)
    for version in range(2, 7):
        line.tell(version)
    rows = line.deliver_until(all_of(Status.DELIVERED))
    assert [got.headers["webhook-id"] for got in receiver.got] == [row["delivery_id"] for row in rows]


def test_no_more_endpoints_are_served_at_once_than_allowed(line: Line) -> None:
    line.deliverer = line.another(at_once=2)
    with silent_port() as port:
        for number in range(4):
            line.register(f"http://127.0.0.1:{port}/{number}")
        line.tell(2)
        line.deliverer.deliver_due(line.database)
        line.deliverer.deliver_due(line.database)
        assert sorted(row["attempts"] for row in line.log()) == [0, 0, 1, 1]


def test_what_was_sent_but_not_recorded_is_sent_again_once_the_lease_has_run_out(
    line: Line, receiver: Receiver, clock: ManualClock
) -> None:
    line.register(receiver.url)
    line.tell(2)
    with line.database.begin() as work:
        [taken] = store.claim(work.connection, work.now, LEASE, set(), 1)  # and the process dies
    after = line.deliverer.deliver_due(line.database)
    assert after is not None
    assert receiver.got == []
    clock.advance(seconds=(after - clock.now()).total_seconds())
    [row] = line.deliver_until(all_of(Status.DELIVERED))
    assert (row["delivery_id"], row["attempts"]) == (taken.delivery_id, 2)


def test_what_is_being_sent_keeps_its_lease(line: Line, receiver: Receiver, clock: ManualClock) -> None:
    with held(receiver) as free:
        line.register(receiver.url)
        line.tell(2)
        line.deliverer.deliver_due(line.database)
        receiver.wait_for(1)
        for _ in range(5):
            again = line.deliverer.deliver_due(line.database)
            assert again is not None
            assert again < clock.now() + LEASE
            clock.advance(seconds=(again - clock.now()).total_seconds())
            line.another().deliver_due(line.database)
        [row] = line.log()
        assert row["attempts"] == 1
        free.set()
        line.deliver_until(all_of(Status.DELIVERED))
    assert len(receiver.got) == 1


def test_the_outcome_of_an_attempt_whose_lease_ran_out_does_not_undo_the_next(
    line: Line, receiver: Receiver, clock: ManualClock
) -> None:
    with held(receiver) as free:
        line.register(receiver.url)
        line.tell(2)
        line.deliverer.deliver_due(line.database)
        receiver.wait_for(1)
        clock.advance(seconds=100)
        second = line.another()
        second.deliver_due(line.database)
        line.deliver_until(all_of(Status.DELIVERED))
        free.set()
    [row] = line.deliver_until(all_of(Status.DELIVERED))
    assert row["attempts"] == 2


def test_a_webhook_removed_while_its_message_is_on_the_way_stays_removed(line: Line, receiver: Receiver) -> None:
    behaviour: Behaviour = answer(500)
    removed = threading.Event()

    def behave(handler: BaseHTTPRequestHandler) -> None:
        removed.wait(15)
        behaviour(handler)

    receiver.behaviours = [behave]
    made = line.register(receiver.url)
    line.tell(2)
    line.deliverer.deliver_due(line.database)
    receiver.wait_for(1)
    with line.database.begin() as work:
        notify().remove_webhook(work, TAX, made.webhook["webhook_id"])
    removed.set()
    line.deliver_until(lambda _rows: not line.deliverer._busy)
    [row] = line.log()
    assert (row["status"], row["last_error"]) == (Status.FAILED, "the webhook was removed")


def test_a_secret_that_cannot_be_opened_is_a_fault_like_others(line: Line, receiver: Receiver) -> None:
    line.register(receiver.url)
    with line.database.begin() as work:
        work.connection.execute(store.webhooks.update().values(sealed_secret=b"\x01" + bytes(60)))
    line.tell(2)
    row = line.attempt(1)
    assert row["last_error"] == "the platform could not send it (InvalidTag)"
    assert receiver.got == []
