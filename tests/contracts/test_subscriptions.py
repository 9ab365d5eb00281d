"""What is said is heard: the events of the contracts are those that some service consumes."""

import re
from pathlib import Path

import pytest
from google.protobuf.descriptor import FileDescriptor

from chassis.bus.process import load_workers, subscriptions_of
from duokua.cases.v1 import events_pb2 as cases_events
from duokua.eseal.v1 import events_pb2 as eseal_events
from duokua.identity.v1 import events_pb2 as identity_events
from duokua.licences.v1 import events_pb2 as licences_events
from duokua.matters.v1 import events_pb2 as matters_events
from duokua.routing.v1 import events_pb2 as routing_events
from tests.contracts.effects import CHECKS

ROOT = Path(__file__).parents[2]
CONTRACTS = {
    "cases": cases_events,
    "eseal": eseal_events,
    "identity": identity_events,
    "licences": licences_events,
    "matters": matters_events,
    "routing": routing_events,
}


def subscriptions() -> dict[str, set[str]]:
    return subscriptions_of(load_workers([]))


def events_of(contract: FileDescriptor) -> set[str]:
    """The messages that are no part of another: those stand for what several events have in common."""
    messages = contract.message_types_by_name.values()
    parts = {field.message_type.full_name for message in messages for field in message.fields if field.message_type}
    return {str(message.full_name) for message in messages} - parts


def all_events() -> set[str]:
    return {event for contract in CONTRACTS.values() for event in events_of(contract.DESCRIPTOR)}


def test_every_contract_of_events_is_known_here() -> None:
    files = {path.parent.parent.name for path in (ROOT / "proto/duokua").glob("*/v1/events.proto")}
    assert files == set(CONTRACTS)


def test_every_event_is_consumed_and_everything_consumed_is_an_event() -> None:
    assert set().union(*subscriptions().values()) == all_events()


@pytest.mark.parametrize("service", sorted(CONTRACTS))
def test_every_event_of_a_contract_is_emitted_by_its_service_alone(service: str) -> None:
    """Found in the code: an event that a service emits is made there, by the name of its contract."""
    made = {
        other: "\n".join(path.read_text("utf-8") for path in (ROOT / "services" / other).rglob("*.py"))
        for other in sorted({*CONTRACTS, "notify"})
    }
    for event in events_of(CONTRACTS[service].DESCRIPTOR):
        name = event.rpartition(".")[2]
        makers = {other for other, code in made.items() if re.search(rf"\bevents(_pb2)?\.{name}\(", code)}
        assert service in makers, f"{service} emits no {event}"
        assert not makers - {service}, f"{makers - {service}} makes a {event}"


def test_every_effect_of_every_event_is_checked() -> None:
    assert set(CHECKS) == {(service, event) for service, events in subscriptions().items() for event in events}
