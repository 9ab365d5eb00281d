"""`/live`, `/ready` and `/metrics` of a process, by HTTP."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

PROCESS_HEADER = "X-Process-Id"
"""Who answers: another platform on the same port must not be taken for this one."""

Check = Callable[[], None]
"""Raises when the thing that it checks does not work."""


class HealthServer:
    """Answers on its own thread; `/ready` runs every check, and names those that fail."""

    def __init__(self, address: str, checks: dict[str, Check]) -> None:
        host, _, port = address.rpartition(":")
        self._server = ThreadingHTTPServer((host.strip("[]"), int(port)), _handler(checks))
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


def _handler(checks: dict[str, Check]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/live":
                self._answer(200, b"live\n")
            elif self.path == "/ready":
                failed = failures(checks)
                text = "".join(f"{name}: {error}\n" for name, error in failed.items()) or "ready\n"
                self._answer(503 if failed else 200, text.encode())
            elif self.path == "/metrics":
                self._answer(200, generate_latest(), CONTENT_TYPE_LATEST)
            else:
                self._answer(404, b"try /live, /ready or /metrics\n")

        def _answer(self, status: int, body: bytes, content_type: str = "text/plain; charset=utf-8") -> None:
            # A probe that waited no longer is no fault of this process.
            with suppress(ConnectionError):
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.send_header(PROCESS_HEADER, str(os.getpid()))
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
            """Say nothing: probes come every few seconds."""

    return Handler
