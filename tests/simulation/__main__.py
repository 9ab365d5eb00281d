"""`python -m tests.simulation --seed 7` shows one run, `--seeds 1000` makes many on all cores."""

import sys

from tests.simulation.command import main

if __name__ == "__main__":
    sys.exit(main())
