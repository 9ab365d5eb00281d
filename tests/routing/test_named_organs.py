"""A step whose organ the application names: whoever made an entry mends it, and nobody else."""

import pytest

from chassis.database import Database
from services.routing.domain import Organ, Step, choose_named
from services.routing.messages import step_of
from services.routing.service import Routing
from tests.routing.builders import FOOD, SIGN, chosen, organ, region, request, route, settle, step

HERE, AWAY = "11330106MB1A00001G", "11440300MB1A00002E"


def named(*excluded: str) -> Step:
    return Step("food", FOOD, excluded_organ_ids=frozenset(excluded), named_uscc=HERE)


def two_regions(database: Database) -> Routing:
    return settle(
        database, organ("here", uscc=HERE), organ("near"), organ("away", "440300", 3, name="别处的局", uscc=AWAY)
    )


def test_the_organ_that_is_named_is_chosen_and_the_reason_says_so() -> None:
    decision = choose_named(named(), Organ("here", "西湖区局"), declares=True)
    assert (decision.organ_id, decision.organ_name) == ("here", "西湖区局")
    assert decision.reason == "西湖区局 is the organ that the application names, and handles matter 330131028000."


@pytest.mark.parametrize(
    ("organ_found", "declares", "excluded", "missing"),
    [
        (None, False, (), f"names the organ {HERE}, which is not registered."),
        (Organ("here", "西湖区局"), False, (), "西湖区局 (here), which the application names, does not declare matter"),
        (Organ("here", "西湖区局"), True, ("here",), "which the application names, returned the step as not its own."),
    ],
)
def test_nobody_takes_the_place_of_the_organ_that_is_named(
    organ_found: Organ | None, *, declares: bool, excluded: tuple[str, ...], missing: str
) -> None:
    decision = choose_named(named(*excluded), organ_found, declares=declares)
    assert decision.organ_id == ""
    assert missing in decision.reason


def test_it_goes_there_wherever_that_lies_and_at_whatever_level(database: Database) -> None:
    routing = two_regions(database)
    [answer] = route(
        database, routing, request("c1", step("a", named=AWAY), step("b", named=HERE), step("c"), step("d", SIGN))
    )
    assert chosen(answer) == ["away", "here", "near", ""]
    assert (
        answer.decisions[0].reason
        == "别处的局 is the organ that the application names, and handles matter 330131028000."
    )


def test_an_organ_that_does_not_handle_the_matter_does_not_get_it(database: Database) -> None:
    routing = two_regions(database)
    [answer] = route(database, routing, request("c1", step(code=SIGN, named=AWAY), step("b", named="1" * 18)))
    assert chosen(answer) == ["", ""]
    assert "does not declare matter" in answer.decisions[0].reason
    assert "is not registered" in answer.decisions[1].reason


def test_once_it_has_returned_the_step_only_an_operator_gives_it_to_another(database: Database) -> None:
    routing = two_regions(database)
    reassigned = step(named=HERE, excluded=["here"])
    reassigned.organ_id = "away"
    answers = route(
        database,
        routing,
        request("c1", step(named=HERE)),
        request("c1", step(named=HERE, excluded=["here"]), request_no=2),
        request("c1", reassigned, request_no=3),
    )
    assert [chosen(answer) for answer in answers] == [["here"], [""], ["away"]]
    assert answers[2].decisions[0].reason == "named by an operator"


def test_what_it_passes_upward_goes_to_the_organ_above_it(database: Database) -> None:
    routing = settle(database, organ("here", parent="city", uscc=HERE), organ("city", "330100", 3))
    [answer] = route(database, routing, request("c1", step(named=HERE, excluded=["here"], above="here")))
    assert chosen(answer) == ["city"]


def test_what_a_region_has_bound_the_step_to_does_not_count(database: Database) -> None:
    routing = two_regions(database)
    wanted = step(named=AWAY)
    wanted.bound_organ_id = "near"
    [answer] = route(database, routing, request("c1", wanted))
    assert chosen(answer) == ["away"]


def test_what_is_explained_is_what_would_be_decided(database: Database) -> None:
    routing = settle(
        database, organ("away", "440300", 3, parent="top", uscc=AWAY), organ("top", "440000", 2), codes=[FOOD]
    )
    with database.read() as work:
        decision = routing.explain(work, "330106", step_of(step(named=AWAY)))
    assert (decision.organ_id, decision.superior_organ_ids) == ("away", ("top",))
    with database.read() as work:
        assert "not registered" in routing.explain(work, "330106", step_of(step(named=HERE))).reason


def test_an_organ_that_was_registered_before_its_code_was_kept_is_found_once_it_is_registered_anew(
    database: Database,
) -> None:
    routing = settle(database, organ("here"))
    [before] = route(database, routing, request("c1", step(named=HERE)))
    with database.begin() as work:
        routing.keep_regions(work, [region("330106", "330100")])
        routing.keep_organs(work, [organ("here", uscc=HERE, version=2)])
    assert chosen(before) == [""]
    assert chosen(route(database, routing, request("c2", step(named=HERE)))[-1]) == ["here"]
