"""The examples of a package, held to the form that cases take."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from duokua.data import from_struct, to_struct
from services.cases.applications import form_faults
from services.cases.published import Published
from services.matters.package.faults import Fault, Faults, Path
from services.matters.package.files import is_example
from services.matters.package.overlay import shown
from services.matters.package.source import Source, read_yaml


def check_examples(
    published: Published, files: Mapping[str, bytes], overlay: Mapping[str, bytes] | None = None
) -> list[Fault]:
    """What does not fit in examples/*.json of a package and of an overlay, by file and line."""
    faults = Faults()
    for path in sorted(files):
        if path.startswith("examples/") and path.endswith(".json"):
            for fault in _of_file(published, path, files[path]):
                faults.add(fault)
    for path, content in (overlay or {}).items():
        if is_example(path):
            for fault in _of_file(published, shown(path), content):
                faults.add(fault)
    return faults.all()


def _of_file(published: Published, path: str, content: bytes) -> Iterator[Fault]:
    try:
        form: Any = json.loads(content)
    except json.JSONDecodeError as error:
        yield Fault(path, error.lineno, error.colno, "", f"is not JSON here: {error.msg}")
        return
    except (ValueError, RecursionError):
        yield Fault(path, 1, 1, "", "is not JSON: save it as UTF-8, nested no deeper than a form")
        return
    if not isinstance(form, dict):
        yield Fault(path, 1, 1, "", "holds no form: it should be an object in braces")
        return
    source = _places(path, content)
    try:
        form = from_struct(to_struct(form, "form"))
    except (TypeError, ValueError) as error:
        yield Fault(path, 1, 1, "", f"cannot be sent: {error}")
        return
    for wrong in form_faults(published, form):
        yield source.fault(_path_of(wrong.field), f"does not fit the form: {wrong.description}")


def _places(path: str, content: bytes) -> Source:
    """Where each part stands: JSON is YAML, but for tabs and the like, and then nobody knows."""
    return read_yaml(path, content.decode(), Faults()) or Source(path)


def _path_of(field: str) -> Path:
    """The place in the file of "form.food.categories[0]"."""
    names = field.replace("[", ".").replace("]", "").split(".")[1:]
    return tuple(int(name) if name.isdigit() else name for name in names)
