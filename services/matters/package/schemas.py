"""JSON Schemas of the YAML files of packages and overlays, for editors: what may be written where, and what is wrong.

`python -m services.matters.package.schemas FOLDER` writes them. They tell what one file may have; what the files say of
each other, `duokua scenario lint` tells.
"""

import ast
import inspect
import json
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from services.matters.package.formschema import DIALECT
from services.matters.package.models import ManifestPart, MatterPart
from services.matters.package.overlay_models import OverlayPart
from services.matters.package.parts import Part
from services.matters.package.trials import TrialsPart

FILES: dict[str, tuple[type[Part], str]] = {
    "scenario": (ManifestPart, "scenario.yaml of a scenario package"),
    "matter": (MatterPart, "matters/<name>.yaml of a scenario package"),
    "test": (TrialsPart, "tests/<name>.test.yaml of a scenario package"),
    "overlay": (OverlayPart, "overlay.yaml of a region"),
}
# In these, a parameter may stand for any value.
_WITH_PARAMETERS = ("LimitsPart", "BundleLimitsPart", "CorrectionsPart", "ClockRulesPart")
_PARAMETER = {"type": "string", "pattern": r"\$\{[a-z][a-z0-9-]*\}"}


def schema_of(name: str) -> dict[str, Any]:
    """The schema of one kind of file, by its name in FILES."""
    model, title = FILES[name]
    schema = _plain(model.model_json_schema())
    definitions = schema.get("$defs", {})
    for part in _WITH_PARAMETERS:
        for key, value in definitions.get(part, {}).get("properties", {}).items():
            definitions[part]["properties"][key] = {"anyOf": [value, _PARAMETER]}
    offices = definitions.get("BindingsPart", {}).get("properties", {}).get("offices")
    for pattern, value in offices["patternProperties"].items() if offices else ():
        # A word stands for an organ, or for whoever is nearest.
        offices["patternProperties"][pattern] = {"anyOf": [value, {"type": "string"}]}
    _explain(schema, model)
    for each in Part.__subclasses__():
        if each.__name__ in definitions:
            _explain(definitions[each.__name__], each)
    return {"$schema": DIALECT, **schema, "title": title}


def text_of(name: str) -> str:
    """The schema of one kind of file, as it is published."""
    return json.dumps(schema_of(name), ensure_ascii=False, indent=2) + "\n"


def write(folder: Path) -> Iterator[Path]:
    """Write all schemas into a folder, and give their files."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        path = folder / f"{name}.schema.json"
        path.write_text(text_of(name), encoding="utf-8")
        yield path


def _explain(definition: dict[str, Any], part: type[Part]) -> None:
    """Say of each key what the docstring below it says in the code."""
    (declared,) = ast.parse(inspect.getsource(part)).body
    assert isinstance(declared, ast.ClassDef)  # noqa: S101 - it is the source of a class
    for key, after in pairwise(declared.body):
        match key, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                definition["properties"][name]["description"] = text


def _plain(schema: Any) -> Any:
    """Without what pydantic says of itself: titles made of names, defaults that are nothing, choices with null."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made: dict[str, Any] = {}
    for key, value in schema.items():
        if key in {"properties", "$defs"}:
            made[key] = {name: _plain(each) for name, each in value.items()}
        elif key == "anyOf":
            made.update(_either(value))
        elif not (key == "title" or (key == "default" and value is None)):
            made[key] = value if key in {"enum", "const", "default", "examples"} else _plain(value)
    return made


def _either(choices: list[Any]) -> dict[str, Any]:
    """What is left of choices when null, which stands for an absent key, is none of them."""
    left = [_plain(each) for each in choices if each != {"type": "null"}]
    return left[0] if len(left) == 1 else {"anyOf": left}


if __name__ == "__main__":
    for written in write(Path(sys.argv[1])):
        print(written)  # noqa: T201 - a program
