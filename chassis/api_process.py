"""An api process: `python -m chassis.api_process SERVICE...` serves the gRPC of the named services."""

import asyncio
import contextlib
import importlib
import math
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import grpc.aio
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from sqlalchemy.exc import DBAPIError

from chassis import telemetry
from chassis.api import Servicer
from chassis.bus.backoff import Backoff
from chassis.bus.faults import database_is_away
from chassis.context import Context
from chassis.health import Check, HealthServer, Pages, failures
from chassis.operations import BusApi
from chassis.rpc import Pipeline
from chassis.settings import Settings, is_loopback, keep_private
from chassis.tokens import KeySource, TokenVerifier
from chassis.vault import Vault

log = structlog.get_logger()

LARGEST_MESSAGE = 21 * 1024 * 1024
"""In bytes; the largest request is an application with all its materials. Each field's own rule is tighter."""
MOST_CALLS = 2000
"""At a time, streams among them; one more is refused with RESOURCE_EXHAUSTED before anything is done for it."""
GRACE_SECONDS = 10.0
"""For the calls in hand at a graceful stop."""
_MERCY_SECONDS = 5
"""After so long on top the kernel ends a process whose threads do not, as one does that waits for a database's lock."""
OPTIONS = (
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", LARGEST_MESSAGE),
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.max_concurrent_streams", 1000),
)


class ApiProcess:
    """The gRPC servers of some services in one process, on one port."""

    def __init__(self, settings: Settings, services: Sequence[str], *, grace_seconds: float = GRACE_SECONDS) -> None:
        self._settings = settings
        self._services = services
        self._grace_seconds = grace_seconds
        self._context = Context(settings)
        self._threads = ThreadPoolExecutor(settings.api_threads, thread_name_prefix="call")
        self._stopping = asyncio.Event()
        self._serving = False
        self._servicers: list[tuple[str, Servicer]] = []
        self._bus = BusApi(settings, {service: self._context.database(service) for service in services})

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then finish what is in hand; the kernel ends the process should that not end.

        To be called where the process is there for nothing else.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop_in_time)
        await self.serve()

    def _stop_in_time(self) -> None:
        if not self._stopping.is_set():  # a second signal gives no further time
            signal.alarm(math.ceil(self._grace_seconds) + _MERCY_SECONDS)
        self.stop()

    def stop(self) -> None:
        """Have the process end in good order; to be called on its event loop."""
        self._stopping.set()

    async def serve(self) -> None:
        """Serve until `stop` is called."""
        channel = identity_channel(self._settings)
        checks = self._checks() | {"start": self._check_serving}
        health = HealthServer(self._settings.health_listen, checks, self._pages())
        health.start()
        try:
            await self._prepare()
            if not self._stopping.is_set():
                await self._serve(channel)
        finally:
            health.stop()
            await channel.close()
            self._threads.shutdown(cancel_futures=True)
            self._context.close()

    async def _serve(self, channel: grpc.aio.Channel) -> None:
        server = await self._build(channel)
        await self._start_servicers()
        await server.start()
        self._serving = True
        log.info("api_serving", services=" ".join(self._services), address=self._settings.listen)
        await self._stopping.wait()
        log.info("api_stopping")
        await server.stop(self._grace_seconds)
        await self._stop_servicers()

    async def _prepare(self) -> None:
        """What services do before they serve; a database that is away is waited for, for as long as it takes."""
        for service in self._services:
            prepare = getattr(importlib.import_module(f"services.{service}.api"), "prepare", None)
            backoff = Backoff()
            while prepare is not None and not self._stopping.is_set():
                call = partial(prepare, self._settings, self._context.database(service))
                try:
                    await asyncio.get_running_loop().run_in_executor(self._threads, call)
                    break
                except DBAPIError as error:
                    if not database_is_away(error):
                        raise
                    log.warning("database_away", service=service, error=str(error.orig))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(backoff.next()):
                        await self._stopping.wait()

    def _check_serving(self) -> None:
        if not self._serving:
            message = "the services are starting"
            raise RuntimeError(message)

    async def _build(self, channel: grpc.aio.Channel) -> grpc.aio.Server:
        verifier = TokenVerifier(KeySource(channel), self._settings.issuer)
        vault = Vault.from_settings(self._settings)
        server = grpc.aio.server(options=OPTIONS, maximum_concurrent_rpcs=MOST_CALLS)
        names = []
        for service in self._services:
            module = importlib.import_module(f"services.{service}.api")
            database = self._context.database(service)
            database.bound_outbox(self._settings.outbox_limit)
            pipeline = Pipeline(database, self._threads, verifier, vault, self._stopping)
            for servicer in module.build(self._settings):
                server.add_generic_rpc_handlers((pipeline.handlers(servicer),))
                self._servicers.append((service, servicer))
                names.append(servicer.service.full_name)
        pipeline = Pipeline(self._bus.database, self._threads, verifier, vault, self._stopping)
        server.add_generic_rpc_handlers((pipeline.handlers(self._bus),))
        names.append(self._bus.service.full_name)
        health_pb2_grpc.add_HealthServicer_to_server(Health(self._checks(), self._threads), server)
        reflection.enable_server_reflection((*names, reflection.SERVICE_NAME, "grpc.health.v1.Health"), server)
        bind(server, self._settings)
        return server

    async def _start_servicers(self) -> None:
        for service, servicer in self._servicers:
            start = getattr(servicer, "start", None)
            if start is not None:
                await start(self._context.database(service), self._threads)
        for service in self._services:
            if self._context.database(service).callbacks.topics:
                self._context.database(service).listen()

    async def _stop_servicers(self) -> None:
        for _, servicer in self._servicers:
            stop = getattr(servicer, "stop", None)
            if stop is not None:
                await stop()
        await self._bus.stop()

    def _pages(self) -> dict[str, Pages]:
        """What services have for everybody, by HTTP."""
        pages: dict[str, Pages] = {}
        for service in self._services:
            give = getattr(importlib.import_module(f"services.{service}.api"), "pages", None)
            if give is not None:
                pages |= give(self._settings, self._context.database(service))
        return pages

    def _checks(self) -> dict[str, Check]:
        return {f"database {service}": self._context.database(service).ping for service in self._services}


class Health(health_pb2_grpc.HealthServicer):
    """grpc.health.v1 for this process: SERVING while its databases answer."""

    def __init__(self, checks: dict[str, Check], threads: ThreadPoolExecutor) -> None:
        self._checks = checks
        self._threads = threads

    async def Check(  # noqa: N802 - the contract's name
        self, request: health_pb2.HealthCheckRequest, context: "grpc.aio.ServicerContext[object, object]"
    ) -> health_pb2.HealthCheckResponse:
        """Whether the process can do its work now."""
        del request, context
        failed = await asyncio.get_running_loop().run_in_executor(self._threads, failures, self._checks)
        status = health_pb2.HealthCheckResponse.NOT_SERVING if failed else health_pb2.HealthCheckResponse.SERVING
        return health_pb2.HealthCheckResponse(status=status)


def bind(server: grpc.aio.Server, settings: Settings) -> None:
    """Listen with TLS; without a certificate only on loopback, else the process refuses to start."""
    if settings.has_secret("tls.crt"):
        pair = (settings.secret("tls.key"), settings.secret("tls.crt"))
        server.add_secure_port(settings.listen, grpc.ssl_server_credentials([pair]))
        return
    if not is_loopback(settings.listen):
        message = f"{settings.listen} is not loopback and there is no certificate tls.crt in {settings.secrets_folder}"
        raise SystemExit(message)
    log.warning("serving_without_tls", address=settings.listen)
    server.add_insecure_port(settings.listen)


def identity_channel(settings: Settings) -> grpc.aio.Channel:
    """A channel to the identity service, whose keys check every token."""
    address = settings.endpoint("identity")
    if settings.has_secret("tls-root.crt"):
        credentials = grpc.ssl_channel_credentials(settings.secret("tls-root.crt"))
        return grpc.aio.secure_channel(address, credentials)
    if not is_loopback(address):
        message = f"{address} is not loopback and there is no root certificate in {settings.secrets_folder}"
        raise SystemExit(message)
    return grpc.aio.insecure_channel(address)


def main(services: Sequence[str]) -> None:
    """Run until told to stop."""
    settings = Settings()
    telemetry.configure(settings, f"{services[0] if len(services) == 1 else 'all'}-api")
    asyncio.run(ApiProcess(settings, services).run())


if __name__ == "__main__":
    keep_private()
    main(sys.argv[1:])
