"""The compose file's platform as plain processes: its own commands, environments and secrets, other hosts and ports."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from tests.deploy.compose import Service
from tests.servers import process

SERVE_PORT, HEALTH_PORT = 7443, 7480


@dataclass(frozen=True)
class Place:
    """Where the compose file's names are on this machine."""

    postgres_port: int
    rabbitmq_port: int
    collector_port: int
    api_ports: Mapping[str, int]
    """For each api container the port of its gRPC server."""
    secrets: Path

    def translate(self, value: str) -> str:
        """A setting's value with hosts and ports of here."""
        for name, port in self.api_ports.items():
            value = value.replace(f"{name}:{SERVE_PORT}", f"127.0.0.1:{port}")
        for name, port in (("postgres:5432", self.postgres_port), ("rabbitmq:5672", self.rabbitmq_port)):
            value = value.replace(f"@{name}", f"@127.0.0.1:{port}")
        return value.replace("//collector:4318", f"//127.0.0.1:{self.collector_port}")


class Container:
    """One service of the compose file, as a process that has what the container would have and no more."""

    def __init__(self, name: str, service: Service, place: Place, folder: Path) -> None:
        self.name = name
        self.service = service
        self.log = folder / f"{name}.log"
        (self.health_port,) = process.free_ports(1)
        self._secrets = folder / f"{name}-secrets"
        self._secrets.mkdir(mode=0o700)
        for secret in service.secrets:
            shutil.copy(place.secrets / secret, self._secrets / secret)
        self._environment = self._translated(place, folder)
        self._process: subprocess.Popen[bytes] | None = None

    def _translated(self, place: Place, folder: Path) -> dict[str, str]:
        data = folder / f"{self.name}-data"
        translated = {
            key: place.translate(value).replace("/run/secrets", str(self._secrets))
            for key, value in self.service.environment.items()
        }
        port = place.api_ports.get(self.name, 0)
        own = {
            "DUOKUA_LISTEN": f"127.0.0.1:{port}",
            "DUOKUA_HEALTH_LISTEN": f"127.0.0.1:{self.health_port}",
            "DUOKUA_DATA_DIR": str(data),
            "DUOKUA_BLOBS_URL": f"file://{data}/blobs",
        }
        assert own.keys() <= translated.keys()
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return {"PATH": path, "LC_ALL": "C.UTF-8", **translated, **own}

    def start(self) -> None:
        """Start the container's command."""
        program = Path(sys.executable).parent / self.service.command[0]
        self._process = process.spawn(
            [program, *self.service.command[1:]], environment=self._environment, log=self.log, stop_signal="KILL"
        )

    def ended(self) -> int | None:
        """The exit status, None while it runs."""
        assert self._process is not None
        return self._process.poll()

    def wait(self, seconds: float) -> int:
        """The exit status once the command has ended; TimeoutExpired when it has not within `seconds`."""
        assert self._process is not None
        return self._process.wait(seconds)

    def ready(self) -> bool:
        """Whether /ready says so; FailedToStartError when the process has ended instead."""
        if (status := self.ended()) is not None:
            raise process.FailedToStartError(f"{self.name} ended with status {status}:\n{process.tail(self.log, 40)}")
        try:
            with urlopen(f"http://127.0.0.1:{self.health_port}/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except URLError:
            return False

    def health_check(self) -> int:
        """The exit status of the container's own health check."""
        program, *arguments = self.service.healthcheck.test[1:]
        here = [re.sub(rf"\b{HEALTH_PORT}\b", str(self.health_port), argument) for argument in arguments]
        return subprocess.run([program, *here], env=self._environment, check=False, capture_output=True).returncode

    def terminate(self) -> None:
        """What `docker stop` sends first."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def kill(self) -> None:
        """End it, whatever it does."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
