"""A scenario package as a folder."""

from pathlib import Path
from typing import Annotated

import typer

from duokua.matters.v1 import matter_service_pb2 as pb

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
