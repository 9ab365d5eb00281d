"""A full outbox refuses what would add to it, cheaply, says when to come back, and opens again."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest
from google.protobuf.wrappers_pb2 import StringValue
from google.rpc import error_details_pb2, status_pb2
from prometheus_client import REGISTRY
from sqlalchemy import delete, event, func, select
from structlog.testing import capture_logs

from chassis.admission import LONGEST_WAIT, LOOK_SECONDS, SHORTEST_WAIT
from chassis.database import LARGEST_EVENT, Database, service_metadata
from chassis.problems import Exhausted, Invalid
from chassis.status import details_of
from tests.conftest import MakeDatabase

LIMIT = 100
metadata = service_metadata()
outbox = metadata.tables["outbox"]
inbox = metadata.tables["inbox"]


class Seconds:
    """A monotonic clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def database(make_database: MakeDatabase, seconds: Seconds) -> Database:
    """One that an api process has bounded."""
    made = make_database(metadata)
    made.bound_outbox(LIMIT, seconds)
    return made


def emit(database: Database, count: int = 1) -> None:
    with database.begin() as work:
        for number in range(count):
            work.emit(StringValue(value=str(number)), subject="test")


def fill(database: Database, seconds: Seconds) -> None:
    """Bring the outbox to its limit; the next look sees it."""
    emit(database, LIMIT)
    seconds.now += LOOK_SECONDS


def waiting(database: Database) -> int:
    with database.read() as work:
        return work.connection.execute(select(func.count()).select_from(outbox)).scalar_one()


def relay(database: Database, count: int) -> None:
    """So many events leave."""
    with database.begin() as work:
        gone = select(outbox.c.id).order_by(outbox.c.id).limit(count)
        work.connection.execute(delete(outbox).where(outbox.c.id.in_(gone)))


def refusal(database: Database) -> Exhausted:
    with pytest.raises(Exhausted) as caught:
        emit(database)
    return caught.value


@contextmanager
def looks_at(database: Database) -> Iterator[list[str]]:
    """The statements that look how full the outbox is."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "OFFSET" in statement:
            seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield seen
    event.remove(database.engine, "before_cursor_execute", note)


def test_a_full_outbox_refuses_a_transaction_that_emits_and_leaves_nothing_of_it(
    database: Database, seconds: Seconds
) -> None:
    fill(database, seconds)

    def write() -> None:
        with database.begin() as work:
            work.connection.execute(inbox.insert(), {"event_id": "e1", "handled_at": work.now})
            work.emit(StringValue(value="one too many"), subject="test")

    with pytest.raises(Exhausted) as caught:
        write()
    assert (caught.value.reason, caught.value.metadata) == ("OUTBOX_FULL", {"service": "test", "limit": str(LIMIT)})
    assert waiting(database) == LIMIT
    with database.read() as work:
        assert work.connection.execute(select(inbox)).all() == []


def test_below_the_limit_nothing_is_refused(database: Database) -> None:
    emit(database, LIMIT - 1)
    emit(database)
    assert waiting(database) == LIMIT


def test_what_tells_nobody_is_never_refused(database: Database, seconds: Seconds) -> None:
    fill(database, seconds)
    refusal(database)
    with database.begin() as work:
        work.connection.execute(inbox.insert(), {"event_id": "e1", "handled_at": work.now})
    with database.read() as work:
        assert len(work.connection.execute(select(inbox)).all()) == 1


def test_a_database_that_nobody_bounded_refuses_nothing(make_database: MakeDatabase) -> None:
    database = make_database(metadata)
    emit(database, LIMIT)
    emit(database, LIMIT)
    assert waiting(database) == 2 * LIMIT


def test_it_looks_once_a_second_at_most_however_many_ask(database: Database, seconds: Seconds) -> None:
    with looks_at(database) as looks:
        for _ in range(20):
            emit(database)
        assert len(looks) == 1
        seconds.now += LOOK_SECONDS
        for _ in range(20):
            emit(database)
        assert len(looks) == 2


def test_full_it_looks_no_more_often_either(database: Database, seconds: Seconds) -> None:
    fill(database, seconds)
    with looks_at(database) as looks:
        for _ in range(20):
            refusal(database)
        assert len(looks) == 1


def test_it_has_room_again_below_nine_tenths(database: Database, seconds: Seconds) -> None:
    fill(database, seconds)
    refusal(database)
    relay(database, LIMIT // 10)
    seconds.now += LOOK_SECONDS
    refusal(database)
    relay(database, 1)
    seconds.now += LOOK_SECONDS
    emit(database)
    assert waiting(database) == LIMIT - LIMIT // 10


def test_the_longer_it_has_been_full_the_later_to_come_back(database: Database, seconds: Seconds) -> None:
    fill(database, seconds)
    waits = []
    for passed in (0.0, SHORTEST_WAIT * 2, SHORTEST_WAIT * 4, LONGEST_WAIT * 10):
        seconds.now += passed
        waits.append([refusal(database).retry_after or 0.0 for _ in range(50)])
    assert all(max(before) < max(after) for before, after in pairwise(waits))
    assert min(waits[0]) >= 0.75 * SHORTEST_WAIT
    assert max(waits[-1]) <= 1.25 * LONGEST_WAIT
    assert len(set(waits[0])) > 1, "whoever was refused together must not come back together"


def test_its_beginning_and_its_end_are_logged_once_and_the_metric_follows(database: Database, seconds: Seconds) -> None:
    def full() -> float | None:
        return REGISTRY.get_sample_value("duokua_outbox_full", {"service": "test"})

    with capture_logs() as logs:
        emit(database, LIMIT)
        assert full() == 0
        for _ in range(3):
            seconds.now += LOOK_SECONDS
            refusal(database)
        assert full() == 1
        relay(database, LIMIT)
        for _ in range(3):
            seconds.now += LOOK_SECONDS
            emit(database)
        assert full() == 0
    told = [entry["event"] for entry in logs]
    assert told == ["outbox_full", "outbox_has_room"]
    assert (logs[1]["seconds"], logs[1]["limit"]) == (3.0, LIMIT)


def test_a_refusal_that_nobody_has_met_for_long_is_not_shown_as_one(database: Database, seconds: Seconds) -> None:
    fill(database, seconds)
    refusal(database)
    seconds.now += 100
    assert REGISTRY.get_sample_value("duokua_outbox_full", {"service": "test"}) == 0


def test_the_status_carries_the_delay() -> None:
    status = status_pb2.Status.FromString(details_of(Exhausted("OUTBOX_FULL", "later", retry_after=2.25)))
    retry = error_details_pb2.RetryInfo()
    assert [detail.Unpack(retry) for detail in status.details] == [False, True]
    assert retry.retry_delay.ToTimedelta().total_seconds() == 2.25
    without = status_pb2.Status.FromString(details_of(Exhausted("TOO_MANY", "too many")))
    assert len(without.details) == 1


def sized(size: int) -> StringValue:
    """An event whose body has so many bytes."""
    overhead = len(StringValue(value="x" * size).SerializeToString()) - size
    return StringValue(value="x" * (size - overhead))


def test_an_event_that_is_too_large_is_refused_and_the_largest_is_not(make_database: MakeDatabase) -> None:
    database = make_database(metadata)
    with database.begin() as work:
        work.emit(sized(LARGEST_EVENT), subject="test")
    with pytest.raises(Invalid) as caught, database.begin() as work:
        work.emit(sized(LARGEST_EVENT + 1), subject="test")
    assert caught.value.reason == "EVENT_TOO_LARGE"
    assert caught.value.metadata == {
        "event": "google.protobuf.StringValue",
        "bytes": str(LARGEST_EVENT + 1),
        "largest": str(LARGEST_EVENT),
    }
    assert waiting(database) == 1
