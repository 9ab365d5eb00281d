"""Whatever breaks, on every set-up: nothing is lost, nothing is doubled, everybody comes back."""

import os
import random
from pathlib import Path

import pytest

from tests.faults.run import Shape, run
from tests.servers import NotAvailableError

CI = bool(os.environ.get("CI"))
SEED = int(os.environ.get("DUOKUA_FAULT_SEED") or (1 if CI else random.randrange(2**31)))


@pytest.mark.journey
@pytest.mark.timeout(300)
@pytest.mark.parametrize("setup", ["embedded", "servers", "cluster"])
def test_nothing_is_lost_or_doubled_whatever_breaks(setup: str, tmp_path: Path) -> None:
    print(f"DUOKUA_FAULT_SEED={SEED}")  # repeats the plan of this run; pytest shows it when the test fails
    try:
        report = run(setup, SEED, Shape(cases=40, rounds=1, seconds=6.0), tmp_path)
    except NotAvailableError as error:
        if CI:
            raise
        pytest.skip(str(error))
    print(report.table())
    assert not report.violations
    assert len(report.struck) >= 8
