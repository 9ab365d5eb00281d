"""What every test may ask for: the real servers, and databases of both kinds."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn, Protocol

import hypothesis
import pytest
from sqlalchemy import MetaData

from chassis.clock import Clock
from chassis.database import Database, create_tables
from tests import preflight
from tests.servers import NotAvailableError, PostgresServer, RabbitmqServer, SoftHsm
from tests.servers.install import find_or_install

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


@pytest.fixture(scope="session")
def poppler_tools() -> None:
    """pdfsig, pdftotext and their like, which read a sealed notice independently of what made it."""
    try:
        find_or_install(_poppler, "poppler-utils")
    except NotAvailableError as error:
        _without(error)


@pytest.fixture(scope="session")
def nss_tools() -> None:
    """certutil, which tells pdfsig whom to trust."""
    try:
        find_or_install(_certutil, "libnss3-tools")
    except NotAvailableError as error:
        _without(error)


@pytest.fixture(scope="session")
def zbar_tools() -> None:
    """zbarimg, which reads QR codes and shares no code with what writes them."""
    try:
        find_or_install(_zbarimg, "zbar-tools")
    except NotAvailableError as error:
        _without(error)


@pytest.fixture(scope="session")
def pdfbox() -> None:
    """PDFBox's preflight, which judges whether a file is for the archive (PDF/A)."""
    try:
        find_or_install(preflight.find, *preflight.PACKAGES)
    except NotAvailableError as error:
        _without(error)


def _zbarimg() -> Path | None:
    found = shutil.which("zbarimg")
    return Path(found).parent if found else None


def _certutil() -> Path | None:
    found = shutil.which("certutil")
    return Path(found).parent if found else None


def _poppler() -> Path | None:
    found = shutil.which("pdfsig")
    return Path(found).parent if found else None


@pytest.fixture(scope="session")
def softhsm() -> Iterator[SoftHsm]:
    """The run's own PKCS#11 token."""
    try:
        token = SoftHsm()
    except NotAvailableError as error:
        _without(error)
    with token:
        yield token


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


class MakeDatabase(Protocol):
    """Makes a database with the tables of `metadata`; every call makes another, empty one."""

    def __call__(self, metadata: MetaData, service: str = "test", *, clock: Clock | None = None) -> Database: ...


@pytest.fixture(scope="session")
def postgres_templates() -> dict[MetaData, str]:
    """For each MetaData the PostgreSQL database that has its tables and nothing in them."""
    return {}


@pytest.fixture(params=["sqlite", "postgresql"])
def make_database(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_templates: dict[MetaData, str]
) -> Iterator[MakeDatabase]:
    """Databases of a test, on SQLite and then again on PostgreSQL; closed and dropped afterwards."""
    made: list[Database] = []
    dropped: list[str] = []
    server: PostgresServer | None = None
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_server")

    def make(metadata: MetaData, service: str = "test", *, clock: Clock | None = None) -> Database:
        folder = tmp_path / f"database-{len(made)}"
        folder.mkdir()
        if server is None:
            database = Database(f"sqlite:///{folder / service}.sqlite3", service, signals_folder=folder, clock=clock)
            create_tables(database, metadata)
        else:
            name = server.create_database(template=_template(server, postgres_templates, metadata, folder))
            dropped.append(name)
            database = Database(server.url(name), service, signals_folder=folder, clock=clock)
        made.append(database)
        return database

    yield make
    for database in made:
        database.close()
    for name in dropped:
        assert server is not None
        server.drop_database(name)


def _template(server: PostgresServer, templates: dict[MetaData, str], metadata: MetaData, folder: Path) -> str:
    """Copying a database that has the tables is several times faster than making them."""
    if metadata not in templates:
        name = server.create_database()
        database = Database(server.url(name), "template", signals_folder=folder)
        create_tables(database, metadata)
        database.close()
        templates[metadata] = name
    return templates[metadata]
