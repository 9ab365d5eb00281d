"""An own RabbitMQ node, or a cluster of them: own names, ports, cookie and epmd, in temporary directories."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from tests.servers import process
from tests.servers.install import find_or_install

USER = "duokua"
START_SECONDS = 60.0
STOP_SECONDS = 20.0
_THRIFTY = "+S 1:1 +SDcpu 1:1 +SDio 1 +sbwt none +sbwtdcpu none +sbwtdio none"
"""One scheduler, which does not spin while it waits for work."""


def programs() -> Path:
    """The directory with rabbitmq-server and rabbitmqctl, not Debian's wrappers, which change the user."""
    return find_or_install(_find_programs, "rabbitmq-server")


def _find_programs() -> Path | None:
    debian = Path("/usr/lib/rabbitmq/bin")
    if (debian / "rabbitmq-server").exists():
        return debian
    on_path = shutil.which("rabbitmq-server")
    return Path(on_path).resolve().parent if on_path else None


class Erlang:
    """What nodes need to find and to trust each other: an epmd and a cookie of our own; the shared ones would stay."""

    def __init__(self) -> None:
        self.cookie = secrets.token_hex(16)
        (self.port,) = process.free_ports(1)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, log: Path) -> None:
        """Start the epmd, in the foreground, unless it runs."""
        if self._process is not None:
            return
        epmd = shutil.which("epmd") or str(programs() / "epmd")
        self._process = process.spawn(
            [epmd, "-address", "127.0.0.1", "-port", str(self.port)],
            environment={"PATH": os.environ.get("PATH", os.defpath)},
            log=log,
            stop_signal="TERM",
        )
        process.wait_ready(self._process, lambda: _connects(self.port), seconds=10, log=log)

    def stop(self) -> None:
        """End the epmd."""
        if self._process is not None:
            process.stop(self._process, seconds=5)
            self._process = None


@dataclass(frozen=True, slots=True)
class Membership:
    """How a node becomes part of a cluster: it joins the `first`, and is the first itself when there is none."""

    erlang: Erlang
    first: "RabbitmqServer | None" = None

    def configuration(self, name: str) -> str:
        """Lines for the rabbitmq.conf of the node with this name."""
        if self.first is None:
            return ""
        return (
            "cluster_formation.peer_discovery_backend = classic_config\n"
            f"cluster_formation.classic_config.nodes.1 = {self.first.name}\n"
            f"cluster_formation.classic_config.nodes.2 = {name}\n"
        )


class RabbitmqServer:
    """A broker process with its own directory; `stop` and `kill` keep queues and messages, `close` removes all.

    configuration: lines for rabbitmq.conf. With definitions among them the broker makes no user by itself: they have to
    hold USER, and `password` says with which password. `cluster` makes it a node among others.
    """

    def __init__(
        self,
        *,
        configuration: str = "",
        password: str | None = None,
        cluster: "Membership | None" = None,
    ) -> None:
        self._programs = programs()
        self._directory = Path(tempfile.mkdtemp(prefix="duokua-rabbitmq-"))
        self._log = self._directory / "server.log"
        self.port, self._distribution_port, self._ctl_port = process.free_ports(3)
        self.name = f"duokua-{self.port}@localhost"
        self.password = password or secrets.token_urlsafe(18)
        self._configuration = configuration
        self._cluster = cluster
        self._erlang = cluster.erlang if cluster else Erlang()
        self._process: subprocess.Popen[bytes] | None = None
        self._write_configuration()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The node's process id; RuntimeError when it is stopped."""
        if self._process is None:
            raise RuntimeError("the broker is stopped")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it was started, and not stopped or killed since."""
        return self._process is not None

    def url(self, vhost: str = "/", *, ports: Sequence[int] = ()) -> str:
        """The address of a virtual host; `ports` are those of other nodes, or of proxies."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports or [self.port])
        return f"amqp://{USER}:{quote(self.password)}@{hosts}/{quote(vhost, safe='')}"

    def start(self) -> None:
        """Start on the port and the data of before. FailedToStartError when it does not come up."""
        if self._process is not None:
            return
        self._erlang.start(self._directory / "epmd.log")
        self._log.write_bytes(b"")
        for patience in (2, 1, 0):
            try:
                self._process = self._spawn()
            except process.FailedToStartError:
                # After a kill its name stays taken for a moment.
                if not patience:
                    raise
                time.sleep(1)
            else:
                return

    def _spawn(self) -> "subprocess.Popen[bytes]":
        started = process.spawn(
            [self._programs / "rabbitmq-server"], environment=self._environment(), log=self._log, stop_signal="TERM"
        )
        try:
            process.wait_ready(started, self._answers, seconds=START_SECONDS, log=self._log)
        except BaseException:
            process.stop(started, seconds=5)
            raise
        return started

    def stop(self) -> None:
        """Stop in order."""
        if self._process is not None:
            process.stop(self._process, seconds=STOP_SECONDS)
            self._process = None

    def kill(self) -> None:
        """SIGKILL, as a crash does it; `start` then recovers what was confirmed."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Stop the node and its epmd, and remove the directory."""
        self.stop()
        if self._cluster is None:
            self._erlang.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def load(self, definitions: dict[str, Any]) -> None:
        """Import definitions (virtual hosts, exchanges, queues, bindings ...), as RabbitMQ exports them."""
        path = self._directory / "definitions.json"
        path.write_text(json.dumps(definitions))
        self.control("import_definitions", str(path))

    def control(self, *arguments: str) -> str:
        """What rabbitmqctl prints; CalledProcessError when it fails. Takes a second or two."""
        return subprocess.run(
            [self._programs / "rabbitmqctl", "--quiet", *arguments],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def create_vhost(self, name: str | None = None) -> str:
        """Make a virtual host that USER may do everything in; the answer is its name."""
        name = name or f"test-{secrets.token_hex(6)}"
        everything = {"user": USER, "vhost": name, "configure": ".*", "write": ".*", "read": ".*"}
        self.load({"vhosts": [{"name": name}], "permissions": [everything]})
        return name

    @contextmanager
    def fresh_vhost(self) -> Iterator[str]:
        """The address of a new virtual host; it goes when the server goes."""
        yield self.url(self.create_vhost())

    def _write_configuration(self) -> None:
        cookie = self._directory / ".erlang.cookie"
        cookie.write_text(self._erlang.cookie)
        cookie.chmod(0o400)
        (self._directory / "enabled_plugins").write_text("[].\n")
        (self._directory / "rabbitmq.conf").write_text(
            f"listeners.tcp.default = 127.0.0.1:{self.port}\n"
            f"default_user = {USER}\n"
            f"default_pass = {self.password}\n"
            "log.console = true\n"
            "log.file = false\n"
            "disk_free_limit.absolute = 50MB\n"
            f"{self._configuration}\n{self._cluster.configuration(self.name) if self._cluster else ''}"
        )

    def _environment(self) -> dict[str, str]:
        home = str(self._directory)
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": home,
            "LC_ALL": "C.UTF-8",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self._erlang.port),
            "ERL_CRASH_DUMP": f"{home}/erl_crash.dump",
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _THRIFTY if self._cluster else "",
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_CTL_DIST_PORT_MIN": str(self._ctl_port),
            "RABBITMQ_CTL_DIST_PORT_MAX": str(self._ctl_port),
            "RABBITMQ_CONF_ENV_FILE": f"{home}/rabbitmq-env.conf",  # not there: the machine's own must not count
            "RABBITMQ_CONFIG_FILE": f"{home}/rabbitmq",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{home}/advanced",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{home}/enabled_plugins",
            "RABBITMQ_MNESIA_BASE": f"{home}/data",
            "RABBITMQ_LOG_BASE": f"{home}/log",
            "RABBITMQ_PID_FILE": f"{home}/pid",
            # The start script then becomes the node instead of watching it, so that signals reach the node.
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def _answers(self) -> bool:
        """Whether the node greets an AMQP client, which it does once all of it is up."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as client:
                client.sendall(b"AMQP\x00\x00\x09\x01")
                return client.recv(1) == b"\x01"
        except OSError:
            return False


def _connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
