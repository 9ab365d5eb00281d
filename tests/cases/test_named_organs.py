"""Steps whose organ the form names: asked for of routing, kept in the history, and not to be corrected into another."""

import pytest

from chassis.problems import Conflict
from duokua.matters.v1 import bundle_pb2
from services.cases.case_migration import CaseMigration, Move
from services.cases.replaying import replay
from tests.cases.builders import Town, a_bundle, a_form, asking, field, returning, taken

HERE, AWAY = "11330106MB1A00001G", "11440300MB1A00002E"


def naming(version: int = 1, *steps: str) -> bundle_pb2.Bundle:
    """A shop where the owner's name stands for an organ, that of these steps."""
    bundle = a_bundle(version)
    for step in bundle.steps:
        if step.step_id in (steps or ("food", "fire")):
            step.organ_field = "owner"
    return bundle


def form(owner: str = HERE, area: float = 120) -> dict[str, object]:
    return {**a_form(area=area), "owner": owner}


def named(town: Town) -> dict[str, str]:
    """By step, the organ that routing was asked for last."""
    return {step.step_id: step.named_uscc for step in town.events("RoutingRequested")[-1].steps}


@pytest.fixture(name="shop")
def _shop(town: Town) -> Town:
    return town.publish(naming(2))


def test_routing_is_asked_for_the_organ_that_the_form_names(shop: Town) -> None:
    case_id = shop.submit(form(area=400))
    assert named(shop) == {"check": "", "food": HERE, "sign": "", "fire": HERE, "deliver": ""}
    assert shop.case(case_id).steps["food"].named_uscc == HERE


def test_a_step_that_is_skipped_names_nobody(shop: Town) -> None:
    case_id = shop.submit(form())
    assert "fire" not in named(shop)
    assert shop.case(case_id).steps["fire"].named_uscc == ""


def test_what_the_organ_returns_is_sought_for_the_same_organ_again(shop: Town) -> None:
    shop.running(form())
    taken(shop.answer(returning(shop.one("food"))))
    assert named(shop) == {"food": HERE}


def test_whoever_is_asked_where_it_goes_reads_what_to_do(shop: Town) -> None:
    case_id = shop.submit(form())
    shop.route(case_id, without=["food", "sign"])
    told = {each.step_id: each.description for each in shop.case(case_id).incidents.values()}
    assert "Have it registered and declare the matter, then retry the incident; or reassign the step." in told["food"]
    assert "Declare the capability of an office, then retry the incident." in told["sign"]
    assert not any(".." in each for each in told.values())


def test_a_correction_does_not_change_the_organ(shop: Town) -> None:
    case_id = shop.running(form())
    taken(shop.answer(asking(shop.one("food"), field("owner"))))
    with pytest.raises(Conflict) as caught:
        shop.correct(case_id, {"owner": AWAY})
    assert (caught.value.reason, caught.value.metadata) == ("CORRECTION_CHANGES_OFFICE", {"field": "owner"})
    shop.correct(case_id, {"owner": HERE})


def test_a_correction_may_change_the_organ_of_a_step_that_is_skipped(town: Town) -> None:
    town.publish(naming(2, "fire"))
    case_id = town.running(form())
    taken(town.answer(asking(town.one("food"), field("owner"))))
    town.correct(case_id, {"owner": AWAY})
    assert town.statuses(case_id)["food"] == "offered"


def test_a_newer_version_in_which_the_form_names_the_organ_finds_the_office_anew(town: Town) -> None:
    town.publish(a_bundle(1))
    case_id = town.submit(form())
    town.route(case_id)
    town.publish(naming(2, "food"))
    with town.database.begin() as work:
        move = Move("open-shop", 1, 2, {}, "谁认定、谁修复", "r1")
        CaseMigration(town.cases).migrate(work, case_id, move, "client:ops")
    assert named(town) == {"food": HERE}
    assert town.case(case_id).steps["food"].organ_id == ""
    assert town.case(case_id).steps["sign"].organ_id == "sign"


def test_histories_replay_with_the_organs_in_them(shop: Town) -> None:
    case_id = shop.running(form(area=400))
    with shop.database.read() as work:
        assert replay(work, shop.row(case_id), shop.cases.plans)[1] is None
