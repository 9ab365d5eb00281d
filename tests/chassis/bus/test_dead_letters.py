"""Dead letters: kept as they came, replayed once, discarded for good, and every deed written down."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chassis.bus import dead_letters, inbox
from chassis.bus.broker import Delivery, Failure
from chassis.bus.dead_letters import Direction
from chassis.bus.events import Envelope
from chassis.bus.replaying import Replaying
from chassis.database import OUTBOX_TOPIC
from chassis.paging import Page, page
from chassis.problems import Invalid, NotFound, Unavailable
from chassis.testing import ManualClock
from tests.chassis.bus.shop import Shop, deliveries, metadata, text_event
from tests.conftest import MakeDatabase

BAD = Failure("BAD", "it is bad", "Traceback ...")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def shop(make_database: MakeDatabase, clock: ManualClock) -> Shop:
    return Shop(make_database(metadata, "shop", clock=clock))


def parked(shop: Shop, *events: Envelope, direction: Direction = Direction.RECEIVED) -> list[str]:
    with shop.database.begin() as work:
        for event in events:
            dead_letters.park(work, event, BAD, direction)
    return [event.id for event in events]


def replay(shop: Shop, *letter_ids: str) -> None:
    with shop.database.begin() as work:
        dead_letters.replay(work, letter_ids, actor="client:op", reason="the form was mended")


def replayed(shop: Shop) -> None:
    replaying = Replaying("shop", shop.database, shop.handling())
    while replaying.replay_due():
        pass


def failing(_: str) -> None:
    raise RuntimeError("broken")


def repairs(shop: Shop) -> list[tuple[str, str, str, str]]:
    with shop.database.read() as work:
        rows = dead_letters.list_repairs(work, Page(100, None))
    return [(row.actor, row.action, row.letter_id, row.reason) for row in rows]


def test_a_letter_is_the_event_as_it_came(shop: Shop) -> None:
    event = text_event("a", attempts=7)
    parked(shop, event)
    with shop.database.read() as work:
        row = dead_letters.find(work, event.id)
    assert dead_letters.envelope_of(row) == event
    assert (row.reason, row.message, row.stack, row.direction) == ("BAD", "it is bad", "Traceback ...", "received")


@pytest.mark.parametrize("text", ["\0", "\udcff", "x" * 100_000], ids=["nul", "half a character", "endless"])
def test_what_no_database_could_hold_is_kept_all_the_same(shop: Shop, text: str) -> None:
    event = Envelope(text, text, text, text, text, b"\0\xff", text)
    with shop.database.begin() as work:
        dead_letters.park(work, event, Failure(text or "X", text, text))
    [(letter_id, _, _)] = shop.dead()
    with shop.database.read() as work:
        assert bytes(dead_letters.find(work, letter_id).body) == b"\0\xff"


def test_copies_of_an_event_are_one_letter_and_other_bodies_without_an_id_are_others(shop: Shop) -> None:
    event = text_event("a")
    parked(shop, event, event, Envelope("", "t", "", "", "", b"1"), Envelope("", "t", "", "", "", b"2"))
    assert len(shop.dead()) == 3


def test_a_replay_handles_the_event_once_and_ends_the_letter(shop: Shop) -> None:
    event = text_event("a")
    replay(shop, *parked(shop, event))
    replayed(shop)
    replayed(shop)
    shop.handling().handle(deliveries(event))  # a copy that the broker still had
    assert (shop.written(), shop.dead()) == (["a"], [])
    assert repairs(shop) == [("client:op", "replay", event.id, "the form was mended")]


def test_a_copy_that_is_handled_ends_the_letter_and_its_replay(shop: Shop) -> None:
    event = text_event("a")
    parked(shop, event)
    shop.handling().handle(deliveries(event))
    assert (shop.written(), shop.dead()) == (["a"], [])
    other = text_event("b")
    replay(shop, *parked(shop, other))
    shop.handling().handle(deliveries(other, event))
    replayed(shop)
    assert (shop.written(), shop.dead()) == (["a", "b"], [])


def test_what_was_handled_or_discarded_is_not_parked_again(shop: Shop) -> None:
    handled, discarded = text_event("a"), text_event("b")
    shop.handling().handle(deliveries(handled))
    parked(shop, discarded)
    with shop.database.begin() as work:
        dead_letters.discard(work, [discarded.id], actor="client:op", reason="entered by hand")
    shop.handling().handle([Delivery(each, 1, BAD) for each in (handled, discarded)])
    assert shop.dead() == []


def test_a_discarded_event_with_an_id_of_another_kind_has_no_effect_either(shop: Shop) -> None:
    event = text_event("a", event_id="order-1")
    parked(shop, event)
    [(letter_id, _, _)] = shop.dead()
    with shop.database.begin() as work:
        dead_letters.discard(work, [letter_id], actor="client:op", reason="entered by hand")
    shop.handling().handle(deliveries(event))
    assert shop.written() == []


def test_a_late_copy_that_fails_does_not_cancel_a_replay(shop: Shop) -> None:
    event = text_event("a", attempts=2)
    replay(shop, *parked(shop, event))
    shop.fail = failing
    shop.handling().handle(deliveries(event))
    shop.fail = lambda _: None
    replayed(shop)
    assert (shop.written(), shop.dead()) == (["a"], [])


def test_a_replay_that_fails_again_is_a_letter_with_the_new_reason(shop: Shop) -> None:
    def fail(_: str) -> None:
        raise Invalid("WORSE", "still bad")

    shop.fail = fail
    bad, good = text_event("bad", attempts=1), text_event("good")
    replay(shop, *parked(shop, bad, good))
    replayed(shop)
    assert sorted(shop.dead()) == sorted([(bad.id, 2, "WORSE"), (good.id, 1, "WORSE")])
    shop.fail = lambda _: None
    replay(shop, good.id)
    replayed(shop)
    assert shop.written() == ["good"]
    assert shop.dead() == [(bad.id, 2, "WORSE")]


def test_only_what_was_asked_for_is_replayed(shop: Shop) -> None:
    first, second = parked(shop, text_event("a"), text_event("b"))
    replay(shop, first)
    replayed(shop)
    assert [letter_id for letter_id, _, _ in shop.dead()] == [second]


def test_a_replay_that_ends_the_process_is_not_repeated_at_the_next_start(shop: Shop) -> None:
    class PowerCut(BaseException):
        pass

    def fail(_: str) -> None:
        raise PowerCut

    shop.fail = fail
    event = text_event("deadly")
    replay(shop, *parked(shop, event))
    with pytest.raises(PowerCut):
        replayed(shop)
    replayed(shop)  # the worker's next start
    assert shop.dead() == [(event.id, 1, "REPLAY_INTERRUPTED")]
    with shop.database.read() as work:
        letter = dead_letters.find(work, event.id)
    assert "BAD: it is bad" in letter.message
    assert letter.stack == "Traceback ..."


def test_a_replay_waits_for_a_database_that_is_away(shop: Shop) -> None:
    event = text_event("a")
    replay(shop, *parked(shop, event))
    replaying = Replaying("shop", shop.database, shop.handling())
    away = True

    def pool_is_empty(_: str) -> None:
        if away:
            raise PoolTimeout

    shop.fail = pool_is_empty
    with pytest.raises(PoolTimeout):
        replaying.replay_due()
    away = False
    assert replaying.replay_due() is not None
    assert (shop.written(), shop.dead()) == (["a"], [])


def test_a_discarded_event_is_gone_for_good(shop: Shop) -> None:
    event = text_event("a")
    parked(shop, event)
    with shop.database.begin() as work:
        dead_letters.discard(work, [event.id], actor="client:op", reason="entered by hand")
    shop.handling().handle(deliveries(event))  # a copy that the broker still had
    assert (shop.written(), shop.dead()) == ([], [])
    assert repairs(shop) == [("client:op", "discard", event.id, "entered by hand")]


def test_a_letter_that_is_discarded_while_its_replay_waits_is_not_handled(shop: Shop) -> None:
    event = text_event("a")
    replay(shop, *parked(shop, event))
    with shop.database.begin() as work:
        dead_letters.discard(work, [event.id], actor="client:op", reason="after all")
    replayed(shop)
    assert shop.written() == []


def test_an_unknown_letter_is_named_and_nothing_is_changed(shop: Shop) -> None:
    [known] = parked(shop, text_event("a"))
    for deed in (dead_letters.replay, dead_letters.discard):
        with pytest.raises(NotFound) as raised, shop.database.begin() as work:
            deed(work, [known, "nobody"], actor="client:op", reason="r")
        assert raised.value.metadata == {"letter_id": "nobody"}
    assert (len(shop.dead()), repairs(shop)) == (1, [])


def test_an_event_that_could_not_be_sent_goes_back_to_the_outbox_as_it_was(shop: Shop) -> None:
    shop.emit("a")
    table = metadata.tables["outbox"]
    with shop.database.begin() as work:
        row = work.connection.execute(select(table)).one()
        work.connection.execute(table.delete())
        time = row.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event = Envelope(row.id, row.type, "/services/shop", row.subject, time, bytes(row.body), row.traceparent)
        dead_letters.park(work, event, BAD, Direction.SENT)
    woken: list[str] = []
    shop.database.callbacks.add(OUTBOX_TOPIC, lambda: woken.append("relay"))
    shop.database.local_topics = frozenset({OUTBOX_TOPIC})
    replay(shop, row.id)
    with shop.database.read() as work:
        assert work.connection.execute(select(table)).one() == row
    assert (shop.dead(), woken) == ([], ["relay"])


def test_discarding_what_could_not_be_sent_does_not_count_as_handled(shop: Shop) -> None:
    [letter_id] = parked(shop, text_event("a"), direction=Direction.SENT)
    with shop.database.begin() as work:
        dead_letters.discard(work, [letter_id], actor="client:op", reason="nobody wants it")
        assert inbox.remember(work, [letter_id]) == {letter_id}


def test_lists_are_paged_oldest_first_and_filtered(shop: Shop, clock: ManualClock) -> None:
    events = [text_event(str(number)) for number in range(5)]
    for event in reversed(events):
        parked(shop, event)
        clock.advance(seconds=1)
    with shop.database.begin() as work:
        dead_letters.park(work, Envelope("", "other.Type", "", "", "", b"abc"), Failure("OTHER", "m"))
    found: list[str] = []
    token = ""
    while True:
        asked = page(2, token, keys=2)
        with shop.database.read() as work:
            rows, token = asked.cut(dead_letters.list_letters(work, asked), dead_letters.key_of)
        found += [row.letter_id for row in rows]
        if not token:
            break
    assert found[:5] == [event.id for event in reversed(events)]
    assert len(found) == 6
    with shop.database.read() as work:
        [other] = dead_letters.list_letters(work, Page(10, None), reason="OTHER", event_type="other.Type")
        assert other.body_bytes == 3
        assert dead_letters.list_letters(work, Page(10, None), reason="BAD", event_type="other.Type") == []
        with pytest.raises(Invalid, match="page_token"):
            dead_letters.list_letters(work, Page(10, ["yesterday", "x"]))


def test_a_passing_problem_in_a_replay_is_a_failure_too(shop: Shop) -> None:
    def fail(_: str) -> None:
        raise Unavailable("AWAY", "the other system")

    shop.fail = fail
    event = text_event("a")
    replay(shop, *parked(shop, event))
    replayed(shop)
    assert shop.dead() == [(event.id, 1, "AWAY")]


def test_letters_parked_at_one_moment_are_told_apart_by_their_ids(shop: Shop, clock: ManualClock) -> None:
    ids = sorted(parked(shop, *(text_event(str(number)) for number in range(4))))
    with shop.database.read() as work:
        first = dead_letters.list_letters(work, Page(1, None))[:2]
        second = dead_letters.list_letters(work, Page(1, dead_letters.key_of(first[1])))
    assert [row.letter_id for row in (*first, *second)] == ids
    assert first[0].parked_at - clock.now() == timedelta(0)
