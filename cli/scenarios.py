"""`duokua scenario`: check and install scenario packages, and see what is installed."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from chassis.clock import new_id
from chassis.settings import Settings
from cli.arrival import once_arrived
from cli.connection import connect
from cli.options import AsJson
from cli.organs import organ_id_of
from cli.output import as_dict, console, counted, every_page, print_json, print_rows, say
from duokua.client import Platform
from duokua.matters.v1 import bundle_pb2, matter_service_pb2

pb = matter_service_pb2
app = typer.Typer(no_args_is_help=True, help="Scenario packages: check, install, list.")
Folder = Annotated[Path, typer.Argument(help="The package's folder.", exists=True, file_okay=False)]

PACKAGE_FILES = ("scenario.yaml", "matters", "templates")


def read_package(folder: Path) -> list[pb.ScenarioFile]:
    """The files of a package; raises ValueError when the folder is none."""
    if not (folder / "scenario.yaml").is_file():
        message = f"{folder} is no scenario package: it has no scenario.yaml"
        raise ValueError(message)
    paths = [path for name in PACKAGE_FILES for path in sorted([folder / name, *(folder / name).rglob("*")])]
    return [
        pb.ScenarioFile(path=path.relative_to(folder).as_posix(), content=path.read_bytes())
        for path in paths
        if path.is_file()
    ]


@app.command()
def check(folder: Folder, json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Check a package without installing it; every fault is named with its file and line. Exit status 1 when faulty."""
    with connect(Settings()) as platform:
        answer = platform.matters.CheckScenario(pb.CheckScenarioRequest(files=read_package(folder)))
    if json:
        print_json(as_dict(answer))
    else:
        for fault in answer.faults:
            place = f"{fault.file}:{fault.line}:{fault.column}"
            console.print(
                f"[red]{escape(place)}[/red] [bold]{escape(fault.path)}[/bold] {escape(fault.message)}",
                soft_wrap=True,
                highlight=False,
            )
        say(f"{folder}: {counted(len(answer.faults), 'fault')}" if answer.faults else f"{folder} is in order")
    raise typer.Exit(1 if answer.faults else 0)


@app.command()
def install(
    folder: Folder,
    lead: Annotated[str, typer.Option(help="The leading organ: its id, or its unified social credit code.")],
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Install a package: publish its matters and its bundle as a new version. The same again changes nothing."""
    with connect(Settings()) as platform:
        organ_id = organ_id_of(platform, lead)
        before = {(bundle.bundle_id, bundle.version) for bundle in newest_bundles(platform)}
        request = pb.InstallScenarioRequest(request_id=new_id(), files=read_package(folder), lead_organ_id=organ_id)
        answer = once_arrived(lambda: platform.matters.InstallScenario(request), "ORGAN_NOT_FOUND")
    if json:
        print_json(as_dict(answer))
        return
    bundle = answer.bundle
    done = "is unchanged" if (bundle.bundle_id, bundle.version) in before else "is published"
    say(f"{bundle.name} ({bundle.bundle_id}) version {bundle.version} {done}")


def newest_bundles(platform: Platform) -> list[bundle_pb2.Bundle]:
    """The newest version of each bundle."""
    return every_page(
        lambda token: platform.matters.ListBundles(pb.ListBundlesRequest(page_size=1000, page_token=token)),
        lambda answer: answer.bundles,
    )


@app.command(name="list")
def list_bundles(json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """List the newest version of each bundle."""
    with connect(Settings()) as platform:
        bundles = newest_bundles(platform)
    columns = [
        ("bundle", lambda bundle: bundle.bundle_id),
        ("version", lambda bundle: str(bundle.version)),
        ("name", lambda bundle: bundle.name),
        ("steps", lambda bundle: str(len(bundle.steps))),
    ]
    print_rows(bundles, columns, as_json=json, empty="no bundle is installed")
