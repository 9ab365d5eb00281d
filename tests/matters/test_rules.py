"""Pre-check rules of packages: typed, bounded, about something, and never able to fail on a valid form."""

import json

import pytest

from services.matters.domain.bundle import Rule
from services.matters.domain.names import Name
from services.matters.package.compiler import compile_package
from tests.matters.builders import faults_of, package

SAID = "severity: warn, message: {zh: 面积过小, en: Too small}"


def ruled(holds: str, more: str = "", *, matter: bool = False, rule_id: str = "enough") -> dict[str, bytes]:
    """The sound package with one rule, of the manifest or of the permit."""
    text = f"rules:\n  - {{id: {rule_id}, holds: {json.dumps(holds)}, {SAID}{more}}}\n"
    if matter:
        return package(permit=("materials: [lease]\n", f"materials: [lease]\n{text}"))
    return package(manifest=("steps:\n", f"{text}steps:\n"))


def rules_of(files: dict[str, bytes]) -> tuple[Rule, ...]:
    return compile_package(files).rules


def test_a_rule_is_about_what_it_reads_unless_it_says_otherwise() -> None:
    (rule,) = rules_of(ruled("form.shop.area > 10 && form.owner != ''"))
    assert rule == Rule(
        rule_id="enough",
        holds="form.shop.area > 10 && form.owner != ''",
        when="",
        refuses=False,
        message=Name("面积过小", "Too small"),
        fields=("owner", "shop.area"),
        materials=(),
    )
    (named,) = rules_of(ruled("form.shop.area > 10", ", fields: [shop.area], materials: [lease]"))
    assert (named.fields, named.materials) == (("shop.area",), ("lease",))


def test_a_rule_of_a_matter_applies_when_one_of_its_steps_is_done() -> None:
    (rule,) = rules_of(ruled("form.shop.area > 10", matter=True))
    assert rule.steps == ("permit",)


@pytest.mark.parametrize(
    "holds",
    [
        'materials["lease"] >= 1',
        'materials["lease"] >= 1 || form.shop.area < 9',
        "form.owner < today",
        'form.owner.matches("^[a-z]+$")',
        "has(form.shop.seats) ? form.shop.seats <= 9 : true",
        "double(form.shop.area) * 2.0 > 10.0",
        "!has(form.shop.tags) || form.shop.tags.all(t, t != 'x')",
    ],
)
def test_a_rule_may_read_form_materials_and_the_day(holds: str) -> None:
    assert faults_of(ruled(holds, ", fields: [owner]")) == {}


@pytest.mark.parametrize(
    ("holds", "told"),
    [
        ("form.shop.aera > 3", 'did you mean "area"?'),
        ("form.shop.seats > 3", "ask has(form.shop.seats)"),
        ("form.shop.area", "a condition gives true or false"),
        ("form.shop.area + 1 > 3", "write double(...)"),
        ('materials["leese"] >= 1', 'there is no material "leese": did you mean "lease"?'),
        ("materials[form.owner] >= 1", "names no kind of material"),
        ('"lease" in materials', "how many of a kind come"),
        ("size(materials) > 3", "how many of a kind come"),
        ('steps["check"].status == "completed"', "no results are there yet"),
        ("now > 3", "undeclared reference"),
        ("today > 3", "no matching overload"),
        ("form.owner.matches(form.shop.region)", "write the pattern out"),
        ("has(form.shop.tags) && form.shop.tags.all(t, form.owner == t)", "again for every item"),
        ("true", "is about nothing"),
    ],
)
def test_a_rule_that_could_fail_or_take_long_is_refused_at_its_place(holds: str, told: str) -> None:
    ((place, message),) = faults_of(ruled(holds)).items()
    assert place.partition(" ")[2] in {"rules[0].holds", "rules[0]"}
    assert told in message


def test_what_the_rule_applies_to_is_known_to_be_there() -> None:
    assert faults_of(ruled("form.shop.seats > 3", ", when: has(form.shop.seats)")) == {}
    ((place, _),) = faults_of(ruled("form.shop.seats > 3", ", when: has(form.shop.seat)")).items()
    assert place.endswith("rules[0].when")


def test_a_rule_of_a_matter_knows_what_the_matter_requires() -> None:
    required = (b"shop.seats: {element: seats, required: false}", b"shop.seats: seats")
    files = ruled("form.shop.seats > 3", matter=True)
    assert len(faults_of(files)) == 1
    files["matters/permit.yaml"] = files["matters/permit.yaml"].replace(*required)
    assert faults_of(files) == {}


def test_fields_and_materials_that_are_not_there_and_ids_that_are_taken_are_refused() -> None:
    faults = faults_of(ruled("form.shop.area > 3", ", fields: [shop.aera], materials: [leese]"))
    assert [place.partition(" ")[2] for place in faults] == ["rules[0].fields[0]", "rules[0].materials[0]"]
    files = ruled("form.shop.area > 3") | {
        "matters/permit.yaml": ruled("form.shop.area > 3", matter=True)["matters/permit.yaml"]
    }
    ((place, message),) = faults_of(files).items()
    assert place.startswith("matters/permit.yaml")
    assert message == 'scenario.yaml has a rule "enough" already: choose another'
