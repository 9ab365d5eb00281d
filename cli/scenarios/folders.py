"""A scenario package as a folder or as one file, and an overlay beside it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from duokua.matters.v1 import matter_service_pb2 as pb
from services.matters.package.archive import Package, made_of, pack, unpack
from services.matters.package.files import LARGEST_FILE, LARGEST_PACKAGE, MANIFEST, MOST_FILES
from services.matters.package.overlay import OVERLAY

SUFFIX = ".duokua"
OverlayPath = Annotated[
    Path | None,
    typer.Option("--overlay", help="A region's overlay: its folder, or its overlay.yaml.", exists=True),
]
SkipTests = Annotated[
    bool, typer.Option("--skip-tests", help="Do not run the package's tests with the region's decisions first.")
]
Folder = Annotated[Path, typer.Argument(help="The package's folder.", exists=True, file_okay=False)]
Where = Annotated[
    Path, typer.Argument(metavar="PACKAGE", help="The package: its folder, or a *.duokua file.", exists=True)
]


def read_package(where: Path) -> Package:
    """A package from its folder or its file. Raises ValueError, Invalid."""
    return unpack(read_archive(where)) if where.is_file() else made_of(read_folder(where))


def read_archive(file: Path) -> bytes:
    """The bytes of a `*.duokua` file, as far as they are needed to see that it is too large."""
    with file.open("rb") as opened:
        return opened.read(2 * LARGEST_PACKAGE)


def sent(where: Path) -> bytes:
    """A package as it is sent to the platform: its file as it is, a folder packed."""
    return read_archive(where) if where.is_file() else pack(read_package(where))


def read_files(where: Path) -> dict[str, bytes]:
    """The files of a package, from its folder or its file. Raises ValueError, Invalid.

    A file of which something was changed is refused here too: what is looked at is what would be installed.
    """
    return files_of(read_archive(where)) if where.is_file() else read_folder(where)


def files_of(archive: bytes) -> dict[str, bytes]:
    """The files of a package that is whole. Raises Invalid."""
    from services.matters.trust import check_whole  # noqa: PLC0415 - only what a command needs is loaded

    package = unpack(archive)
    check_whole(package)
    return dict(package.files)


def read_folder(folder: Path) -> dict[str, bytes]:
    """All files of a package by path, whatever they are for; hidden ones are none of it. Raises ValueError."""
    if not (folder / MANIFEST).is_file():
        message = f"{folder} is no scenario package: it has no {MANIFEST}"
        raise ValueError(message)
    return _files_in(folder)


def read_overlay(path: Path | None) -> dict[str, bytes] | None:
    """The files of an overlay: a folder with overlay.yaml in it, or that file alone. Raises ValueError."""
    if path is None:
        return None
    return {OVERLAY: _read(path)} if path.is_file() else _files_in(path)


def overlay_sent(overlay: Mapping[str, bytes] | None) -> list[pb.ScenarioFile]:
    """An overlay as it is sent to the platform; empty without one."""
    return [pb.ScenarioFile(path=name, content=content) for name, content in (overlay or {}).items()]


def package_of(where: Path) -> tuple[Path, str]:
    """The folder of a package, and the path inside it that is meant; empty for all of it. Raises ValueError."""
    if where.is_dir():
        return where, ""
    for folder in where.absolute().parents:
        if (folder / MANIFEST).is_file():
            return folder, where.absolute().relative_to(folder).as_posix()
    message = f"{where} is in no scenario package: no folder above it has a {MANIFEST}"
    raise ValueError(message)


def _files_in(folder: Path) -> dict[str, bytes]:
    """What lies in a folder and below, but for what is hidden: no more than shows that there is too much."""
    files: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if any(part.startswith(".") for part in inside.parts):
            continue
        if path.is_symlink():
            message = f"{path} is a link, of which packages have none: put the file itself there"
            raise ValueError(message)
        if path.is_file():
            files[inside.as_posix()] = _read(path)
        if len(files) > MOST_FILES:
            break
    return files


def _read(path: Path) -> bytes:
    """A file, as far as it is needed to see that it is too large."""
    with path.open("rb") as file:
        return file.read(LARGEST_FILE + 1)
