"""Materials on their way to the platform: small ones within a message, large ones uploaded before, with progress."""

import hashlib
import mimetypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from duokua.cases.v1 import case_pb2
from duokua.client import Session
from duokua.errors import InvalidArgument

LARGEST_INSIDE = 1_000_000
"""Bytes of a material that goes within the message."""
MOST_INSIDE = 10_000_000
"""Bytes of all those together; a message takes 20 MiB."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A file as a material of one kind."""

    kind: str
    path: Path
    media_type: str

    @property
    def size(self) -> int:
        """In bytes."""
        return self.path.stat().st_size

    @property
    def sha256(self) -> str:
        """Of its content, in hexadecimal."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def handed(kind: str, path: Path, media_type: str = "") -> Handed:
    """A file as a material; its media type is guessed when none is given. Raises ValueError when it is not there."""
    if not path.is_file():
        message = f"material {kind}: there is no file {path}"
        raise ValueError(message)
    return Handed(kind, path, media_type or mimetypes.guess_type(path.name)[0] or "application/octet-stream")


def option(given: str) -> Handed:
    """What `--material KIND=FILE` names."""
    kind, _, name = given.partition("=")
    if not kind or not name:
        raise typer.BadParameter(f"{given}: give KIND=FILE, such as lease=lease.pdf", param_hint="--material")
    if not Path(name).is_file():
        raise typer.BadParameter(f"there is no file {name}", param_hint="--material")
    return handed(kind, Path(name))


def go_inside(files: Sequence[Handed]) -> list[bool]:
    """For each file whether it goes within the message."""
    left, inside = MOST_INSIDE, []
    for file in files:
        size = file.size
        inside.append(size <= min(LARGEST_INSIDE, left))
        left -= size if inside[-1] else 0
    return inside


def hand_in(session: Session, files: Sequence[Handed]) -> list[case_pb2.Material]:
    """The materials of a request; those that do not go within it are uploaded now."""
    return _materials(session, files, go_inside(files))


def upload(session: Session, files: Sequence[Handed]) -> list[case_pb2.Material]:
    """The materials of a draft, which are all uploaded now."""
    return _materials(session, files, [False] * len(files))


def _materials(session: Session, files: Sequence[Handed], insides: Sequence[bool]) -> list[case_pb2.Material]:
    materials = []
    with _progress() as progress:
        for file, inside in zip(files, insides, strict=True):
            material = case_pb2.Material(kind=file.kind, name=file.path.name, media_type=file.media_type)
            if inside:
                material.content = file.path.read_bytes()
            else:
                material.sha256 = _uploaded(session, file, progress)
            materials.append(material)
    return materials


def _uploaded(session: Session, file: Handed, progress: Progress) -> str:
    bar = progress.add_task(file.path.name, total=file.size)

    def told(done: int, total: int) -> None:
        progress.update(bar, completed=done, total=total)

    try:
        upload = session.upload(file.path, file.media_type, told)
    except InvalidArgument as error:
        message = f"{file.path.name}, given as {file.kind}: {error.message}"
        raise InvalidArgument(error.code, error.reason, message, error.metadata, error.violations) from error
    progress.update(bar, completed=upload.size, total=upload.size)
    return upload.sha256


@contextmanager
def _progress() -> Iterator[Progress]:
    """Bars on standard error, when that is a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress
