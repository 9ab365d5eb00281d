"""`duokua case rate` and `deliver`, against an api that runs."""

import json

from duokua.cases.v1 import task_pb2
from tests.cases.offices import an_answer, answering, pulled
from tests.cli.test_applications import Portal, portal, shared

__all__ = ["portal", "shared"]


def refused(portal: Portal) -> str:
    (case_id,) = portal.town.opened()
    (task,) = pulled(portal.town.food)
    portal.town.food.tasks.AnswerTask(answering(an_answer(task, "refuse")))
    return case_id


def test_an_applicant_rates_a_case_and_the_office_has_to_answer(portal: Portal) -> None:
    case_id = refused(portal)
    said = portal.run("rate", case_id, "--level", 5, "--step", "food", "--comment", "太慢", "--tag", "慢")
    assert said.exit_code == 0, said.output
    assert "is rated 5 for food" in said.output
    assert "the office has to answer" in said.output
    (task,) = pulled(portal.town.food)
    assert (task.kind, task.rating.comment, list(task.rating.tags)) == (task_pb2.TASK_KIND_FOLLOW_UP, "太慢", ["慢"])
    again = portal.run("rate", case_id, "--level", 1, "--step", "food")
    assert again.exit_code == 1
    assert "ALREADY_RATED" in again.output
    case = json.loads(portal.run("rate", case_id, "--level", 2, "--json").output)
    assert [each["level"] for each in case["ratings"]] == [5, 2]


def test_a_level_that_is_none_is_not_sent(portal: Portal) -> None:
    said = portal.run("rate", "c1", "--level", 6)
    assert said.exit_code == 2
    assert "--level" in said.output
