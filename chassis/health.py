"""`/live`, `/ready` and `/metrics` of a process, by HTTP, and pages of its services."""

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

log = structlog.get_logger()

PROCESS_HEADER = "X-Process-Id"
"""Who answers: another platform on the same port must not be taken for this one."""

Check = Callable[[], None]
"""Raises when the thing that it checks does not work."""


@dataclass(frozen=True, slots=True)
class Page:
    """An answer by HTTP."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"


Pages = Callable[[str, str, bytes], Page | None]
"""The page for a method, a path and a body; None where there is none. Called on many threads."""
_NOT_THERE = Page(404, b"try /live, /ready or /metrics\n")
LARGEST_BODY = 65_536
"""In bytes."""
SLOWEST_SECONDS = 10.0
"""For a request to come whole."""


class HealthServer:
    """Answers on its own thread; `/ready` runs every check, and names those that fail.

    `pages`, by the beginnings of their paths, are asked for all else.
    """

    def __init__(self, address: str, checks: dict[str, Check], pages: Mapping[str, Pages] | None = None) -> None:
        host, _, port = address.rpartition(":")
        self._server = ThreadingHTTPServer((host.strip("[]"), int(port)), _handler(_own(checks), pages or {}))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Start to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


def failures(checks: dict[str, Check]) -> dict[str, str]:
    """The checks that fail, each with its error."""
    failed = {}
    for name, check in checks.items():
        try:
            check()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported as not ready
            failed[name] = f"{type(error).__name__}: {error}".splitlines()[0]
    return failed


def _own(checks: dict[str, Check]) -> Pages:
    """The pages of every process."""

    def give(_method: str, path: str, _body: bytes) -> Page | None:
        if path == "/live":
            return Page(200, b"live\n")
        if path == "/ready":
            failed = failures(checks)
            text = "".join(f"{name}: {error}\n" for name, error in failed.items()) or "ready\n"
            return Page(503 if failed else 200, text.encode())
        return Page(200, generate_latest(), CONTENT_TYPE_LATEST) if path == "/metrics" else None

    return give


def _given(pages: Mapping[str, Pages], method: str, path: str, body: bytes) -> Page:
    """The page of a service."""
    for beginning, give in pages.items():
        if path.startswith(beginning):
            try:
                return give(method, path, body) or _NOT_THERE
            except Exception:
                log.exception("page_failed", path=beginning)
                return Page(500, b"it failed; the log says why\n")
    return _NOT_THERE


def _handler(own: Pages, pages: Mapping[str, Pages]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = SLOWEST_SECONDS

        def do_GET(self) -> None:
            self._answer(own("GET", self.path, b"") or _given(pages, "GET", self.path, b""))

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isascii() or not length.isdigit():
                self._answer(Page(411, b"say how long the request is\n"))
            elif int(length) > LARGEST_BODY:
                self._answer(Page(413, b"the request is too large\n"))
            else:
                self._answer(_given(pages, "POST", self.path, self.rfile.read(int(length))))

        def _answer(self, page: Page) -> None:
            # A probe that waited no longer is no fault of this process.
            with suppress(ConnectionError):
                self.send_response(page.status)
                self.send_header("Content-Type", page.content_type)
                self.send_header("Content-Length", str(len(page.body)))
                self.send_header(PROCESS_HEADER, str(os.getpid()))
                self.end_headers()
                self.wfile.write(page.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
            """Say nothing: probes come every few seconds."""

    return Handler
