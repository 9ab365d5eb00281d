"""The bodies of events, read with the contracts: what an operator sees of a dead letter."""

from typing import Any

from google.protobuf import descriptor_pool, json_format
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from cli.output import as_dict
from duokua.cases.v1 import events_pb2 as cases_events
from duokua.eseal.v1 import events_pb2 as eseal_events
from duokua.identity.v1 import events_pb2 as identity_events
from duokua.licences.v1 import events_pb2 as licences_events
from duokua.matters.v1 import events_pb2 as matters_events
from duokua.routing.v1 import events_pb2 as routing_events

CONTRACTS = (cases_events, eseal_events, identity_events, licences_events, matters_events, routing_events)
"""Every service's events; importing them is what makes their types known."""


def decoded(event_type: str, body: bytes) -> dict[str, Any] | None:
    """The event as JSON has it; None when its type is unknown here, or the body is no such event."""
    try:
        descriptor = descriptor_pool.Default().FindMessageTypeByName(event_type)
        return as_dict(GetMessageClass(descriptor).FromString(body))
    except (KeyError, DecodeError, json_format.Error, ValueError, TypeError):
        # A body may be anything: one that parses can still hold what JSON cannot say, such as a time beyond all years.
        return None
