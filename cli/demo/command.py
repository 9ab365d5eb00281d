"""`duokua demo`: starts a platform of its own, runs three cases on it, checks everything, and stops it again."""

import contextlib
import hashlib
import json
import signal
import socket
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from rich.console import Console

from chassis.settings import Settings
from cli.connection import connect
from cli.demo import checks, filing, story, world
from cli.demo.crew import System, SystemFailedError
from cli.demo.licences import define_type
from cli.demo.report import Report
from cli.demo.show import Show, show_for
from cli.demo.summary import print_summary
from cli.demo.waiting import LateError
from cli.initialise import initialise
from cli.licences.documents import UnsealedError
from cli.readiness import StartFailedError
from cli.supervise import Supervisor, endpoints_of, environment_of, migrate
from duokua.client import Platform
from duokua.errors import DuokuaError
from duokua.keys import ClientKey

INTERRUPTED = 130
# One listening port and one for health a process, were every service to run in two processes of its own.
PORTS = 21
# What the platform had offered when it was killed, and no office had heard of, is offered again after so long.
LEASE_SECONDS = 10


def demo(settings: Settings, folder: Path, *, as_json: bool) -> int:
    """Run the demo in a fresh folder below `folder` and return the exit status: 0 when every check held."""
    console = Console()
    show = show_for(console, quiet=as_json)
    run = folder.absolute() / f"run-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
    run.mkdir(parents=True)
    report = Report(str(run), "embedded" if settings.embedded_broker else "servers")
    started = time.monotonic()
    try:
        with _interruptible():
            _run(_own(settings, run), run, show, report)
    except KeyboardInterrupt:
        show.settle()
        Console(stderr=True).print("Interrupted; everything is stopped.")
        return INTERRUPTED
    except (StartFailedError, SystemFailedError, LateError, UnsealedError, DuokuaError) as error:
        show.settle()
        report.break_off(error)
    report.ok = not report.failed
    report.seconds = round(time.monotonic() - started, 1)
    if as_json:
        json.dump(report.as_dict(), sys.stdout, ensure_ascii=False, indent=2)
        sys.stdout.write("\n")
    else:
        print_summary(console, report)
    return 0 if report.ok else 1


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Have SIGTERM end the run as Ctrl-C does: in order."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _own(settings: Settings, run: Path) -> Settings:
    """The settings of this run's platform: its own folder and ports, and webhooks to this machine."""
    secrets = run / "platform" / "secrets"
    if not settings.embedded_broker or settings.database_url:
        # What servers keep outlives the run and is encrypted with its secrets: they stay with the servers' address.
        address = f"{settings.database_url} {settings.broker_url}".encode()
        secrets = run.parent / f"secrets-{hashlib.sha256(address).hexdigest()[:12]}"
    port = _free_ports(PORTS)
    own = settings.model_copy(
        update={
            "data_dir": run / "platform",
            "secrets_dir": secrets,
            "listen": f"127.0.0.1:{port}",
            "health_listen": f"127.0.0.1:{port + PORTS // 3}",
            "allow_private_webhooks": True,
            "lease_seconds": min(settings.lease_seconds, LEASE_SECONDS),
        }
    )
    return own.model_copy(update={"endpoints": endpoints_of(own)})


def _free_ports(count: int) -> int:
    """The first of `count` free ports in a row, below those that the kernel gives to outgoing connections."""
    for first in range(21000 + int(time.time() * 1000) % 97 * 100, 32000, count):
        with contextlib.ExitStack() as sockets, contextlib.suppress(OSError):
            for port in range(first, first + count):
                listener = sockets.enter_context(socket.socket())
                listener.bind(("127.0.0.1", port))
            return first
    message = f"there are no {count} free ports in a row between 21000 and 32000"
    raise OSError(message)


def _run(settings: Settings, run: Path, show: Show, report: Report) -> None:
    show.title("多跨 Duokua · the platform starts")
    environment = environment_of(settings)
    with show.stage("Keys, certificates and secrets are made"):
        initialise(settings.secrets_folder)
    with show.stage("Databases are made"):
        migrate(environment)
    supervisor = Supervisor(settings, environment, run / "logs")
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        with show.stage("The platform's processes are ready"):
            supervisor.start()
            stack.callback(supervisor.stop)
        report.platform = {"ready_seconds": round(time.monotonic() - began, 2), "pids": supervisor.pids()}
        operator = stack.enter_context(connect(settings))
        here = _register(operator, settings, run, show)
        systems = _start_systems(here, settings, run, show, stack)
        portal = stack.enter_context(_client(here, settings, "portal"))
        applicant = portal.acting_for(here.agent, here.firm)
        scene = story.Scene(operator, applicant, systems, supervisor, here, show, report, run)
        story.everything_is_granted(scene)
        story.fire_safety_refuses(scene)
        story.the_platform_is_killed(scene)
        report.platform["memory_mb"] = _memory(supervisor)
        show.title("The books are balanced")
        checks.balance(scene)
        systems[world.LEAD.key].tell("close")
        with show.stage("Everything is stopped"):
            stack.close()


def _register(operator: Platform, settings: Settings, run: Path, show: Show) -> world.World:
    here = world.World()
    with show.stage("Regions, offices, and a key for each office's system"):
        world.register_offices(operator, here, run / "keys")
    with show.stage("Who handles what"):
        world.declare_matters(operator, here)
    with show.stage("Each office applies for its seal, the operator approves it"):
        for office in world.OFFICES:
            if office.national and not world.choose_suite(operator, here.organs[office.key]):
                show.say(f"{office.english} seals PDF: the system's OpenSSL has no SM2")
            with _client(here, settings, office.key) as applicant:
                world.make_seal(applicant, operator, here.organs[office.key])
    with show.stage("Scenario open-restaurant 开办餐饮店 is checked and published"):
        world.install_scenario(operator, here)
    with show.stage("What a food licence 食品经营许可证 says is defined"):
        define_type(operator)
    with (
        _client(here, settings, "portal") as portal,
        show.stage("A firm, and the person who acts for it under a mandate"),
    ):
        world.register_applicant(portal, here, filing.large_restaurant()["applicant"])
    return here


def _start_systems(
    here: world.World, settings: Settings, run: Path, show: Show, stack: contextlib.ExitStack
) -> dict[str, System]:
    systems: dict[str, System] = {}
    with show.stage("Each office's own system dials in (SDK, gRPC with TLS)"):
        for office in world.OFFICES:
            environment = {
                "DUOKUA_ENDPOINTS": settings.endpoints,
                "DUOKUA_CLIENT_ID": here.clients[office.key],
                "DUOKUA_KEY_FILE": str(here.keys[office.key]),
                "DUOKUA_ROOT_CERT": str(settings.secrets_folder / "tls-root.crt"),
                "DUOKUA_ISSUER": settings.issuer,
            }
            system = System(office, run / "departments" / office.key, environment, show.pace)
            stack.callback(system.stop)
            systems[office.key] = system
        systems[world.LEAD.key].tell("listen")
    return systems


def _client(here: world.World, settings: Settings, key: str) -> Platform:
    """The platform for the portal, or for an office's system."""
    root = settings.secrets_folder / "tls-root.crt"
    own = ClientKey.load(here.keys[key])
    return Platform(settings.endpoints, here.clients[key], own, root, settings.issuer, wait_for_ready=True)


def _memory(supervisor: Supervisor) -> float | None:
    """Megabytes that the platform's processes take together, shared pages counted once; None where it is not told."""
    kilobytes = 0
    for pid in supervisor.pids().values():
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
        except OSError:
            return None
        kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return round(kilobytes / 1024, 1)
