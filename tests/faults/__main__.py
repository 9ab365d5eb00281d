"""`python -m tests.faults`: kill processes for as long as you like, and see that nothing is lost or doubled."""

import argparse
import contextlib
import random
import sys
import tempfile
from pathlib import Path

from tests.faults.run import SETUPS, Report, Shape, run

CASES_A_SECOND = 6.0
ROUND_SECONDS = 15.0


def main() -> int:
    """Run, print a table for each set-up, and fail when a law was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long faults go on, for each set-up")
    parser.add_argument("--seed", type=int, default=random.randrange(2**31), help="repeats the plan of a run")
    parser.add_argument("--setup", choices=SETUPS, action="append", help="one set-up only (both)")
    parser.add_argument("--cases", type=int, help=f"cases in all ({CASES_A_SECOND:g} a second)")
    parser.add_argument("--keep", type=Path, help="where databases and logs are left")
    options = parser.parse_args()
    cases = options.cases or int(options.seconds * CASES_A_SECOND)
    shape = Shape(cases, max(1, round(options.seconds / ROUND_SECONDS)), options.seconds, durable=True)
    print(f"seed {options.seed}", flush=True)
    reports = [_run(setup, options.seed, shape, options.keep) for setup in options.setup or SETUPS]
    return 1 if any(report.violations for report in reports) else 0


def _run(setup: str, seed: int, shape: Shape, keep: Path | None) -> Report:
    with contextlib.ExitStack() as stack:
        if keep is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="duokua-faults-")))
        else:
            folder = keep / f"{setup}-{seed}"
            folder.mkdir(parents=True)
        report = run(setup, seed, shape, folder)
    print(report.table(), flush=True)
    return report


if __name__ == "__main__":
    sys.exit(main())
