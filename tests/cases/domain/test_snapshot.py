"""A case as JSON, and its inputs."""

import json
from datetime import timedelta
from typing import get_args

import pytest

from services.cases.domain import inputs, snapshot
from services.cases.domain.case import TakenAnswer
from services.cases.domain.inputs import Failed, Input, Routed, RoutingDecision, Submitted, Withdrawn
from tests.cases.domain.plans import a_plan, a_restaurant, a_step
from tests.cases.domain.saga import NINE, Saga, a_running_restaurant


def an_eventful_case() -> Saga:
    """Every field of the snapshot is set somewhere."""
    saga = Saga(a_restaurant()).submitted("sign").routed(without=["delivery"]).complete("check")
    saga.send_back("food").routed().accept("food").complete("food", result={"area": 1.0, "kinds": ["a", None]})
    saga.later(timedelta(milliseconds=1)).sealing_fails("food").retried("NOTICE_FAILED").sealed("food")
    return saga.fail("fire", times=8).retried("TASK_FAILED").refuse("fire")


def test_a_case_survives_json_text() -> None:
    case = an_eventful_case().case
    assert snapshot.from_json(json.loads(json.dumps(snapshot.to_json(case)))) == case
    ended = an_eventful_case().drained().case
    assert snapshot.from_json(json.loads(json.dumps(snapshot.to_json(ended)))) == ended


def test_a_case_survives_a_store_that_reorders_keys() -> None:
    case = an_eventful_case().case
    read = snapshot.from_json(json.loads(json.dumps(snapshot.to_json(case), sort_keys=True)))
    assert read == case
    assert list(read.steps) == list(case.steps)


def test_a_snapshot_holds_plain_values_only() -> None:
    def types(value: object) -> set[type]:
        if isinstance(value, dict):
            return {dict}.union(*(types(each) for each in value.values()))
        if isinstance(value, list):
            return {list}.union(*(types(each) for each in value))
        return {type(value)}

    assert types(snapshot.to_json(an_eventful_case().case)) <= {dict, list, str, int, float, bool, type(None)}


def test_a_stored_snapshot_reads_the_same_tomorrow() -> None:
    """Stored snapshots outlive the code: this text was written by an earlier version of it."""
    text = (
        '{"case_id": "c1", "case_number": "n", "bundle_id": "b", "bundle_version": 1, "applicant_id": "p",'
        ' "region_code": "341802", "status": "running", "version": 3, "submitted_at": "2026-03-02T01:00:00+00:00",'
        ' "ended_at": null, "refusal_reason": "", "request_no": 1,'
        ' "steps": [{"step_id": "a", "status": "accepted", "organ_id": "o", "attempt": 1, "task_id": "c1:a:1"}],'
        ' "tasks": [{"task_id": "c1:a:1", "step_id": "a", "kind": "handle", "organ_id": "o", "status": "accepted",'
        ' "answers": [["accepted", "r1"]]}], "incidents": []}'
    )
    case = snapshot.from_json(json.loads(text))
    assert case.submitted_at == NINE
    assert case.steps["a"].task_id == "c1:a:1"
    assert case.tasks["c1:a:1"].answers == (TakenAnswer("accepted", "r1"),)
    assert snapshot.to_json(case) == json.loads(text)


def test_the_cause_of_an_undone_case_is_told_where_the_status_does_not() -> None:
    refused = a_running_restaurant().refuse("fire").case
    withdrawn = Saga(a_plan(a_step("a"))).submitted().take(Withdrawn("a mistake")).case
    for case in (refused, withdrawn):
        assert snapshot.from_json(snapshot.to_json(case)) == case
    assert "undo_cause" not in snapshot.to_json(refused)


@pytest.mark.parametrize(
    "given",
    [
        Withdrawn("a mistake"),
        Submitted("c1", "n", "b", 1, "p", "341802", ("a", "b"), "ab12", ("cd34",)),
        Routed(1, (RoutingDecision("a", "o", "O", "nearest"), RoutingDecision("b", ""))),
        Failed("c1:a:1", "r", "down", timedelta(seconds=1, milliseconds=5)),
        Failed("c1:a:1", "r", "down"),
        *(given for given, _ in an_eventful_case().history),
    ],
)
def test_an_input_survives_json_text(given: Input) -> None:
    text = json.dumps(inputs.to_json(given))
    assert inputs.from_json(given.kind, json.loads(text)) == given


def test_every_kind_of_input_has_its_own_name() -> None:
    classes = get_args(Input)
    assert len({each.kind for each in classes}) == len(classes) == 35
