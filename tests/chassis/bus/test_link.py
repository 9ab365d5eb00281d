"""How a worker finds a node of the broker, and how long it waits for one that says nothing."""

import threading
from collections.abc import Iterator

import kombu
import pytest
from sqlalchemy.engine import make_url

from chassis.bus.amqp_link import Address, Link, Outgoing
from chassis.bus.broker import BrokerAwayError
from chassis.settings import broker_nodes
from tests.servers import Proxy, RabbitmqServer
from tests.servers.process import free_ports, wait_until

QUEUE = "link"
QUORUM = {"x-queue-type": "quorum"}


@pytest.fixture
def proxy(rabbitmq_server: RabbitmqServer) -> Iterator[Proxy]:
    with Proxy(rabbitmq_server.port) as proxy:
        yield proxy


def url_of(rabbitmq_url: str, *ports: int) -> str:
    host = f"127.0.0.1:{make_url(rabbitmq_url).port}"
    assert host in rabbitmq_url
    return rabbitmq_url.replace(host, ",".join(f"127.0.0.1:{port}" for port in ports))


def receive(link: Link) -> list[object]:
    """Takes deliveries of the queue until there is one."""
    held: list[object] = []
    link.consume(QUEUE, 1, held.append)

    def came() -> bool:
        link.wait(1)
        return bool(held)

    wait_until(came, seconds=20, what="no delivery came")
    return held


def a_message(routing_key: str = QUEUE) -> Outgoing:
    return Outgoing("", routing_key, "1", b"", "text/plain", {}, {})


def test_a_url_names_one_node_or_several() -> None:
    assert broker_nodes("amqp://a:b%2C@h/v") == ["amqp://a:b%2C@h/v"]
    assert broker_nodes("amqps://a,b:c@h1:1,h2,[::1]:3/v") == [
        "amqps://a,b:c@h1:1/v",
        "amqps://a,b:c@h2/v",
        "amqps://a,b:c@[::1]:3/v",
    ]
    assert (
        kombu.Connection(broker_nodes("amqp://a:b@h1,h2:7/v")[1]).as_uri(include_password=True) == "amqp://a:b@h2:7/v"
    )


@pytest.mark.parametrize("hosts", ["", "h1,", "h1,,h2", "h1:x,h2", "h1:70000", "h1:0", "h1, h2", "h1:1:2"])
def test_a_node_that_cannot_be_is_named(hosts: str) -> None:
    with pytest.raises(ValueError, match="as a node: write host:port"):
        broker_nodes(f"amqp://a:b@{hosts}/v")


def test_a_node_that_is_down_is_passed_over(rabbitmq_server: RabbitmqServer, rabbitmq_url: str) -> None:
    down = free_ports(2)
    url = url_of(rabbitmq_url, *down, rabbitmq_server.port)
    for _ in range(8):  # in any order
        Link(Address(url)).close()
    with pytest.raises(BrokerAwayError) as away:
        Link(Address(url_of(rabbitmq_url, *down)))
    assert all(f":{port}: ConnectionRefusedError" in str(away.value) for port in down)


def test_the_first_node_is_drawn_so_that_load_spreads(rabbitmq_server: RabbitmqServer, rabbitmq_url: str) -> None:
    with Proxy(rabbitmq_server.port) as one, Proxy(rabbitmq_server.port) as other:
        links = [Link(Address(url_of(rabbitmq_url, one.port, other.port))) for _ in range(24)]
        assert (one.connections + other.connections, bool(one.connections), bool(other.connections)) == (24, True, True)
        for link in links:
            link.close()


def test_a_connection_that_is_cut_is_noticed_at_once(proxy: Proxy, rabbitmq_url: str) -> None:
    link = Link(Address(url_of(rabbitmq_url, proxy.port)))
    link.declare_queue(QUEUE, QUORUM)
    link.consume(QUEUE, 1, lambda _: None)
    failures: list[BrokerAwayError] = []

    def wait() -> None:
        try:
            link.wait(15)
        except BrokerAwayError as error:
            failures.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert proxy.cut() == 1
    waiting.join(5)
    assert failures
    link.close()


@pytest.mark.parametrize("use", ["declare", "publish", "wait"])
def test_a_node_that_hangs_is_given_up_after_the_heartbeat(proxy: Proxy, rabbitmq_url: str, use: str) -> None:
    link = Link(Address(url_of(rabbitmq_url, proxy.port), heartbeat=2))
    link.select_confirms()
    link.declare_queue(QUEUE, QUORUM)
    link.beat()
    proxy.hang()

    def waits_and_beats() -> None:
        for _ in range(10):
            link.wait(15)
            link.beat()

    calls = {
        "declare": lambda: link.declare_queue(QUEUE, QUORUM),
        "publish": lambda: link.publish([a_message()]),
        "wait": waits_and_beats,
    }
    with pytest.raises(BrokerAwayError):
        calls[use]()
    link.close()


def test_a_node_that_takes_a_connection_and_says_nothing_is_passed_over(
    proxy: Proxy, rabbitmq_server: RabbitmqServer, rabbitmq_url: str
) -> None:
    proxy.hang()
    url = url_of(rabbitmq_url, proxy.port, rabbitmq_server.port)
    for _ in range(4):
        Link(Address(url, heartbeat=2)).close()


def test_the_broker_gives_up_a_consumer_that_says_nothing(proxy: Proxy, rabbitmq_url: str) -> None:
    """What it had in hand goes to another, long before it is seen to be dead by anybody else."""
    silent = Link(Address(url_of(rabbitmq_url, proxy.port), heartbeat=2))
    silent.declare_queue(QUEUE, QUORUM)
    other = Link(Address(rabbitmq_url))
    other.select_confirms()
    other.publish([a_message()])
    assert receive(silent)
    proxy.hang()
    assert receive(other)
    other.close()
    silent.close()
