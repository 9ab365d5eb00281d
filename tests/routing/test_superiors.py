"""Who is above an office, and where a step goes that an office passed upward (转报)."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.api import Call, Caller
from chassis.database import Database
from duokua.routing.v1 import routing_service_pb2 as pb
from services.routing.api import RoutingApi
from services.routing.domain import Office, Organ, Step, choose_above, superiors
from services.routing.service import Routing
from tests.routing.builders import FOOD, SIGN, chosen, organ, request, route, settle, step

ORGANS = {
    "county": Organ("county", "西湖区局", "city"),
    "city": Organ("city", "杭州市局", "province"),
    "province": Organ("province", "浙江省局"),
}


def office(organ_id: str, level: int = 3) -> Office:
    return Office(organ_id, ORGANS[organ_id].name, "330100", level)


def passed_up(*excluded: str, above: str = "county", level: int = 0) -> Step:
    return Step("food", FOOD, level, frozenset(excluded), above)


def chain(database: Database, codes: Sequence[str] = (FOOD,)) -> Routing:
    return settle(
        database,
        organ("county", parent="city"),
        organ("city", "330100", 3, parent="province"),
        organ("province", "330000", 2),
        codes=codes,
    )


def test_the_nearest_organ_above_that_handles_the_matter_is_chosen_whatever_level_the_step_names() -> None:
    decision = choose_above(passed_up("county", level=4), ORGANS, [office("province", 2), office("city")])
    assert decision.organ_id == "city"
    assert decision.reason == (
        "杭州市局 is the nearest organ above 西湖区局 (county) that handles matter 330131028000, at city level."
    )
    assert [(over.organ_id, over.reason) for over in decision.passed_over] == [
        ("province", "杭州市局 (city) is nearer above 西湖区局 (county).")
    ]


def test_an_organ_between_that_does_not_handle_the_matter_is_passed_over() -> None:
    decision = choose_above(passed_up("county"), ORGANS, [office("province", 2), Office("far", "far", "440300", 3)])
    assert decision.organ_id == "province"
    assert [(over.organ_id, over.reason) for over in decision.passed_over] == [
        ("city", "It does not declare matter 330131028000."),
        ("far", "It is not above 西湖区局 (county)."),
    ]


@pytest.mark.parametrize(
    ("wanted", "offices", "reason"),
    [
        (
            passed_up("province", above="province"),
            [office("city")],
            "浙江省局 (province) passed the step upward, and no organ above it is known.",
        ),
        (passed_up(above="who"), [office("city")], "organ who passed the step upward, and no organ above it is known."),
        (
            passed_up("county"),
            [],
            (
                "西湖区局 (county) passed the step upward, and no organ above it that could still take it handles "
                "matter 330131028000: 杭州市局 (city), 浙江省局 (province)."
            ),
        ),
        (
            passed_up("city", "province"),
            [office("city"), office("province", 2)],
            (
                "西湖区局 (county) passed the step upward, and all organs above it have returned it or passed it on: "
                "杭州市局 (city), 浙江省局 (province)."
            ),
        ),
    ],
)
def test_without_an_organ_above_the_reason_says_what_is_missing(
    wanted: Step, offices: list[Office], reason: str
) -> None:
    decision = choose_above(wanted, ORGANS, offices)
    assert (decision.organ_id, decision.reason) == ("", reason)


NAMES = [f"o{number}" for number in range(8)]
trees = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["", *NAMES])).map(
    lambda parents: {name: Organ(name, f"name {name}", parent) for name, parent in parents.items()}
)
declaring = st.lists(st.sampled_from(NAMES), unique=True).map(
    lambda names: [Office(name, f"name {name}", "330100", 3) for name in names]
)


@given(st.sampled_from(NAMES), trees)
def test_the_way_up_ends_whatever_the_tree_and_never_meets_the_office_itself(
    start: str, organs: dict[str, Organ]
) -> None:
    above = [each.organ_id for each in superiors(start, organs)]
    assert start not in above
    assert len(above) == len(set(above)) < len(NAMES)
    for below, upper in zip([start, *above], above, strict=False):
        assert organs[below].parent_organ_id == upper


@given(st.sampled_from(NAMES), trees, declaring)
def test_passed_on_and_on_a_step_only_climbs_and_never_comes_twice(
    start: str, organs: dict[str, Organ], offices: list[Office]
) -> None:
    visited, excluded = [start], {start}
    while found := choose_above(Step("s", FOOD, 0, frozenset(excluded), visited[-1]), organs, offices).organ_id:
        assert found not in excluded
        assert found in [each.organ_id for each in superiors(visited[-1], organs)]
        visited.append(found)
        excluded.add(found)
    assert len(visited) <= len(NAMES)


@given(st.sampled_from(NAMES), trees, declaring, st.frozensets(st.sampled_from(NAMES)))
def test_every_organ_above_and_every_office_is_either_chosen_or_passed_over_once(
    start: str, organs: dict[str, Organ], offices: list[Office], excluded: frozenset[str]
) -> None:
    decision = choose_above(Step("s", FOOD, 0, excluded, start), organs, offices)
    named = [over.organ_id for over in decision.passed_over] + [decision.organ_id] * bool(decision.organ_id)
    above = {each.organ_id for each in superiors(start, organs)}
    assert sorted(named) == sorted(above | {each.organ_id for each in offices})
    assert decision.reason.endswith(".")


def test_each_decision_tells_the_organs_above_its_office_the_nearest_first(database: Database) -> None:
    routing = chain(database)
    [answer] = route(database, routing, request("c1", step(), step("high", level=3), step("none", SIGN)))
    assert [list(each.superior_organ_ids) for each in answer.decisions] == [["city", "province"], ["province"], []]


def test_a_repeated_request_gets_the_superiors_that_it_got_before(database: Database) -> None:
    routing = chain(database)
    [before] = route(database, routing, request("c1"))
    with database.begin() as work:
        routing.keep_organs(work, [organ("county", parent="", version=2)])
    assert route(database, routing, request("c1")) == [before, before]
    assert list(route(database, routing, request("c2"))[-1].decisions[0].superior_organ_ids) == []


def test_a_step_passed_upward_goes_up_and_the_one_beside_it_in_the_request_does_not(database: Database) -> None:
    routing = chain(database, [FOOD, SIGN])
    wanted = request("c1", step(excluded=["county"], above="county"), step("sign", SIGN), request_no=2)
    [answer] = route(database, routing, wanted)
    assert chosen(answer) == ["city", "county"]
    assert [list(each.superior_organ_ids) for each in answer.decisions] == [["province"], ["city", "province"]]


def test_a_superior_outside_the_regions_above_the_case_is_found(database: Database) -> None:
    routing = settle(database, organ("county", parent="ministry"), organ("ministry", "110000", 1))
    [answer] = route(database, routing, request("c1", step(excluded=["county"], above="county")))
    assert chosen(answer) == ["ministry"]


def test_a_dry_run_explains_a_step_that_was_passed_upward(database: Database) -> None:
    routing = chain(database)
    wanted = pb.ExplainRouteRequest(region_code="330106", step=step(excluded=["county"], above="county"))
    with database.read() as work:
        answer = RoutingApi(routing).explain_route(Call(work, Caller("client:x")), wanted)
    assert (answer.decision.organ_id, list(answer.decision.superior_organ_ids)) == ("city", ["province"])
    assert {each.organ_id: each.reason for each in answer.passed_over} == {
        "county": "It is not above office county (county).",
        "province": "office city (city) is nearer above office county (county).",
    }
