from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chassis.bus import dead_letters, inbox
from chassis.bus.broker import Delivery, Failure, Handled, Retry
from chassis.bus.events import Envelope
from chassis.bus.faults import database_is_away
from chassis.bus.handling import PATIENCE, DatabaseAwayError
from chassis.database import Database, UnitOfWork
from chassis.problems import Conflict, Invalid, NotFound, Problem, Unavailable
from chassis.testing import ManualClock
from tests.chassis.bus.shop import Shop, deliveries, metadata, number_event, text_event
from tests.conftest import MakeDatabase


@pytest.fixture
def shop(make_database: MakeDatabase) -> Shop:
    return Shop(make_database(metadata))


def failing_at(word: str, error: Exception) -> Callable[[str], None]:
    def fail(text: str) -> None:
        if text == word:
            raise error

    return fail


def test_a_batch_is_handled_in_one_call_a_type_and_in_one_transaction(shop: Shop) -> None:
    verdicts = shop.handling().handle(deliveries(text_event("a"), number_event(1), text_event("b"), number_event(2)))
    assert shop.calls == [["a", "b"], ["1", "2"]]
    assert shop.written() == ["1", "2", "a", "b"]
    assert [type(verdict) for verdict in verdicts] == [Handled] * 4


def test_an_event_that_comes_again_is_dropped(shop: Shop) -> None:
    event = text_event("a")
    shop.handling().handle(deliveries(event))
    verdicts = shop.handling().handle(deliveries(event, text_event("b")))
    assert shop.written() == ["a", "b"]
    assert [type(verdict) for verdict in verdicts] == [Handled, Handled]


def test_an_event_that_is_twice_in_a_batch_has_one_effect(shop: Shop) -> None:
    event = text_event("a")
    verdicts = shop.handling().handle(deliveries(event, event))
    assert shop.written() == ["a"]
    assert [type(verdict) for verdict in verdicts] == [Handled, Handled]


def test_a_failing_event_delays_only_itself(shop: Shop) -> None:
    shop.fail = failing_at("bad", RuntimeError("broken"))
    verdicts = shop.handling().handle(deliveries(text_event("a"), text_event("bad"), text_event("b")))
    assert shop.written() == ["a", "b"]
    assert [type(verdict) for verdict in verdicts] == [Handled, Retry, Handled]


def test_a_failed_event_leaves_nothing_and_is_handled_when_it_comes_again(shop: Shop) -> None:
    event = text_event("a")
    shop.fail = failing_at("a", RuntimeError("broken"))
    shop.handling().handle(deliveries(event))
    assert shop.written() == []
    shop.fail = lambda _: None
    shop.handling().handle(deliveries(event))
    assert shop.written() == ["a"]


@pytest.mark.parametrize(
    "problem", [Invalid("BAD", "bad"), NotFound("GONE", "gone"), Conflict("LATE", "late")], ids=lambda each: each.reason
)
def test_a_problem_that_will_stay_goes_to_the_dead_letters_at_once(shop: Shop, problem: Problem) -> None:
    shop.fail = failing_at("bad", problem)
    event = text_event("bad")
    [verdict] = shop.handling().handle(deliveries(event))
    assert isinstance(verdict, Handled)
    with shop.database.read() as work:
        letter = dead_letters.find(work, event.id)
    assert (letter.reason, letter.attempts) == (problem.reason, 1)
    assert letter.message == f"{type(problem).__name__}: {problem}"
    assert "in on_texts" in letter.stack
    assert replace(dead_letters.envelope_of(letter), attempts=0) == event


def test_a_passing_problem_is_retried_with_growing_delays(shop: Shop) -> None:
    shop.fail = failing_at("bad", Unavailable("AWAY", "away"))
    verdicts = [shop.handling().handle(deliveries(text_event("bad", attempts=attempts)))[0] for attempts in range(2)]
    assert [verdict.delay for verdict in verdicts if isinstance(verdict, Retry)] == [0.05, 0.2]


def test_the_last_attempt_ends_among_the_dead_letters(shop: Shop) -> None:
    shop.fail = failing_at("bad", RuntimeError("broken"))
    event = text_event("bad", attempts=2)
    [verdict] = shop.handling().handle(deliveries(event))
    assert isinstance(verdict, Handled)
    assert shop.dead() == [(event.id, 3, "HANDLER_FAILED")]


def test_an_unknown_type_an_unreadable_body_and_a_foreign_message_are_parked_at_once(shop: Shop) -> None:
    unknown = Delivery(Envelope("1", "no.Such", "/s", "", "", b""), 1)
    unreadable = Delivery(Envelope("2", "google.protobuf.StringValue", "/s", "", "", b"\x0a\xff"), 2)
    foreign = Delivery(Envelope("", "a.b", "", "", "", b""), 3, Failure("UNDECODABLE_EVENT", "it has no id"))
    verdicts = shop.handling().handle([unknown, unreadable, foreign, *deliveries(text_event("good"))])
    assert all(isinstance(verdict, Handled) for verdict in verdicts)
    reasons = sorted(reason for _, _, reason in shop.dead())
    assert reasons == ["UNDECODABLE_EVENT", "UNDECODABLE_EVENT", "UNKNOWN_EVENT_TYPE"]
    assert shop.written() == ["good"]


def test_a_statement_that_fails_counts_as_an_attempt(shop: Shop) -> None:
    def on_texts(work: UnitOfWork, _: list[object]) -> None:
        work.connection.execute(text("SELECT nothing FROM nowhere"))

    shop.on_texts = on_texts  # type: ignore[method-assign,assignment]
    [verdict] = shop.handling().handle(deliveries(text_event("a")))
    assert isinstance(verdict, Retry)


def test_an_event_that_the_client_cannot_send_to_the_database_counts_as_an_attempt(shop: Shop) -> None:
    def on_texts(work: UnitOfWork, events: list[object]) -> None:
        del work, events
        raise OperationalError("SELECT ...", {}, psycopg.OperationalError("too many parameters"))

    shop.on_texts = on_texts  # type: ignore[method-assign,assignment]
    [verdict] = shop.handling().handle(deliveries(text_event("a")))
    assert isinstance(verdict, Retry)


def test_an_event_that_makes_the_database_look_away_is_found_out(shop: Shop) -> None:
    shop.fail = failing_at("bad", PoolTimeout("no connection is free"))
    handling, batch = shop.handling(), deliveries(text_event("a"), text_event("bad"), text_event("b"))
    for in_vain in range(PATIENCE):
        with pytest.raises(DatabaseAwayError):
            handling.handle(batch, in_vain=in_vain)
    verdicts = handling.handle(batch, in_vain=PATIENCE)
    assert [type(verdict) for verdict in verdicts] == [Handled, Retry, Handled]
    assert shop.written() == ["a", "b"]


def test_an_event_older_than_the_inbox_remembers_is_for_an_operator(make_database: MakeDatabase) -> None:
    clock = ManualClock()
    shop = Shop(make_database(metadata, "shop", clock=clock))
    handling = shop.handling(forgets_after=timedelta(days=7))
    old, young = (replace(text_event(name), time=stamp(clock)) for name in ("old", "young"))
    handled = replace(text_event("handled"), time=stamp(clock))
    handling.handle(deliveries(handled))
    clock.advance(days=7)
    handling.handle(deliveries(young))
    clock.advance(milliseconds=1)
    verdicts = handling.handle(deliveries(old, handled))
    assert [type(verdict) for verdict in verdicts] == [Handled, Handled]
    assert (shop.written(), [(letter, reason) for letter, _, reason in shop.dead()]) == (
        ["handled", "young"],
        [(old.id, "TOO_OLD")],
    )


def stamp(clock: ManualClock) -> str:
    return clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_a_database_that_is_away_counts_no_attempt(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("away")
    nowhere = Database("postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=1", "shop", signals_folder=folder)
    with pytest.raises(DatabaseAwayError):
        Shop(nowhere).handling().handle(deliveries(text_event("a"), text_event("b")))
    nowhere.close()


def test_a_locked_database_is_away_and_a_missing_table_is_not(make_database: MakeDatabase) -> None:
    database = make_database(metadata)
    if not database.is_sqlite:
        pytest.skip("how SQLite says it")
    with database.engine.connect() as holder, database.engine.connect() as other:
        holder.exec_driver_sql("BEGIN IMMEDIATE")
        other.exec_driver_sql("PRAGMA busy_timeout = 1")
        with pytest.raises(Exception, match="locked") as locked:
            other.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(Exception, match="no such table") as missing:
            holder.exec_driver_sql("SELECT * FROM nowhere")
    assert (database_is_away(locked.value), database_is_away(missing.value)) == (True, False)


def test_old_entries_of_the_inbox_are_forgotten_in_small_batches(shop: Shop) -> None:
    with shop.database.begin() as work:
        old = work.now - inbox.RETENTION - timedelta(minutes=1)
        rows = [{"event_id": f"old-{number}", "handled_at": old} for number in range(700)]
        work.connection.execute(metadata.tables["inbox"].insert(), [*rows, {"event_id": "new", "handled_at": work.now}])
    for more in (True, False):
        with shop.database.begin() as work:
            assert inbox.prune(work) is more
    with shop.database.read() as work:
        assert list(work.connection.execute(text("SELECT event_id FROM inbox")).scalars()) == ["new"]
