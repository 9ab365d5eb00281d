"""Taking applications in."""

from typing import Any

import pytest

from chassis.clock import new_id
from chassis.database import Database
from chassis.problems import Exhausted, Invalid, NotFound
from chassis.testing import ManualClock
from duokua.cases.v1 import case_pb2
from services.cases import store
from services.cases.domain.case import CaseStatus, StepStatus
from tests.cases.builders import TASK_CODE, Town, a_bundle, a_form, a_material, tables


def faults(town: Town, form: dict[str, Any], *materials: case_pb2.Material) -> dict[str, str]:
    """What is wrong with an application, by field; nothing was changed."""
    before = tables(town.database)
    with pytest.raises(Invalid) as refused:
        town.submit(form, materials or [a_material()])
    assert refused.value.reason == "APPLICATION_INVALID"
    assert tables(town.database) == before
    return {violation.field: violation.description for violation in refused.value.violations}


def test_a_case_starts_with_all_its_steps_to_be_routed(town: Town) -> None:
    case_id = town.submit()
    case = town.case(case_id)
    assert (case.status, case.version, case.region_code, case.applicant_id) == (CaseStatus.RUNNING, 1, "330106", "p1")
    assert town.statuses(case_id) == {
        "check": "routing",
        "food": "waiting",
        "sign": "waiting",
        "fire": "skipped",
        "deliver": "waiting",
    }
    (submitted,) = town.events("CaseSubmitted")
    assert (submitted.case.bundle_name, submitted.case.applicant_id, submitted.case.version) == ("开店", "p1", 1)
    (asked,) = town.events("RoutingRequested")
    assert [step.step_id for step in asked.steps] == ["check", "food", "sign", "deliver"]
    assert (asked.region_code, asked.request_no) == ("330106", 1)


def test_a_condition_that_holds_keeps_its_step(town: Town) -> None:
    assert town.case(town.submit(a_form(area=300.5))).steps["fire"].status is StepStatus.WAITING


def test_a_condition_that_cannot_be_decided_is_a_fault_of_the_form(town: Town) -> None:
    form = a_form()
    del form["shop"]["area"]
    assert "fire" in faults(town, form)["form"]


def test_every_fault_of_the_form_is_named(town: Town) -> None:
    form = {"owner": "李", "shop": {"area": "big", "tags": ["a", 1]}, "email": "nobody", "more": 1}
    assert set(faults(town, form)) == {"form", "form.shop", "form.owner", "form.shop.area", "form.shop.tags[1]"} | {
        "form.email"
    }


@pytest.mark.parametrize("region", ["33010", "3301066", "33010a", "३३०१०६", "", 330106])
def test_the_region_must_be_a_code_of_six_digits(town: Town, region: object) -> None:
    assert set(faults(town, a_form(region=region))) == {"form.shop.region"}


def test_every_fault_of_the_materials_is_named(town: Town) -> None:
    materials = [
        a_material("passport"),
        a_material("lease", media_type="image/png"),
        a_material("lease", b"x" * 1001),
        a_material("photo", b"x" * 5000, media_type="image/png"),
    ]
    assert set(faults(town, a_form(), *materials)) == {
        "materials[0].kind",
        "materials[1].media_type",
        "materials[2].content",
    }


def test_a_required_material_that_is_missing_is_named(town: Town) -> None:
    assert "lease" in faults(town, a_form(), a_material("photo"))["materials"]


def test_an_unknown_bundle_is_not_found(town: Town) -> None:
    before = tables(town.database)
    with pytest.raises(NotFound) as refused:
        town.submit(bundle_id="close-shop")
    assert (refused.value.reason, refused.value.metadata) == ("BUNDLE_NOT_FOUND", {"bundle_id": "close-shop"})
    assert tables(town.database) == before


def test_cases_run_the_newest_version_and_stay_with_theirs(town: Town) -> None:
    first = town.submit()
    town.publish(a_bundle(version=2), a_bundle(version=1))
    second = town.submit()
    assert [town.case(each).bundle_version for each in (first, second)] == [1, 2]
    town.route(first)
    town.complete("check")
    assert town.case(first).bundle_version == 1


def test_a_version_that_is_known_stays_as_it_is(town: Town) -> None:
    changed = a_bundle()
    changed.name = "关店"
    town.publish(changed)
    town.submit()
    (submitted,) = town.events("CaseSubmitted")
    assert submitted.case.bundle_name == "开店"


def test_case_numbers_count_by_bundle_and_day_in_beijing(town: Town, clock: ManualClock) -> None:
    numbers = [town.row(town.submit()).case_number for _ in range(2)]
    clock.advance(hours=15)  # one in the morning in Beijing
    numbers.append(town.row(town.submit()).case_number)
    assert numbers == [f"{TASK_CODE}202603020001", f"{TASK_CODE}202603020002", f"{TASK_CODE}202603030001"]


def test_a_refused_application_uses_no_number_up(town: Town) -> None:
    faults(town, {})
    assert town.row(town.submit()).case_number.endswith("0001")


def test_after_the_last_number_of_a_day_no_case_is_taken(town: Town) -> None:
    town.submit()
    with town.database.begin() as work:
        work.connection.execute(store.serials.update().values(last=999_999))
    before = tables(town.database)
    with pytest.raises(Exhausted) as refused:
        town.submit()
    assert refused.value.reason == "CASE_NUMBERS_EXHAUSTED"
    assert tables(town.database) == before


def test_a_case_is_found_by_its_id_and_by_its_number(town: Town) -> None:
    case_id = town.submit()
    with town.database.read() as work:
        assert town.cases.row(work, town.row(case_id).case_number).case_id == case_id
        for unknown in (new_id(), "nothing", ""):
            with pytest.raises(NotFound, match="CASE_NOT_FOUND"):
                town.cases.row(work, unknown)


def test_the_same_content_is_stored_once(town: Town, database: Database) -> None:
    photo = a_material("photo", media_type="image/png")
    town.submit(materials=[a_material(), photo])
    town.submit()
    held = tables(database)
    assert (len(held["contents"]), len(held["case_contents"])) == (1, 2)
