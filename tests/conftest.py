"""What every test may ask for: the real servers, and databases of both kinds."""

import os
from collections.abc import Iterator
from typing import NoReturn

import hypothesis
import pytest

from tests.servers import NotAvailableError, PostgresServer, RabbitmqServer

CI = bool(os.environ.get("CI"))

# In CI the same examples every time, so that a failure is the change's; elsewhere new ones on each run. A failure
# prints the line that repeats it. No deadline for an example: two busy cores say nothing about the code.
hypothesis.settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
hypothesis.settings.register_profile("explore", deadline=None, print_blob=True)
hypothesis.settings.load_profile("ci" if CI else "explore")


def _without(error: NotAvailableError) -> NoReturn:
    """Skip, and say why; in CI a server that is missing is a failure."""
    if CI:
        pytest.fail(str(error), pytrace=False)
    pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The run's own PostgreSQL. A test that stops or kills it starts a PostgresServer of its own instead."""
    try:
        server = PostgresServer()
    except NotAvailableError as error:
        _without(error)
    with server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq_server() -> Iterator[RabbitmqServer]:
    """The run's own RabbitMQ. A test that stops or kills it starts a RabbitmqServer of its own instead."""
    try:
        server = RabbitmqServer()
    except NotAvailableError as error:
        _without(error)
    with server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of an empty database that only this test uses."""
    with postgres_server.fresh_database() as url:
        yield url


@pytest.fixture(scope="module")
def rabbitmq_url(rabbitmq_server: RabbitmqServer) -> Iterator[str]:
    """The address of an empty virtual host that only this module uses."""
    with rabbitmq_server.fresh_vhost() as url:
        yield url
