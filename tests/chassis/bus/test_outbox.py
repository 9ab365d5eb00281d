"""What the relay reads of an outbox at a time: bounded in events and in bytes, oldest first."""

from itertools import pairwise

import pytest
from sqlalchemy import select

from chassis.bus import outbox
from chassis.bus.broker import LARGEST_BATCH, LARGEST_BATCH_BYTES
from chassis.bus.events import Envelope
from chassis.clock import new_id
from chassis.database import LARGEST_EVENT, UnitOfWork
from tests.chassis.bus.shop import NUMBER, TEXT, Shop, metadata
from tests.conftest import MakeDatabase

MIB = 1024 * 1024


@pytest.fixture
def shop(make_database: MakeDatabase) -> Shop:
    return Shop(make_database(metadata))


def put(shop: Shop, *sizes: int, event_type: str = TEXT) -> list[str]:
    """Events with bodies of these sizes, in this order; gives their ids."""
    ids = sorted(new_id() for _ in sizes)  # those of one millisecond are in no order
    with shop.database.begin() as work:
        rows = [
            {
                "id": event_id,
                "type": event_type,
                "subject": "test",
                "body": b"x" * size,
                "created_at": work.now,
            }
            for event_id, size in zip(ids, sizes, strict=True)
        ]
        work.connection.execute(metadata.tables["outbox"].insert(), rows)
    return ids


def claimed(work: UnitOfWork, without: tuple[str, ...] = ()) -> list[Envelope]:
    return outbox.claim(work.connection, "shop", without_ids=without, without_types=())


@pytest.mark.parametrize(
    ("sizes", "taken"),
    [
        ([10, 20, 30], 3),
        ([LARGEST_BATCH_BYTES - 1, 1, 1], 2),
        ([LARGEST_BATCH_BYTES, 1], 1),
        ([1, LARGEST_BATCH_BYTES, 1], 2),
        ([LARGEST_EVENT] * 6, 4),
        ([1] * (LARGEST_BATCH + 1), LARGEST_BATCH),
    ],
)
def test_a_claim_ends_with_the_event_that_reaches_a_bound(shop: Shop, sizes: list[int], taken: int) -> None:
    ids = put(shop, *sizes)
    with shop.database.begin() as work:
        envelopes = claimed(work)
    assert [each.id for each in envelopes] == ids[:taken]
    assert [len(each.body) for each in envelopes] == sizes[:taken]
    assert outbox.is_full(envelopes) is (taken < len(ids))


def test_claim_after_claim_takes_everything_in_its_order(shop: Shop) -> None:
    ids = put(shop, *([1, MIB // 2, 300_000, 1_000_000] * 6))
    got: list[str] = []
    with shop.database.begin() as work:
        while envelopes := claimed(work):
            assert sum(len(each.body) for each in envelopes[:-1]) < LARGEST_BATCH_BYTES
            outbox.forget(work.connection, [each.id for each in envelopes])
            got += [each.id for each in envelopes]
        assert work.connection.execute(select(metadata.tables["outbox"])).all() == []
    assert got == ids
    assert all(one < other for one, other in pairwise(got))


def test_what_is_in_hand_or_held_counts_for_nothing(shop: Shop) -> None:
    in_hand = put(shop, LARGEST_BATCH_BYTES, LARGEST_BATCH_BYTES)
    put(shop, LARGEST_BATCH_BYTES, event_type=NUMBER)
    ready = put(shop, 5, 6)
    with shop.database.begin() as work:
        envelopes = outbox.claim(work.connection, "shop", without_ids=in_hand, without_types=[NUMBER])
    assert [each.id for each in envelopes] == ready


def test_two_relays_claim_different_events_of_one_outbox(shop: Shop) -> None:
    if shop.database.is_sqlite:
        pytest.skip("one relay at a time")
    ids = put(shop, *([1] * (LARGEST_BATCH + 50)))
    with shop.database.begin() as one, shop.database.begin() as other:
        assert [each.id for each in claimed(one)] == ids[:LARGEST_BATCH]
        assert [each.id for each in claimed(other)] == ids[LARGEST_BATCH:]
