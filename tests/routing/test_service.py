"""The use cases of routing."""

from typing import Any

import pytest

from chassis.api import Call, Caller
from chassis.database import Database
from chassis.problems import Invalid, NotFound
from chassis.testing import ManualClock
from duokua.routing.v1 import routing_service_pb2 as pb
from services.routing.api import RoutingApi
from services.routing.messages import step_of
from services.routing.service import Routing
from tests.routing.builders import FOOD, SIGN, chosen, organ, region, request, route, settle, step


def test_each_request_gets_one_answer_with_a_decision_for_each_step(database: Database) -> None:
    routing = settle(database, organ("county"), organ("city", "330100", 3), codes=[FOOD, SIGN])
    first, second = route(
        database,
        routing,
        request("c1", step("food", FOOD), step("sign", SIGN, level=3)),
        request("c2", step("food", "999999999999")),
    )
    assert (first.case_id, first.request_no) == ("c1", 1)
    assert [(each.step_id, each.organ_id, each.organ_name) for each in first.decisions] == [
        ("food", "county", "office county"),
        ("sign", "city", "office city"),
    ]
    assert chosen(second) == [""]
    assert second.decisions[0].reason == "No office declares matter 999999999999."


def test_an_office_elsewhere_is_named_as_the_reason_why_nobody_is_found(database: Database) -> None:
    routing = settle(database, organ("far", "440300"))
    [answer] = route(database, routing, request("c1"))
    assert chosen(answer) == [""]
    assert "lies in place 330106 (330106) or above it" in answer.decisions[0].reason


def test_a_repeated_request_gets_the_answer_it_got_before(database: Database) -> None:
    routing = settle(database, organ("b"))
    [before] = route(database, routing, request("c1"))
    with database.begin() as work:
        routing.keep_organs(work, [organ("a")])
        routing.declare(work, "a", [FOOD])
    both = route(database, routing, request("c1"))
    assert both == [before, before]
    assert chosen(before) == ["b"]


def test_a_request_twice_in_one_batch_is_answered_once(database: Database) -> None:
    routing = settle(database, organ("a"))
    assert len(route(database, routing, request("c1"), request("c1"))) == 1


def test_a_step_goes_to_the_organ_that_an_operator_named_whatever_it_declares(database: Database) -> None:
    routing = settle(database, organ("county"))
    with database.begin() as work:
        routing.keep_organs(work, [organ("other", "440300", name="another province's office")])
    order = step(excluded=["county"])
    order.organ_id = "other"
    missing = step("sign")
    missing.organ_id = "nobody"
    [answer] = route(database, routing, request("c1", order, missing))
    chosen_one, none = answer.decisions
    assert (chosen_one.organ_id, chosen_one.organ_name) == ("other", "another province's office")
    assert chosen_one.reason == "named by an operator"
    assert none.organ_id == ""
    assert "there is no organ nobody" in none.reason


def test_a_step_goes_to_the_organ_that_it_is_bound_to_until_that_returns_it_or_passes_it_on(database: Database) -> None:
    routing = settle(database, organ("county"), organ("city", "330100", 3))
    with database.begin() as work:
        routing.keep_organs(work, [organ("bound", "440300", parent="city")])

    def bound(request_no: int, **changes: Any) -> str:
        asked = step(**changes)
        asked.bound_organ_id = "bound"
        (answer,) = route(database, routing, request("c1", asked, request_no=request_no))[-1:]
        return chosen(answer)[0]

    assert bound(1, level=6) == "bound"
    assert bound(2, excluded=["bound"]) == "county"
    assert bound(3, excluded=["bound"], above="bound") == "city"
    missing, ordered = step(), step()
    missing.bound_organ_id = "nobody"
    ordered.bound_organ_id, ordered.organ_id = "bound", "county"
    [answer] = route(database, routing, request("c2", missing))[-1:]
    assert (chosen(answer), answer.decisions[0].reason) == (
        [""],
        "there is no organ nobody, which the bundle is bound to",
    )
    [answer] = route(database, routing, request("c3", ordered))[-1:]
    assert (chosen(answer), answer.decisions[0].reason) == (["county"], "named by an operator")


def test_what_is_explained_is_what_would_be_decided_for_a_bound_step(database: Database) -> None:
    routing = settle(database, organ("county"), organ("bound", "330100", 3))
    asked = step(level=4)
    asked.bound_organ_id = "bound"
    with database.read() as work:
        decision = routing.explain(work, "330106", step_of(asked))
    assert (decision.organ_id, decision.reason) == ("bound", "bound to the step where the bundle was installed")


def test_a_step_with_a_region_of_its_own_goes_to_the_offices_there(database: Database) -> None:
    routing = settle(database, organ("here"), organ("there", "330102"), organ("city", "330100", 3))
    with database.begin() as work:
        routing.keep_regions(work, [region("330102", "330100")])
    left = step("left")
    left.region_code = "330102"
    [answer] = route(database, routing, request("c1", left, step("entered")))
    assert chosen(answer) == ["there", "here"]
    assert answer.decisions[0].reason.endswith("in place 330102 (330102), the region of the step.")
    assert answer.decisions[1].reason.endswith("in place 330106 (330106), the region of the case.")
    with database.read() as work:
        assert routing.explain(work, "330106", step_of(left)).organ_id == "there"
        left.region_code = "999999"
        with pytest.raises(Invalid) as caught:
            routing.explain(work, "330106", step_of(left))
    assert [each.field for each in caught.value.violations] == ["step.region_code"]


def test_equal_offices_of_a_steps_own_region_share_the_work(database: Database) -> None:
    routing = settle(database, organ("here"), organ("a", "330102"), organ("b", "330102"))
    with database.begin() as work:
        routing.keep_regions(work, [region("330102", "330100")])
    left = step()
    left.region_code = "330102"
    answers = route(database, routing, *(request(f"c{number}", left) for number in range(4)))
    assert sorted(office for answer in answers for office in chosen(answer)) == ["a", "a", "b", "b"]


def test_a_returned_step_goes_to_another_office(database: Database) -> None:
    routing = settle(database, organ("county"), organ("city", "330100", 3))
    answers = route(database, routing, request("c1"), request("c1", step(excluded=["county"]), request_no=2))
    assert [chosen(answer) for answer in answers] == [["county"], ["city"]]


def test_equal_offices_share_the_work_of_one_batch(database: Database) -> None:
    routing = settle(database, organ("a"), organ("b"))
    answers = route(database, routing, *(request(f"c{number}") for number in range(4)))
    assert sorted(office for answer in answers for office in chosen(answer)) == ["a", "a", "b", "b"]


def test_finished_cases_no_longer_count_as_load(database: Database) -> None:
    routing = settle(database, organ("a"), organ("b"))
    route(database, routing, request("c1"), request("c2"), request("c3"))  # a has two, b one
    with database.begin() as work:
        routing.close(work, ["c1", "c3"])
    assert chosen(route(database, routing, request("c4"))[-1]) == ["a"]


def test_a_request_that_comes_after_the_end_of_its_case_is_answered_and_is_no_load(database: Database) -> None:
    routing = settle(database, organ("a"), organ("b"))
    with database.begin() as work:
        routing.close(work, ["c1"])
    [late] = route(database, routing, request("c1"))
    assert chosen(late) == ["a"]
    assert chosen(route(database, routing, request("c2"))[-1]) == ["a"]


def test_a_step_routed_anew_no_longer_counts_for_the_office_that_returned_it(database: Database) -> None:
    routing = settle(database, organ("a"), organ("b"))
    route(database, routing, request("c1"))
    route(database, routing, request("c1", step(excluded=["a"]), request_no=2))
    assert chosen(route(database, routing, request("c2"))[-1]) == ["a"]


def test_load_that_was_never_closed_is_forgotten_after_a_while(database: Database, clock: ManualClock) -> None:
    routing = settle(database, organ("a"), organ("b"))
    route(database, routing, request("c1"))
    clock.advance(days=121)
    assert chosen(route(database, routing, request("c2"))[-1]) == ["a"]


def test_an_organ_may_arrive_before_its_region(database: Database) -> None:
    routing = Routing()
    with database.begin() as work:
        routing.keep_organs(work, [organ("city", "330100", 3)])
        routing.declare(work, "city", [FOOD])
    assert chosen(route(database, routing, request("c1"))[0]) == [""]
    with database.begin() as work:
        routing.keep_regions(work, [region("330106", "330100")])
    assert chosen(route(database, routing, request("c2"))[1]) == ["city"]


def test_a_circle_of_regions_ends_the_search(database: Database) -> None:
    routing = settle(database, organ("county"))
    with database.begin() as work:
        routing.keep_regions(work, [region("330000", "330106", version=2)])
    [answer] = route(database, routing, request("c1", step(level=2)))
    assert chosen(answer) == [""]


@pytest.mark.parametrize("together", [True, False])
def test_an_older_version_never_overwrites_a_newer_one(database: Database, *, together: bool) -> None:
    routing = settle(database)
    new, old = organ("a", name="new name", version=3), organ("a", name="old name", version=2)
    regions = [region("330106", "330100", name="new", version=3), region("330106", "330100", name="old", version=2)]
    for organs, places in [([new, old], regions)] if together else [([new], regions[:1]), ([old], regions[1:])]:
        with database.begin() as work:
            routing.keep_organs(work, organs)
            routing.keep_regions(work, places)
    with database.begin() as work:
        routing.declare(work, "a", [FOOD])
    [answer] = route(database, routing, request("c1"))
    assert answer.decisions[0].organ_name == "new name"
    assert "in new (330106)" in answer.decisions[0].reason


def test_capabilities_of_an_unknown_organ_are_refused(database: Database) -> None:
    with database.begin() as work, pytest.raises(NotFound, match="ORGAN_NOT_FOUND"):
        Routing().declare(work, "nobody", [FOOD])


def test_what_is_no_catalogue_code_is_refused_by_its_place(database: Database) -> None:
    routing = settle(database, organ("a"))
    with database.begin() as work, pytest.raises(Invalid) as refused:
        routing.declare(work, "a", [FOOD, "food"])
    assert [violation.field for violation in refused.value.violations] == ["catalog_codes[1]"]


def test_what_is_withdrawn_is_not_routed_to_any_more(database: Database) -> None:
    routing = settle(database, organ("a"))
    with database.begin() as work:
        routing.withdraw(work, "a", [FOOD])
        with pytest.raises(NotFound, match="CAPABILITY_NOT_FOUND"):
            routing.withdraw(work, "a", [FOOD])
    assert chosen(route(database, routing, request("c1"))[0]) == [""]


def test_capabilities_are_listed_page_by_page(database: Database) -> None:
    routing = settle(database, organ("a"), organ("b"), codes=[FOOD, SIGN])
    api = RoutingApi(routing)
    seen, token = [], ""
    for _ in range(10):
        with database.read() as work:
            answer = api.list_capabilities(
                Call(work, Caller("client:x")), pb.ListCapabilitiesRequest(page_size=3, page_token=token)
            )
        seen += [(each.organ_id, each.catalog_code) for each in answer.capabilities]
        token = answer.next_page_token
        if not token:
            break
    assert seen == [("a", SIGN), ("a", FOOD), ("b", SIGN), ("b", FOOD)]


def test_a_declaration_may_be_repeated(database: Database) -> None:
    api = RoutingApi(settle(database, organ("a")))
    with database.begin() as work:
        call = Call(work, Caller("client:x"))
        wanted = pb.DeclareCapabilitiesRequest(organ_id="a", catalog_codes=[FOOD, FOOD])
        answer = api.declare_capabilities(call, wanted)
        listed = api.list_capabilities(call, pb.ListCapabilitiesRequest(organ_id="a"))
        assert list(answer.capabilities) == list(listed.capabilities)


def test_a_dry_run_names_everyone_and_changes_nothing(database: Database) -> None:
    routing = settle(database, organ("a"), organ("b"), organ("city", "330100", 3), organ("far", "440300"))
    wanted = pb.ExplainRouteRequest(region_code="330106", step=step(excluded=["a"]))
    with database.read() as work:
        answer = RoutingApi(routing).explain_route(Call(work, Caller("client:x")), wanted)
    assert answer.decision.organ_id == "b"
    reasons = {each.organ_id: each.reason for each in answer.passed_over}
    assert reasons == {
        "a": "It returned the step as not its own.",
        "city": "office b in place 330106 (330106) is nearer to the case.",
        "far": "It lies in region 440300, which is not on the way up from place 330106 (330106).",
    }
    assert chosen(route(database, routing, request("c1"))[0]) == ["a"]


def test_a_dry_run_for_an_unknown_region_is_refused(database: Database) -> None:
    with database.read() as work, pytest.raises(Invalid, match="UNKNOWN_REGION"):
        Routing().explain(work, "999999", step_of(step()))
