"""However a form multiplies, its validation is bounded, or it is refused with a place before it is compiled."""

import json
import time
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest

from tests.matters.builders import MANIFEST, faults_of, package

DOUBLING: dict[str, Callable[[object], dict[str, object]]] = {
    "dependentSchemas": lambda ref: {"dependentSchemas": {"shop": ref, "owner": ref}},
    "allOf": lambda ref: {"allOf": [ref, ref]},
    "anyOf": lambda ref: {"anyOf": [ref, ref]},
    "oneOf": lambda ref: {"oneOf": [ref, ref]},
    "if": lambda ref: {"if": ref, "then": ref},
    "else": lambda ref: {"if": {"type": "string"}, "else": ref, "allOf": [ref]},
    "not": lambda ref: {"not": ref, "allOf": [ref]},
    "items": lambda ref: {"items": ref, "contains": ref},
    "prefixItems": lambda ref: {"prefixItems": [ref, ref]},
    "propertyNames": lambda ref: {"propertyNames": ref, "allOf": [ref]},
    "additionalProperties": lambda ref: {"additionalProperties": ref, "allOf": [ref]},
    "patternProperties": lambda ref: {"patternProperties": {"a": ref, "b": ref}},
    "properties": lambda ref: {"properties": {"a": ref, "b": ref}, "additionalProperties": False},
    "unevaluatedProperties": lambda ref: {"unevaluatedProperties": ref, "allOf": [ref]},
    "unevaluatedItems": lambda ref: {"unevaluatedItems": ref, "allOf": [ref]},
    "contentSchema": lambda ref: {"contentSchema": ref, "allOf": [ref]},
}


def form_faults(defs: dict[str, Any], **keywords: object) -> dict[str, str]:
    form = {
        "type": "object",
        "additionalProperties": False,
        "required": ["shop", "owner"],
        "properties": {
            "shop": {
                "type": "object",
                "additionalProperties": False,
                "required": ["region", "area"],
                "properties": {"region": {"type": "string"}, "area": {"type": "number"}},
            },
            "owner": {"type": "string"},
        },
        "$defs": defs,
        **keywords,
    }
    start, end = MANIFEST.index("form:\n"), MANIFEST.index("materials:")
    text = MANIFEST[:start] + f"form: {json.dumps(form)}\n" + MANIFEST[end:]
    return faults_of(package() | {"scenario.yaml": text.encode()})


@pytest.mark.parametrize("keyword", sorted(DOUBLING))
def test_references_that_double_are_refused_through_every_keyword(keyword: str) -> None:
    defs = {f"d{n}": DOUBLING[keyword]({"$ref": f"#/$defs/d{n + 1}"}) for n in range(40)} | {"d40": True}
    started = time.process_time()
    faults = form_faults(defs, allOf=[{"$ref": "#/$defs/d0"}])
    assert any("multiply" in message for message in faults.values()), faults
    assert time.process_time() - started < 2


def test_unevaluated_properties_inside_one_another_are_refused_because_each_looks_again() -> None:
    schema: object = {"properties": {"owner": True}}
    for _ in range(12):
        schema = {"unevaluatedProperties": False, "allOf": [schema]}
    assert any("multiply" in message for message in form_faults({}, allOf=[schema]).values())


def test_the_most_unevaluated_properties_that_are_accepted_are_validated_soon() -> None:
    schema: dict[str, Any] = {"properties": {"owner": True, "shop": True}}
    accepted = schema
    for _ in range(12):
        schema = {"unevaluatedProperties": False, "allOf": [schema, schema]}
        if form_faults({}, allOf=[schema]):
            break
        accepted = schema
    assert "allOf" in accepted
    validator = jsonschema_rs.Draft202012Validator(accepted, offline=True)
    started = time.process_time()
    assert list(validator.iter_errors({"owner": "a", "shop": {}})) == []
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("reference", ["#", "#/$defs/a"])
def test_a_reference_to_itself_is_refused_at_its_place(reference: str) -> None:
    faults = form_faults({"a": {"items": {"$ref": reference}}}, allOf=[{"$ref": "#/$defs/a"}])
    assert [message for place, message in faults.items() if "form.$defs.a.items.$ref" in place] == [
        f"{reference} refers to itself: a form is finite, write out what is needed"
    ]


def test_a_long_chain_of_references_is_refused_before_a_validator_follows_it() -> None:
    defs: dict[str, Any] = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(5000)}
    faults = form_faults(defs | {"d5000": True}, allOf=[{"$ref": "#/$defs/d0"}])
    assert any("nested more than 100 deep" in message for message in faults.values())


def test_values_to_compare_with_count_too() -> None:
    many = {"enum": [f"v{n}" for n in range(2000)]}
    assert form_faults({"a": many}, allOf=[{"not": {"$ref": "#/$defs/a"}}] * 10) == {}
    faults = form_faults({"a": many}, allOf=[{"not": {"$ref": "#/$defs/a"}}] * 60)
    assert any("multiply" in message for message in faults.values())


def test_a_definition_that_is_used_often_is_fine() -> None:
    text = {"type": "string", "pattern": "^[A-Z0-9]{18}$", "maxLength": 18}
    uses = [{"properties": {"owner": {"$ref": "#/$defs/text"}}} for _ in range(500)]
    assert form_faults({"text": text}, allOf=uses) == {}


@pytest.mark.parametrize(
    ("patterns", "remedy"),
    [
        ([rf"^(?:\p{{L}}{{40}}x{n}){{8}}$" for n in range(200)], "smaller repetitions"),
        ([rf"^\p{{L}}{{1,30}}x{n}$" for n in range(100)], "too large together"),
        ([f"a{n}" for n in range(101)], "more than 100 patterns"),
        (["a" * 501], "500 at most"),
        (["a{1001}"], "cannot be used"),
        (["(?=a)b"], "no look-around"),
    ],
)
@pytest.mark.parametrize("keyword", ["pattern", "patternProperties"])
def test_patterns_are_bounded_alone_and_together(keyword: str, patterns: list[str], remedy: str) -> None:
    schemas = [{"pattern": text} if keyword == "pattern" else {"patternProperties": {text: True}} for text in patterns]
    started = time.process_time()
    assert any(remedy in message for message in form_faults({}, allOf=schemas).values())
    assert time.process_time() - started < 2


def test_the_format_regex_is_refused_because_applicants_would_write_patterns() -> None:
    assert any("applicants" in message for message in form_faults({"a": {"format": "regex"}}).values())


def test_a_form_with_thousands_of_errors_names_the_first_ones() -> None:
    assert 0 < len(form_faults({}, allOf=[{"enum": 5} for _ in range(5000)])) <= 110
