"""BusService: the operator's view of the bus, and the repair of dead letters, for the services that a process hosts."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import structlog
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import Row

from chassis.api import Call, StreamCall
from chassis.bus import dead_letters
from chassis.bus.amqp_link import Address
from chassis.bus.backlog import Backlog, QueueBacklog, backlog, queue_backlogs
from chassis.bus.broker import BrokerAwayError
from chassis.bus.topology import dead_queue_name, queue_name
from chassis.database import Database
from chassis.paging import page
from chassis.problems import Invalid, NotFound, Violation
from chassis.settings import Settings
from duokua.operations.v1 import bus_service_pb2

pb = bus_service_pb2
log = structlog.get_logger()

BROKER_SECONDS = 4.0
"""How long a status waits for the broker before it is answered without the queues."""
PATIENCE_SECONDS = 3
"""After so long without an answer a node of the broker counts as hanging."""
EMBEDDED = (
    "the broker is embedded: its queues are in the worker process, and an event stays in its sender's outbox until "
    "every consumer has handled it"
)

_DIRECTIONS = {
    dead_letters.Direction.RECEIVED: pb.DIRECTION_RECEIVED,
    dead_letters.Direction.SENT: pb.DIRECTION_SENT,
}
_ACTIONS = {
    dead_letters.Action.REPLAY: pb.REPAIR_ACTION_REPLAY,
    dead_letters.Action.DISCARD: pb.REPAIR_ACTION_DISCARD,
}


class BusApi:
    """What operators ask of the bus; each request names one of the services whose `databases` are here."""

    service = pb.DESCRIPTOR.services_by_name["BusService"]

    def __init__(self, settings: Settings, databases: Mapping[str, Database]) -> None:
        self._settings = settings
        self._databases = databases
        # A thread of its own: whoever waits for a broker that hangs must not hold up the calls of others.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="broker")

    def database(self, request: Any) -> Database:
        """The database of the service that a request names. Raises NotFound SERVICE_NOT_HERE."""
        found = self._databases.get(request.service)
        if found is None:
            hosted = " ".join(self._databases)
            message = f"{request.service!r} is not served here; served here: {hosted}"
            raise NotFound("SERVICE_NOT_HERE", message, service=request.service, hosted=hosted)
        return found

    async def stop(self) -> None:
        """Look at the broker no more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def get_bus_status(self, call: StreamCall, request: pb.GetBusStatusRequest) -> pb.GetBusStatusResponse:
        """What waits, in the database and on the broker, which are looked at side by side."""
        counted, queues = await asyncio.gather(call.run(_backlog, call.database), self._queues(request.service))
        return pb.GetBusStatusResponse(status=self._status(request.service, counted, *queues))

    async def _queues(self, service: str) -> tuple["pb.BrokerState.ValueType", Sequence[QueueBacklog], str]:
        """The broker's state, the service's queues, and why they are not known."""
        if self._settings.embedded_broker:
            return pb.BROKER_STATE_EMBEDDED, [], EMBEDDED
        looking = asyncio.get_running_loop().run_in_executor(self._thread, self._look, service)
        try:
            async with asyncio.timeout(BROKER_SECONDS):
                return pb.BROKER_STATE_ANSWERS, await looking, ""
        except TimeoutError:
            return pb.BROKER_STATE_AWAY, [], f"the broker did not answer within {BROKER_SECONDS:g} seconds"
        except (BrokerAwayError, OSError, ValueError) as error:
            return pb.BROKER_STATE_AWAY, [], f"the broker cannot be asked: {error}"

    def _look(self, service: str) -> list[QueueBacklog]:
        address = Address(self._settings.broker_url_with_password(), heartbeat=PATIENCE_SECONDS)
        return queue_backlogs(address, service)

    def _status(
        self,
        service: str,
        counted: Backlog,
        broker: "pb.BrokerState.ValueType",
        queues: Sequence[QueueBacklog],
        unknown: str,
    ) -> pb.BusStatus:
        held = [
            pb.HeldEvents(event_type=each.event_type, events=each.events, since=_timestamp(each.since))
            for each in counted.held
        ]
        return pb.BusStatus(
            service=service,
            at=_timestamp(counted.at),
            outbox=pb.OutboxStatus(
                events=counted.outbox_events,
                oldest_at=_timestamp(counted.outbox_oldest_at),
                high_water=self._settings.outbox_limit,
                held=held,
            ),
            broker=broker,
            queues=[_queue_message(service, each) for each in queues],
            queues_unknown=unknown,
            last_handled_at=_timestamp(counted.last_handled_at),
            dead_letters=counted.dead_letters,
            oldest_dead_letter_at=_timestamp(counted.oldest_dead_letter_at),
            replays_pending=counted.replays_pending,
            oldest_replay_requested_at=_timestamp(counted.oldest_replay_requested_at),
        )

    def list_dead_letters(self, call: Call, request: pb.ListDeadLettersRequest) -> pb.ListDeadLettersResponse:
        """Dead letters, those parked first come first."""
        asked = page(request.page_size, request.page_token, keys=2)
        rows = dead_letters.list_letters(
            call.work, asked, reason=request.reason, event_type=request.event_type, letter_ids=request.letter_ids
        )
        kept, token = asked.cut(rows, dead_letters.key_of)
        messages = [
            _letter_message(request.service, row, message=row.message, body_bytes=row.body_bytes) for row in kept
        ]
        return pb.ListDeadLettersResponse(dead_letters=messages, next_page_token=token)

    def get_dead_letter(self, call: Call, request: pb.GetDeadLetterRequest) -> pb.GetDeadLetterResponse:
        """A dead letter with its body and stack; who looked is logged, for the body may tell of people."""
        row = dead_letters.find(call.work, request.letter_id)
        log.info("dead_letter_read", service=request.service, letter_id=row.letter_id, actor=call.caller.subject)
        body = bytes(row.body)
        letter = _letter_message(
            request.service, row, message=row.message, stack=row.stack, body=body, body_bytes=len(body)
        )
        return pb.GetDeadLetterResponse(dead_letter=letter)

    def replay_dead_letters(self, call: Call, request: pb.ReplayDeadLettersRequest) -> pb.ReplayDeadLettersResponse:
        """Has the worker handle letters once more."""
        reason = _words(request.reason)
        rows = dead_letters.replay(call.work, request.letter_ids, actor=call.caller.subject, reason=reason)
        _log_repair("dead_letters_replayed", request.service, call, len(rows))
        return pb.ReplayDeadLettersResponse(dead_letters=[_repaired(request.service, row) for row in rows])

    def discard_dead_letters(self, call: Call, request: pb.DiscardDeadLettersRequest) -> pb.DiscardDeadLettersResponse:
        """Gives letters up for good."""
        reason = _words(request.reason)
        rows = dead_letters.discard(call.work, request.letter_ids, actor=call.caller.subject, reason=reason)
        _log_repair("dead_letters_discarded", request.service, call, len(rows))
        return pb.DiscardDeadLettersResponse(dead_letters=[_repaired(request.service, row) for row in rows])

    def list_repairs(self, call: Call, request: pb.ListRepairsRequest) -> pb.ListRepairsResponse:
        """What operators did, newest first."""
        asked = page(request.page_size, request.page_token)
        kept, token = asked.cut(dead_letters.list_repairs(call.work, asked), lambda row: [row.repair_id])
        messages = [_repair_message(request.service, row) for row in kept]
        return pb.ListRepairsResponse(repairs=messages, next_page_token=token)


def _backlog(database: Database) -> Backlog:
    with database.read() as work:
        return backlog(work)


def _words(reason: str) -> str:
    """The operator's reason as it is kept for ever: blanks would tell nobody why. Raises Invalid BAD_REQUEST."""
    words = reason.strip()
    if not words:
        fault = Violation("reason", "say why, in words: it is kept for the record")
        raise Invalid("BAD_REQUEST", "a repair needs a reason", [fault])
    return words


def _log_repair(event: str, service: str, call: Call, letters: int) -> None:
    log.info(event, service=service, letters=letters, actor=call.caller.subject)


def _queue_message(service: str, queue: QueueBacklog) -> pb.QueueStatus:
    kinds = {queue_name(service): pb.QUEUE_KIND_MAIN, dead_queue_name(service): pb.QUEUE_KIND_DEAD}
    kind = kinds.get(queue.name, pb.QUEUE_KIND_RETRY)
    return pb.QueueStatus(name=queue.name, kind=kind, messages=queue.messages, consumers=queue.consumers)


def _repaired(service: str, row: Row[Any]) -> pb.DeadLetter:
    return _letter_message(service, row, body_bytes=row.body_bytes)


def _letter_message(service: str, row: Row[Any], **further: Any) -> pb.DeadLetter:
    return pb.DeadLetter(
        service=service,
        letter_id=row.letter_id,
        direction=_DIRECTIONS[row.direction],
        event_type=row.type,
        event_id=row.event_id,
        source=row.source,
        subject=row.subject,
        time=row.time,
        traceparent=row.traceparent,
        attempts=row.attempts,
        reason=row.reason,
        parked_at=_timestamp(row.parked_at),
        replay_requested_at=_timestamp(row.replay_requested_at),
        **further,
    )


def _repair_message(service: str, row: Row[Any]) -> pb.Repair:
    return pb.Repair(
        service=service,
        repair_id=row.repair_id,
        at=_timestamp(row.at),
        actor=row.actor,
        action=_ACTIONS[row.action],
        letter_id=row.letter_id,
        event_type=row.type,
        subject=row.subject,
        reason=row.reason,
    )


def _timestamp(at: datetime | None) -> Timestamp | None:
    if at is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(at)
    return stamp
