"""Tests that a region has for its own steps; and whether a package's tests hold with the region's decisions."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from chassis.problems import Invalid
from cli.main import app
from cli.rehearsal.rehearsing import hold, rehearse
from cli.scenarios.folders import read_folder, read_overlay
from services.matters.package.compiler import check_package
from tests.docs.pages import ROOT

SCENARIO = ROOT / "scenarios" / "open-restaurant"
TOBACCO = SCENARIO / "examples" / "tobacco"
TESTS = "tests/tobacco.test.yaml"
SMALL = "examples/small-without-fire-safety.json"
BAD = """\
tests:
  - name: nobody may sell tobacco
    given: {example: examples/shop.json}
    then: {steps: {tobacco-licence: refused}}
"""
MANY_SEATS = "examples/many-seats-with-fire-safety.json"
FOR_100 = ", parameters: {fire-seats: 100}"
UNBEARING = f"""\
tests:
  - name: premises with many seats always pass fire safety
    given: {{example: {MANY_SEATS}{FOR_100}}}
    then: {{steps: {{fire-safety: completed}}}}
"""


def files() -> dict[str, bytes]:
    return read_folder(SCENARIO)


def overlay(**changes: bytes) -> dict[str, bytes]:
    """The sample of a region with a step of its own, with other files."""
    said = read_overlay(TOBACCO)
    assert said is not None
    return {**said, **changes}


def larger() -> dict[str, bytes]:
    """The same for a region in which fire safety applies to larger premises only."""
    said = overlay()["overlay.yaml"].replace(
        b"questions:\n", b"parameters: {fire-area: 2000, fire-seats: 1000}\nquestions:\n"
    )
    return overlay(**{"overlay.yaml": said})


def with_bad_test() -> dict[str, bytes]:
    form = json.loads(files()[SMALL]) | {"tobacco": {"sold": True, "kinds": ["卷烟"]}}
    return {**overlay(), "tests/bad.test.yaml": BAD.encode(), "examples/shop.json": json.dumps(form).encode()}


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["scenario", *map(str, arguments)])


def test_a_regions_tests_know_its_steps_and_the_packages_do_not() -> None:
    outcomes = rehearse(files(), overlay()).outcomes
    own = {each.name: each.ways["tobacco-licence"] for each in outcomes if each.file == f"overlay/{TESTS}"}
    assert list(own.values()) == [{"completed"}, {"skipped"}, {"refused"}]
    assert all(each.passed for each in outcomes)
    assert len(outcomes) > len(own)


def test_without_the_overlay_its_tests_are_not_run() -> None:
    assert {each.file for each in rehearse(files()).outcomes if "tobacco" in each.file} == set()


def test_a_test_of_a_region_may_have_a_form_of_its_own_and_fails_at_its_place() -> None:
    (failed,) = [each for each in rehearse(files(), with_bad_test()).outcomes if not each.passed]
    (missed,) = failed.missed
    assert (missed.file, missed.line, missed.expected, missed.found) == (
        "overlay/tests/bad.test.yaml",
        4,
        "refused",
        "completed",
    )


def test_faults_of_a_regions_tests_and_forms_are_told_at_their_places() -> None:
    wrong = BAD.replace("tobacco-licence: refused", "tobaco-licence: refused").encode()
    (fault,) = rehearse(files(), {**with_bad_test(), "tests/bad.test.yaml": wrong}).faults
    assert (fault.file, fault.line) == ("overlay/tests/bad.test.yaml", 4)
    assert 'did you mean "tobacco-licence"?' in fault.message
    (fault,) = rehearse(files(), {**overlay(), "tests/bad.test.yaml": BAD.encode()}).faults
    assert 'there is no file "examples/shop.json"' in fault.message


@pytest.mark.parametrize(
    ("path", "content", "told"),
    [
        ("tests/sub/a.test.yaml", b"tests: []", "is no file of an overlay, which has overlay.yaml"),
        ("tests/course.test.yaml", b"tests: []", "the package has a file tests/course.test.yaml itself"),
        ("tests/a.test.yaml", b"\xff", "is not UTF-8 here"),
        ("examples/a.json", b"\xff", "is not UTF-8 here"),
        ("examples/a.yaml", b"a: 1", "is no file of an overlay"),
    ],
)
def test_what_an_overlay_may_not_have_is_refused(path: str, content: bytes, told: str) -> None:
    scenario, faults = check_package(files(), {**overlay(), path: content})
    assert scenario is None
    assert [told in fault.message for fault in faults] == [True]


def test_lint_holds_a_regions_forms_to_the_form_that_its_overlay_makes(tmp_path: Path) -> None:
    for path, content in {**with_bad_test(), "examples/shop.json": b'{"tobacco": {"sold": "yes"}}'}.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    printed = run("lint", SCENARIO, "--overlay", tmp_path).stdout
    assert "overlay/examples/shop.json:1:22 tobacco.sold does not fit the form" in printed


def test_whether_all_tests_hold_is_said_with_those_that_do_not() -> None:
    assert hold(files(), overlay()) == len(rehearse(files(), overlay()).outcomes)
    with pytest.raises(Invalid) as refused:
        hold(files(), with_bad_test())
    assert refused.value.reason == "TESTS_FAILED"
    assert [(each.field, each.description) for each in refused.value.violations] == [
        ("overlay/tests/bad.test.yaml:2", "nobody may sell tobacco")
    ]


def test_a_decision_that_a_packages_test_does_not_bear_is_told_before_anything_is_installed() -> None:
    package = {**files(), "tests/bad.test.yaml": UNBEARING.replace(FOR_100, "").encode()}
    with pytest.raises(Invalid, match="tests fail with this region's decisions"):
        hold(package, larger())
    assert hold({**package, "tests/bad.test.yaml": UNBEARING.encode()}, larger())


def test_a_test_about_other_values_of_parameters_is_left_out(tmp_path: Path) -> None:
    rehearsed = rehearse(files(), larger())
    left_out = {trial.part.name for trial in rehearsed.left_out}
    assert {"exactly 300 square metres and 99 seats are still small", "exactly 100 seats are many"} <= left_out
    assert left_out.isdisjoint(outcome.name for outcome in rehearsed.outcomes)
    assert all(outcome.passed for outcome in rehearsed.outcomes)
    assert rehearse(files(), overlay()).left_out == []
    (tmp_path / "overlay.yaml").write_bytes(larger()["overlay.yaml"].partition(b"questions:")[0])
    printed = run("test", SCENARIO, "--overlay", tmp_path).stdout
    assert f"{len(left_out)} tests left out: about other values of parameters" in printed
    assert len(json.loads(run("test", SCENARIO, "--overlay", tmp_path, "--json").stdout)["left_out"]) == len(left_out)


@pytest.mark.parametrize(
    ("wrong", "place", "told"),
    [
        ("{fire-are: 300}", "fire-are", 'there is no parameter "fire-are": did you mean "fire-area"?'),
        ("{fire-area: 3}", "fire-area", "3 is too little: 50 or more"),
        ("{promise: soon}", "promise", 'should be a time, such as "5 working days"'),
    ],
)
def test_a_value_that_a_parameter_cannot_have_is_told(wrong: str, place: str, told: str) -> None:
    text = UNBEARING.replace("{fire-seats: 100}", wrong).encode()
    (fault,) = rehearse({**files(), "tests/bad.test.yaml": text}).faults
    assert fault.path == f"tests[0].given.parameters.{place}"
    assert fault.message == told


def test_tests_that_take_too_long_are_given_up() -> None:
    with pytest.raises(Invalid) as refused:
        rehearse(files(), overlay(), most_seconds=0.0)
    assert refused.value.reason == "TESTS_TOO_LONG"


def test_of_a_faulty_package_nothing_is_said_here() -> None:
    assert hold({**files(), "scenario.yaml": b"format: 1\n"}, overlay()) == 0


def test_binding_checks_an_overlay_with_the_tests(tmp_path: Path) -> None:
    for path, content in with_bad_test().items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(content)
    good = run("bind", SCENARIO, "--overlay", TOBACCO)
    assert (good.exit_code, "tests passed with the region's decisions" in good.stdout) == (0, True)
    bad = run("bind", SCENARIO, "--overlay", tmp_path)
    assert isinstance(bad.exception, Invalid)
    skipped = run("bind", SCENARIO, "--overlay", tmp_path, "--skip-tests")
    assert (skipped.exit_code, skipped.stdout.endswith("fits\n")) == (0, True)
