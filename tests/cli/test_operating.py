"""`duokua incident`, `duokua case search`, `decide`, `stop`, against an api that runs."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from services.cases import store
from tests.cases.offices import Offices, offices


@dataclass(frozen=True, slots=True)
class Desk:
    """An operator's shell."""

    town: Offices

    def run(self, *arguments: str) -> Result:
        settings = self.town.edge.settings
        environment = {
            "DUOKUA_DATA_DIR": str(settings.data_dir),
            "DUOKUA_ENDPOINTS": settings.listen,
            "COLUMNS": "200",
        }
        return CliRunner(env=environment).invoke(app, list(arguments))

    def json(self, *arguments: str, status: int = 0) -> Any:
        done = self.run(*arguments, "--json")
        assert done.exit_code == status, done.output
        return json.loads(done.stdout)

    def stuck(self, *step_ids: str) -> str:
        """A case some steps of which have no office."""
        case_id = self.town.submitted().case_id
        self.town.route(case_id, without=step_ids)
        return case_id

    def routed(self) -> str:
        """A case that its offices have."""
        case_id = self.town.submitted().case_id
        self.town.route(case_id, food=self.town.food_organ)
        return case_id


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with offices(tmp_path_factory.mktemp("edge")) as made:
        yield Desk(made)


def test_an_incident_is_listed_shown_and_resolved(desk: Desk) -> None:
    case_id = desk.stuck("food")
    (listed,) = desk.json("incident", "list", "--case", case_id)
    assert desk.json("incident", "show", listed["incident_id"]) == listed
    told = desk.run("incident", "show", listed["incident_id"]).stdout
    assert "possible: retry, skip, reassign, stop" in told, "not force: nobody could seal its result"
    answer = desk.json("incident", "resolve", listed["incident_id"], "--skip", "--reason", "不需要")
    assert answer["summary"] == {"resolved": 1, "resolved_before": 0, "failed": 0}
    assert desk.town.statuses(case_id)["food"] == "skipped"
    assert desk.json("incident", "list", "--case", case_id) == []
    assert "resolved at" in desk.run("incident", "show", listed["incident_id"]).stdout


def test_incidents_are_found_by_the_code_of_their_office_and_the_number_of_their_case(desk: Desk) -> None:
    case_id = desk.stuck("food")
    number = desk.town.row(case_id).case_number
    (listed,) = desk.json("incident", "list", "--case", number)
    assert listed["case_id"] == case_id
    (organ,) = (each for each in desk.json("organ", "list") if each["organ_id"] == desk.town.sign_organ)
    with desk.town.database.begin() as work:
        its = store.incidents.c.case_id == case_id
        work.connection.execute(store.incidents.update().where(its).values(organ_id=organ["organ_id"]))
    assert desk.json("incident", "list", "--organ", organ["uscc"])[0]["case_id"] == case_id
    unknown = desk.run("incident", "list", "--organ", "nobody", "--json")
    assert "ORGAN_NOT_FOUND" in str(unknown.exception), "not that nothing waits"
    options = ("--all", "--case", desk.town.row(desk.stuck("food")).case_number, "--skip", "--reason", "不需要")
    assert desk.json("incident", "resolve", *options)["summary"]["resolved"] == 1


def test_many_incidents_are_resolved_and_what_fails_is_told(desk: Desk) -> None:
    good, pivot = desk.stuck("sign"), desk.stuck("deliver")
    incidents = [f"{good}:i1", f"{pivot}:i1", "nothing:i1"]
    answer = desk.json("incident", "resolve", *incidents, "--skip", "--reason", "不需要", status=1)
    assert [each["reason"] for each in answer["outcomes"]] == ["", "PIVOT_STEP", "INCIDENT_NOT_FOUND"]
    assert answer["summary"] == {"resolved": 1, "resolved_before": 0, "failed": 2}
    others = [desk.stuck("check") for _ in range(3)]
    options = ("--all", "--about", "NO_OFFICE", "--step", "check", "--force", '{"checked": true}')
    told = desk.run("incident", "resolve", *options, "--reason", "已核验")
    assert told.exit_code == 0
    assert "3 incidents resolved, 0 failed" in told.stdout
    assert {desk.town.statuses(case_id)["check"] for case_id in others} == {"completed"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("x:i1",),
        ("x:i1", "--skip", "--stop"),
        ("--skip",),
        ("x:i1", "--all", "--skip"),
        ("x:i1", "--about", "NO_OFFICE", "--skip"),
        ("x:i1", "--force", "[1]"),
        ("x:i1", "--force", "{"),
    ],
)
def test_what_is_not_one_clear_decision_is_refused(desk: Desk, arguments: tuple[str, ...]) -> None:
    assert desk.run("incident", "resolve", *arguments, "--reason", "r").exit_code == 2


def test_a_step_is_given_to_an_organ_by_its_code(desk: Desk) -> None:
    case_id = desk.routed()
    (organ,) = (each for each in desk.json("organ", "list") if each["organ_id"] == desk.town.sign_organ)
    done = desk.run("case", "decide", case_id, "check", "--reassign", organ["uscc"], "--reason", "职责调整")
    assert "is routing" in done.stdout
    asked = [each for each in desk.town.events("RoutingRequested") if each.case.case_id == case_id]
    assert asked[-1].steps[0].organ_id == desk.town.sign_organ


def test_cases_are_found_and_stopped(desk: Desk) -> None:
    case_id = desk.routed()
    number = desk.town.row(case_id).case_number
    (found,) = desk.json("case", "search", "--number", number, "--organ", desk.town.food_organ, "--status", "running")
    assert (found["case_id"], found["status"], found["open_incidents"]) == (case_id, "CASE_STATUS_RUNNING", 0)
    assert "undone" in desk.run("case", "stop", number, "--reason", "重复申报").stdout
    assert "\nstopped: 重复申报\n" in desk.run("case", "show", number).stdout, "not refused: no office did"
    assert desk.json("case", "search", "--number", number, "--status", "running") == []
    (ended,) = desk.json("case", "search", "--number", number, "--ended-from", "2020-01-01")
    assert ended["case_id"] == case_id
    assert desk.json("case", "search", "--submitted-before", "2020-01-01") == []
    assert len(desk.json("case", "search", "--most", "1")) == 1
    assert "no case is like that" in desk.run("case", "search", "--number", "99999999").stdout


def test_a_case_goes_on_without_a_notice(desk: Desk) -> None:
    case_id = desk.routed()
    desk.town.complete_all("check")
    for organ_id in (desk.town.food_organ, "sign"):
        desk.town.complete_all(organ_id)
    told = desk.run("case", "decide", case_id, "food", "--waive-notice", "--reason", "已出具纸质许可证")
    assert told.stdout.endswith("is completed, its notice waived\n"), told.output
    shown = desk.json("case", "show", case_id)
    (food,) = (step for step in shown["steps"] if step["step_id"] == "food")
    assert food["notice_reason"] == "已出具纸质许可证"
