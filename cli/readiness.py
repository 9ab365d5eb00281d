"""Whether the platform's processes can start where they are to listen, and whether they are ready."""

import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable

from chassis.health import PROCESS_HEADER
from chassis.settings import Settings, broker_nodes


class StartFailedError(Exception):
    """A process did not become ready; the message says which, and where its log is."""


def check_addresses(addresses: Iterable[str]) -> None:
    """Raise StartFailedError when somebody else, perhaps another platform, listens where we are to listen."""
    for address in sorted(set(addresses)):
        host, port = split(address)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host.strip("[]"), port))
            except OSError as error:
                message = (
                    f"cannot listen on {address}: {error.strerror}; is a platform running there? "
                    "DUOKUA_LISTEN and DUOKUA_HEALTH_LISTEN choose other ports"
                )
                raise StartFailedError(message) from error


def check_broker(settings: Settings) -> None:
    """Raise StartFailedError when nobody answers on any of the broker's nodes."""
    if settings.embedded_broker:
        return
    failures = []
    for node in broker_nodes(settings.broker_url):
        place = urllib.parse.urlsplit(node)
        host, port = place.hostname or "localhost", place.port or (5671 if place.scheme == "amqps" else 5672)
        try:
            socket.create_connection((host, port), timeout=5).close()
        except OSError as error:
            failures.append(f"on {host}:{port}: {error.strerror or error}")
        else:
            return
    message = f"the broker cannot be reached {'; '.join(failures)}"
    raise StartFailedError(message)


def is_ready(address: str) -> bool:
    """Whether a process's /ready says so."""
    return not why_not_ready(address)


def why_not_ready(address: str, pid: int = 0) -> str:
    """Why the process that serves /ready is not ready, in a line; empty when it is. `pid`: which process is meant."""
    try:
        with urllib.request.urlopen(f"http://{address}/ready", timeout=2) as response:
            other = pid and response.headers[PROCESS_HEADER] != str(pid)
            return f"another process answers on {address}" if other else ""
    except urllib.error.HTTPError as error:
        return "; ".join(error.read(2000).decode(errors="replace").split("\n")).strip("; ")
    except (urllib.error.URLError, OSError) as error:
        return f"nobody answers on {address}: {getattr(error, 'reason', error)}"


def split(address: str) -> tuple[str, int]:
    """Host and port of `host:port`."""
    host, _, port = address.rpartition(":")
    return host, int(port)
