"""The JSON Schemas for editors are those of the models, and take what lint takes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from services.matters.package.schemas import FILES, schema_of, text_of
from tests.matters.builders import package as plain_package
from tests.scenarios.builders import a_test, package
from tests.scenarios.large import a_large_package

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "scenarios" / "schema"
KINDS = (("scenario", "scenario.yaml"), ("matter", "matters/*.yaml"), ("test", "tests/*.test.yaml"))


def _validator(name: str) -> Any:
    return jsonschema_rs.Draft202012Validator(schema_of(name))


def _faults(name: str, text: str | bytes) -> list[str]:
    return [
        f"{'.'.join(map(str, error.instance_path))}: {error.message}"
        for error in _validator(name).iter_errors(yaml.safe_load(text))
    ]


@pytest.mark.parametrize("name", FILES)
def test_a_published_schema_is_what_the_models_give(name: str) -> None:
    published = (PUBLISHED / f"{name}.schema.json").read_text("utf-8")
    assert published == text_of(name), "run `make schemas` and commit the result"


def test_nothing_else_is_published() -> None:
    assert sorted(path.name for path in PUBLISHED.iterdir()) == sorted(f"{name}.schema.json" for name in FILES)


def _keys(schema: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """All keys that a schema names, wherever in it."""
    if isinstance(schema, dict):
        for key, value in schema.get("properties", {}).items():
            yield f"{path}.{key}", value
        for name, part in schema.items():
            yield from _keys(part, f"{path}.{name}")
    elif isinstance(schema, list):
        for part in schema:
            yield from _keys(part, path)


@pytest.mark.parametrize("name", FILES)
def test_every_key_is_explained_to_whoever_points_at_it(name: str) -> None:
    keys = dict(_keys(schema_of(name)))
    assert len(keys) > 20
    assert [path for path, key in keys.items() if not str(key.get("description", "")).endswith((".", "?"))] == []


def _files() -> list[Any]:
    shipped = [
        pytest.param(kind, path.read_bytes(), id=path.relative_to(ROOT).as_posix())
        for folder in sorted(ROOT.glob("scenarios/*/scenario.yaml"))
        for kind, pattern in KINDS
        for path in sorted(folder.parent.glob(pattern))
    ]
    packages = {"shop": package(a_test("wait: 1 hour")), "large": a_large_package(), "plain": plain_package()}
    starts = {"scenario": "scenario.yaml", "matter": "matters/", "test": "tests/"}
    made = [
        pytest.param(kind, content, id=f"{name}: {path}")
        for name, files in packages.items()
        for path, content in files.items()
        for kind, start in starts.items()
        if path.startswith(start)
    ]
    return [*shipped, *made]


@pytest.mark.parametrize(("kind", "content"), _files())
def test_a_schema_takes_sound_files(kind: str, content: bytes) -> None:
    assert _faults(kind, content) == []


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        ("test", "tests: [{name: a, given: {}, then: {case: done}}]", "tests.0.then.case"),
        ("test", "tests: [{name: a, given: {}, thn: {case: undone}}]", "'thn'"),
        ("test", "tests: []", "tests"),
        ("test", 'tests: [{name: a, given: {at: "now"}, then: {}}]', "tests.0.given.at"),
        ("matter", "{catalog_code: a, name: {zh: a}, type: b}", '"en"'),
        ("overlay", '{format: 1, package: {id: a, version: "1.0.0"}, region: 330106}', "region"),
    ],
)
def test_a_schema_tells_what_is_wrong(kind: str, text: str, told: str) -> None:
    faults = _faults(kind, text)
    assert [each for each in faults if told in each]


def test_a_parameter_stands_for_a_time() -> None:
    manifest = yaml.safe_load(package()["scenario.yaml"])
    manifest["limits"]["promised"] = "${promise}"
    assert _faults("scenario", yaml.safe_dump(manifest)) == []
    manifest["limits"]["promised"] = "soon"
    assert len(_faults("scenario", yaml.safe_dump(manifest))) == 1


def test_an_office_of_an_overlay_is_a_word_or_a_level() -> None:
    overlay = (
        '{{format: 1, package: {{id: a, version: "1.0.0"}}, region: "330106", bindings: {{offices: {{fire: {}}}}}}}'
    )
    assert _faults("overlay", overlay.format("nearest")) == []
    assert _faults("overlay", overlay.format("{level: 3}")) == []
    assert len(_faults("overlay", overlay.format("3"))) == 1


def test_what_people_are_shown_is_said() -> None:
    for name in FILES:
        schema = schema_of(name)
        assert schema["title"]
        assert all(part.get("description") for part in schema.get("$defs", {}).values())
