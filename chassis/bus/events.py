"""How an event travels: CloudEvents 1.0 attributes as message headers, the protobuf message as the body.

Header names follow the CloudEvents binding for AMQP, binary content mode (section 3.1.3): each attribute is prefixed
with `cloudEvents:`. RabbitMQ's AMQP 0-9-1 headers stand for the binding's application properties. `traceparent` keeps
the name that W3C Trace Context gives it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from google.protobuf.message import DecodeError, Message

CONTENT_TYPE = "application/protobuf"
SPEC_VERSION = "1.0"
_PREFIX = "cloudEvents:"
_ALTERNATIVE_PREFIX = "cloudEvents_"
_REQUIRED = ("id", "source", "type")

TRACEPARENT = "traceparent"
ATTEMPTS = "duokua-attempts"
MOST_ATTEMPTS = 1_000_000
"""No event is tried more often; whoever says otherwise is not believed."""


class UndecodableEventError(Exception):
    """A message that is no event of ours: no later attempt can read it."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One event on its way: what the bus must know, and the body that it does not look into."""

    id: str
    """UUIDv7; the same in every copy, so that consumers can drop what they have handled."""
    type: str
    """The protobuf message's full name, such as `duokua.cases.v1.CaseSubmitted`; also the routing key."""
    source: str
    """The sending service, as a URI reference: `/services/cases`."""
    subject: str
    """What the event is about, such as a case id."""
    time: str
    """When it happened, RFC 3339."""
    body: bytes
    traceparent: str = ""
    attempts: int = 0
    """How often its handling has failed so far."""


def source_of(service: str) -> str:
    """The CloudEvents `source` of a service's events."""
    return f"/services/{service}"


def event_type(event: type[Message]) -> str:
    """The name under which a message travels, which is its protobuf full name."""
    return str(event.DESCRIPTOR.full_name)


def to_headers(envelope: Envelope) -> dict[str, str | int]:
    """The message headers of an event."""
    headers: dict[str, str | int] = {
        "cloudEvents:specversion": SPEC_VERSION,
        "cloudEvents:id": envelope.id,
        "cloudEvents:source": envelope.source,
        "cloudEvents:type": envelope.type,
        "cloudEvents:subject": envelope.subject,
        "cloudEvents:time": envelope.time,
    }
    if envelope.traceparent:
        headers[TRACEPARENT] = envelope.traceparent
    if envelope.attempts:
        headers[ATTEMPTS] = envelope.attempts
    return headers


def from_headers(headers: Mapping[str, object], body: bytes) -> Envelope:
    """Read an event as it came off the bus.

    Raises `UndecodableEventError` when a required attribute is missing or the version is not 1.0.
    """
    missing = [name for name in _REQUIRED if not _attribute(headers, name)]
    if missing:
        raise UndecodableEventError(f"the message has no CloudEvents attribute {', '.join(missing)}")
    version = _attribute(headers, "specversion")
    if version != SPEC_VERSION:
        raise UndecodableEventError(f"the message has CloudEvents version {version!r}, expected {SPEC_VERSION!r}")
    attempts = headers.get(ATTEMPTS, 0)
    return Envelope(
        id=_attribute(headers, "id"),
        type=_attribute(headers, "type"),
        source=_attribute(headers, "source"),
        subject=_attribute(headers, "subject"),
        time=_attribute(headers, "time"),
        body=body,
        traceparent=str(headers.get(TRACEPARENT, "")),
        attempts=min(max(attempts, 0), MOST_ATTEMPTS) if isinstance(attempts, int) else 0,
    )


def _attribute(headers: Mapping[str, object], name: str) -> str:
    value = headers.get(_PREFIX + name)
    if value is None:
        value = headers.get(_ALTERNATIVE_PREFIX + name, "")
    return str(value)


def decode(event: type[Message], body: bytes) -> Message:
    """Parse a body. Raises `UndecodableEventError` when it is no such message."""
    try:
        return event.FromString(body)
    except DecodeError as error:
        raise UndecodableEventError(f"the body is no {event_type(event)}: {error}") from error
