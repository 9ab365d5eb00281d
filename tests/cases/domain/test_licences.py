"""The licences that approvals make: ordered once, withdrawn with what they came of."""

from services.cases.domain.case import CaseStatus
from services.cases.domain.effects import RequestLicence, WithdrawLicence
from services.cases.domain.inputs import StepForced, Withdrawn
from services.cases.domain.plan import GrantedLicence, Plan
from tests.cases.domain.laws import all_laws_hold
from tests.cases.domain.plans import a_plan, a_step
from tests.cases.domain.saga import Saga

LICENCE = GrantedLicence("food-licence", (("shop", "form.owner"),))


def a_shop() -> Plan:
    return a_plan(
        a_step("food", undoable=True, licence=LICENCE),
        a_step("data", licence=LICENCE),
        a_step("sign", "food", "data", undoable=True),
    )


def a_running_shop() -> Saga:
    return Saga(a_shop()).submitted().routed()


def order(saga: Saga, step_id: str) -> str:
    return f"{saga.case.case_id}:{step_id}:l{saga.step(step_id).completion_no}"


def test_an_approval_orders_its_licence_once() -> None:
    saga = a_running_shop().complete("food")
    assert saga.wanted_licences == {order(saga, "food"): RequestLicence(order(saga, "food"), "food")}
    assert saga.step("food").licence_order == order(saga, "food")
    assert len([each for each in saga.effects if isinstance(each, RequestLicence)]) == 1
    all_laws_hold(saga)


def test_a_case_does_not_wait_for_its_licences() -> None:
    saga = a_running_shop().complete("food", "data", "sign")
    assert saga.stands(CaseStatus.COMPLETED)
    assert saga.withdrawn_licences == {}


def test_what_is_undone_loses_its_licence_at_once_and_what_stays_keeps_it() -> None:
    saga = a_running_shop().complete("food", "data")
    ordered = order(saga, "food")
    saga.take(Withdrawn("不办了"))
    assert saga.withdrawn_licences == {ordered: WithdrawLicence(ordered, "food", "不办了")}
    assert saga.step("food").licence_order == ""
    assert saga.step("data").licence_order == order(saga, "data")
    all_laws_hold(saga)


def test_what_an_operator_takes_as_done_makes_no_licence() -> None:
    saga = a_running_shop()
    saga.take(StepForced("food", "线下已办", {}))
    assert saga.wanted_licences == {}
    saga.take(Withdrawn("不办了"))
    assert saga.withdrawn_licences == {}
