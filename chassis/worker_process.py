"""The worker process: `python -m chassis.worker_process cases notify` runs these services' workers, none names all."""

# isort: off
import chassis.bus.green  # noqa: F401  before anything else: what is imported earlier would block all green threads

import sys

from chassis.bus.process import load_workers, run_worker
from chassis.settings import Settings, keep_private
# isort: on

if __name__ == "__main__":
    keep_private()
    sys.exit(run_worker(load_workers(sys.argv[1:]), Settings()))
