"""The exchange records that follow from histories, told beside hand-written stories."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from services.cases.domain.case import Case
from services.cases.domain.clocks import ACCEPTANCE, StopKind
from services.cases.domain.decide import decide, version_for
from services.cases.domain.inputs import (
    CaseStopped,
    ClockTurned,
    Completed,
    Corrected,
    Delivered,
    PassedUp,
    StepForced,
    Submitted,
    Withdrawn,
)
from services.cases.domain.plan import Limits
from services.cases.domain.reckoning import Light
from services.cases.domain.records import Accept, Material, Node, NodeResult, Process, Record, Result, Special
from services.cases.domain.reporting import Moment, Reports
from tests.cases.domain.holding_up import ask, field, material, resume, supply, suspend
from tests.cases.domain.plans import a_plan, a_step
from tests.cases.domain.saga import NINE, Saga, a_running_restaurant

Known = Mapping[str, tuple[tuple[str, str, str, int], ...]]
LEASE: Known = {"d1": (("lease", "租赁合同", "application/pdf", 7),)}


def reported(saga: Saga, materials: Known = LEASE) -> list[Record]:
    """The records of a case's whole history."""
    reports, found = Reports(materials), list[Record]()
    case: Case | None = None
    for sequence, (given, at) in enumerate(saga.history, 1):
        plan = saga.plans[version_for(case, given)]
        after = decide(plan, case, given, at).case
        found += reports.after(Moment(plan, sequence, at, given, case, after))
        case = after
    return found


def told(saga: Saga, kind: str = "") -> list[str]:
    """Each record in a line: its key and version, and what it says."""
    return [f"{each.key} v{each.version}: {_says(each)}" for each in reported(saga) if each.kind in (kind or each.kind)]


def _says(record: Record) -> str:
    match record.fact.content:
        case Accept() as accept:
            return f"{record.fact.organ_id} {'accepted' if accept.accepted_at else 'received'}"
        case Process() as process:
            return f"{record.fact.organ_id} {int(process.result)} {process.opinion}".strip()
        case Result() as result:
            delivered = f" delivered by {result.delivery_channel}" if result.delivered_at else ""
            return f"{int(result.result)} {result.reason} {result.document_id}".strip() + delivered
        case Special() as special:
            return f"{int(special.procedure)} {special.reason}" + (" ended" if special.ended_at else "")
        case Material() as given:
            return f"{given.material_kind} {given.name}" + (" replaced" if given.replaced_at else "")


def a_shop(**values: Any) -> Saga:
    plan = a_plan(a_step("food", undoable=True, notice=True, **values), a_step("sign", undoable=True))
    saga = Saga(plan)
    saga.take(Submitted("c1", "number", plan.bundle_id, plan.version, "p1", "341802", (), "form", ("d1",)))
    return saga.routed().later(timedelta(hours=1))


def test_a_case_that_goes_well() -> None:
    saga = a_shop().accept("food").complete("food", "sign").sealed("food")
    saga.take(Delivered("邮寄", "李雷"))
    assert told(saga) == [
        "accept: v1: organ-lead received",
        "material:d1 v1: lease 租赁合同",
        "accept:food v1: office of food received",
        "accept:sign v1: office of sign received",
        "accept:food v2: office of food accepted",
        "accept: v2: organ-lead accepted",
        "process:food:accept v1: office of food 4",
        "process:food:decide v1: office of food 1",
        "result:food v1: 0",
        "accept:sign v2: office of sign accepted",
        "process:sign:accept v1: office of sign 4",
        "process:sign:decide v1: office of sign 1",
        "result:sign v1: 0",
        "result:food v2: 0  document of food",
        "result: v1: 0",
        "result: v2: 0 delivered by 邮寄",
    ]


def test_a_record_says_when_and_by_whom() -> None:
    saga = a_shop().accept("food").later(timedelta(hours=1)).complete("food")
    by_key = {(each.key, each.version): each for each in reported(saga)}
    accept = by_key["accept:food", 2]
    assert (accept.sequence, accept.reported_at, accept.fact.step_id) == (3, saga.now - timedelta(hours=1), "food")
    assert accept.fact.organ_name == "Office Of Food"
    assert accept.fact.content == Accept("p1", "341802", "open-restaurant", 3, NINE, NINE + timedelta(hours=1))
    content = by_key["result:food", 1].fact.content
    assert isinstance(content, Result)
    assert content.ended_at == saga.now


def test_a_step_in_another_region_is_received_there() -> None:
    plan = a_plan(a_step("food"), a_step("sign"))
    saga = Saga(plan)
    saga.take(Submitted("c1", "n", plan.bundle_id, plan.version, "p1", "341802", step_regions={"sign": "341822"}))
    saga.routed().accept("sign")
    received = {each.key: each.fact.content for each in reported(saga) if isinstance(each.fact.content, Accept)}
    regions = {key: content.region_code for key, content in received.items()}
    assert regions == {"accept:": "341802", "accept:food": "341802", "accept:sign": "341822"}


def test_the_time_of_a_result_stays_when_its_document_comes_later() -> None:
    saga = a_shop().complete("food").later(timedelta(days=1)).sealed("food")
    first, second = (each for each in reported(saga) if each.key == "result:food")
    assert (second.version, second.reported_at) == (2, first.reported_at + timedelta(days=1))
    assert isinstance(first.fact.content, Result)
    assert isinstance(second.fact.content, Result)
    assert first.fact.content.ended_at == second.fact.content.ended_at


RETURNS: dict[str, tuple[Callable[[Saga], object], list[str]]] = {
    "returned unaccepted, then done elsewhere": (
        lambda saga: saga.send_back("food").routed().complete("food"),
        [
            "process:food:accept v1: office of food 2 not ours",
            "process:food:accept v2: office 2 of food 4",
            "process:food:decide v1: office 2 of food 1",
        ],
    ),
    "accepted, returned, then done elsewhere": (
        lambda saga: saga.accept("food").send_back("food").routed().complete("food"),
        [
            "process:food:accept v1: office of food 4",
            "process:food:decide v1: office of food 7 not ours",
            "process:food:accept v2: office 2 of food 4",
            "process:food:decide v2: office 2 of food 1",
        ],
    ),
    "failed and tried again": (
        lambda saga: saga.accept("food").fail("food").complete("food"),
        ["process:food:accept v1: office of food 4", "process:food:decide v1: office of food 1"],
    ),
    "refused unaccepted": (
        lambda saga: saga.refuse("food"),
        ["process:food:accept v1: office of food 3 the exit is blocked"],
    ),
    "refused after acceptance": (
        lambda saga: saga.accept("food").refuse("food"),
        [
            "process:food:accept v1: office of food 4",
            "process:food:decide v1: office of food 0 the exit is blocked",
        ],
    ),
}


@pytest.mark.parametrize("name", RETURNS)
def test_what_offices_did_is_reported_again_when_it_is_done_again(name: str) -> None:
    story, expected = RETURNS[name]
    saga = a_shop()
    story(saga)
    assert told(saga, "process") == expected


def test_a_step_that_another_office_gets_is_received_anew() -> None:
    saga = a_shop().accept("food").send_back("food").routed().accept("food")
    assert [line for line in told(saga, "accept") if "food" in line] == [
        "accept:food v1: office of food received",
        "accept:food v2: office of food accepted",
        "accept:food v3: office 2 of food received",
        "accept:food v4: office 2 of food accepted",
    ]


def test_an_office_that_passes_a_step_upward_has_its_own_result() -> None:
    saga = a_shop().accept("food")
    saga.answer(PassedUp(saga.task_id("food"), "r", {"ok": True}, "同意转报"))
    saga.routed(offices={"food": "province"}).complete("food")
    lines = [line for line in told(saga) if ":food" in line and not line.startswith("accept")]
    assert lines == [
        "process:food:accept v1: office of food 4",
        "process:food:review v1: office of food 1 同意转报",
        "result:food v1: 4 同意转报",
        "process:food:decide v1: province 1",
        "result:food v2: 0",
    ]


def test_what_is_undone_is_reported_as_void() -> None:
    saga = a_shop().complete("food").sealed("food").refuse("sign").complete("food").revoked("food")
    assert told(saga, "result") == [
        "result:food v1: 0",
        "result:food v2: 0  document of food",
        "result:sign v1: 6 the exit is blocked",
        "result:food v3: 2 the exit is blocked document of food",
        "result: v1: 6 the exit is blocked",
    ]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (Withdrawn("另选铺面"), "5 另选铺面"),
        (CaseStopped("重复申报"), "2 重复申报"),
        (Withdrawn(""), "5 申请人放弃办理"),
    ],
)
def test_a_case_given_up_says_why(given: Withdrawn | CaseStopped, line: str) -> None:
    saga = a_shop()
    saga.take(given)
    assert told(saga, "result") == [f"result:food v1: {line}", f"result:sign v1: {line}", f"result: v1: {line}"]


def test_corrections_and_procedures_are_reported_when_they_begin_and_end() -> None:
    saga = a_shop().accept("food")
    ask(saga, "food", material("lease"), reason="看不清")
    ask(saga, "sign", field("shop.area"))
    supply(saga)
    suspend(saga, "food", StopKind.VERIFICATION)
    resume(saga, "food")
    assert told(saga, "special") == [
        "special:food:1 v1: 1 看不清（lease：cannot be read）",
        "special:sign:1 v1: 1 shop.area：does not match the deed",
        "special:food:1 v2: 1 看不清（lease：cannot be read） ended",
        "special:sign:1 v2: 1 shop.area：does not match the deed ended",
        "special:food:2 v1: 4 the neighbours are heard",
        "special:food:2 v2: 4 the neighbours are heard ended",
    ]
    assert [line for line in told(saga, "process") if "accept" not in line] == [
        "process:food:correct v1: office of food 5 看不清（lease：cannot be read）",
        "process:sign:correct v1: office of sign 5 shop.area：does not match the deed",
        "process:food:special v1: office of food 6 the neighbours are heard",
    ]


def test_every_record_names_its_office_also_when_that_has_passed_the_step_on() -> None:
    saga = a_shop().accept("food")
    ask(saga, "food", material("lease"))
    supply(saga)
    saga.pass_up("food").routed(offices={"food": "city"}).complete("food", "sign")
    records = reported(saga)
    assert {each.fact.organ_id: each.fact.organ_name for each in records} == {
        "organ-lead": "牵头局",
        "office of food": "Office Of Food",
        "office of sign": "Office Of Sign",
        "city": "City",
    }
    assert [each.key for each in records if each.kind == "special"] == ["special:food:1"] * 2


def test_what_held_steps_up_ends_with_the_case() -> None:
    saga = a_shop()
    ask(saga, "food")
    suspend(saga, "sign")
    saga.take(Withdrawn("moved"))
    assert [line.endswith("ended") for line in told(saga, "special")] == [False, False, True, True]


def test_a_pre_check_is_no_acceptance_and_has_its_own_kinds() -> None:
    saga = Saga(a_plan(a_step("check", pre_check=True), a_step("food", "check"))).submitted().routed()
    ask(saga, "check")
    supply(saga)
    saga.accept("check").refuse("check", "the wrong form")
    assert told(saga) == [
        "accept: v1: organ-lead received",
        "process:check:correct v1: office of check 5 shop.area：does not match the deed",
        "special:check:1 v1: 6 shop.area：does not match the deed",
        "special:check:1 v2: 6 shop.area：does not match the deed ended",
        "process:check:accept v1: office of check 3 the wrong form",
        "special:check:refused v1: 7 the wrong form ended",
        "result:check v1: 6 the wrong form",
        "result:food v1: 2 the wrong form",
        "result: v1: 6 the wrong form",
    ]


def test_silence_is_acceptance_from_the_day_of_receipt() -> None:
    saga = a_shop(limits=Limits(ACCEPTANCE)).later(timedelta(days=9))
    saga.take(ClockTurned("food:acceptance", Light.RED))
    (accepted,) = (each for each in reported(saga) if each.key == "process:food:accept")
    assert isinstance(accepted.fact.content, Process)
    assert (accepted.fact.content.handled_at, accepted.reported_at) == (NINE, saga.now)


def test_materials_are_reported_once_and_again_when_they_are_replaced() -> None:
    saga = a_shop()
    ask(saga, "food", material("lease"))
    saga.take(Corrected(1, "form", ("d2",)))
    known: Known = {"d2": (("lease", "新合同", "application/pdf", 9), ("photo", "照片", "image/png", 9))}
    lines = [f"{each.key} v{each.version}: {_says(each)}" for each in reported(saga, known) if each.kind == "material"]
    assert [line.strip() for line in lines] == [
        "material:d1 v1:",
        "material:d2 v1: lease 新合同",
        "material:d2:1 v1: photo 照片",
        "material:d1 v2:   replaced",
    ]


def test_an_undo_that_crossed_is_reported_like_the_others() -> None:
    steps = (a_step(name, undoable=True) for name in ("food", "sign", "fire"))
    saga = Saga(a_plan(*steps)).submitted().routed().complete("fire")
    food = saga.task_id("food")
    saga.refuse("sign").answer(Completed(food, "late", {})).drained()
    assert [line for line in told(saga, "result") if "food" in line] == [
        "result:food v1: 2 the exit is blocked",
        "result:food v2: 0",
        "result:food v3: 2 the exit is blocked",
    ]


def test_what_an_operator_took_as_done_is_reported_as_such_and_as_accepted_by_no_office() -> None:
    saga = a_running_restaurant()
    saga.take(StepForced("food", "已核实纸质许可证", {"permit": "F-1"}))
    of_food = [each.fact.content for each in reported(saga) if each.fact.step_id == "food"]
    (process,) = (each for each in of_food if isinstance(each, Process))
    assert (process.node, process.result) == (Node.DECIDE, NodeResult.AGREED)
    assert process.opinion == "经平台运行人员认定办结：已核实纸质许可证"
    assert [each.accepted_at for each in of_food if isinstance(each, Accept)] == [None]
