"""`duokua scenario`: check and install scenario packages, and see what is installed."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from chassis.clock import new_id
from chassis.settings import Settings
from cli.connection import connect
from cli.output import as_dict, console, every_page, print_json, print_rows
from duokua.identity.v1 import directory_service_pb2
from duokua.matters.v1 import matter_service_pb2

pb = matter_service_pb2
app = typer.Typer(no_args_is_help=True, help="Scenario packages: check, install, list.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
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
            console.print(f"[red]{place}[/red] [bold]{fault.path}[/bold] {escape(fault.message)}", soft_wrap=True)
        console.print(f"{folder}: {len(answer.faults)} faults" if answer.faults else f"{folder} is in order")
    raise typer.Exit(1 if answer.faults else 0)


@app.command()
def install(
    folder: Folder,
    lead: Annotated[str, typer.Option(help="The leading organ: its id, or its unified social credit code.")],
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Install a package: publish its matters and its bundle as a new version."""
    with connect(Settings()) as platform:
        organs = every_page(
            lambda token: platform.directory.ListOrgans(
                directory_service_pb2.ListOrgansRequest(page_size=1000, page_token=token)
            ),
            lambda answer: answer.organs,
        )
        organ_id = next((organ.organ_id for organ in organs if lead in (organ.organ_id, organ.uscc)), lead)
        request = pb.InstallScenarioRequest(request_id=new_id(), files=read_package(folder), lead_organ_id=organ_id)
        answer = platform.matters.InstallScenario(request)
    if json:
        print_json(as_dict(answer))
        return
    console.print(f"{answer.bundle.name} ({answer.bundle.bundle_id}) version {answer.bundle.version} is published")


@app.command(name="list")
def list_bundles(json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """List the newest version of each bundle."""
    with connect(Settings()) as platform:
        bundles = every_page(
            lambda token: platform.matters.ListBundles(pb.ListBundlesRequest(page_size=1000, page_token=token)),
            lambda answer: answer.bundles,
        )
    columns = [
        ("bundle", lambda bundle: bundle.bundle_id),
        ("version", lambda bundle: str(bundle.version)),
        ("name", lambda bundle: bundle.name),
        ("steps", lambda bundle: str(len(bundle.steps))),
    ]
    print_rows(bundles, columns, as_json=json, empty="no bundle is installed")
