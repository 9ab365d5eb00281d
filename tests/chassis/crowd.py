"""A process with very many open files, whose next ones have numbers that `select` does not take."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

FILES = 1100
LIMIT = 2048


@contextmanager
def crowd(files: int = FILES) -> Iterator[list[int]]:
    """Open so many files, and allow more; gives their numbers."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < LIMIT:
        pytest.skip(f"this system allows {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, LIMIT), hard))
    held = [os.open(os.devnull, os.O_RDONLY) for _ in range(files)]
    try:
        yield held
    finally:
        for number in held:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
