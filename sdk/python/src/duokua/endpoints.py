"""Where the services of the platform are, and how a channel to them is made."""

import ipaddress
import json
from collections.abc import Mapping
from functools import cache
from typing import Final

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from duokua.cases.v1 import (
    application_service_pb2,
    calendar_service_pb2,
    case_service_pb2,
    draft_service_pb2,
    log_service_pb2,
    operations_service_pb2,
    record_service_pb2,
    supervision_service_pb2,
    task_service_pb2,
)
from duokua.eseal.v1 import seal_service_pb2
from duokua.identity.v1 import directory_service_pb2, token_service_pb2
from duokua.licences.v1 import licence_service_pb2, sharing_service_pb2
from duokua.matters.v1 import catalogue_service_pb2, matter_service_pb2, scenario_service_pb2
from duokua.notify.v1 import notify_service_pb2
from duokua.operations.v1 import bus_service_pb2
from duokua.options.v1 import options_pb2
from duokua.routing.v1 import routing_service_pb2

SERVICES: Final = ("identity", "matters", "routing", "cases", "eseal", "notify", "licences")
LARGEST_MESSAGE: Final = 16 * 1024 * 1024

_CONTRACTS = (
    application_service_pb2,
    bus_service_pb2,
    calendar_service_pb2,
    case_service_pb2,
    catalogue_service_pb2,
    directory_service_pb2,
    draft_service_pb2,
    licence_service_pb2,
    log_service_pb2,
    matter_service_pb2,
    notify_service_pb2,
    operations_service_pb2,
    record_service_pb2,
    routing_service_pb2,
    scenario_service_pb2,
    seal_service_pb2,
    sharing_service_pb2,
    supervision_service_pb2,
    task_service_pb2,
    token_service_pb2,
)
_RETRY: Final = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}


class Endpoints:
    """The address of each service.

    Made from one "host:port" for all services, from a mapping of service to "host:port", or from the text of either:
    "host:port" or "cases=host:port,identity=host:port". Raises ValueError, naming the part, when it cannot be read.
    """

    def __init__(self, addresses: str | Mapping[str, str]) -> None:
        given = _parsed(addresses) if isinstance(addresses, str) else dict(addresses)
        for service, address in given.items():
            if service not in SERVICES:
                raise ValueError(f"there is no service {service!r}; there are {', '.join(SERVICES)}")
            _split(address)
        if not given:
            raise ValueError("no address is given; give host:port, or service=host:port for each service")
        self._addresses = given

    def address(self, service: str) -> str:
        """Give the "host:port" of a service; raises ValueError when it was not given."""
        try:
            return self._addresses[service]
        except KeyError:
            known = ", ".join(sorted(self._addresses))
            raise ValueError(f"no address is given for the service {service!r} (given: {known})") from None

    def require_loopback(self) -> None:
        """Raise ValueError when an address leads out of this machine."""
        for service, address in self._addresses.items():
            if not is_loopback(address):
                raise ValueError(
                    f"{service} at {address} is not on this machine: tokens and personal data would travel in the "
                    f"clear; leave out `insecure` and give the platform's root certificate"
                )


def is_loopback(address: str) -> bool:
    """Whether a "host:port" stays on this machine; names other than localhost are taken to lead out."""
    host = _split(address)[0]
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def channel_options(*, wait_for_ready: bool) -> list[tuple[str, int | str]]:
    """Options of every channel: message sizes, keepalive, quick reconnection, and which calls gRPC may repeat."""
    return [
        ("grpc.max_receive_message_length", LARGEST_MESSAGE),
        ("grpc.max_send_message_length", LARGEST_MESSAGE),
        # Finds a peer that vanished without a word within 40 s; only while a call is open.
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 1_000),
        ("grpc.max_reconnect_backoff_ms", 5_000),
        ("grpc.enable_retries", 1),
        ("grpc.service_config", service_config(wait_for_ready=wait_for_ready)),
    ]


@cache
def service_config(*, wait_for_ready: bool) -> str:
    """The gRPC service config: UNAVAILABLE is tried again where a repeat does no harm."""
    repeatable: list[dict[str, str]] = []
    others: list[dict[str, str]] = []
    for contract in _CONTRACTS:
        for service in contract.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                name = {"service": service.full_name, "method": method.name}
                (repeatable if is_repeatable(service, method) else others).append(name)
    common = {"waitForReady": wait_for_ready}
    return json.dumps(
        {"methodConfig": [{"name": repeatable, "retryPolicy": _RETRY, **common}, {"name": others, **common}]}
    )


def is_repeatable(service: ServiceDescriptor, method: MethodDescriptor) -> bool:
    """Whether a call may be sent again when it is not known what became of it: a read, or a write with `request_id`.

    Not so for IssueToken, whose assertion is good for one use, and for the stream, which has its own reconnection.
    """
    if service.name == "TokenService" and method.name == "IssueToken":
        return False
    if method.client_streaming:
        return False
    policy = method.GetOptions().Extensions[options_pb2.policy]
    inner = [field.message_type for field in method.input_type.fields if field.message_type and not field.is_repeated]
    return not policy.write or any("request_id" in message.fields_by_name for message in (method.input_type, *inner))


def _parsed(text: str) -> dict[str, str]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if len(parts) == 1 and "=" not in parts[0]:
        return dict.fromkeys(SERVICES, parts[0])
    addresses: dict[str, str] = {}
    for part in parts:
        service, equals, address = part.partition("=")
        if not equals:
            raise ValueError(f"{part!r} is not service=host:port")
        addresses[service.strip()] = address.strip()
    return addresses


def _split(address: str) -> tuple[str, int]:
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{address!r} is not host:port (with a port from 1 to 65535)")
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], int(port)
    if ":" in host:
        raise ValueError(f"{address!r}: write an IPv6 address in brackets, as in [::1]:8443")
    return host, int(port)
