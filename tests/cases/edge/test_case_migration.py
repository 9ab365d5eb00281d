"""Migrations of running cases at the gRPC edge: looked at first, then done, each case for itself."""

from typing import Any

from chassis.clock import new_id
from duokua.cases.v1 import case_pb2, case_service_pb2
from duokua.cases.v1 import operations_service_pb2 as pb
from duokua.matters.v1 import bundle_pb2
from tests.cases.builders import a_bundle, code, completing, taken
from tests.cases.offices import Offices, an_answer, answering, pulled, refusal


def newer(bundle_id: str) -> bundle_pb2.Bundle:
    """A version with a poster in the place of the sign, and a tax registration after it."""
    bundle = a_bundle(2, bundle_id)
    bundle.steps[2].step_id = "poster"
    bundle.steps[4].after[1] = "poster"
    bundle.steps.add(step_id="tax", catalog_code=code(6), name="税务", after=["poster"])
    return bundle


def asking(bundle_id: str, **changes: Any) -> pb.MigrateCasesRequest:
    values = {
        "request_id": new_id(),
        "bundle_id": bundle_id,
        "from_version": 1,
        "to_version": 2,
        "mapping": [pb.StepPlace(step_id="sign", place="poster")],
        "reason": "新规施行",
    }
    return pb.MigrateCasesRequest(**{**values, **changes})


def answered(town: Offices, request: pb.MigrateCasesRequest) -> tuple[list[pb.MigrationOutcome], pb.MigrationSummary]:
    *outcomes, last = town.operator.operations.MigrateCases(request)
    assert last.WhichOneof("answer") == "summary"
    return [each.outcome for each in outcomes], last.summary


def a_bundle_of_its_own(town: Offices, cases: int) -> tuple[str, list[str]]:
    """A bundle with two versions, and cases of the first that wait for their check."""
    bundle_id = f"shop-{new_id()[-12:]}"
    town.publish(a_bundle(1, bundle_id))
    made = [town.submit(bundle_id=bundle_id) for _ in range(cases)]
    for case_id in made:
        town.route(case_id, food=town.food_organ)
    town.publish(newer(bundle_id))
    return bundle_id, made


def check(town: Offices, case_id: str) -> None:
    """The check of a case is done, so that its next steps begin."""
    taken(town.answer(*(completing(each) for each in town.lease("check") if each.case_id == case_id)))


def version_of(town: Offices, case_id: str) -> int:
    request = case_service_pb2.GetCaseRequest(case_id=case_id)
    version: int = town.operator.cases.GetCase(request).case.bundle_version
    return version


def test_all_running_cases_are_looked_at_and_then_migrated_each_for_itself(town: Offices) -> None:
    bundle_id, (first, begun, last) = a_bundle_of_its_own(town, 3)
    check(town, begun)
    looked, summary = answered(town, asking(bundle_id, dry_run=True))
    assert [each.case_id for each in looked] == sorted([first, begun, last])
    assert (summary.possible, summary.refused, summary.migrated) == (2, 1, 0)
    (refused,) = (each for each in looked if each.case_id == begun)
    assert (refused.reason, refused.outcome) == ("MIGRATION_MAPPING", pb.CASE_MIGRATION_REFUSED)
    assert "step sign" in refused.message
    assert version_of(town, first) == 1
    done, summary = answered(town, asking(bundle_id))
    assert (summary.migrated, summary.refused) == (2, 1)
    (outcome,) = (each for each in done if each.case_id == first)
    assert [(each.step_id, each.before, each.after) for each in outcome.changes] == [
        ("sign", case_pb2.STEP_STATUS_WAITING, 0),
        ("poster", 0, case_pb2.STEP_STATUS_WAITING),
        ("tax", 0, case_pb2.STEP_STATUS_WAITING),
    ]
    assert [version_of(town, each) for each in (first, begun, last)] == [2, 1, 2]
    again, summary = answered(town, asking(bundle_id, case_ids=[first, town.row(last).case_number]))
    assert {each.outcome for each in again} == {pb.CASE_MIGRATION_UNCHANGED}
    assert summary.unchanged == 2


def test_named_cases_only_and_not_more_than_asked_for(town: Offices) -> None:
    bundle_id, made = a_bundle_of_its_own(town, 3)
    outcomes, _ = answered(town, asking(bundle_id, case_ids=["nothing", made[1]]))
    assert [(each.case_id, each.reason) for each in outcomes] == [("nothing", "CASE_NOT_FOUND"), (made[1], "")]
    outcomes, summary = answered(town, asking(bundle_id, most=1))
    assert ([each.case_id for each in outcomes], summary.migrated) == ([min(made[0], made[2])], 1)


def test_an_office_answers_the_task_that_it_holds(town: Offices) -> None:
    bundle_id, (case_id,) = a_bundle_of_its_own(town, 1)
    town.publish(a_bundle(3, bundle_id))
    check(town, case_id)
    (task,) = (each for each in pulled(town.food, 10) if each.case_id == case_id)
    _, summary = answered(town, asking(bundle_id, to_version=3, mapping=[]))
    assert summary.migrated == 1
    assert not town.food.tasks.AnswerTask(answering(an_answer(task))).outcome.HasField("problem")
    assert town.statuses(case_id)["food"] == "completed"


def test_what_is_wrong_whatever_the_case_is_told_at_once(town: Offices) -> None:
    bundle_id, _ = a_bundle_of_its_own(town, 1)

    def refused(**changes: Any) -> tuple[str, str, list[str]]:
        return refusal(
            lambda request: list(town.operator.operations.MigrateCases(request)), asking(bundle_id, **changes)
        )

    assert refused(to_version=7)[:2] == ("NOT_FOUND", "BUNDLE_NOT_FOUND")
    assert refused(from_version=2) == ("INVALID_ARGUMENT", "BAD_REQUEST", ["to_version"])
    assert refused(mapping=[]) == ("INVALID_ARGUMENT", "MIGRATION_MAPPING", ["mapping"])
    twice = [pb.StepPlace(step_id="sign"), pb.StepPlace(step_id="sign", place="poster")]
    assert refused(mapping=twice) == ("INVALID_ARGUMENT", "BAD_REQUEST", ["mapping[1].step_id"])
    assert refused(reason="")[2] == ["reason"]
    assert refused(request_id="r" * 300)[2] == ["request_id"]


def test_only_operators_migrate(town: Offices) -> None:
    for session in (town.applicant, town.food):
        code_, reason, _ = refusal(lambda of=session: list(of.operations.MigrateCases(asking("open-shop"))))
        assert (code_, reason) == ("PERMISSION_DENIED", "PERMISSION_MISSING")
