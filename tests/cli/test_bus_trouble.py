"""What of a bus status is called trouble, and what is not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.settings import SERVICES
from cli.asking import Service
from cli.bus_trouble import age, troubles_of
from duokua.operations.v1 import bus_service_pb2

pb = bus_service_pb2
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def ago(**length: float) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(NOW - timedelta(**length))
    return stamp


def a_queue(kind: "pb.QueueKind.ValueType", messages: int = 0, consumers: int = 1) -> pb.QueueStatus:
    return pb.QueueStatus(name="duokua.cases", kind=kind, messages=messages, consumers=consumers)


def a_status(**changes: Any) -> pb.BusStatus:
    outbox = changes.pop("outbox", {})
    queues = [a_queue(pb.QUEUE_KIND_MAIN), a_queue(pb.QUEUE_KIND_RETRY, 3, 0), a_queue(pb.QUEUE_KIND_DEAD)]
    values = {"broker": pb.BROKER_STATE_ANSWERS, "queues": queues, "last_handled_at": ago(days=3), **changes}
    filled = {"high_water": 1000, "events": 5, "oldest_at": ago(seconds=2), **outbox}
    return pb.BusStatus(service="cases", at=ago(), outbox=pb.OutboxStatus(**filled), **values)


def test_what_waits_for_its_turn_is_no_trouble() -> None:
    assert troubles_of(a_status()) == []
    assert troubles_of(a_status(queues=[a_queue(pb.QUEUE_KIND_MAIN, 500)], last_handled_at=ago(seconds=1))) == []
    asked = a_status(
        dead_letters=2,
        replays_pending=2,
        oldest_dead_letter_at=ago(hours=1),
        oldest_replay_requested_at=ago(minutes=5),
    )
    assert troubles_of(asked) == []


def test_a_service_with_no_queues_or_an_embedded_broker_is_no_trouble() -> None:
    assert troubles_of(a_status(queues=[])) == []
    embedded = a_status(queues=[], broker=pb.BROKER_STATE_EMBEDDED, queues_unknown="in the worker process")
    assert troubles_of(embedded) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"outbox": {"events": 800}}, "the outbox is nearly full (800 of 1000)"),
        ({"outbox": {"events": 1000}}, "the outbox is full (1000): writes are refused"),
        ({"outbox": {"oldest_at": ago(minutes=6)}}, "the outbox does not empty: its oldest event is 6min old"),
        (
            {"outbox": {"held": [pb.HeldEvents(event_type="a.B", events=5, since=ago(hours=1))]}},
            "no queue takes a.B (5 events, for 1h)",
        ),
        ({"broker": pb.BROKER_STATE_AWAY, "queues": [], "queues_unknown": "no answer"}, "no answer"),
        ({"queues": [a_queue(pb.QUEUE_KIND_MAIN, 0, 0)]}, "no worker consumes duokua.cases (0 events ready)"),
        (
            {"queues": [a_queue(pb.QUEUE_KIND_MAIN, 1)]},
            "1 event ready in duokua.cases, and none was handled lately",
        ),
        (
            {"queues": [a_queue(pb.QUEUE_KIND_DEAD, 2)]},
            "2 messages in duokua.cases, which the worker should empty",
        ),
        (
            {"dead_letters": 3, "replays_pending": 2, "oldest_dead_letter_at": ago(minutes=1)},
            "3 dead letters, 2 of them to be replayed, the oldest from 2026-03-02T08:59:00Z",
        ),
        (
            {"dead_letters": 1, "oldest_dead_letter_at": ago(minutes=1)},
            "1 dead letter, the oldest from 2026-03-02T08:59:00Z",
        ),
        (
            {"dead_letters": 2, "replays_pending": 2, "oldest_replay_requested_at": ago(minutes=6)},
            "2 replays asked for, the first 6min ago: the worker does not perform them",
        ),
    ],
)
def test_trouble_is_told_in_words(changes: dict[str, Any], words: str) -> None:
    assert troubles_of(a_status(**changes)) == [words]


def test_events_that_are_held_do_not_also_stop_the_outbox() -> None:
    held = [pb.HeldEvents(event_type="a.B", events=5, since=ago(hours=1))]
    assert len(troubles_of(a_status(outbox={"events": 5, "oldest_at": ago(hours=1), "held": held}))) == 1
    assert len(troubles_of(a_status(outbox={"events": 6, "oldest_at": ago(hours=1), "held": held}))) == 2


@pytest.mark.parametrize(
    ("length", "told"),
    [
        ({"seconds": -5}, "0s"),
        ({"seconds": 59}, "59s"),
        ({"seconds": 60}, "1min"),
        ({"minutes": 119}, "1h"),
        ({"hours": 47}, "1d"),
        ({"days": 400}, "400d"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(length: dict[str, float], told: str) -> None:
    assert age(ago(), ago(**length)) == told


def test_the_services_are_those_of_the_platform() -> None:
    assert tuple(Service) == SERVICES
