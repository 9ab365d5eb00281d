"""A scenario package as a folder."""

from pathlib import Path
from typing import Annotated

import typer

from duokua.matters.v1 import matter_service_pb2 as pb
from services.matters.package.files import LARGEST_FILE
from services.matters.package.overlay import OVERLAY

OverlayPath = Annotated[
    Path | None,
    typer.Option("--overlay", help="A region's overlay: its folder, or its overlay.yaml.", exists=True),
]
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


def read_folder(folder: Path) -> dict[str, bytes]:
    """All files of a package by path, whatever they are for; hidden ones are none of it. Raises ValueError."""
    if not (folder / "scenario.yaml").is_file():
        message = f"{folder} is no scenario package: it has no scenario.yaml"
        raise ValueError(message)
    files: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in inside.parts):
            files[inside.as_posix()] = _read(path)
    return files


def read_overlay(path: Path | None) -> dict[str, bytes] | None:
    """The files of an overlay: a folder with overlay.yaml in it, or that file alone."""
    if path is None:
        return None
    if path.is_file():
        return {OVERLAY: _read(path)}
    return {
        each.relative_to(path).as_posix(): _read(each)
        for each in sorted(path.rglob("*"))
        if each.is_file() and not any(part.startswith(".") for part in each.relative_to(path).parts)
    }


def package_of(where: Path) -> tuple[Path, str]:
    """The folder of a package, and the path inside it that is meant; empty for all of it. Raises ValueError."""
    if where.is_dir():
        return where, ""
    for folder in where.absolute().parents:
        if (folder / "scenario.yaml").is_file():
            return folder, where.absolute().relative_to(folder).as_posix()
    message = f"{where} is in no scenario package: no folder above it has a scenario.yaml"
    raise ValueError(message)


def _read(path: Path) -> bytes:
    """A file, as far as it is needed to see that it is too large."""
    with path.open("rb") as file:
        return file.read(LARGEST_FILE + 1)
