"""`python -m tests.faults`: break a whole platform for as long as you like, and see that nothing is lost or doubled."""

import argparse
import contextlib
import json
import random
import sys
import tempfile
from pathlib import Path

from tests.faults.report import Report
from tests.faults.run import SETUPS, Shape, run

CASES_A_SECOND = 5.0
ROUND_SECONDS = 20.0


def main() -> int:
    """Run, print a table for each set-up, and fail when something was lost, doubled or left standing."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="how long faults go on, for each set-up (30)")
    parser.add_argument("--seed", type=int, default=random.randrange(2**31), help="repeats the plan of a run")
    parser.add_argument("--setup", choices=SETUPS, action="append", help="one set-up only (all)")
    parser.add_argument("--cases", type=int, help=f"cases for each set-up ({CASES_A_SECOND:g} a second)")
    parser.add_argument("--keep", type=Path, help="where databases and logs are left")
    parser.add_argument("--json", action="store_true", help="print a list of reports instead of tables")
    options = parser.parse_args()
    cases = options.cases or int(options.seconds * CASES_A_SECOND)
    shape = Shape(cases, max(1, round(options.seconds / ROUND_SECONDS)), options.seconds, durable=True)
    print(f"seed {options.seed}", file=sys.stderr, flush=True)
    reports = []
    for setup in options.setup or SETUPS:
        reports.append(_run(setup, options.seed, shape, options.keep))
        if not options.json:
            print(reports[-1].table(), flush=True)
    if options.json:
        print(json.dumps([report.as_json() for report in reports], ensure_ascii=False, indent=2))
    return 1 if any(report.violations for report in reports) else 0


def _run(setup: str, seed: int, shape: Shape, keep: Path | None) -> Report:
    with contextlib.ExitStack() as stack:
        if keep is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="duokua-faults-")))
        else:
            folder = keep / f"{setup}-{seed}"
            folder.mkdir(parents=True)
        return run(setup, seed, shape, folder)


if __name__ == "__main__":
    sys.exit(main())
