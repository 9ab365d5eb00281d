"""Starts a server as a child that cannot outlive the tests, and waits for conditions."""

import contextlib
import random
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

POLL_SECONDS = 0.02
LOWEST_PORT = 10_000
_chance = random.SystemRandom()
# The kernel ties a child to the thread that started it: this one lives as long as the tests, whoever asks for a start.
_starting = ThreadPoolExecutor(1, thread_name_prefix="servers")


class FailedToStartError(Exception):
    """A server ended, or stayed silent, instead of becoming ready; the message has the end of its log."""


def spawn(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    log: Path,
    stop_signal: str,
    user: str | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` as `user`; the kernel sends it `stop_signal` should the tests die without stopping it."""
    guard: list[str] = []
    if setpriv := shutil.which("setpriv"):
        guard = [setpriv, "--pdeathsig", stop_signal]
        guard += ["--reuid", user, "--regid", user_group(user), "--init-groups"] if user else []
    elif user:
        guard = ["runuser", "--user", user, "--"]
    with log.open("ab") as output:
        return _starting.submit(
            subprocess.Popen,
            [*guard, *command],
            env=dict(environment),
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the tests; they stop the server in order
        ).result()


def user_group(user: str) -> str:
    """The numeric primary group of `user`."""
    import pwd  # noqa: PLC0415 - not on every platform, and needed by root only

    return str(pwd.getpwnam(user).pw_gid)


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Return as soon as `condition` holds; TimeoutError naming `what` when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds:g} s: {what}")
        time.sleep(POLL_SECONDS)


def wait_ready(process: subprocess.Popen[bytes], ready: Callable[[], bool], *, seconds: float, log: Path) -> None:
    """Return when `ready`; FailedToStartError when the process ends first or the time is over."""

    def ready_or_over() -> bool:
        return process.poll() is not None or ready()

    try:
        wait_until(ready_or_over, seconds=seconds, what="the server is not ready")
    except TimeoutError as error:
        stop(process, seconds=0)
        raise FailedToStartError(f"not ready after {seconds:g} s:\n{tail(log)}") from error
    if process.returncode is not None:
        raise FailedToStartError(f"ended with status {process.returncode}:\n{tail(log)}")


def stop(process: subprocess.Popen[bytes], *, seconds: float, signal: int | None = None) -> None:
    """Ask the process to end with `signal` (SIGTERM), and kill it when it has not within `seconds`."""
    if process.poll() is not None:
        return
    process.terminate() if signal is None else process.send_signal(signal)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def tail(log: Path, lines: int = 20) -> str:
    """The last lines of a log, for a message."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def free_ports(count: int) -> list[int]:
    """Distinct TCP ports that nobody on the loopback uses at this moment.

    None of those that the kernel gives to outgoing connections: one of these could get it while a server is down.
    """
    found: list[int] = []
    with contextlib.ExitStack() as stack:
        for port in _chance.sample(range(LOWEST_PORT, lowest_outgoing_port()), 100 * count):
            each = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                each.bind(("127.0.0.1", port))
                found.append(port)
            if len(found) == count:
                return found
    raise OSError("hardly a port is free on 127.0.0.1")


def lowest_outgoing_port() -> int:
    """From here on the kernel gives ports to outgoing connections."""
    known = Path("/proc/sys/net/ipv4/ip_local_port_range")
    return int(known.read_text().split()[0]) if known.exists() else 32768
