"""Parameters and extension points: what a package may declare, and where a value may stand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.matters.package.compiler import compile_package
from tests.matters.builders import faults_of, package
from tests.matters.overlays import faults_in, left_open, organ_id, overlay


def with_parameter(declared: str, used: str = "${p}") -> dict[str, bytes]:
    """A package with one parameter `p`, used in the condition of a step."""
    said = f"parameters:\n  - {{id: p, name: {{zh: 值, en: Value}}, {declared}}}\nsteps:\n"
    files = package(manifest=("steps:\n", said))
    text = files["scenario.yaml"].decode().replace("form.shop.area > 300", f"'form.shop.area > {used}'")
    return files | {"scenario.yaml": text.encode()}


DECLARATIONS = [
    ("type: integer, default: 1.5", "default", "a whole number"),
    ("type: integer, default: true", "default", "a whole number"),
    ("type: integer, default: 5, min: 6", "default", "too little: 6 or more"),
    ("type: number, default: 5, max: 4.5", "default", "too much: 4.5 at most"),
    ("type: number, default: 5, max: many", "max", "should be a number"),
    ("type: boolean, default: 1", "default", "true or false"),
    ("type: boolean, default: true, min: 1", "min", "has no meaning"),
    ("type: enum, default: a", "type", "has `choices`"),
    ("type: string, default: a, choices: [a]", "type", "has `choices`"),
    ("type: enum, default: c, choices: [a, b]", "default", "none of the choices"),
    ("type: string, default: 5", "default", "put it in quotes"),
    ("type: duration, default: soon", "default", "should be a time"),
    ("type: duration, default: 4 weeks", "default", "should be a time"),
    ("type: duration, default: 9999999 months", "default", "a hundred years"),
    ("type: integer", "", '"default" is missing'),
    ("type: colour, default: red", "type", "should be"),
    ("type: integer, default: 1, least: 0", "least", "unknown key"),
    ("type: integer, default: {a: 1}", "default", "a whole number"),
]


@pytest.mark.parametrize(("declared", "key", "message"), DECLARATIONS)
def test_a_declaration_that_cannot_be_is_told_once(declared: str, key: str, message: str) -> None:
    ((place, said),) = faults_of(with_parameter(declared)).items()
    assert place.endswith(f"parameters[0].{key}".rstrip("."))
    assert message in said


@pytest.mark.parametrize(
    ("declared", "written"),
    [
        ("type: integer, default: -5", "(-5)"),
        ("type: number, default: 2.5", "2.5"),
        ("type: number, default: 300", "300"),
    ],
)
def test_a_value_stands_in_a_condition_as_a_literal(declared: str, written: str) -> None:
    assert compile_package(with_parameter(declared)).steps[1].when == f"form.shop.area > {written}"


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=50))
def test_no_text_leaves_its_literal(text: str) -> None:
    """Whatever a region writes is compared as text, or refused: it never becomes part of the condition."""
    quoted = '"' + "".join(f"\\U{ord(character):08x}" for character in text) + '"'
    said = overlay(("large: 500", f"large: 500\n  word: {quoted}"))
    word = '  - {id: word, name: {zh: 词, en: Word}, type: string, default: "x"}\n'
    files = left_open(
        declared=("extension_points:", f"{word}extension_points:"),
        used=("> ${large}", "> ${large} || form.owner == ${word}"),
    )
    faults = faults_in(files, said)
    if text.isprintable():
        assert faults == {}
        when = compile_package(files, said, organ_id).steps[1].when
        assert when.startswith('form.shop.area > 500 || form.owner == "')
    else:
        assert list(faults) == ["overlay.yaml:15:9 parameters.word"]


def test_a_name_that_means_nothing_and_a_parameter_that_nobody_uses_are_faults() -> None:
    faults = faults_of(with_parameter("type: integer, default: 5", used="${q}"))
    assert faults["scenario.yaml:39:11 steps[1].when"] == 'there is no parameter "q": there is p'
    assert 'nothing uses "p"' in faults["scenario.yaml:31:10 parameters[0].id"]


def test_a_time_is_for_limits_and_a_number_may_stand_in_one() -> None:
    ((place, message),) = faults_of(with_parameter("type: duration, default: 5 hours")).items()
    assert place.endswith("steps[1].when")
    assert "use it in limits" in message
    whole = ("region_field:", 'limits: {promised: "${p} calendar days"}\nregion_field:')
    said = "parameters:\n  - {id: p, name: {zh: 值, en: Value}, type: integer, default: 30}\nsteps:\n"
    files = package(manifest=("steps:\n", said))
    text = files["scenario.yaml"].decode().replace(*whole)
    scenario = compile_package(files | {"scenario.yaml": text.encode()})
    assert scenario.limits.promised is not None
    assert scenario.limits.promised.amount == 30


def test_braces_elsewhere_are_no_parameters() -> None:
    assert faults_of(package(manifest=("{zh: 标签, en: Tags}", '{zh: 标签, en: "${p}"}'))) == {}


POINTS = [
    ("after: [check], before: [deliver]", "after: [chek], before: [deliver]", ".after[0]", 'did you mean "check"?'),
    ("after: [check], before: [deliver]", "after: [check]", "", "beside the pivot"),
    (", after: [check], before: [deliver]", "", "", "say one of them, or both"),
    ("after: [check], before: [deliver]", "after: [deliver], before: [check]", "", "wait for what comes after it"),
    ("{id: permits, name: {zh: 其他", "{id: Permits, name: {zh: 其他", ".id", "small letters"),
]


@pytest.mark.parametrize(("old", "new", "key", "message"), POINTS)
def test_an_extension_point_where_nothing_could_be_added_is_a_fault(old: str, new: str, key: str, message: str) -> None:
    ((place, said),) = faults_in(left_open(point=(old, new)), None, installing=False).items()
    assert place.endswith(f"extension_points[0]{key}")
    assert message in said


def test_an_extension_point_past_the_point_of_no_return_is_sound() -> None:
    assert (
        faults_in(left_open(point=("after: [check], before: [deliver]", "after: [deliver]")), None, installing=False)
        == {}
    )


NEEDS = [
    ("    office: counter\n", "    office: countre\n", "steps[2].office", 'did you mean "counter"?'),
    ("    office: counter\n", "", "requires.offices[1].id", 'no step names "counter"'),
    ("{id: counter,", "{id: permits,", "requires.offices[1].id", "twice"),
    ("{id: approval,", "{id: aproval,", "notice.seal", 'did you mean "aproval"?'),
    ("name: {zh: 人口库, en: Population}", "name: 人口库", "requires.data[0].name", "mapping"),
]


@pytest.mark.parametrize(("old", "new", "place", "message"), NEEDS)
def test_placeholders_and_what_names_them_have_to_fit(old: str, new: str, place: str, message: str) -> None:
    faults = faults_in(left_open(needs=(old, new)), None, installing=False)
    assert any(each.endswith(place) and message in said for each, said in faults.items()), faults


def test_values_stand_in_the_conditions_of_questions_fields_and_materials() -> None:
    busy = "field: shop.busy, ask: {zh: 是否热门, en: Busy}"
    question = f'questions:\n  - {{{busy}, when: "form.owner == ${{word}}", required: false}}\n'
    files = left_open(
        question=("steps:\n", f"{question}steps:\n"),
        declared=(
            "extension_points:",
            '  - {id: word, name: {zh: 词, en: Word}, type: string, default: "甲"}\nextension_points:',
        ),
    )
    permit = files["matters/permit.yaml"].decode()
    permit = permit.replace("materials: [lease]", 'materials: [{kind: lease, when: "form.shop.area > ${large}"}]')
    permit = permit.replace("seats, required: false}", 'seats, required: false, when: "form.shop.area > ${large}"}')
    scenario = compile_package(files | {"matters/permit.yaml": permit.encode()})
    assert 'form.owner == \\"甲\\"' in scenario.form_schema
    assert "${" not in scenario.form_schema
    lost = permit.replace("${large}", "${larg}").encode()
    faults = faults_in(files | {"matters/permit.yaml": lost}, None, installing=False)
    assert {place.partition(" ")[0].partition(":")[0] for place in faults} == {"matters/permit.yaml"}
    assert all('did you mean "large"?' in message for message in faults.values())
