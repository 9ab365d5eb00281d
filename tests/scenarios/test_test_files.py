"""Files of tests that are faulty: each fault has its place and a remedy, and nothing is run."""

import pytest

from services.matters.package.compiler import examine_package
from services.matters.package.trialchecks import read_trials
from tests.scenarios.builders import a_test, faults_of, package

ONE_FAULT = [
    # (the test, the place of the fault, words of it)
    (a_test("stepp: permit, accept: true"), "5 tests[0].when[0].stepp", 'did you mean "step"?'),
    (
        a_test("step: permti, accept: true"),
        "5 tests[0].when[0].step",
        'there is no step "permti": did you mean "permit"?',
    ),
    (a_test("step: permit"), "5 tests[0].when[0]", "says nothing: add one of accept, complete"),
    (a_test("accept: true"), "5 tests[0].when[0]", "`accept` is about a step: say which, as in `step: check`"),
    (a_test("step: permit, accept: yes"), "5 tests[0].when[0].accept", '"yes" should be True'),
    (
        a_test("step: permit, accept: true, refuse: 不符"),
        "5 tests[0].when[0].refuse",
        "is said together with `accept`: write one happening a line",
    ),
    (a_test("step: permit, wait: 3 days"), "5 tests[0].when[0].wait", 'such as "5 working days"'),
    (a_test("step: permit, withdraw: 不开了"), "5 tests[0].when[0].step", "`withdraw` is not about one step"),
    (a_test("step: permit, accept: true, times: 2"), "5 tests[0].when[0].times", "it goes with `fail`"),
    (a_test("wait: 1 hour, turned_down: CASE_ENDED"), "5 tests[0].when[0].turned_down", "nobody turns it down"),
    (
        a_test("step: permit, accept: true, turned_down: no"),
        "5 tests[0].when[0].turned_down",
        "such as RESULT_INVALID",
    ),
    (a_test("step: permit, correct: {}"), "5 tests[0].when[0].correct", "asks for nothing"),
    (
        a_test("step: permit, correct: {fields: {shop.aera: 错}}"),
        "5 tests[0].when[0].correct.fields.shop.aera",
        'the form has no field "shop.aera": did you mean "shop.area"?',
    ),
    (a_test("supply: {materials: [leese]}"), "5 tests[0].when[0].supply.materials[0]", 'did you mean "lease"?'),
    (a_test("then: {}"), "5 tests[0].when[0].then", "expects nothing"),
    (a_test("then: {turned_away: [x]}"), "5 tests[0].when[0].then.turned_away", "turned away at once"),
    (a_test(example="smal"), "3 tests[0].given.example", 'did you mean "examples/small.json"?'),
    (
        a_test(given="changes: {shop: {}, shop.area: 3}"),
        "3 tests[0].given.changes.shop",
        'is given as a whole, and "shop.area" as a part of it',
    ),
    (
        a_test("supply: {form: {shop.area: 3, shop: {}}}"),
        "5 tests[0].when[0].supply.form.shop",
        'is given as a whole, and "shop.area" as a part of it',
    ),
    (a_test(given='at: "1999-03-02 09:00"'), "3 tests[0].given.at", 'such as "2026-03-02 09:00"'),
    (a_test(given="form: {}"), "3 tests[0].given", "say which form is handed in"),
    (a_test(given="changes: {shop.size: 3}"), "3 tests[0].given.changes.shop.size", 'no field "shop.size"'),
    (a_test(given="without: [leese]"), "3 tests[0].given.without[0]", 'did you mean "lease"?'),
    (a_test(given="offices: {permti: wait}"), "3 tests[0].given.offices.permti", 'did you mean "permit"?'),
    (
        a_test(given="offices: {permit: nobody}"),
        "3 tests[0].given.offices.permit",
        "should be 'complete', 'wait' or",
    ),
    (
        a_test(given="results: {permit: {nubmer: A}}"),
        "3 tests[0].given.results.permit.nubmer",
        'did you mean "number"?',
    ),
    (a_test(given='at: "2026-3-2"'), "3 tests[0].given.at", 'such as "2026-03-02 09:00"'),
    (a_test(then="{}"), "4 tests[0].then", "expects nothing"),
    (a_test(then="{case: done}"), "4 tests[0].then.case", "should be 'running', 'undoing', 'completed' or 'undone'"),
    (a_test(then="{steps: {fire: skiped}}"), "4 tests[0].then.steps.fire", '"skiped" should be'),
    (a_test(then="{steps: {fier: skipped}}"), "4 tests[0].then.steps.fier", 'did you mean "fire"?'),
    (a_test(then="{order: [chek]}"), "4 tests[0].then.order[0]", 'did you mean "check"?'),
    (a_test(then="{lights: {permti.promised: red}}"), "4 tests[0].then.lights.permti.promised", 'mean "permit"?'),
    (
        a_test(then="{lights: {permit.promise: red}}"),
        "4 tests[0].then.lights.permit.promise",
        "such as food-licence",
    ),
    (a_test(then="{due: {promised: 2026-3-9}}"), "4 tests[0].then.due.promised", 'such as "2026-03-12"'),
    (a_test(then="{sees: {permit: [shop.aera]}}"), "4 tests[0].then.sees.permit[0]", 'did you mean "shop.area"?'),
    (a_test(then="{turned_away: [lease], case: undone}"), "4 tests[0].then.case", "there is no case"),
    (a_test("withdraw: 不开了", then="{turned_away: [lease]}"), "5 tests[0].when", "nothing happens after it"),
    (a_test() + a_test(), "5 tests[1].name", "tests/shop.test.yaml:2 has this name already"),
    ("  - &a {}\n", "2 tests[0]", "&a is an anchor"),
    ("", "1 ", "is empty"),
]


@pytest.mark.parametrize(("tests", "place", "words"), ONE_FAULT, ids=lambda value: value if "\n" not in value else "-")
def test_a_slip_is_one_fault_with_its_place_and_remedy(tests: str, place: str, words: str) -> None:
    found = faults_of(tests) if tests else _faults_of_an_empty_file()
    assert len(found) == 1, found
    (at,) = found
    line, _, rest = at.partition(":")
    assert f"{line} {rest.partition(' ')[2]}".strip() == place.strip()
    assert words in found[at]


def _faults_of_an_empty_file() -> dict[str, str]:
    files = {**package(), "tests/shop.test.yaml": b""}
    _, faults = read_trials(files, examine_package(files))
    return {fault.place.removeprefix("tests/shop.test.yaml:"): fault.message for fault in faults}


def test_a_fault_stands_at_the_column_of_what_is_wrong() -> None:
    tests = a_test("step: permit, accept: yes")
    (place,) = faults_of(tests)
    line, column = (int(number) for number in place.partition(" ")[0].split(":"))
    assert f"tests:\n{tests}".splitlines()[line - 1][column - 1 :].startswith("yes")


def test_an_example_that_is_no_form_is_told_where_it_is_used() -> None:
    for content, words in ((b"{", "is not JSON at line 1"), (b"[1]", "holds no form"), (b"\xff", "is not JSON")):
        files = {**package(a_test()), "examples/small.json": content}
        _, faults = read_trials(files, examine_package(files))
        assert [fault.path for fault in faults] == ["tests[0].given.example"]
        assert words in faults[0].message


def test_tests_of_a_faulty_package_are_read_as_far_as_it_can_be() -> None:
    files = package(a_test("step: permti, accept: true"), ("undo: none", "undo: nothing"))
    examined = examine_package(files)
    trials, faults = read_trials(files, examined)
    assert examined.scenario is None
    assert [trial.part.name for trial in trials] == ["a test"]
    assert faults == []


def test_every_test_knows_its_line() -> None:
    files = package(a_test(name="one") + a_test("wait: 1 hour", name="two"))
    trials, _ = read_trials(files, examine_package(files))
    assert {trial.source.file for trial in trials} == {"tests/shop.test.yaml"}
    assert [trial.line for trial in trials] == [2, 5]
