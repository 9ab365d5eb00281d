"""However much a package asks for, the form's validation is bounded, or it is refused before it is used."""

import json
import time

import jsonschema_rs
import pytest

from services.matters.package.compiler import compile_package
from tests.matters.builders import faults_of, package

NAMED = "name: {zh: 名, en: Name}"


def asking(elements: dict[str, str], fields: str) -> dict[str, bytes]:
    """The sound package, with these elements besides, and a permit that needs these fields besides."""
    said = "".join(f"  {name}: {{{NAMED}, {body}}}\n" for name, body in elements.items())
    return package(manifest=("elements:\n", f"elements:\n{said}"), permit=("owner: owner, ", f"owner: owner, {fields}"))


def test_a_form_has_no_more_than_a_thousand_fields() -> None:
    members = ", ".join(f"m{number}: remark" for number in range(300))
    elements = {f"group{number}": f"members: {{{members}}}" for number in range(4)}
    fields = "".join(f"g{number}: group{number}, " for number in range(4))
    assert any("more than 1000 fields" in message for message in faults_of(asking(elements, fields)).values())


def test_what_multiplies_inside_lists_is_refused() -> None:
    members = ", ".join(f"m{number}: remark" for number in range(60))
    elements = {
        "row": f"members: {{{members}}}, many: {{most: 50}}",
        "table": f"members: {{{', '.join(f'r{number}: row' for number in range(60))}}}, many: {{most: 50}}",
    }
    started = time.process_time()
    ((place, message),) = faults_of(asking(elements, "table: table, ")).items()
    assert place == "scenario.yaml:32:1 steps"
    assert "10000 at most" in message
    assert time.process_time() - started < 2


def test_a_list_of_records_is_fine() -> None:
    elements = {"staff": "members: {name: person-name, id_number: resident-id}, many: {least: 1, most: 20}"}
    scenario = compile_package(asking(elements, "staff: staff, "))
    form = jsonschema_rs.Draft202012Validator(json.loads(scenario.form_schema), offline=True)
    there = {"owner": "王示例", "shop": {"region": "330106", "area": 400}}
    person = {"name": "李示例", "id_number": "330106199203072348"}
    assert form.is_valid(there | {"staff": [person]})
    assert not form.is_valid(there | {"staff": []})
    assert not form.is_valid(there | {"staff": [person] * 21})
    assert not form.is_valid(there | {"staff": [person | {"age": 3}]})


@pytest.mark.parametrize(
    ("patterns", "remedy"),
    [
        ([rf"^\\p{{L}}{{1,30}}x{n}$" for n in range(100)], "too large together"),
        ([r"^(?:\\p{L}{40}x){8}$"], "smaller repetitions"),
        (["a{1001}"], "cannot be used"),
        (["(?=a)b"], "no look-around"),
        (["a" * 501], "is too long: 500 characters at most"),
    ],
)
def test_patterns_are_bounded_alone_and_together(patterns: list[str], remedy: str) -> None:
    elements = {f"e{number}": f'type: string, pattern: "{text}"' for number, text in enumerate(patterns)}
    fields = "".join(f"f{number}: e{number}, " for number in range(len(patterns)))
    started = time.process_time()
    assert any(remedy in message for message in faults_of(asking(elements, fields)).values())
    assert time.process_time() - started < 2


@pytest.mark.parametrize("body", ["type: string", "type: string, many: {}", "type: string, pattern: 'a+'"])
def test_what_an_applicant_may_write_is_bounded_where_nothing_is_said(body: str) -> None:
    scenario = compile_package(asking({"free": body}, "free: free, "))
    form = jsonschema_rs.Draft202012Validator(json.loads(scenario.form_schema), offline=True)
    there = {"owner": "王示例", "shop": {"region": "330106", "area": 400}}
    is_list = "many" in body
    assert form.is_valid(there | {"free": ["a" * 200] * 50 if is_list else "a" * 200})
    assert not form.is_valid(there | {"free": ["a" * 201] if is_list else "a" * 201})
    assert not is_list or not form.is_valid(there | {"free": ["a"] * 51})


def test_elements_are_not_made_of_themselves() -> None:
    elements = {"one": "members: {a: two}", "two": "members: {b: one}"}
    assert any("one -> two -> one" in message for message in faults_of(asking(elements, "x: one, ")).values())
