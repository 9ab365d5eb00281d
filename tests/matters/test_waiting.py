"""How steps may wait for each other: quorums, choices, the pre-check, joint visits; and what the pivot makes of it."""

from dataclasses import replace

import pytest

from services.matters.domain.graph import StepTraits, ancestors, undo_faults
from services.matters.domain.waiting import visit_fault, waiting_faults
from tests.matters.builders import faults_of, package

TASK = StepTraits(undo="task", pivot=False, conditional=False, makes_notice=True)
OPTIONAL = replace(TASK, tolerant=True)
PIVOT = StepTraits(undo="", pivot=True, conditional=False, makes_notice=False)
QUORUM = replace(TASK, quorum=2)
EXPERTS = {"x": [], "y": [], "z": [], "d": ["x", "y", "z"]}


def undo_keys(after: dict[str, list[str]], traits: dict[str, StepTraits]) -> list[tuple[str, str]]:
    return [(step, key) for step, key, _ in undo_faults(after, traits)]


def waiting_keys(after: dict[str, list[str]], traits: dict[str, StepTraits]) -> list[tuple[str, str]]:
    return [(step, key) for step, key, _ in waiting_faults(after, traits)]


def test_of_what_comes_before_a_quorum_only_what_all_its_steps_wait_for_is_certain() -> None:
    after = {"a": [], "x": ["a"], "y": ["a"], "z": ["a", "y"], "d": ["x", "y", "z"], "e": ["d"]}
    assert ancestors(after, {"d": 1})["e"] == {"a", "d"}
    assert ancestors(after, {"d": 3})["e"] == {"a", "d", "x", "y", "z"}
    assert ancestors({"y": [], "z": ["y"], "d": ["y", "z"]}, {"d": 1})["d"] == {"y"}


def test_an_optional_step_may_run_beside_the_pivot_and_any_other_may_not() -> None:
    assert undo_keys({"p": [], "a": []}, {"p": PIVOT, "a": OPTIONAL}) == []
    assert undo_keys({"p": [], "a": []}, {"p": PIVOT, "a": TASK}) == [("a", "")]


def test_what_a_quorum_does_not_wait_for_runs_beside_the_pivot() -> None:
    experts = dict.fromkeys("xyz", TASK)
    assert undo_keys(EXPERTS, {**experts, "d": replace(PIVOT, quorum=2)}) == [("x", ""), ("y", ""), ("z", "")]
    assert undo_keys(EXPERTS, {**experts, "d": replace(PIVOT, quorum=3)}) == []
    assert undo_keys(EXPERTS, {**dict.fromkeys("xyz", OPTIONAL), "d": replace(PIVOT, quorum=2)}) == []


def test_an_optional_step_beside_the_pivot_whose_quorum_could_be_missed_on_either_side_of_it_is_refused() -> None:
    after = {"p": [], "x": [], "y": [], "d": ["x", "y", "p"]}
    traits = {"p": PIVOT, "x": OPTIONAL, "y": OPTIONAL, "d": replace(TASK, undo="none", quorum=2)}
    assert ("x", "") in undo_keys(after, traits)
    assert ("x", "") not in undo_keys(after, {**traits, "d": replace(traits["d"], tolerant=True)})


def test_the_pivot_is_not_optional() -> None:
    assert undo_keys({"p": []}, {"p": replace(PIVOT, tolerant=True)}) == [("p", "pivot")]


def test_a_notice_may_stand_when_all_that_can_be_refused_after_it_is_optional_or_its_alternative() -> None:
    notice = replace(TASK, undo="none")
    assert undo_keys({"a": [], "b": ["a"]}, {"a": notice, "b": OPTIONAL}) == []
    either = {"a": replace(notice, choice="how"), "b": replace(TASK, choice="how")}
    assert undo_keys({"a": [], "b": []}, either) == []
    missed = {"a": notice, "x": OPTIONAL, "y": OPTIONAL, "d": replace(QUORUM, undo="task")}
    assert undo_keys({"a": [], "x": [], "y": [], "d": ["x", "y"]}, missed) == [("a", "undo")]


def test_a_quorum_is_not_larger_than_what_comes_before() -> None:
    traits = {**dict.fromkeys("xyz", TASK), "d": replace(TASK, quorum=4)}
    assert waiting_keys(EXPERTS, traits) == [("d", "needs")]
    assert waiting_keys(EXPERTS, {**traits, "d": QUORUM}) == []


def test_a_choice_has_two_steps_with_conditions_of_which_none_waits_for_another() -> None:
    one = replace(TASK, choice="how", conditional=True)
    assert waiting_keys({"a": []}, {"a": one}) == [("a", "choice")]
    assert waiting_keys({"a": [], "b": []}, {"a": one, "b": one}) == []
    assert waiting_keys({"a": [], "b": []}, {"a": one, "b": replace(one, conditional=False)}) == [("b", "")]
    assert waiting_keys({"a": [], "m": ["a"], "b": ["m"]}, {"a": one, "m": TASK, "b": one}) == [("b", "after")]


def test_the_steps_of_a_choice_are_on_one_side_of_the_pivot() -> None:
    one = replace(TASK, choice="how", conditional=True)
    after = {"a": [], "p": ["a"], "b": ["p"]}
    assert ("b", "choice") in waiting_keys(after, {"a": one, "p": PIVOT, "b": one})


def test_a_pre_check_comes_before_everything_and_every_case_has_to_pass_it() -> None:
    check = StepTraits(undo="none", pivot=False, conditional=False, makes_notice=False, pre_check=True)
    assert waiting_keys({"c": [], "a": ["c"], "b": ["a"]}, {"c": check, "a": TASK, "b": TASK}) == []
    assert waiting_keys({"c": [], "a": ["c"], "b": []}, {"c": check, "a": TASK, "b": TASK}) == [("b", "")]
    assert waiting_keys({"c": [], "a": ["c"]}, {"c": replace(check, tolerant=True), "a": TASK}) == [("c", "pre_check")]
    assert ("d", "pre_check") in waiting_keys({"c": [], "d": ["c"]}, {"c": check, "d": check})


def test_a_bundle_that_can_do_without_every_step_is_for_nothing() -> None:
    assert waiting_keys({"a": [], "b": []}, {"a": OPTIONAL, "b": OPTIONAL}) == [("b", "")]


def test_offices_that_wait_for_each_other_cannot_go_to_a_visit_together() -> None:
    after = {"a": [], "m": ["a"], "b": ["m"]}
    assert visit_fault(after, {"v": ["a", "m"]}) == (
        "v",
        '"m" comes after "a", so their offices cannot go there together',
    )
    assert visit_fault(after, {"v": ["a", "b"]}) is not None
    assert visit_fault({"a": [], "b": ["m"], "m": []}, {"v": ["a", "b"]}) is None


def test_visits_that_wait_for_each_other_are_found() -> None:
    after = {"a": [], "b": ["d"], "c": ["a"], "d": []}
    fault = visit_fault(after, {"one": ["a", "b"], "two": ["c", "d"]})
    assert fault is not None
    assert fault[0] in {"one", "two"}
    assert "wait for each other" in fault[1]
    assert visit_fault(after, {"one": ["a", "b"]}) is None


PERMIT = "    undo: task\n"


@pytest.mark.parametrize(
    ("old", "new", "place", "remedy"),
    [
        ("pivot: true", "pivot: true\n    optional: true", "steps[2].pivot", "cannot do without"),
        (PERMIT, PERMIT + "    needs: 2\n", "steps[1].needs", "has 1: 1 at most"),
        (PERMIT, PERMIT + "    needs: 0\n", "steps[1].needs", "1 or more"),
        (PERMIT, PERMIT + "    choice: how\n", "steps[1].choice", "alone"),
        (PERMIT, PERMIT + "    application: some\n", "steps[1].application", "none"),
        (PERMIT, PERMIT + "    pre_check: true\n", "steps[1].pre_check", "every case has to pass"),
        ("steps:\n", "undo_order: [permi]\nsteps:\n", "undo_order[0]", 'did you mean "permit"?'),
        ("steps:\n", "undo_order: [permit, permit]\nsteps:\n", "undo_order[1]", "twice"),
        ("steps:\n", "undo_order: [check]\nsteps:\n", "undo_order[0]", "undo: task"),
        (
            "steps:\n",
            "visits: [{id: v, name: {zh: 踏勘, en: Visit}, steps: [a, check]}]\nsteps:\n",
            "visits[0].steps[0]",
            "no step",
        ),
        (
            "steps:\n",
            "visits: [{id: v, name: {zh: 踏勘, en: Visit}, steps: [check, check]}]\nsteps:\n",
            "visits[0].steps[1]",
            "already",
        ),
        (
            "steps:\n",
            "visits: [{id: v, name: {zh: 踏勘, en: Visit}, steps: [check, permit]}]\nsteps:\n",
            "visits[0]",
            "together",
        ),
        (
            "steps:\n",
            "visits: [{id: v, name: {zh: 踏勘, en: Visit}, steps: [check]}]\nsteps:\n",
            "visits[0].steps",
            "2",
        ),
    ],
)
def test_each_key_has_its_fault(old: str, new: str, place: str, remedy: str) -> None:
    faults = faults_of(package(manifest=(old, new)))
    assert any(where.endswith(f" {place}") and remedy in message for where, message in faults.items()), faults
