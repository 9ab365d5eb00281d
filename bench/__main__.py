"""`python -m bench`: every benchmark, or the one that is named, with its options after it."""

import sys
from importlib import import_module

BENCHMARKS = (
    "core",
    "embedded",
    "bundle5",
    "bus",
    "log",
    "search",
    "timers",
    "materials",
    "forms",
    "lint",
    "catalogue",
    "national",
    "seals",
    "licences",
)


def main() -> None:
    """Run what was asked for."""
    chosen, options = (sys.argv[1:2], sys.argv[2:]) if sys.argv[1:2] else (list(BENCHMARKS), [])
    for name in chosen:
        if name not in BENCHMARKS:
            raise SystemExit(f"no such benchmark: {name}; there are {', '.join(BENCHMARKS)}")
        print(f"== {name}", flush=True)
        sys.argv = [f"bench.{name}", *options]
        import_module(f"bench.{name}").main()


if __name__ == "__main__":
    main()
