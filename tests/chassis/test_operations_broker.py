"""What a bus status says of the queues on RabbitMQ: how long they are, and that it is not held up by the broker."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chassis import operations
from chassis.bus.amqp_link import Address, Link, Outgoing
from chassis.bus.topology import RetryPolicy, dead_queue_name, queue_name, queues, retry_queue_name
from duokua.operations.v1 import bus_service_pb2
from tests.edge import Edge

pb = bus_service_pb2
POLICY = RetryPolicy()
GENEROUS = 3.0
"""Seconds that a busy machine may take on top."""


def status(edge: Edge, service: str = "cases") -> pb.BusStatus:
    return edge.operator.bus(service).GetBusStatus(pb.GetBusStatusRequest(service=service)).status


@contextmanager
def linked(url: str) -> Iterator[Link]:
    link = Link(Address(url))
    try:
        yield link
    finally:
        link.close()


def fill(link: Link, queue: str, messages: int) -> None:
    link.select_confirms()
    body: dict[str, Any] = {"body": b"x", "content_type": "text/plain", "headers": {}, "properties": {}}
    outgoing = [Outgoing(exchange="", routing_key=queue, key=f"{queue}-{number}", **body) for number in range(messages)]
    assert len(link.publish(outgoing).confirmed) == messages


def test_queues_are_told_with_their_length_and_consumers(tmp_path: Path, rabbitmq_url: str) -> None:
    longest = retry_queue_name("cases", POLICY.delays[-1])
    with Edge(tmp_path, "cases", broker_url=rabbitmq_url) as edge, linked(rabbitmq_url) as link:
        for queue in queues("cases", POLICY):
            link.declare_queue(queue.name, queue.arguments)
        fill(link, queue_name("cases"), 3)
        with linked(rabbitmq_url) as other:
            fill(other, longest, 2)
            other.consume(dead_queue_name("cases"), 1, lambda _: None)
            found = status(edge)
    assert (found.broker, found.queues_unknown) == (pb.BROKER_STATE_ANSWERS, "")
    told = {queue.name: (queue.kind, queue.messages, queue.consumers) for queue in found.queues}
    assert set(told) == {queue.name for queue in queues("cases", POLICY)}
    assert told[queue_name("cases")] == (pb.QUEUE_KIND_MAIN, 3, 0)
    assert told[longest] == (pb.QUEUE_KIND_RETRY, 2, 0)
    assert told[dead_queue_name("cases")] == (pb.QUEUE_KIND_DEAD, 0, 1)


def test_a_service_that_consumes_nothing_has_no_queues(tmp_path: Path, rabbitmq_url: str) -> None:
    with Edge(tmp_path, broker_url=rabbitmq_url) as edge:
        found = status(edge, "identity")
    assert (found.broker, list(found.queues), found.queues_unknown) == (pb.BROKER_STATE_ANSWERS, [], "")


def test_a_queue_that_is_not_there_is_left_out(tmp_path: Path, rabbitmq_url: str) -> None:
    with Edge(tmp_path, "routing", broker_url=rabbitmq_url) as edge, linked(rabbitmq_url) as link:
        for queue in queues("routing", POLICY)[::2]:
            link.declare_queue(queue.name, queue.arguments)
        names = [queue.name for queue in status(edge, "routing").queues]
    assert names == [queue.name for queue in queues("routing", POLICY)[::2]]


def test_a_broker_that_is_away_leaves_the_queues_unknown(tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with Edge(tmp_path, "cases", broker_url=f"amqp://duokua:secret@127.0.0.1:{port}/v") as edge:
            found = status(edge)
    assert (found.broker, list(found.queues)) == (pb.BROKER_STATE_AWAY, [])
    assert f"127.0.0.1:{port}" in found.queues_unknown
    assert "secret" not in found.queues_unknown


def test_a_broker_that_hangs_holds_up_neither_the_status_nor_other_calls(tmp_path: Path) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        url = f"amqp://duokua:secret@127.0.0.1:{deaf.getsockname()[1]}/v"
        with Edge(tmp_path, "cases", broker_url=url, api_threads=1) as edge:
            bus = edge.operator.bus("cases")
            bus.ListRepairs(pb.ListRepairsRequest(service="cases"))
            began = time.monotonic()
            waiting = [bus.GetBusStatus.future(pb.GetBusStatusRequest(service="cases")) for _ in range(3)]
            bus.ListRepairs(pb.ListRepairsRequest(service="cases"))
            assert time.monotonic() - began < operations.BROKER_SECONDS
            found = [each.result(20).status for each in waiting]
            assert time.monotonic() - began < operations.BROKER_SECONDS + GENEROUS
    assert {each.broker for each in found} == {pb.BROKER_STATE_AWAY}
    assert any("did not answer within 4 seconds" in each.queues_unknown for each in found)


def test_a_password_file_that_is_missing_is_named(tmp_path: Path) -> None:
    settings: dict[str, Any] = {
        "broker_url": "amqp://duokua@127.0.0.1:1/v",
        "broker_password_file": tmp_path / "broker-password",
    }
    with Edge(tmp_path, "cases", **settings) as edge:
        found = status(edge)
    assert found.broker == pb.BROKER_STATE_AWAY
    assert "broker-password" in found.queues_unknown
