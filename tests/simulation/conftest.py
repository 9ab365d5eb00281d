"""One pool of processes for all tests of this folder: each takes some seconds to start."""

from collections.abc import Iterator

import pytest

from tests.simulation.pool import Pool


@pytest.fixture(scope="package")
def pool() -> Iterator[Pool]:
    """Processes that run seeds."""
    with Pool() as pool:
        yield pool
