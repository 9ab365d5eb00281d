"""Every process of docker-compose.yml starts with its own command, environment and secrets, and becomes healthy."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from cli.connection import operator_client_id
from duokua.client import Platform
from duokua.keys import ClientKey
from duokua.operations.v1 import bus_service_pb2
from tests.deploy.compose import compose, platform_processes
from tests.deploy.processes import Container, Place
from tests.deploy.test_server_files import configured_broker, make_service_databases
from tests.servers import PostgresServer, RabbitmqServer
from tests.servers.process import FailedToStartError, free_ports, tail, wait_until

pb = bus_service_pb2
PASSWORDS = ("database", "broker", "broker-watcher")
READY_SECONDS = 120
STOP_SECONDS = 30


class Collector(BaseHTTPRequestHandler):
    """Takes traces and thanks for them."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        pass


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an operator makes before the first start, with the command that the deployment's README names."""
    folder = tmp_path_factory.mktemp("init") / "secrets"
    duokua = Path(sys.executable).parent / "duokua"
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "DUOKUA_DATA_DIR": str(folder.parent / "data")}
    subprocess.run([duokua, "init", "--secrets-dir", folder], check=True, env=environment, stdin=subprocess.DEVNULL)
    return folder


@pytest.fixture(scope="module")
def place(secrets: Path, tmp_path_factory: pytest.TempPathFactory, rabbitmq_server: RabbitmqServer) -> Iterator[Place]:
    """PostgreSQL and RabbitMQ as their containers set them up, and somebody who takes traces."""
    del rabbitmq_server  # skips, with the reason, where no broker can be started
    apis = [name for name in platform_processes() if name.endswith("-api")]
    passwords = [(secrets / f"{name}-password").read_text().strip() for name in PASSWORDS]
    database_password, broker_password, watcher_password = passwords
    collector = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    with ExitStack() as stack:
        stack.callback(collector.server_close)
        Thread(target=collector.serve_forever, daemon=True).start()
        stack.callback(collector.shutdown)
        postgres = stack.enter_context(PostgresServer(durable=True, password=database_password))
        make_service_databases(postgres)
        rabbitmq = stack.enter_context(
            configured_broker(broker_password, tmp_path_factory.mktemp("broker"), watcher_password)
        )
        ports = dict(zip(apis, free_ports(len(apis)), strict=True))
        yield Place(postgres.port, rabbitmq.port, collector.server_port, ports, secrets)


def test_the_secrets_are_those_of_the_compose_file_and_nobody_else_may_read_them(secrets: Path) -> None:
    assert set(compose().secrets) <= {path.name for path in secrets.iterdir()}
    assert {oct(path.stat().st_mode & 0o077) for path in [secrets, *secrets.iterdir()]} == {"0o0"}


@pytest.mark.timeout(300)
def test_every_process_becomes_healthy_and_stops_in_order(place: Place, tmp_path: Path) -> None:
    migrate = Container("migrate", compose().services["migrate"], place, tmp_path)
    migrate.start()
    assert migrate.wait(READY_SECONDS) == 0, tail(migrate.log, 40)
    containers = [Container(name, service, place, tmp_path) for name, service in platform_processes().items()]
    with ExitStack() as stack:
        for container in containers:
            stack.callback(container.kill)
            container.start()
        wait_until_all_are_ready(containers)
        assert {container.name: container.health_check() for container in containers} == dict.fromkeys(
            platform_processes(), 0
        )
        for port in place.api_ports.values():
            assert_serves_with_tls(port, place.secrets)
        assert_the_operator_sees_the_bus(place)
        for container in containers:
            container.terminate()
        statuses = {container.name: container.wait(STOP_SECONDS) for container in containers}
        assert statuses == dict.fromkeys(platform_processes(), 0)


def wait_until_all_are_ready(containers: list[Container]) -> None:
    waiting = list(containers)

    def none_is_left() -> bool:
        waiting[:] = [container for container in waiting if not container.ready()]
        return not waiting

    try:
        wait_until(none_is_left, seconds=READY_SECONDS, what="not all processes are ready")
    except TimeoutError as error:
        logs = "\n".join(f"--- {container.name}\n{tail(container.log)}" for container in waiting)
        raise FailedToStartError(f"not ready:\n{logs}") from error


def assert_serves_with_tls(port: int, secrets: Path) -> None:
    credentials = grpc.ssl_channel_credentials((secrets / "tls-root.crt").read_bytes())
    with grpc.secure_channel(f"127.0.0.1:{port}", credentials) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=10)  # type: ignore[attr-defined] # its stub forgot it
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


def assert_the_operator_sees_the_bus(place: Place) -> None:
    key = ClientKey.load(place.secrets / "operator.jwk")
    endpoints = {name.removesuffix("-api"): f"127.0.0.1:{port}" for name, port in place.api_ports.items()}
    with Platform(endpoints, operator_client_id(key), key, place.secrets / "tls-root.crt") as platform:
        for service in endpoints:
            found = platform.bus(service).GetBusStatus(pb.GetBusStatusRequest(service=service)).status
            assert found.broker == pb.BROKER_STATE_ANSWERS, found.queues_unknown
            consumers = [queue.consumers for queue in found.queues if queue.kind == pb.QUEUE_KIND_MAIN]
            assert consumers == ([] if service == "identity" else [1]), service
