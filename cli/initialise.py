"""Makes the secrets of an installation, each once: what is there already is never replaced."""

import os
import secrets as random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from chassis import tls, vault
from chassis.settings import SERVICES, private_folder
from duokua.keys import ClientKey
from services.cases.domain.log import make_key as make_log_key

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
SERVICE_HOSTS = tuple(f"{service}-api" for service in SERVICES)
OPERATOR_KEY = "operator.jwk"


def initialise(folder: Path, hosts: Sequence[str] = (), *, passwords: bool = False) -> list[str]:
    """Make what is missing in `folder` (mode 0700, files 0600), and return the names of what was made.

    `hosts` are further names or addresses that the servers' certificate is to be good for; `passwords` makes those of
    the database and the broker too, which embedded mode does not need.
    """
    private_folder(folder)
    made: list[str] = []
    _ensure(folder, "vault.key", vault.make_key, made)
    _ensure(folder, "case-log.key", make_log_key, made)
    _ensure_certificates(folder, (*LOCAL_HOSTS, *SERVICE_HOSTS, *hosts), made)
    _ensure_operator(folder, made)
    if passwords:
        for name in ("database-password", "broker-password", "broker-watcher-password"):
            _ensure(folder, name, lambda: random.token_urlsafe(32).encode(), made)
    return made


def _ensure(folder: Path, name: str, make: Callable[[], bytes], made: list[str]) -> None:
    if not (folder / name).exists():
        write_secret(folder / name, make())
        made.append(name)


def _ensure_certificates(folder: Path, hosts: Sequence[str], made: list[str]) -> None:
    now = datetime.now(UTC)
    if not (folder / "tls-root.crt").exists():
        root = tls.make_root("Duokua internal root", now)
        write_secret(folder / "tls-root.key", root.key)
        write_secret(folder / "tls-root.crt", root.certificate)
        made += ["tls-root.key", "tls-root.crt"]
    if not (folder / "tls.crt").exists():
        root = tls.Pair((folder / "tls-root.crt").read_bytes(), (folder / "tls-root.key").read_bytes())
        server = tls.make_server(root, hosts, now)
        write_secret(folder / "tls.key", server.key)
        write_secret(folder / "tls.crt", server.certificate)
        made += ["tls.key", "tls.crt"]


def _ensure_operator(folder: Path, made: list[str]) -> None:
    path = folder / OPERATOR_KEY
    if not path.exists():
        ClientKey.generate().save(path)
        made.append(OPERATOR_KEY)
    _ensure(folder, "operator.pub.jwk", ClientKey.load(path).public_jwk.encode, made)


def write_secret(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, readable by its owner only from its first moment."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
