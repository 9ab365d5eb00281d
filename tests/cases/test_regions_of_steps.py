"""A step whose offices are those of another region than the case's: from the form to routing, and to newer versions."""

from typing import Any

import pytest

from chassis.database import Database
from chassis.problems import Conflict, Invalid
from duokua.cases.v1 import events_pb2
from duokua.matters.v1 import bundle_pb2
from services.cases.case_migration import CaseMigration, Move
from services.cases.replaying import replay
from tests.cases.builders import Town, a_bundle, a_form, asking, field, returning, taken

THERE = "330102"


def moving(version: int = 1, when: str = "") -> bundle_pb2.Bundle:
    """The sign is handled where the shop was before, which the form says in `owner`."""
    bundle = a_bundle(version)
    sign = bundle.steps[2]
    sign.region_field, sign.when = "owner", when
    sign.form_fields.append("owner")
    return bundle


def form(**changes: Any) -> dict[str, Any]:
    return {**a_form(), "owner": THERE, **changes}


def asked(town: Town) -> dict[str, str]:
    """By step, the region that routing was asked for last, where it is not the case's."""
    event = town.events("RoutingRequested")[-1]
    assert isinstance(event, events_pb2.RoutingRequested)
    assert event.region_code == "330106"
    return {step.step_id: step.region_code for step in event.steps}


def test_only_the_step_with_a_region_of_its_own_is_sought_elsewhere(database: Database) -> None:
    town = Town(database).publish(moving())
    town.submit(form())
    assert asked(town) == {"check": "", "food": "", "sign": THERE, "deliver": ""}


def test_a_step_that_comes_back_is_sought_in_the_same_region_again(database: Database) -> None:
    town = Town(database).publish(moving())
    case_id = town.running(form())
    taken(town.answer(returning(town.one("sign"))))
    assert asked(town) == {"sign": THERE}
    with town.database.read() as work:
        assert replay(work, town.row(case_id), town.cases.plans)[1] is None


@pytest.mark.parametrize("value", ["33010", "３３０１０２", "330102 "])
def test_what_is_no_region_is_refused_by_its_field(database: Database, value: str) -> None:
    town = Town(database).publish(moving())
    with pytest.raises(Invalid) as caught:
        town.submit(form(owner=value))
    assert [each.field for each in caught.value.violations] == ["form.owner"]


def test_of_a_step_that_is_left_out_no_region_is_asked(database: Database) -> None:
    town = Town(database).publish(moving(when="form.shop.area > 1000"))
    town.submit(form(owner="李雷"))
    assert asked(town) == {"check": "", "food": "", "deliver": ""}


def test_a_correction_does_not_move_a_step_to_another_region(database: Database) -> None:
    town = Town(database).publish(moving())
    case_id = town.running(form())
    taken(town.answer(asking(town.one("sign"), field("owner"))))
    with pytest.raises(Conflict) as caught:
        town.correct(case_id, {"owner": "330108"})
    assert caught.value.reason == "CORRECTION_CHANGES_REGION"
    assert caught.value.metadata["field"] == "owner"


def test_a_newer_version_may_send_a_step_that_has_not_begun_elsewhere(database: Database) -> None:
    town = Town(database).publish(a_bundle())
    case_id = town.submit(form())
    town.route(case_id)
    town.publish(moving(2))
    move = Move("open-shop", 1, 2, {}, "迁出地办理", "request-1")
    with database.begin() as work:
        CaseMigration(town.cases).migrate(work, case_id, move, "operator")
    assert asked(town) == {"sign": THERE}
    assert town.case(case_id).steps["sign"].region_code == THERE
