"""An application as a file: bundle, person, form and materials, in JSON or YAML."""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

STDIN = "-"
_YAML = (".yaml", ".yml")


class MaterialFile(BaseModel):
    """A material: a file of this machine."""

    model_config = ConfigDict(extra="forbid")

    kind: str = Field(min_length=1)
    file: str = Field(min_length=1)
    """As seen from the folder of the application's file."""
    media_type: str = ""
    """Guessed from the file's ending when it is empty."""


class ApplicationFile(BaseModel):
    """What `duokua case submit --application` reads; what is empty has to be said on the command line."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    bundle: str = ""
    person: str = ""
    principal: str = Field(default="", alias="for")
    form: dict[str, Any] | None = None
    materials: list[MaterialFile] = []
    request_id: str = ""


def read_application(path: Path) -> ApplicationFile:
    """Read an application; raises ValueError that names the file and each field that is wrong.

    The files of its materials are given back as seen from here.
    """
    data = read_object(path)
    try:
        application = ApplicationFile.model_validate(data)
    except ValidationError as error:
        faults = "; ".join(f"{_spelled(fault['loc'])}: {fault['msg']}" for fault in error.errors())
        message = f"{_named(path)} is no application: {faults}"
        raise ValueError(message) from error
    folder = Path() if _is_stdin(path) else path.parent
    for material in application.materials:
        material.file = str(folder / material.file)
    return application


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON or YAML object from a file, or from standard input; raises ValueError with the place of a fault."""
    name = _named(path)
    try:
        text = sys.stdin.read() if _is_stdin(path) else path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        message = f"{name} is not JSON in UTF-8: {error}"
        raise ValueError(message) from error
    is_yaml = path.suffix.lower() in _YAML or (_is_stdin(path) and not text.lstrip().startswith(("{", "[")))
    data = _from_yaml(name, text) if is_yaml else _from_json(name, text)
    if not isinstance(data, dict):
        message = f"{name} holds no JSON object"
        raise ValueError(message)  # noqa: TRY004 - what a person can act on is a ValueError here
    return data


def _from_json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        message = f"{name} is not JSON in UTF-8: {error}"
        raise ValueError(message) from error


def _from_yaml(name: str, text: str) -> Any:
    from services.matters.package.faults import Faults  # noqa: PLC0415 - only what a command needs is loaded
    from services.matters.package.source import read_yaml  # noqa: PLC0415

    faults = Faults()
    source = read_yaml(name, text, faults)
    if faults or source is None:
        raise ValueError("; ".join(f"{fault.place} {fault.message}" for fault in faults.all()))
    return source.data


def _is_stdin(path: Path) -> bool:
    return str(path) == STDIN


def _named(path: Path) -> str:
    return "standard input" if _is_stdin(path) else str(path)


def _spelled(place: tuple[str | int, ...]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".") or "the whole"
