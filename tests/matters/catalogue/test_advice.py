"""Scenarios and the catalogue: what differs is told when a package is installed, and hinders nothing."""

import pytest

from chassis.api import Call, Caller
from chassis.database import Database
from duokua.matters.v1 import matter_service_pb2 as pb
from services.matters import store
from services.matters.api import MatterApi
from services.matters.service import Matters
from tests.conftest import MakeDatabase
from tests.matters.builders import organ_registered, package
from tests.matters.catalogue.builders import ITEM, TASK, TASK_ROW, DayClock, Desk, sheets
from tests.matters.test_publishing import files_message


@pytest.fixture
def database(make_database: MakeDatabase) -> Database:
    made = make_database(store.metadata, "matters", clock=DayClock())
    with made.begin() as work:
        Matters().keep_organs(work, [organ_registered("lead")])
    return made


def advice(database: Database, **changes: tuple[str, str]) -> list[tuple[str, str]]:
    request = pb.InstallScenarioRequest(files=files_message(package(**changes)), lead_organ_id="lead")
    with database.begin() as work:
        answer = MatterApi(Matters()).install_scenario(Call(work, Caller("client:operator")), request)
    assert {each.catalog_code for each in answer.advice} <= {ITEM}
    return [(each.step_id, each.message) for each in answer.advice]


def test_matters_that_the_catalogue_does_not_have_get_no_advice(database: Database) -> None:
    assert advice(database) == []


def test_another_name_and_a_longer_promise_are_told(database: Database) -> None:
    Desk(database).published(法定办结时限=5)
    limits = ("    undo: task\n", "    undo: task\n    limits: {promised: 10 working days}\n")
    assert advice(database) == [("permit", "is called 许可 here and 食品经营许可 in the catalogue")]
    found = advice(database, manifest=limits, permit=("{zh: 许可, en: Permit}", "{zh: 食品经营许可, en: Permit}"))
    organ = TASK_ROW["实施主体"]
    assert found == [("permit", f"promises 10 working days, and by law {organ} ({TASK}) has 5 工作日")]


def test_a_matter_that_is_only_a_draft_is_told(database: Database) -> None:
    Desk(database).take_in(sheets())
    assert advice(database) == [("permit", "is in the catalogue, and not in force: see whether the code is right")]
