"""The simulation finds known bugs: each is planted, and some seed among the first must break a law."""

import pytest

from tests.simulation.pool import Pool

pytestmark = pytest.mark.timeout(400)

# How many seeds it may take, and a word of the law by which the bug must show.
BOUNDS = {
    "acknowledged before the commit": (60, "missing"),
    "no de-duplication": (60, "too many"),
    "undone twice": (60, "undone"),
    "requests forgotten": (60, "doubled"),
    "outbox forgotten before the confirm": (60, "missing"),
    "leases not checked": (400, "is failed, and its office has"),
}


@pytest.mark.parametrize("bug", BOUNDS)
def test_a_planted_bug_is_found(pool: Pool, bug: str) -> None:
    seeds, sign = BOUNDS[bug]
    found = next((each for each in pool.run(range(seeds), bug) if any(sign in law for law in each.violations)), None)
    assert found is not None, f"{seeds} seeds did not find it"
