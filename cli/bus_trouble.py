"""What of a bus status needs an operator, in words."""

from collections.abc import Iterator
from datetime import timedelta

from google.protobuf.timestamp_pb2 import Timestamp

from cli.output import counted
from duokua.operations.v1 import bus_service_pb2

pb = bus_service_pb2

LONGEST_WAIT = timedelta(minutes=5)
"""What waits for longer does not only wait for its turn."""
NEARLY_FULL = 0.8


def troubles_of(status: pb.BusStatus) -> list[str]:
    """What needs an operator, worst first; empty when nothing does."""
    return [*_at_the_outbox(status), *_at_the_queues(status), *_given_up(status)]


def _at_the_outbox(status: pb.BusStatus) -> Iterator[str]:
    outbox = status.outbox
    if outbox.high_water and outbox.events >= outbox.high_water:
        yield f"the outbox is full ({outbox.high_water}): writes are refused"
    elif outbox.events >= outbox.high_water * NEARLY_FULL > 0:
        yield f"the outbox is nearly full ({outbox.events} of {outbox.high_water})"
    for held in outbox.held:
        yield f"no queue takes {held.event_type} ({counted(held.events, 'event')}, for {age(status.at, held.since)})"
    held_events = sum(held.events for held in outbox.held)
    if outbox.events > held_events and _is_old(status.at, outbox.oldest_at):
        yield f"the outbox does not empty: its oldest event is {age(status.at, outbox.oldest_at)} old"


def _at_the_queues(status: pb.BusStatus) -> Iterator[str]:
    if status.broker == pb.BROKER_STATE_AWAY:
        yield status.queues_unknown
    for queue in status.queues:
        if queue.kind == pb.QUEUE_KIND_MAIN and not queue.consumers:
            yield f"no worker consumes {queue.name} ({counted(queue.messages, 'event')} ready)"
        elif queue.kind == pb.QUEUE_KIND_MAIN and queue.messages and _is_old(status.at, status.last_handled_at):
            yield f"{counted(queue.messages, 'event')} ready in {queue.name}, and none was handled lately"
        elif queue.kind == pb.QUEUE_KIND_DEAD and queue.messages:
            yield f"{counted(queue.messages, 'message')} in {queue.name}, which the worker should empty"


def _given_up(status: pb.BusStatus) -> Iterator[str]:
    asked_for = status.oldest_replay_requested_at
    if status.HasField("oldest_replay_requested_at") and _is_old(status.at, asked_for):
        replays = counted(status.replays_pending, "replay")
        yield f"{replays} asked for, the first {age(status.at, asked_for)} ago: the worker does not perform them"
    if status.dead_letters > status.replays_pending:
        of_them = f", {status.replays_pending} of them to be replayed" if status.replays_pending else ""
        oldest = status.oldest_dead_letter_at.ToJsonString()
        yield f"{counted(status.dead_letters, 'dead letter')}{of_them}, the oldest from {oldest}"


def age(now: Timestamp, since: Timestamp) -> str:
    """How long ago something was, in its largest unit: "45s", "3min", "2h", "5d"."""
    seconds = max(0, now.seconds - since.seconds)
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _is_old(now: Timestamp, at: Timestamp) -> bool:
    return now.seconds - at.seconds > LONGEST_WAIT.total_seconds()
