"""Sends one signed message to one endpoint over HTTP, to an address that was checked, within bounds."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property

from services.notify.domain.endpoints import BadEndpointError, Endpoint, check_addresses, parse
from services.notify.domain.webhooks import Answer

Resolve = Callable[[str, int], list[str]]

# A name may have many addresses; a dead endpoint must not take the connect time of each.
_MOST_ADDRESSES = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """What one attempt may take: seconds, and bytes of the answer's body."""

    connect: float = 5
    total: float = 15
    body: int = 4096


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, each once; none when the name is not known."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def bounded(resolve: Resolve, *, seconds: float, at_once: int = 4) -> Resolve:
    """A look-up that finds nothing when it takes too long; a slow name server holds `at_once` threads and no more."""
    pool = ThreadPoolExecutor(at_once, thread_name_prefix="resolve")

    def look_up(host: str, port: int) -> list[str]:
        try:
            return pool.submit(resolve, host, port).result(seconds)
        except TimeoutError:
            return []

    return look_up


class Sender:
    """Posts messages; follows no redirect, uses no proxy, and connects only to addresses that it has checked.

    The name is looked up once an attempt and the connection goes to the address found: an answer that changes
    between check and use (DNS rebinding) cannot lead inside. That is why it opens its sockets itself.
    """

    def __init__(
        self,
        *,
        allow_private: bool,
        resolve: Resolve = resolve,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._resolve = resolve
        self._limits = limits or Limits()
        self._given_tls = tls

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """Made on first use: reading the authorities takes a while, and most installations have no webhook yet."""
        return self._given_tls or ssl.create_default_context()

    def check(self, url: str) -> None:
        """Raises BadEndpointError when a webhook must not go to the URL, by what its name stands for now."""
        self._addresses(parse(url, allow_private=self._allow_private))

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Posts the body and gives the answer's status; whatever goes wrong on the way is an answer without one."""
        deadline = time.monotonic() + self._limits.total
        try:
            endpoint = parse(url, allow_private=self._allow_private)
            raw = self._connect(endpoint, self._addresses(endpoint))
        except BadEndpointError as error:
            return Answer(error=f"not sent: {error}")
        except OSError as error:
            return Answer(error=f"cannot connect: {_what(error)}")
        with raw, _cut_at(raw, deadline) as cut:
            try:
                return self._post(raw, endpoint, headers, body, cut)
            # ValueError: http.client's, for a number that is none in the answer's head.
            except (OSError, http.client.HTTPException, ValueError) as error:
                if cut.is_set() or isinstance(error, TimeoutError):
                    return Answer(error=f"no answer within {self._limits.total:g} s")
                return Answer(error=f"no answer: {_what(error)}")

    def _addresses(self, endpoint: Endpoint) -> list[str]:
        addresses = self._resolve(endpoint.host, endpoint.port)
        check_addresses(endpoint.host, addresses, allow_private=self._allow_private)
        return addresses

    def _connect(self, endpoint: Endpoint, addresses: Sequence[str]) -> socket.socket:
        """A connection to the first address that takes one; raises OSError when none does."""
        last = OSError("no address")
        for address in addresses[:_MOST_ADDRESSES]:
            try:
                return socket.create_connection((address, endpoint.port), self._limits.connect)
            except OSError as error:
                last = error
        raise last

    def _post(
        self, raw: socket.socket, endpoint: Endpoint, headers: Mapping[str, str], body: bytes, cut: threading.Event
    ) -> Answer:
        raw.settimeout(self._limits.total)
        secured = self._tls.wrap_socket(raw, server_hostname=endpoint.host) if endpoint.scheme == "https" else raw
        connection = http.client.HTTPConnection(endpoint.host, endpoint.port)
        connection.sock = secured
        with secured:
            fixed = {"Host": endpoint.authority, "Content-Type": "application/json", "User-Agent": "Duokua-Webhook"}
            connection.request("POST", endpoint.target, body, {**fixed, "Connection": "close", **headers})
            response = connection.getresponse()
            if cut.is_set():
                # The head ended because the line was cut, and looks whole.
                raise TimeoutError
            with suppress(OSError, http.client.HTTPException, ValueError):
                # Only so that a sender of a short answer is not cut off while it speaks.
                response.read1(self._limits.body)
            return Answer(response.status, retry_after=response.headers.get("Retry-After", ""))


@contextmanager
def _cut_at(raw: socket.socket, deadline: float) -> Iterator[threading.Event]:
    """Cuts the connection at the deadline, and says so by the event.

    A socket's own timeout begins anew with every byte: an endpoint that sends one now and then would hold on for ever.
    """
    cut = threading.Event()
    # Its own descriptor: TLS takes the other one over.
    handle = raw.dup()

    def expire() -> None:
        cut.set()
        with suppress(OSError):
            handle.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(deadline - time.monotonic(), 0), expire)
    timer.daemon = True
    timer.start()
    try:
        yield cut
    finally:
        timer.cancel()
        handle.close()


def _what(error: Exception) -> str:
    """The fault in a few words, without addresses or contents."""
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate: {error.verify_message}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
