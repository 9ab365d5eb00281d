"""RabbitMQ nodes that form one broker, each of which may be killed and started again."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from tests.servers.process import wait_until
from tests.servers.rabbitmq import Erlang, Membership, RabbitmqServer

NODES = 3
MEMBERS_SECONDS = 60.0


class RabbitmqCluster:
    """Nodes with one set of users, queues and messages; a quorum queue has a member on each."""

    def __init__(self) -> None:
        self._erlang = Erlang()
        first = RabbitmqServer(cluster=Membership(self._erlang))
        others = [
            RabbitmqServer(cluster=Membership(self._erlang, first), password=first.password) for _ in range(NODES - 1)
        ]
        self.nodes = [first, *others]

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start all nodes: the first comes up before the others, which join it side by side."""
        self.nodes[0].start()
        _side_by_side(node.start for node in self.nodes[1:])

    def close(self) -> None:
        """Stop all nodes, and remove what they had."""
        _side_by_side(node.close for node in self.nodes)
        self._erlang.stop()

    def url(self, vhost: str = "/") -> str:
        """The address of a virtual host, with all nodes."""
        return self.nodes[0].url(vhost, ports=[node.port for node in self.nodes])

    def leader(self, queue: str, vhost: str = "/") -> RabbitmqServer:
        """The node that a queue's leader is on."""
        leaders = dict(self._list_queues(vhost, "name", "leader"))
        return next(node for node in self.nodes if node.name == leaders[queue])

    def wait_complete(self, vhost: str = "/", *, seconds: float = MEMBERS_SECONDS) -> None:
        """Return once each queue has a member on every node, all of them up; TimeoutError when one never has."""

        def complete() -> bool:
            return all(online.count("@") == NODES for _, online in self._list_queues(vhost, "name", "online"))

        wait_until(complete, seconds=seconds, what="a queue is not on all nodes")

    def _list_queues(self, vhost: str, *columns: str) -> list[list[str]]:
        node = next(node for node in self.nodes if node.is_running)
        listed = node.control("list_queues", "--vhost", vhost, "--no-table-headers", *columns)
        return [line.split("\t") for line in listed.splitlines() if line.strip()]


def _side_by_side(calls: Iterable[Callable[[], None]]) -> None:
    with ThreadPoolExecutor() as threads:
        for each in [threads.submit(call) for call in calls]:
            each.result()
