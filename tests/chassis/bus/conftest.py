from collections.abc import Collection, Iterator, Mapping
from zlib import crc32

import pytest

from tests.chassis.bus.buses import Bus, MakeBus, embedded_bus, rabbit_bus


@pytest.fixture(params=["embedded", "rabbitmq"])
def make_bus(request: pytest.FixtureRequest) -> Iterator[MakeBus]:
    """A bus on which the named services consume the named event types; on each broker in turn."""
    made: list[Bus] = []

    def make(routes: Mapping[str, Collection[str]]) -> Bus:
        if request.param == "embedded":
            bus = embedded_bus(routes)
        else:
            bus = rabbit_bus(request.getfixturevalue("rabbitmq_url"))
        made.append(bus)
        return bus

    yield make
    for bus in made:
        bus.close()


@pytest.fixture
def service(request: pytest.FixtureRequest) -> str:
    """A service name of the test's own, for tests of a module share a broker."""
    return f"s{crc32(request.node.nodeid.encode())}"
