"""One connection to RabbitMQ: the only place that knows kombu and py-amqp, which publish no types.

py-amqp reads a message with nine small `recv` calls and writes each with a `send` of its own. Under eventlet that is
most of a message's cost, so a link reads large pieces into a buffer and, while it publishes a batch, collects writes.
"""

import random
import ssl
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kombu
from kombu.transport.pyamqp import Transport

from chassis.bus.broker import BrokerAwayError
from chassis.settings import broker_nodes

CONNECT_SECONDS = 5
_GOODBYE_SECONDS = 2
_UNREADABLE = (ValueError, OverflowError, struct.error)
_ERRORS: tuple[type[Exception], ...] = (*Transport.connection_errors, *Transport.channel_errors)
_LAST_WORDS = (*_ERRORS, *_UNREADABLE, AttributeError, BrokerAwayError)
"""What may go wrong while a connection is given up, which nobody needs to know."""
_READ_SIZE = 64 * 1024
_FLUSH_SIZE = 256 * 1024
_BASIC_PUBLISH = (60, 40)
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Address:
    """Where the broker is: an `amqp://` or `amqps://` URL of one node or of several, and who vouches for them."""

    url: str
    ca_file: Path | None = None
    heartbeat: int = 30
    """Seconds without an answer after which a node counts as gone (it may have blocked publishers: memory, disk)."""

    def connect(self) -> Any:
        """A connection of py-amqp to any node, beginning with one at random so that load spreads.

        Raises BrokerAwayError, with each node's reason, when none lets us in.
        """
        nodes = broker_nodes(self.url)
        failures = []
        for node in random.sample(nodes, len(nodes)):
            patience = min(CONNECT_SECONDS, self.heartbeat)
            client = kombu.Connection(node, heartbeat=self.heartbeat, connect_timeout=patience)
            client.ssl = self._tls(client.hostname)
            try:
                return client.transport.establish_connection()
            except _ERRORS as error:
                failures.append(f"{client.hostname}:{client.port}: {type(error).__name__}: {error}")
        raise BrokerAwayError("; ".join(failures))

    def _tls(self, hostname: str) -> dict[str, object] | bool:
        """TLS options; the certificate is always verified."""
        if not self.url.startswith("amqps:"):
            return False
        options: dict[str, object] = {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": hostname}
        return options | ({"ca_certs": str(self.ca_file)} if self.ca_file else {})


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to publish."""

    exchange: str
    routing_key: str
    key: str
    """Names the message in the answer."""
    body: bytes
    content_type: str
    headers: Mapping[str, object]
    properties: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The broker's answers, as keys of the messages."""

    confirmed: set[str]
    returned: set[str]
    """No queue took them (the broker confirms these too; they are not in `confirmed`)."""
    refused: set[str]


class _Wire:
    """Buffered reading and collected writing on py-amqp's transport."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._recv = transport._quick_recv  # noqa: SLF001  py-amqp has no hook for this; a test would notice a change
        self._send = transport._write  # noqa: SLF001
        self._buffer = b""
        self._start = 0
        self._corked = bytearray()
        transport._quick_recv = self._read  # noqa: SLF001

    def _read(self, size: int) -> bytes:
        if self._start == len(self._buffer):
            self._buffer, self._start = self._recv(_READ_SIZE), 0
        piece = self._buffer[self._start : self._start + size]
        self._start += len(piece)
        return piece

    def readable(self) -> bool:
        """Whether there is something to read right now."""
        if self._start < len(self._buffer):
            return True
        try:
            with self._transport.having_timeout(0):
                self._buffer, self._start = self._recv(_READ_SIZE), 0
        except (TimeoutError, BlockingIOError, ssl.SSLWantReadError):
            return False
        if not self._buffer:
            raise BrokerAwayError("the broker closed the connection")
        return True

    @contextmanager
    def corked(self) -> Iterator[None]:
        """Collect what is written meanwhile, and send it in large pieces."""
        self._transport._write = self._collect  # noqa: SLF001
        try:
            yield
        finally:
            self._transport._write = self._send  # noqa: SLF001
            self._flush()

    def _collect(self, data: bytes) -> None:
        self._corked += data
        if len(self._corked) > _FLUSH_SIZE:
            self._flush()

    def _flush(self) -> None:
        data, self._corked = self._corked, bytearray()
        self._send(data)


class Link:
    """A connection with one channel. Every method raises `BrokerAwayError` when the broker went away."""

    def __init__(self, address: Address) -> None:
        self._patience = address.heartbeat
        self._connection: Any = address.connect()
        with self._translated():
            # Holds wherever no shorter time is said: py-amqp would wait for ever for a node that hangs.
            self._connection.transport.sock.settimeout(self._patience)
            self._wire = _Wire(self._connection.transport)
            self.channel: Any = self._connection.channel()
            self.channel.auto_decode = False  # bodies are bytes, whatever a sender says of their encoding
        self._published = 0
        self._unanswered: dict[int, str] = {}
        self._refused: set[str] = set()
        self._returned: set[str] = set()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except _ERRORS as error:
            raise BrokerAwayError(f"{type(error).__name__}: {error}") from error
        except _UNREADABLE as error:
            # py-amqp cannot read a message's headers. RabbitMQ gives it up after some deliveries.
            raise BrokerAwayError(f"the broker sent what cannot be read: {error!r}") from error

    # --- topology

    def declare_exchange(self, name: str) -> None:
        """Make sure of a durable topic exchange."""
        with self._translated():
            self.channel.exchange_declare(name, "topic", durable=True, auto_delete=False)

    def declare_queue(self, name: str, arguments: Mapping[str, object]) -> None:
        """Make sure of a durable queue."""
        with self._translated():
            self.channel.queue_declare(name, durable=True, auto_delete=False, arguments=dict(arguments))

    def bind(self, queue: str, exchange: str, routing_key: str) -> None:
        """Let the queue take what is published with a routing key."""
        with self._translated():
            self.channel.queue_bind(queue, exchange, routing_key)

    def count(self, queue: str) -> tuple[int, int] | None:
        """How many messages are ready in a queue, and how many consumers it has; None when there is no such queue."""
        with self._translated():
            try:
                found = self.channel.queue_declare(queue, passive=True)
            except Transport.channel_errors as error:
                if error.reply_code != _NOT_FOUND:
                    raise
                self.channel = self._connection.channel()  # the broker has closed the old one
                return None
            return int(found.message_count), int(found.consumer_count)

    # --- publishing

    def select_confirms(self) -> None:
        """From here on the broker answers for each published message."""
        with self._translated():
            self.channel.confirm_select()
        self.channel.events["basic_ack"].add(self._on_ack)
        self.channel.events["basic_nack"].add(self._on_nack)
        self.channel.events["basic_return"].add(self._on_return)

    def publish(self, messages: Sequence[Outgoing]) -> Confirmation:
        """Publish all messages at once as `mandatory`, and wait until the broker has answered for each."""
        self._refused, self._returned = set(), set()
        deadline = time.monotonic() + self._patience
        with self._translated():
            with self._wire.corked():
                for message in messages:
                    self._publish(message)
            while self._unanswered:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise BrokerAwayError(f"{len(self._unanswered)} messages were not confirmed in {self._patience} s")
                self._connection.drain_events(timeout=left)
        keys = {message.key for message in messages}
        return Confirmation(keys - self._refused - self._returned, self._returned, self._refused)

    def _publish(self, message: Outgoing) -> None:
        content = self.channel.prepare_message(
            message.body,
            content_type=message.content_type,
            headers=dict(message.headers),
            properties={"delivery_mode": 2, "message_id": message.key, **message.properties},
        )
        # `basic_publish` would look for "connection blocked" with a read before each message.
        arguments = (0, message.exchange, message.routing_key, True, False)
        self.channel.send_method(_BASIC_PUBLISH, "Bssbb", arguments, content)
        self._published += 1
        self._unanswered[self._published] = message.key

    def _answered(self, tag: int, *, multiple: bool) -> list[str]:
        if not multiple:
            return [self._unanswered.pop(tag)]
        return [self._unanswered.pop(each) for each in [each for each in self._unanswered if each <= tag]]

    def _on_ack(self, tag: int, multiple: bool) -> None:  # noqa: FBT001  py-amqp's signature
        self._answered(tag, multiple=multiple)

    def _on_nack(self, tag: int, multiple: bool) -> None:  # noqa: FBT001
        self._refused.update(self._answered(tag, multiple=multiple))

    def _on_return(self, _error: Exception, _exchange: str, _routing_key: str, message: Any) -> None:
        self._returned.add(message.properties["message_id"])

    # --- consuming

    def consume(self, queue: str, prefetch: int, on_message: Callable[[Any], None]) -> str:
        """Have messages of a queue handed to `on_message` while `drain` runs; gives the tag to `cancel` with."""
        with self._translated():
            self.channel.basic_qos(0, prefetch, False)  # noqa: FBT003  AMQP's arguments are positional
            return str(self.channel.basic_consume(queue, callback=on_message, on_cancel=self._on_cancel))

    def get(self, queue: str) -> Any | None:
        """One message of a queue, to be acknowledged; None when it is empty."""
        with self._translated():
            return self.channel.basic_get(queue)

    def cancel(self, tag: str) -> None:
        """Consume no more; what was delivered and not acknowledged stays with this connection."""
        with self._translated():
            self.channel.basic_cancel(tag)

    def _on_cancel(self, _tag: str) -> None:
        raise BrokerAwayError("the broker cancelled the consumer: its queue was deleted or lost its leader")

    def wait(self, seconds: float) -> None:
        """Process one frame, waiting for it so long at most, and no longer than half a heartbeat."""
        with self._translated(), suppress(TimeoutError):
            self._connection.drain_events(timeout=min(seconds, self._patience / 2))

    def drain(self, enough: Callable[[], bool]) -> None:
        """Process what is there already, until `enough`."""
        with self._translated():
            while not enough() and self._wire.readable():
                self._connection.blocking_read(CONNECT_SECONDS)

    def acknowledge(self, tag: int, *, multiple: bool) -> None:
        """Tell the broker to forget a delivery, or all up to it."""
        with self._translated():
            self.channel.basic_ack(tag, multiple=multiple)

    # --- life

    def beat(self) -> None:
        """Read what has come, and send or miss a heartbeat when one is due."""
        self.drain(lambda: False)
        with self._translated():
            self._connection.heartbeat_tick()

    def hang_up(self) -> None:
        """Make a waiting call in another thread fail at once."""
        with suppress(*_LAST_WORDS):
            self._connection.transport.sock.shutdown(0)

    def close(self) -> None:
        """Close the connection; unacknowledged deliveries go back to their queues."""
        with suppress(*_LAST_WORDS):
            self._connection.transport.sock.settimeout(_GOODBYE_SECONDS)
        with suppress(*_LAST_WORDS):
            self._connection.close()
        with suppress(*_LAST_WORDS):
            self._connection.collect()
