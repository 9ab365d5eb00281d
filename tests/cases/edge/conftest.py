"""Offices at a running edge, shared by the tests of a module."""

from collections.abc import Iterator

import pytest

from services.cases import store
from services.identity.store import metadata as identity_tables
from tests.cases.builders import tables
from tests.cases.offices import Offices, offices
from tests.cases.streams import SECONDS, waiters
from tests.servers.process import wait_until


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Offices]:
    with offices(tmp_path_factory.mktemp("edge")) as made:
        yield made


@pytest.fixture
def town(shared: Offices) -> Iterator[Offices]:
    """The module's offices, with no open task left over from the test before."""
    yield shared
    wait_until(lambda: waiters(shared) == 0, seconds=SECONDS, what="a stream is not forgotten")
    with shared.database.begin() as work:
        work.connection.execute(store.tasks.delete())


@pytest.fixture
def unchanged(town: Offices) -> Iterator[None]:
    """Nothing in the databases of cases and identity differs after the test."""
    tokens = town.applicant, town.stranger, town.food, town.sign, town.operator, town.portal
    for each in tokens:
        each.token_source.get()
    before = tables(town.database), tables(town.edge.database("identity"), identity_tables)
    yield
    assert (tables(town.database), tables(town.edge.database("identity"), identity_tables)) == before
