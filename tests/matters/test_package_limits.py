"""Limits and clock rules of a package: what may be said, what it becomes, and what the law adds."""

import pytest

from services.matters.domain.bundle import Scenario
from services.matters.domain.limits import (
    ACCEPTANCE,
    CORRECTIONS,
    DECISION,
    JOINT_HANDLING,
    NO_LIMITS,
    ClockRules,
    CorrectionRules,
    Limit,
    Limits,
    TimeUnit,
)
from services.matters.package.compiler import compile_package
from services.matters.package.times import limit_of
from tests.matters.builders import PERMIT, faults_of, package

TOP = "region_field: shop.region\n"
LAST = "    pivot: true\n"
OTHER_TYPE = PERMIT.replace("330131903000", "330731903000").replace('"01"', '"07"')


def faults(files: dict[str, bytes]) -> list[str]:
    """Place and message of each fault."""
    return [f"{place} {message}" for place, message in faults_of(files).items()]


def with_limits(text: str) -> dict[str, bytes]:
    """The last step, which is no licence, has these limits."""
    return package(manifest=(LAST, f"{LAST}    limits: {text}\n"))


def step(scenario: Scenario, step_id: str) -> Limits:
    return next(each.limits for each in scenario.steps if each.step_id == step_id)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("1 working day", Limit(1, TimeUnit.WORKING_DAY)),
        ("20 working days (+10)", Limit(20, TimeUnit.WORKING_DAY, 10)),
        ("30 calendar days", Limit(30, TimeUnit.CALENDAR_DAY)),
        ("48 hours", Limit(48, TimeUnit.HOUR)),
        ("90 minutes", Limit(90, TimeUnit.MINUTE)),
        ("1 month (+1)", Limit(1, TimeUnit.MONTH, 1)),
    ],
)
def test_a_limit_is_read_in_all_five_units(text: str, limit: Limit) -> None:
    assert limit_of(text) == limit
    assert step(compile_package(with_limits(f"{{statutory: {text}}}")), "deliver").statutory == limit


@pytest.mark.parametrize(
    "text",
    ["20 days", "20", "0 hours", "1.5 hours", "-1 hours", "20 working days +10", "20  hours", "20 Hours", "2 weeks"],
)
def test_what_is_no_time_is_said_to_be_none(text: str) -> None:
    (fault,) = faults(with_limits(f'{{statutory: "{text}"}}'))
    assert fault.startswith("scenario.yaml:43:25 steps[2].limits.statutory")
    assert 'such as "20 working days"' in fault


@pytest.mark.parametrize("name", ["acceptance", "promised"])
def test_only_what_the_law_sets_can_be_extended(name: str) -> None:
    (fault,) = faults(with_limits(f"{{{name}: 5 working days (+1)}}"))
    assert f"steps[2].limits.{name}" in fault
    assert 'such as "5 working days"' in fault


def test_an_unknown_kind_of_limit_is_named() -> None:
    (fault,) = faults(with_limits("{promise: 5 working days}"))
    assert 'unknown key "promise": did you mean "promised"?' in fault


def test_a_bundle_is_not_accepted_as_a_whole() -> None:
    (fault,) = faults(package(manifest=(TOP, f"{TOP}limits: {{acceptance: 5 working days}}\n")))
    assert 'limits.acceptance unknown key "acceptance"' in fault


@pytest.mark.parametrize("text", ["36526 working days", "1201 months", "1 month (+1201)"])
def test_a_limit_of_more_than_a_century_is_a_slip(text: str) -> None:
    (fault,) = faults(with_limits(f"{{statutory: {text}}}"))
    assert "longer than a hundred years" in fault


@pytest.mark.parametrize(
    ("statutory", "promised", "sound"),
    [
        ("20 working days", "20 working days", True),
        ("20 working days", "21 working days", False),
        ("20 working days", "4 hours", True),
        ("1 working day", "35 hours", False),
        ("1 month", "30 calendar days", True),
        ("1 month", "22 working days", False),
        ("5 calendar days", "5 working days", False),
    ],
)
def test_nothing_longer_is_promised_than_the_law_asks_for(statutory: str, promised: str, *, sound: bool) -> None:
    files = with_limits(f"{{statutory: {statutory}, promised: {promised}}}")
    assert [fault for fault in faults(files) if "promises less" not in fault] == []
    assert (faults(files) == []) is sound


def test_a_promise_beyond_the_laws_own_limit_of_a_licence_is_a_fault() -> None:
    manifest = ("    undo: task\n", "    undo: task\n    limits: {promised: 21 working days}\n")
    (fault,) = faults(package(manifest=manifest))
    assert "steps[1].limits.promised" in fault
    assert "the 20 working days, which the law on administrative licences gives" in fault
    (fault,) = faults(package(manifest=(TOP, f"{TOP}limits: {{promised: 46 working days}}\n")))
    assert "the 45 working days, which the law" in fault


def test_a_licence_has_the_laws_limits_where_nothing_is_said() -> None:
    scenario = compile_package(package())
    assert step(scenario, "permit") == Limits(ACCEPTANCE, DECISION)
    assert step(scenario, "check") == step(scenario, "deliver") == NO_LIMITS
    assert scenario.limits == Limits(statutory=JOINT_HANDLING)


def test_what_is_said_comes_before_the_law() -> None:
    manifest = (
        "    undo: task\n",
        "    undo: task\n    limits: {statutory: 10 working days, promised: 2 working days}\n",
    )
    assert step(compile_package(package(manifest=manifest)), "permit") == Limits(
        ACCEPTANCE, Limit(10, TimeUnit.WORKING_DAY), Limit(2, TimeUnit.WORKING_DAY)
    )


def test_a_bundle_without_licences_has_no_limits_of_its_own() -> None:
    scenario = compile_package(package(permit=(PERMIT, OTHER_TYPE)))
    assert (scenario.limits, step(scenario, "permit")) == (NO_LIMITS, NO_LIMITS)


def test_clock_rules_are_read() -> None:
    rules = 'clock_rules: {counts_start_day: true, closes_at: "17:30", yellow_percent: 70}\n'
    scenario = compile_package(package(manifest=(TOP, TOP + rules)))
    assert scenario.clock_rules == ClockRules(counts_start_day=True, closes_at=17 * 60 + 30, yellow_percent=70)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ('{closes_at: "25:00"}', 'such as "17:30"'),
        ('{closes_at: "00:30"}', "from 01:00 on"),
        ("{closes_at: 17}", "should be text"),
        ("{yellow_percent: 101}", "100 or less"),
        ("{yellow_percent: 0}", "1 or more"),
        ("{counts_start: true}", 'did you mean "counts_start_day"?'),
    ],
)
def test_clock_rules_that_cannot_be_are_named(rules: str, words: str) -> None:
    (fault,) = faults(package(manifest=(TOP, f"{TOP}clock_rules: {rules}\n")))
    assert "clock_rules" in fault
    assert words in fault


def with_corrections(text: str) -> dict[str, bytes]:
    return package(manifest=(TOP, f"{TOP}corrections: {text}\n"))


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("{most: 3, limit: 15 calendar days}", CorrectionRules(3, Limit(15, TimeUnit.CALENDAR_DAY))),
        ("{most: 1}", CorrectionRules(1, CORRECTIONS.limit)),
        ("{limit: 1 month}", CorrectionRules(2, Limit(1, TimeUnit.MONTH))),
        ("{}", CORRECTIONS),
    ],
)
def test_corrections_are_read(text: str, rules: CorrectionRules) -> None:
    assert compile_package(with_corrections(text)).corrections == rules


def test_a_package_that_says_nothing_of_corrections_is_the_same_as_ever() -> None:
    scenario = compile_package(package())
    assert scenario.corrections == CORRECTIONS
    assert scenario.digest() == compile_package(with_corrections("{most: 2}")).digest()
    assert scenario.digest() != compile_package(with_corrections("{most: 3}")).digest()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{most: 0}", "corrections.most"),
        ("{most: 11}", "corrections.most"),
        ("{limit: 15 days}", "a time in working days"),
        ("{limit: 15 working days (+5)}", "a time in working days"),
        ("{limit: 40000 calendar days}", "longer than a hundred years"),
        ("{often: 2}", "unknown key"),
    ],
)
def test_corrections_that_cannot_be_are_named(text: str, words: str) -> None:
    (fault,) = faults(with_corrections(text))
    assert words in fault
