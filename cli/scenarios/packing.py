"""`duokua scenario pack`."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import AsJson
from cli.output import counted, print_json, say
from cli.scenarios.faulty import faults_as_json, print_faults
from cli.scenarios.folders import SUFFIX, Folder, read_folder


def pack(
    folder: Folder,
    out: Annotated[Path | None, typer.Option(help="The file; by default <id>-<version>.duokua here.")] = None,
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Make one file of a package. The same content gives the same bytes, whenever and wherever it is packed.

    Exit status 1, and no file, when the package is faulty. No platform is needed.
    """
    from services.matters.package import archive  # noqa: PLC0415 - only what a command needs is loaded
    from services.matters.package.compiler import examine_package  # noqa: PLC0415

    files = read_folder(folder)
    examined = examine_package(files)
    if examined.scenario is None:
        if json:
            print_json({"faults": faults_as_json(examined.faults)})
        else:
            print_faults(examined.faults)
            say(f"{folder}: {counted(len(examined.faults), 'fault')}, so nothing was packed")
        raise typer.Exit(1)
    package = archive.made_of(files)
    scenario = examined.scenario
    file = out or Path(f"{scenario.scenario_id}-{scenario.version}{SUFFIX}")
    content = archive.pack(package)
    file.write_bytes(content)
    if json:
        print_json(
            {"faults": [], "file": str(file), "digest": package.digest, "files": len(files), "size": len(content)}
        )
    else:
        say(f"{file}: {counted(len(files), 'file')}, {len(content)} bytes, digest {package.digest}")
