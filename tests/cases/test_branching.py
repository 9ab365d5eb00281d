"""Which steps a case needs, with what the shell does for it: conditions on the form, choices, conditions on results."""

import pytest
from sqlalchemy import select

from chassis.problems import Invalid
from duokua.cases.v1 import case_pb2
from duokua.matters.v1 import bundle_pb2
from services.cases.domain.case import StepStatus
from services.cases.domain.decide import replay
from services.cases.domain.inputs import from_json
from services.cases.messages import case_message
from services.cases.replaying import replay as replay_stored
from services.cases.store import history
from tests.cases.builders import Town, a_bundle, a_form, code, completing, refusing, taken


def shown(town: Town, case_id: str) -> dict[str, case_pb2.StepState]:
    row = town.row(case_id)
    with town.database.read() as work:
        plan = town.cases.plans.of(work.connection, row.bundle_id, row.bundle_version).plan
        return {step.step_id: step for step in case_message(row, plan, town.cases.reader(work, plan)).steps}


def a_bundle_that_looks_at_results() -> bundle_pb2.Bundle:
    """check -> repair, when the check found a risk; and a subsidy, for which nobody applies."""
    bundle = bundle_pb2.Bundle(
        bundle_id="late", version=1, name="晚定", region_field="shop.region", lead=a_bundle().lead
    )
    bundle.catalog_code, bundle.form_schema = "332031901000", a_bundle().form_schema
    bundle.steps.add(step_id="check", catalog_code=code(1), name="核验")
    bundle.steps[-1].result_fields.add(name="risk", type="integer", shared=True)
    bundle.steps[-1].result_fields.add(name="note", type="string")
    when = 'form.shop.area > 100 && has(steps["check"].result.risk) && steps["check"].result.risk > 3'
    bundle.steps.add(step_id="repair", catalog_code=code(2), name="整改", after=["check"], when=when)
    bundle.steps.add(step_id="subsidy", catalog_code=code(3), name="补贴", after=["repair"], without_application=True)
    return bundle


@pytest.mark.parametrize(("risk", "status"), [(5, StepStatus.OFFERED), (3, StepStatus.SKIPPED)])
def test_a_condition_on_a_result_is_decided_when_the_result_is_there(town: Town, risk: int, status: StepStatus) -> None:
    town.publish(a_bundle_that_looks_at_results())
    case_id = town.submit(materials=[], bundle_id="late")
    town.route(case_id)
    assert town.case(case_id).steps["repair"].organ_id == "repair"
    town.complete("check", risk=risk)
    assert town.case(case_id).steps["repair"].status is status
    if status is StepStatus.SKIPPED:
        assert shown(town, case_id)["repair"].reason == town.case(case_id).steps["repair"].reason
        assert 'steps["check"].result.risk > 3' in shown(town, case_id)["repair"].reason
        assert town.one("subsidy").without_application
    else:
        assert town.one("repair").step_id == "repair"


def test_what_is_decided_late_is_in_the_history_which_replays_to_the_same_case(town: Town) -> None:
    town.publish(a_bundle_that_looks_at_results())
    case_id = town.submit(materials=[], bundle_id="late")
    town.route(case_id)
    town.complete("check", risk=1)
    taken(town.answer(refusing(town.one("subsidy"))))
    row = town.row(case_id)
    assert row.status == "completed"
    with town.database.read() as work:
        plan = town.cases.plans.of(work.connection, row.bundle_id, row.bundle_version).plan
        rows = work.connection.execute(select(history).where(history.c.case_id == case_id).order_by(history.c.sequence))
        entries = [(from_json(each.kind, each.input), each.at) for each in rows]
        assert replay_stored(work, row, town.cases.plans)[1] is None
    assert [given.kind for given, _ in entries] == ["submitted", "routed", "completed", "branched", "refused"]
    assert replay(plan, entries) == town.case(case_id)
    assert shown(town, case_id)["subsidy"].without_application


def test_a_condition_that_cannot_be_decided_is_an_incident_that_tells_no_value(town: Town) -> None:
    bundle = a_bundle_that_looks_at_results()
    bundle.steps[0].result_fields[0].type = "string"
    town.publish(bundle)
    case_id = town.submit(materials=[], bundle_id="late")
    town.route(case_id)
    town.complete("check", risk="secret")
    (incident,) = town.case(case_id).incidents.values()
    assert incident.reason == "CONDITION_FAILED"
    assert "secret" not in incident.description
    with town.database.begin() as work:
        town.retry(work, incident.incident_id)
    again = [each for each in town.case(case_id).incidents.values() if each.resolved_at is None]
    assert [each.reason for each in again] == ["CONDITION_FAILED"]


def a_bundle_with_a_choice(small: str, large: str) -> bundle_pb2.Bundle:
    bundle = a_bundle(bundle_id="choice")
    for step, when in ((bundle.steps[1], small), (bundle.steps[2], large)):
        step.choice, step.when = "size", when
    return bundle


def test_of_a_choice_the_one_step_is_done_whose_condition_holds(town: Town) -> None:
    town.publish(a_bundle_with_a_choice("form.shop.area <= 300", "form.shop.area > 300"))
    case_id = town.submit(a_form(area=120), bundle_id="choice")
    steps = shown(town, case_id)
    assert steps["sign"].status == case_pb2.STEP_STATUS_SKIPPED
    assert steps["sign"].reason == "form.shop.area > 300"
    town.route(case_id)
    town.complete("check", "food")
    assert town.one("deliver").step_id == "deliver"


@pytest.mark.parametrize(
    ("small", "large", "said"),
    [
        ("form.shop.area < 100", "form.shop.area > 300", "none of the conditions holds"),
        ("form.shop.area > 100", "form.shop.area > 110", "more than one condition holds"),
    ],
)
def test_an_application_that_fits_none_or_several_of_a_choice_is_refused(
    town: Town, small: str, large: str, said: str
) -> None:
    town.publish(a_bundle_with_a_choice(small, large))
    with pytest.raises(Invalid) as refused:
        town.submit(a_form(area=120), bundle_id="choice")
    assert refused.value.reason == "APPLICATION_INVALID"
    (fault,) = refused.value.violations
    assert "of the choice size" in fault.description
    assert said in fault.description
    assert f"food: {small}; sign: {large}" in fault.description


def test_a_step_without_its_condition_waits_for_what_the_skipped_one_waited_for(town: Town) -> None:
    bundle = a_bundle(bundle_id="behind")
    del bundle.steps[4].after[:2]
    town.publish(bundle)
    case_id = town.submit(bundle_id="behind")
    town.route(case_id)
    assert not town.lease("deliver"), "behind the skipped step comes the check, which is not done"
    taken(town.answer(completing(town.one("check"))))
    assert town.one("deliver").step_id == "deliver"
