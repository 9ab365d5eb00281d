"""Wake-ups between the processes of one service, so that nobody polls.

A signal only says "look now"; it carries no data, may come twice, and may be lost at a crash. Whoever waits looks at
the database when it starts, on each signal, and at a slow safety interval.

On PostgreSQL signals travel by LISTEN/NOTIFY, sent inside the transaction, so that they arrive after its commit.
On SQLite each listening process has a Unix datagram socket in `<data>/signals/`, and signals are sent after the commit.
"""

import contextlib
import math
import os
import random
import selectors
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import psycopg
import structlog
from psycopg import conninfo
from sqlalchemy.engine import URL

from chassis.settings import private_folder

log = structlog.get_logger()

Callback = Callable[[], None]

LARGEST_PAYLOAD = 4096
"""In bytes; PostgreSQL's limit for a notification is 8,000."""
LONGEST_SOCKET_PATH = 100
RECONNECT_SECONDS = (0.2, 5.0)
STABLE_SECONDS = 10.0
"""A connection that lived so long, or brought a signal, was a good one: the next is tried soon after its end."""
ROOM_SECONDS = 0.05
"""How long a sender waits for room at a receiver: Linux keeps ten datagrams for each (net.unix.max_dgram_qlen)."""
AGAIN_SECONDS = 1.0
"""After how long one that had no room is waited for again: a process that stands still must not slow each commit."""


def payloads(topics: Collection[str]) -> Iterator[str]:
    """Topics, a line each, in as few payloads as fit the limit."""
    lines: list[str] = []
    size = 0
    for topic in sorted(topics):
        length = len(topic.encode()) + 1
        if size + length > LARGEST_PAYLOAD and lines:
            yield "\n".join(lines)
            lines, size = [], 0
        lines.append(topic)
        size += length
    if lines:
        yield "\n".join(lines)


class Listener(Protocol):
    """Waits, in a thread of its own, for the signals of one service."""

    def close(self) -> None:
        """Stop listening and end the thread."""


class Callbacks:
    """Who in this process waits for which topic."""

    def __init__(self) -> None:
        self._by_topic: dict[str, list[Callback]] = defaultdict(list)

    def add(self, topic: str, callback: Callback) -> None:
        """Call `callback`, from any thread, whenever `topic` is signalled; it must return at once."""
        self._by_topic[topic].append(callback)

    def remove(self, topic: str, callback: Callback) -> None:
        """Call `callback` no more."""
        waiting = self._by_topic.get(topic, [])
        if callback in waiting:
            waiting.remove(callback)
        if not waiting:
            self._by_topic.pop(topic, None)

    def fire(self, topics: Iterable[str]) -> None:
        """Wake whoever waits for `topics` here."""
        for topic in topics:
            for callback in tuple(self._by_topic.get(topic, ())):
                callback()

    def fire_all(self) -> None:
        """Wake everybody: signals may have been lost."""
        self.fire(tuple(self._by_topic))

    @property
    def topics(self) -> frozenset[str]:
        """The topics that somebody here waits for."""
        return frozenset(self._by_topic)


class SocketSignals:
    """Signals of one service between processes on one machine, over Unix datagram sockets."""

    def __init__(self, folder: Path, service: str) -> None:
        self._folder = folder
        self._service = service
        self._behind: dict[str, float] = {}  # when a receiver was last waited for in vain

    def send(self, topics: Collection[str]) -> None:
        """Tell the other processes; one that has died is cleared away, one that does not read is not waited for long.

        What was changed is committed by now, so nothing that goes wrong here may reach the caller.
        """
        own = f"{self._service}.{os.getpid()}.sock"
        for path in self._folder.glob(f"{self._service}.*.sock"):
            if path.name != own:
                try:
                    self._send_to(path, topics)
                except (ConnectionRefusedError, FileNotFoundError):
                    with contextlib.suppress(OSError):  # what is no socket stays
                        path.unlink(missing_ok=True)
                except OSError as error:
                    log.warning("signal_not_sent", path=path.name, error=str(error))

    def _send_to(self, path: Path, topics: Collection[str]) -> None:
        # Connected, for only then does the kernel know whose room is waited for.
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender, _short(path) as address:
            sender.connect(address)
            waits = time.monotonic() - self._behind.get(path.name, -math.inf) > AGAIN_SECONDS
            sender.settimeout(ROOM_SECONDS if waits else 0)
            try:
                for payload in payloads(topics):
                    sender.send(payload.encode())
            except BlockingIOError:  # it was waited for just now, and was told of
                return
            except TimeoutError:
                # What waits there may be of other topics: these are found at the slow safety interval.
                self._behind[path.name] = time.monotonic()
                log.warning("signal_receiver_is_behind", path=path.name, topics=len(topics))

    def listen(self, callbacks: Callbacks) -> Listener:
        """Start a listener for this process."""
        private_folder(self._folder)
        return _SocketListener(self._folder / f"{self._service}.{os.getpid()}.sock", callbacks)


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """The address of a socket; a path that is too long for one (108 bytes) is reached through its open folder."""
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class _SocketListener:
    def __init__(self, path: Path, callbacks: Callbacks) -> None:
        path.unlink(missing_ok=True)
        self._path = path
        self._callbacks = callbacks
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with _short(path) as address:
            self._socket.bind(address)
        path.chmod(0o600)
        self._thread = threading.Thread(target=self._run, name=f"signals-{path.stem}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while payload := self._socket.recv(LARGEST_PAYLOAD):
            self._callbacks.fire(payload.decode().split("\n"))
        self._socket.close()

    def close(self) -> None:
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
            contextlib.suppress(ConnectionRefusedError, FileNotFoundError),
            _short(self._path) as address,
        ):
            sender.sendto(b"", address)
        self._thread.join(timeout=2)
        self._path.unlink(missing_ok=True)


class PostgresSignals:
    """Signals of one service over LISTEN/NOTIFY; sending is part of the transaction (see UnitOfWork)."""

    def __init__(self, url: URL, service: str, parameters: Mapping[str, str]) -> None:
        plain = url.set(drivername="postgresql", query={}).render_as_string(hide_password=False)
        self._address = conninfo.make_conninfo(plain, **parameters)
        self.channel = f"duokua_{service}"

    def listen(self, callbacks: Callbacks) -> Listener:
        """Start a listener for this process."""
        return _PostgresListener(self._address, self.channel, callbacks)


class _PostgresListener:
    def __init__(self, address: str, channel: str, callbacks: Callbacks) -> None:
        self._address = address
        self._channel = channel
        self._callbacks = callbacks
        self._stopped = threading.Event()
        self._heard = False
        self._wake_receiver, self._wake_sender = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name=f"signals-{channel}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        delay = RECONNECT_SECONDS[0]
        while not self._stopped.is_set():
            began, self._heard = time.monotonic(), False
            try:
                self._listen()
            except Exception as error:  # noqa: BLE001 - a listener that ended would leave its process waiting in vain
                if self._heard or time.monotonic() - began > STABLE_SECONDS:
                    delay = RECONNECT_SECONDS[0]
                log.warning("signals_lost", channel=self._channel, error=str(error), retry_seconds=round(delay, 1))
                self._stopped.wait(delay * random.uniform(0.5, 1.5))  # noqa: S311 - jitter, not a secret
                delay = min(delay * 2, RECONNECT_SECONDS[1])

    def _listen(self) -> None:
        with (
            psycopg.connect(self._address, autocommit=True) as connection,
            selectors.DefaultSelector() as selector,  # select.select takes no descriptor from 1024 on
        ):
            connection.execute(f'LISTEN "{self._channel}"')
            self._callbacks.fire_all()  # whatever was signalled while nobody listened
            selector.register(connection.fileno(), selectors.EVENT_READ)
            selector.register(self._wake_receiver, selectors.EVENT_READ)
            while not self._stopped.is_set():
                selector.select(60)
                topics = {topic for notice in connection.notifies(timeout=0) for topic in notice.payload.split("\n")}
                self._heard = self._heard or bool(topics)
                self._callbacks.fire(topics)

    def close(self) -> None:
        self._stopped.set()
        self._wake_sender.send(b"x")
        self._thread.join(timeout=2)
        self._wake_sender.close()
        self._wake_receiver.close()
