"""A worker process: containers of one or several services, from its start to a graceful stop.

The process has to be green before this module is imported (`chassis.worker_process` sees to that).
"""

import fcntl
import inspect
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import eventlet
import structlog
from eventlet.event import Event
from eventlet.hubs import trampoline
from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR
from nameko.runners import ServiceRunner
from prometheus_client import REGISTRY

from chassis import telemetry
from chassis.bus.events import event_type
from chassis.bus.extensions import Subscribe
from chassis.bus.runtime import CONFIG_KEY, Runtime
from chassis.bus.scraping import BacklogCollector
from chassis.bus.topology import RetryPolicy
from chassis.health import HealthServer
from chassis.settings import SERVICES, Settings, private_folder

STOP_SECONDS = 20.0
"""The longest that a graceful stop takes; what is not done by then is delivered again at the next start."""
_MERCY_SECONDS = 3
"""After so long on top the kernel ends a process that hangs where no green thread gets a turn."""

_log = structlog.get_logger(__name__)


def load_workers(services: Sequence[str]) -> list[type]:
    """The worker classes of services, of all when none is named."""
    unknown = set(services) - set(SERVICES)
    if unknown:
        raise SystemExit(f"no such service: {', '.join(sorted(unknown))}; there are {', '.join(SERVICES)}")
    return [import_module(f"services.{service}.worker").WORKER for service in services or SERVICES]


def subscriptions_of(workers: Sequence[Any]) -> dict[str, set[str]]:
    """The event types that each worker's service consumes."""
    return {
        worker.name: {
            event_type(entrypoint.event)
            for _, method in inspect.getmembers(worker, inspect.isfunction)
            for entrypoint in getattr(method, ENTRYPOINT_EXTENSIONS_ATTR, ())
            if isinstance(entrypoint, Subscribe)
        }
        for worker in workers
    }


def run_worker(
    workers: Sequence[Any],
    settings: Settings,
    policy: RetryPolicy | None = None,
    *,
    stop_seconds: float = STOP_SECONDS,
) -> int:
    """Run workers until SIGTERM or SIGINT; returns the exit status, 0 after a graceful stop."""
    names = "+".join(worker.name for worker in workers)
    telemetry.configure(settings, f"{names if len(workers) == 1 else 'all'}-worker")
    if settings.embedded_broker:
        be_the_only_worker(settings)
    runtime = Runtime(settings, subscriptions_of(workers), policy)
    runner = ServiceRunner({CONFIG_KEY: runtime})
    for worker in workers:
        runner.add_service(worker)
    REGISTRY.register(BacklogCollector(runtime.databases))
    health = HealthServer(settings.health_listen, runtime.checks())
    started = runtime.troubles.reporter("start", "the services are starting")
    health.start()
    runtime.listen()
    runner.start()
    started("")
    _log.info("worker_started", services=names)
    try:
        _wait_for_end(runner, stop_seconds)
        return _stop(runner, stop_seconds)
    finally:
        runtime.close()
        health.stop()


def be_the_only_worker(settings: Settings) -> None:
    """Hold the data directory's lock until this process ends; end it now when another worker has the lock.

    The embedded broker lives in one worker process: a second one on the same databases would relay the same events.
    """
    private_folder(settings.data_dir)
    lock = os.open(settings.data_dir / "worker.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(f"another platform runs on {settings.data_dir}: embedded, there may be one") from None


def _wait_for_end(runner: Any, stop_seconds: float) -> None:
    """Return when the process is asked to stop; raises what killed a container."""
    ended = Event()
    receiver, sender = os.pipe()
    os.set_blocking(sender, False)
    # The hub sleeps in epoll, which Python resumes after a handler that raises nothing: a signal has to be readable.
    signal.set_wakeup_fd(sender)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: signal.alarm(round(stop_seconds) + _MERCY_SECONDS))

    def watch_signals() -> None:
        trampoline(receiver, read=True)
        ended.send(None)

    def watch_containers() -> None:
        try:
            runner.wait()
        except Exception:  # noqa: BLE001  handed to the main green thread
            ended.send_exception(*sys.exc_info())

    watchers = [eventlet.spawn(watch_signals), eventlet.spawn(watch_containers)]
    try:
        ended.wait()
    finally:
        for watcher in watchers:
            watcher.kill()
        signal.set_wakeup_fd(-1)


def _stop(runner: Any, stop_seconds: float) -> int:
    _log.info("worker_stopping")
    graceful = False
    with eventlet.Timeout(stop_seconds, False):  # noqa: FBT003  eventlet's way to say "do not raise"
        runner.stop()
        graceful = True
    if graceful:
        _log.info("worker_stopped")
        return 0
    _log.error("worker_stop_timed_out", seconds=stop_seconds)
    runner.kill()
    return 1
