"""The `duokua` command: every part of it, each with its own help."""

import os
import signal
import sys
import threading
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from chassis.settings import SERVICES, Settings, keep_private
from cli.groups import add_groups

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
add_groups(app)

errors = Console(stderr=True)


def _version(asked: bool) -> None:  # noqa: FBT001 - how an option's callback is called
    if asked:
        typer.echo(f"duokua {version('duokua-platform')}")
        raise typer.Exit


@app.callback()
def duokua(
    _: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,  # noqa: FBT002
) -> None:
    """Duokua: many departments handle one thing together.

    Settings come from DUOKUA_* in the environment; without any, everything runs embedded in ./duokua-data.
    """


@app.command()
def up() -> None:
    """Start the platform and leave it running until Ctrl-C.

    Embedded: one api and one worker process. With DUOKUA_DATABASE_URL and DUOKUA_BROKER_URL: both for every service.
    """
    from cli import supervise  # noqa: PLC0415 - only what a command needs is loaded
    from cli.initialise import initialise  # noqa: PLC0415

    keep_private()
    settings = Settings()
    made = initialise(settings.secrets_folder)
    if made:
        errors.print(f"Made secrets in {settings.secrets_folder}: {', '.join(made)}")
    environment = supervise.environment_of(settings)
    supervise.migrate(environment)
    supervisor = supervise.Supervisor(settings, environment)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    supervisor.start()
    errors.print(f"Ready: gRPC with TLS on {supervise.endpoints_of(settings)}")
    errors.print(f"The operator's key is {settings.secrets_folder / 'operator.jwk'}. Ctrl-C stops.")
    stop.wait()
    errors.print("Stopping ...")
    supervisor.stop()


@app.command()
def init(
    host: Annotated[
        list[str] | None, typer.Option(help="A further name or address of the servers' certificate.")
    ] = None,
    secrets_dir: Annotated[Path | None, typer.Option(help="Where to; by default where the settings say.")] = None,
) -> None:
    """Make the secrets of an installation: keys, certificates, passwords. What is there is never replaced."""
    from cli.initialise import initialise  # noqa: PLC0415

    folder = secrets_dir or Settings().secrets_folder
    made = initialise(folder, host or (), passwords=True)
    for name in made:
        typer.echo(f"made {folder / name}")
    if not made:
        typer.echo(f"everything is there already in {folder}")


@app.command()
def migrate() -> None:
    """Bring the services' databases to the newest revision."""
    from chassis.migrate import main  # noqa: PLC0415

    keep_private()
    main(["upgrade"])
    typer.echo("all databases are at their newest revision")


@app.command()
def serve(
    service: Annotated[str, typer.Argument(help=f"One of {', '.join(SERVICES)}, or all.")],
    kind: Annotated[str, typer.Argument(help="api or worker.")],
) -> None:
    """Run one process of a service, in the foreground: what containers run."""
    if service not in (*SERVICES, "all") or kind not in ("api", "worker"):
        raise typer.BadParameter(f"say one of {', '.join(SERVICES)} or all, then api or worker")
    services = SERVICES if service == "all" else (service,)
    # The process is replaced: a worker must be green before anything is imported, and gets signals directly.
    os.execv(sys.executable, [sys.executable, "-m", f"chassis.{kind}_process", *services])  # noqa: S606


@app.command()
def demo(
    directory: Annotated[Path, typer.Option(help="Where the run keeps its data, documents and logs.")] = Path(
        "duokua-demo"
    ),
    database_url: Annotated[
        str, typer.Option(help="PostgreSQL: postgresql://user:password@host/name_{service}. By default SQLite.")
    ] = "",
    broker_url: Annotated[
        str, typer.Option(help="RabbitMQ: amqp://user:password@host/vhost. By default the broker within.")
    ] = "",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing else.")] = False,  # noqa: FBT002
) -> None:
    """Run the main job on real input: open a restaurant, be refused and undone, survive a kill."""
    from cli.demo.command import demo as run_demo  # noqa: PLC0415

    given = {"database_url": database_url, "broker_url": broker_url}
    settings = Settings(**{name: value for name, value in given.items() if value})  # type: ignore[arg-type]
    raise typer.Exit(run_demo(settings, directory, as_json=json))


_USAGE_ERROR: type[Exception] = next(
    each for each in typer.BadParameter.__mro__ if issubclass(each, Exception) and each.__name__ == "ClickException"
)
"""What typer raises when a command is called in a wrong way; it has no public name of its own."""


def _run_for_programs() -> NoReturn:
    """Run the command; how it was called wrongly is one JSON object on standard error."""
    try:
        status = app(standalone_mode=False)
    except (_USAGE_ERROR, typer.Abort) as error:
        from cli.failing import tell_usage  # noqa: PLC0415 - only what a command needs is loaded

        sys.exit(tell_usage(error, errors))
    sys.exit(status if isinstance(status, int) else 0)


def run() -> None:
    """The entry point: errors that a person can act on are one clear message, never a traceback.

    Where JSON was asked for, what went wrong is one JSON object too, on standard error.
    """
    as_json = "--json" in sys.argv[1:]
    try:
        if as_json:
            _run_for_programs()
        app()
    except Exception as error:  # noqa: BLE001 - what is none of its likes is raised again
        from cli.failing import tell  # noqa: PLC0415 - only what a command needs is loaded

        sys.exit(tell(error, errors, as_json=as_json))


if __name__ == "__main__":
    run()
