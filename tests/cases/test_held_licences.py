"""免证办: nobody is asked for a licence that they hold; it takes the material's place, and offices see which it is."""

from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import delete, select

from chassis.database import Database
from chassis.problems import Invalid
from chassis.testing import ManualClock
from duokua.cases.v1 import application_service_pb2, events_pb2
from duokua.licences.v1 import events_pb2 as licences_events
from duokua.licences.v1 import licence_pb2
from duokua.matters.v1 import bundle_pb2
from services.cases import store
from services.cases.applications import look_over
from services.cases.asking import ask, material_needs
from services.cases.domain.proceedings import CorrectionItem, ItemKind
from services.cases.held_licences import held_by
from services.cases.plans import Plans
from services.cases.replaying import replay
from services.cases.standing_in import Held
from services.cases.vouching import unvouched
from tests.cases.builders import PDF, Town, a_bundle, a_form, a_material, asking, completing, taken

Standing = licences_events.Standing
PERMIT = CorrectionItem(ItemKind.MATERIAL, "permit", "与场所不符")
SHOWN = {
    "licence_id": "l1",
    "identifier": "1.2.156.l1",
    "kind": "food-licence",
    "issuer_name": "西湖区市场监督管理局",
    "valid_from": "2026-01-01",
    "valid_until": "2030-12-31",
}


def a_licensed_bundle(*, required: bool = False) -> bundle_pb2.Bundle:
    """The shop, of which the steps food and sign look at the permit that the shop's owner may hold."""
    bundle = a_bundle()
    bundle.materials.add(
        kind="permit",
        name="许可证",
        required=required,
        licence=bundle_pb2.Licence(licence_id="food-licence", name="证"),
    )
    for step in bundle.steps:
        if step.step_id in ("food", "sign"):
            step.materials.append("permit")
    return bundle


def standing(licence_id: str = "l1", revision: int = 1, status: str = "VALID", **said: Any) -> Standing:
    values: dict[str, Any] = {
        "licence_id": licence_id,
        "identifier": f"1.2.156.{licence_id}",
        "kind": "food-licence",
        "name": "食品经营许可证",
        "holder_person_id": "p1",
        "issuer_organ_id": "o1",
        "issuer_name": "西湖区市场监督管理局",
        "valid_from": "2026-01-01",
        "valid_until": "2030-12-31",
    }
    number = licence_pb2.LicenceStatus.Value(f"LICENCE_STATUS_{status}")
    return Standing(**{**values, **said}, status=number, revision=revision)


def learn(town: Town, *standings: Standing) -> None:
    """Each in an event of its own, in this order."""
    for each in standings:
        with town.database.begin() as work:
            town.cases.learn_licences(work, [licences_events.LicenceStatusChanged(standing=each)])


def held(town: Town, person_id: str = "p1") -> Held:
    with town.database.read() as work:
        return held_by(work, person_id, Plans().newest(work.connection, "open-shop"))


def identifier(town: Town, person_id: str = "p1") -> str:
    """Of the licence that stands for the permit, or nothing."""
    ref = held(town, person_id).get("permit")
    return str(ref["licence"]["licence_id"]) if ref else ""


@pytest.fixture
def shop(database: Database) -> Town:
    return Town(database).publish(a_licensed_bundle())


def test_standings_lead_to_the_newest_in_whatever_order_and_however_often_they_come(shop: Town) -> None:
    life = [standing(), standing(revision=2, status="HELD"), standing(revision=3), standing("l1", 4, "REVOKED")]
    for order in permutations(life):
        with shop.database.begin() as work:
            work.connection.execute(delete(store.held_licences))
        learn(shop, *order, *order[:2])
        assert identifier(shop) == ""
        with shop.database.read() as work:
            (row,) = work.connection.execute(select(store.held_licences)).all()
        assert (row.revision, row.valid) == (4, False)


def test_standings_of_one_batch_are_taken_as_if_they_came_one_by_one(shop: Town) -> None:
    events = [
        licences_events.LicenceIssued(standing=each) for each in (standing(revision=2, status="HELD"), standing())
    ]
    with shop.database.begin() as work:
        shop.cases.learn_licences(work, events)
    assert identifier(shop) == ""
    learn(shop, standing(revision=3))
    assert identifier(shop) == "l1"


@pytest.mark.parametrize("status", ["HELD", "REVOKED", "CANCELLED", "EXPIRED", "MOVED_OUT", "WITHDRAWN", "OTHER"])
def test_only_what_is_valid_takes_a_place(shop: Town, status: str) -> None:
    learn(shop, standing(status=status))
    assert held(shop) == {}


def test_nobody_has_a_place_taken_by_the_licence_of_somebody_else(shop: Town) -> None:
    learn(shop, standing())
    assert (identifier(shop), identifier(shop, "p2"), identifier(shop, "")) == ("l1", "", "")


def test_a_licence_of_another_kind_takes_no_place(shop: Town) -> None:
    learn(shop, standing(kind="business-licence"))
    assert held(shop) == {}


@pytest.mark.parametrize(
    ("first", "last", "good"),
    [
        ("2026-03-02", "2026-03-02", True),
        ("2026-01-01", "", True),
        ("2026-03-03", "", False),
        ("2026-01-01", "2026-03-01", False),
    ],
)
def test_days_are_those_of_china_and_the_last_one_counts(shop: Town, first: str, last: str, *, good: bool) -> None:
    learn(shop, standing(valid_from=first, valid_until=last))
    assert bool(identifier(shop)) is good


def test_the_last_day_ends_at_midnight_in_china(shop: Town, clock: ManualClock) -> None:
    learn(shop, standing(valid_until="2026-03-02"))
    clock.advance(hours=14, minutes=59, seconds=59)
    assert identifier(shop) == "l1"
    clock.advance(seconds=1)
    assert identifier(shop) == ""


def test_of_several_the_one_that_is_good_for_longest_takes_the_place(shop: Town) -> None:
    learn(shop, standing("l1"), standing("l2", valid_until="2031-12-31"), standing("l3", valid_until="2029-12-31"))
    assert identifier(shop) == "l2"
    learn(shop, standing("l4", valid_until=""))
    assert identifier(shop) == "l4"


def test_a_form_says_which_licence_takes_the_place_of_a_material(database: Database) -> None:
    town = Town(database).publish(a_licensed_bundle(required=True))
    with database.read() as work:
        published = town.cases.plans.newest(work.connection, "open-shop")
    needs = {each.kind: each for each in material_needs(published, ask(published, a_form()), held(town))}
    assert needs["permit"].required == application_service_pb2.NEED_YES
    assert not needs["permit"].HasField("held")
    learn(town, standing())
    needs = {each.kind: each for each in material_needs(published, ask(published, a_form()), held(town))}
    assert (needs["permit"].required, needs["permit"].asked) == (
        application_service_pb2.NEED_NO,
        application_service_pb2.NEED_YES,
    )
    assert {field.name: value for field, value in needs["permit"].held.ListFields()} == SHOWN
    assert not needs["lease"].HasField("held")


def test_a_required_material_need_not_come_when_a_licence_takes_its_place(database: Database) -> None:
    town = Town(database).publish(a_licensed_bundle(required=True))
    with pytest.raises(Invalid) as caught:
        town.submit()
    assert [each.description for each in caught.value.violations] == ["permit (许可证) is required"]
    learn(town, standing())
    assert town.row(town.submit()).materials[1] == {
        "kind": "permit",
        "name": "许可证",
        "media_type": "",
        "sha256": "",
        "size": 0,
        "licence": SHOWN,
    }
    with pytest.raises(Invalid):
        town.submit(applicant_id="p2")


def test_a_licence_counts_for_pre_check_rules_as_the_material_does(database: Database) -> None:
    bundle = a_licensed_bundle()
    bundle.rules.add(rule_id="permit", holds='materials["permit"] == 1', message="缺少许可证")
    town = Town(database).publish(bundle)
    learn(town, standing())
    with database.read() as work:
        published = town.cases.plans.newest(work.connection, "open-shop")
        own = held(town)
        assert [each.rule_id for each in look_over(published, a_form(), ["lease"], work.now).findings] == ["permit"]
        assert look_over(published, a_form(), ["lease"], work.now, own).findings == []
        # What comes itself is not counted twice.
        assert look_over(published, a_form(), ["lease", "permit"], work.now, own).findings == []


def test_nothing_stands_for_a_material_that_is_not_asked_for(database: Database) -> None:
    bundle = a_licensed_bundle()
    bundle.materials[-1].asked_when = "form.shop.area > 300"
    town = Town(database).publish(bundle)
    learn(town, standing())
    small, large = town.submit(), town.submit(a_form(area=400))
    assert [[each["kind"] for each in town.row(case_id).materials] for case_id in (small, large)] == [
        ["lease"],
        ["lease", "permit"],
    ]


def test_what_is_handed_in_all_the_same_is_taken(shop: Town) -> None:
    learn(shop, standing())
    case_id = shop.submit(materials=[a_material(), a_material("permit")])
    assert all("licence" not in each for each in shop.row(case_id).materials)


def test_offices_that_need_the_material_see_the_licence_and_the_look_is_told(shop: Town) -> None:
    learn(shop, standing())
    case_id = shop.submit()
    shop.route(case_id)
    check = shop.one("check")
    assert list(check.materials) == []
    assert shop.events("LicenceShown") == []
    taken(shop.answer(completing(check)))
    tasks = {organ_id: shop.one(organ_id) for organ_id in ("food", "sign")}
    for task in tasks.values():
        (permit,) = [each for each in task.materials if each.kind == "permit"]
        assert {field.name: value for field, value in permit.licence.ListFields()} == SHOWN
        assert (permit.name, permit.sha256, permit.media_type, permit.size) == ("许可证", "", "", 0)
    shown = {each.task_id: each for each in shop.events("LicenceShown")}
    assert set(shown) == {task.task_id for task in tasks.values()}
    told = shown[tasks["sign"].task_id]
    assert (told.licence_id, told.material_name, told.case.applicant_id) == ("l1", "许可证", "p1")
    assert (told.step.organ_id, told.step.step_name) == ("sign", "招牌")


def test_no_content_is_found_in_the_place_of_a_licence(shop: Town) -> None:
    learn(shop, standing())
    case_id = shop.submit()
    with shop.database.read() as work:
        kept = work.connection.execute(select(store.materials.case_contents)).all()
    assert len(kept) == 1
    assert len(shop.row(case_id).materials) == 2


def replayed(town: Town, case_id: str) -> Any:
    with town.database.read() as work:
        assert list(unvouched(work.connection, [case_id])) == []
        return replay(work, town.row(case_id), town.cases.plans)[1]


def test_a_case_with_a_licence_is_what_its_history_leads_to(shop: Town) -> None:
    learn(shop, standing())
    case_id = shop.submit()
    shop.route(case_id)
    shop.complete("check")
    learn(shop, standing(revision=2, status="REVOKED"))
    assert replayed(shop, case_id) is None
    refs = [dict(each) for each in shop.row(case_id).materials]
    refs[1]["licence"] = {**refs[1]["licence"], "identifier": "1.2.156.other"}
    with shop.database.begin() as work:
        work.connection.execute(store.cases.update().where(store.cases.c.case_id == case_id).values(materials=refs))
    with shop.database.read() as work:
        assert [each.path for each in unvouched(work.connection, [case_id])] == ["cases.materials"]


def test_what_ends_after_the_application_came_still_stands_in_the_case(shop: Town) -> None:
    learn(shop, standing())
    case_id = shop.submit()
    learn(shop, standing(revision=2, status="REVOKED"))
    shop.route(case_id)
    shop.complete("check")
    (permit,) = [each for each in shop.one("sign").materials if each.kind == "permit"]
    assert permit.licence.licence_id == "l1"
    shop.submit()
    assert [each["kind"] for each in shop.row(shop.submit()).materials] == ["lease"]


def asked_for_the_permit(town: Town) -> str:
    case_id = town.submit()
    town.route(case_id)
    town.complete("check")
    taken(town.answer(asking(town.one("sign"), PERMIT)))
    return case_id


def test_a_licence_answers_the_request_of_an_office_for_what_it_gives(shop: Town) -> None:
    learn(shop, standing())
    case_id = asked_for_the_permit(shop)
    learn(shop, standing(revision=2, status="CANCELLED"), standing("l2"))
    shop.correct(case_id, {})
    (permit,) = [each for each in shop.one("sign").materials if each.kind == "permit"]
    assert permit.licence.licence_id == "l2"
    assert replayed(shop, case_id) is None


def test_once_the_licence_has_ended_the_office_can_have_the_material_itself(shop: Town) -> None:
    learn(shop, standing())
    case_id = asked_for_the_permit(shop)
    learn(shop, standing(revision=2, status="REVOKED"))
    with pytest.raises(Invalid) as caught:
        shop.correct(case_id, {})
    assert [each.field for each in caught.value.violations] == ["materials"]
    shop.correct(case_id, {}, a_material("permit", PDF))
    (permit,) = [each for each in shop.one("sign").materials if each.kind == "permit"]
    assert (permit.HasField("licence"), permit.size) == (False, len(PDF))
    assert replayed(shop, case_id) is None


def test_an_event_of_a_look_says_nothing_of_the_applicant_but_the_id(shop: Town) -> None:
    learn(shop, standing())
    shop.route(shop.submit())
    shop.complete("check")
    (one, _) = shop.events("LicenceShown")
    assert {field.name for field, _ in one.ListFields()} == {"case", "step", "task_id", "licence_id", "material_name"}
    assert isinstance(one, events_pb2.LicenceShown)
