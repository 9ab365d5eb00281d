"""The rules that choose an office."""

from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.routing.domain import Office, Region, Step, choose, is_catalog_code, nearest, path_up

FOOD = "330131028000"
WEST_LAKE = Region("330106", "西湖区", "330100")
HANGZHOU = Region("330100", "杭州市", "330000")
ZHEJIANG = Region("330000", "浙江省")
PATH = [WEST_LAKE, HANGZHOU, ZHEJIANG]


def office(organ_id: str, region: str = "330106", level: int = 4, open_steps: int = 0) -> Office:
    return Office(organ_id, f"office {organ_id}", region, level, open_steps)


def step(level: int = 0, *excluded: str) -> Step:
    return Step("food", FOOD, level, frozenset(excluded))


def test_the_office_in_the_cases_region_is_chosen() -> None:
    decision = choose(step(), PATH, [office("city", "330100", 3), office("county")])
    assert decision.organ_id == "county"
    assert decision.reason == (
        "office county is the nearest office that handles matter 330131028000, "
        "in 西湖区 (330106), the region of the case."
    )
    assert [(over.organ_id, over.reason) for over in decision.passed_over] == [
        ("city", "office county in 西湖区 (330106) is nearer to the case.")
    ]


def test_without_an_office_in_the_region_the_one_above_is_chosen() -> None:
    decision = choose(step(), PATH, [office("province", "330000", 2)])
    assert decision.organ_id == "province"
    assert "in 浙江省 (330000), 2 steps above 西湖区 (330106)" in decision.reason


def test_a_named_level_passes_over_nearer_offices() -> None:
    decision = choose(step(3), PATH, [office("county"), office("city", "330100", 3)])
    assert decision.organ_id == "city"
    assert "at city level" in decision.reason
    assert decision.passed_over[0].reason == "It is at county level; the step must be handled at city level."


def test_between_equals_the_one_with_fewer_open_steps_is_chosen() -> None:
    decision = choose(step(), PATH, [office("a", open_steps=5), office("b", open_steps=2)])
    assert decision.organ_id == "b"
    assert "fewest open steps (2)." in decision.reason
    assert decision.passed_over[0].reason == "It has 5 open steps, office b 2."


def test_between_equally_busy_offices_the_lowest_id_is_chosen_and_said_so() -> None:
    decision = choose(step(), PATH, [office("b"), office("a")])
    assert decision.organ_id == "a"
    assert "the lowest organ id" in decision.reason
    assert decision.passed_over[0].reason == "It is as near and as busy as office a, whose organ id comes first."


@pytest.mark.parametrize(
    ("wanted", "offices", "reason"),
    [
        (step(), [], "No office declares matter 330131028000."),
        (
            step(),
            [office("far", "440300")],
            (
                "No office that handles matter 330131028000 lies in 西湖区 (330106) or above it "
                "(杭州市 (330100), 浙江省 (330000))."
            ),
        ),
        (
            step(2),
            [office("county"), office("city", "330100", 3)],
            (
                "No office on the way up from 西湖区 (330106) handles matter 330131028000 at province level; "
                "it is handled at city level, county level."
            ),
        ),
        (
            step(0, "county"),
            [office("county")],
            "Every office that could handle matter 330131028000 has returned the step: office county.",
        ),
    ],
)
def test_without_an_office_the_reason_says_what_is_missing(wanted: Step, offices: list[Office], reason: str) -> None:
    decision = choose(wanted, PATH, offices)
    assert (decision.organ_id, decision.organ_name, decision.reason) == ("", "", reason)
    assert {over.organ_id for over in decision.passed_over} == {each.organ_id for each in offices}


def test_the_path_goes_from_the_region_to_the_top() -> None:
    regions = {region.code: region for region in PATH}
    assert path_up("330106", regions) == PATH


def test_a_region_that_has_not_arrived_is_on_the_path_by_its_code() -> None:
    assert path_up("330106", {}) == [Region("330106")]
    assert path_up("330106", {"330106": WEST_LAKE}) == [WEST_LAKE, Region("330100")]


@pytest.mark.parametrize(
    ("code", "good"),
    [(FOOD, True), ("34202302800A", True), ("34202302800I", False), ("3420230280", False), (FOOD + "1", False)],
)
def test_catalogue_codes_have_twelve_characters_of_the_standard(code: str, *, good: bool) -> None:
    assert is_catalog_code(code) is good


CODES = [f"33{number:04}" for number in range(8)]
region_trees = st.dictionaries(st.sampled_from(CODES), st.sampled_from(["", *CODES])).map(
    lambda parents: {code: Region(code, f"name {code}", parent) for code, parent in parents.items()}
)
offices = st.lists(
    st.builds(
        Office,
        organ_id=st.sampled_from([f"o{number}" for number in range(12)]),
        name=st.just("an office"),
        region_code=st.sampled_from(CODES),
        level=st.integers(1, 6),
        open_steps=st.integers(0, 3),
    ),
    unique_by=lambda each: each.organ_id,
)
steps = st.builds(
    Step,
    step_id=st.just("s"),
    catalog_code=st.just(FOOD),
    level=st.sampled_from([0, 0, 3, 4]),
    excluded_organ_ids=st.frozensets(st.sampled_from([f"o{number}" for number in range(12)]), max_size=4),
)


@given(st.sampled_from(CODES), region_trees)
def test_the_path_ends_whatever_the_tree(start: str, regions: dict[str, Region]) -> None:
    path = [region.code for region in path_up(start, regions)]
    assert path[0] == start
    assert len(path) == len(set(path)) <= len(CODES)
    for below, above in pairwise(path):
        assert regions[below].parent_code == above


@given(steps, st.sampled_from(CODES), region_trees, offices)
def test_the_chosen_office_may_handle_the_step_and_none_nearer_may(
    wanted: Step, start: str, regions: dict[str, Region], candidates: list[Office]
) -> None:
    path = path_up(start, regions)
    order = [region.code for region in path]
    able = [
        each
        for each in candidates
        if each.region_code in order
        and wanted.level in {0, each.level}
        and each.organ_id not in wanted.excluded_organ_ids
    ]
    decision = choose(wanted, path, candidates)
    if not able:
        assert decision.organ_id == ""
        return
    best = min(able, key=lambda each: (order.index(each.region_code), each.open_steps, each.organ_id))
    assert decision.organ_id == best.organ_id
    assert best in nearest(wanted, path, candidates)


@given(steps, st.sampled_from(CODES), region_trees, offices, st.randoms())
def test_the_order_of_offices_does_not_matter(
    wanted: Step, start: str, regions: dict[str, Region], candidates: list[Office], random: Random
) -> None:
    path = path_up(start, regions)
    shuffled = list(candidates)
    random.shuffle(shuffled)
    first, second = choose(wanted, path, candidates), choose(wanted, path, shuffled)
    assert first == second
    assert first.passed_over == second.passed_over


@given(steps, st.sampled_from(CODES), region_trees, offices)
def test_everyone_is_either_chosen_or_passed_over(
    wanted: Step, start: str, regions: dict[str, Region], candidates: list[Office]
) -> None:
    decision = choose(wanted, path_up(start, regions), candidates)
    named = [over.organ_id for over in decision.passed_over] + [decision.organ_id] * bool(decision.organ_id)
    assert sorted(named) == sorted(each.organ_id for each in candidates)
    assert decision.reason.endswith(".")


@given(steps, st.sampled_from(CODES), region_trees, offices)
def test_a_returned_step_never_goes_back_to_the_same_office(
    wanted: Step, start: str, regions: dict[str, Region], candidates: list[Office]
) -> None:
    path = path_up(start, regions)
    visited: set[str] = set()
    while (decision := choose(wanted, path, candidates)).organ_id:
        assert decision.organ_id not in visited
        visited.add(decision.organ_id)
        wanted = replace(wanted, excluded_organ_ids=wanted.excluded_organ_ids | {decision.organ_id})
    assert len(visited) <= len(candidates)
