"""Finds a server's programs, and installs their Debian packages where it may and they are missing."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

POLICY = Path("/usr/sbin/policy-rc.d")
LOCK = Path("/run/lock/duokua-tests-install")


class NotAvailableError(Exception):
    """A server is not on this machine and could not be installed; the message says what to do."""


def find_or_install(find: Callable[[], Path | None], *packages: str) -> Path:
    """The directory that `find` finds, after installing `packages` when it finds none.

    Raises NotAvailableError when it is still missing.
    """
    if found := find():
        return found
    names = " ".join(packages)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise NotAvailableError(
            f"{names} is missing, and only root may install it, with apt-get. Install it, then run the tests again."
        )
    with _alone():
        # Another process of the same run may have been first.
        if not find():
            _install(packages)
    if found := find():
        return found
    raise NotAvailableError(f"{names} was installed, but its programs are in none of the known places.")


def _install(packages: tuple[str, ...]) -> None:
    with _services_stay_stopped():
        _update_lists()
        _apt_get("install", "--yes", "--no-install-recommends", *packages)


@cache
def _update_lists() -> None:
    _apt_get("update")


def _apt_get(*arguments: str) -> None:
    finished = subprocess.run(
        ["apt-get", "--quiet", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
    )
    if finished.returncode != 0:
        told = "\n".join((finished.stdout + finished.stderr).splitlines()[-10:])
        raise NotAvailableError(f"apt-get {' '.join(arguments)} failed:\n{told}")


@contextmanager
def _alone() -> Iterator[None]:
    """One process of this machine at a time: apt-get does not wait for itself, and the policy is one file."""
    descriptor = os.open(LOCK, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _services_stay_stopped() -> Iterator[None]:
    """Debian starts a server when it is installed; the tests start their own, so this one must not."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
