"""A case as a tree on a terminal, and as lines in a pipe."""

import io

import pytest
from rich.console import Console

from cli.case_view import afterwards_of, tree_of
from cli.cases import print_case
from duokua.cases.v1 import case_pb2


def a_case() -> case_pb2.Case:
    case = case_pb2.Case(
        case_id="c1",
        case_number="N1",
        bundle_name="开店",
        status=case_pb2.CASE_STATUS_RUNNING,
        open_incidents=2,
    )
    food = case.steps.add(
        step_id="food", name="食品", status=case_pb2.STEP_STATUS_ACCEPTED, organ_name="市场局", handler="二科"
    )
    late = food.clocks.add(
        kind=case_pb2.CLOCK_KIND_STATUTORY,
        light=case_pb2.LIGHT_RED,
        measure=case_pb2.MEASURE_WORKING_DAY,
        allowed=20,
        used=21,
    )
    late.due_at.FromJsonString("2026-03-02T01:00:00Z")
    food.clocks.add(
        kind=case_pb2.CLOCK_KIND_PROMISED,
        light=case_pb2.LIGHT_GREEN,
        measure=case_pb2.MEASURE_MILLISECOND,
        allowed=7_200_000,
        used=3_600_000,
        stands_still=True,
    )
    over = food.clocks.add(kind=case_pb2.CLOCK_KIND_ACCEPTANCE)
    over.ended_at.GetCurrentTime()
    case.steps.add(step_id="sign", name="[招牌]", status=case_pb2.STEP_STATUS_SKIPPED, reason="招牌在室内")
    return case


def drawn(case: case_pb2.Case) -> str:
    buffer = io.StringIO()
    Console(file=buffer, width=160).print(tree_of(case))
    return buffer.getvalue()


def test_a_tree_tells_steps_offices_and_clocks_that_run() -> None:
    text = drawn(a_case())
    assert "开店 N1  running  2 open, see duokua incident list --case c1" in text
    assert "food 食品  accepted  市场局 (二科)" in text
    assert "statutory: 21 working days of 20 working days, due 2026-03-02T01:00:00Z" in text
    assert "promised: 1.0 hours of 2.0 hours, stands still" in text
    assert "acceptance" not in text
    assert "sign [招牌]  skipped" in text
    assert "招牌在室内" in text


def test_a_tree_tells_why_a_case_is_undone() -> None:
    case = a_case()
    case.status = case_pb2.CASE_STATUS_UNDONE
    case.undo_cause = case_pb2.UNDO_CAUSE_STOPPED
    case.refusal_reason = "重复申报"
    assert "stopped: 重复申报" in drawn(case)


def test_names_and_reasons_cannot_draw() -> None:
    evil = "\x1b[2J\x9b31m\u202e\rx\nverified"
    case = case_pb2.Case(
        bundle_name=evil, case_number="N1", refusal_reason=evil, undo_cause=case_pb2.UNDO_CAUSE_REFUSED
    )
    case.steps.add(step_id="food", name=evil, organ_name=evil, handler=evil, reason=evil)
    text = drawn(case)
    assert not set(text) & set("\x1b\x9b\u202e\r")
    assert len(text.splitlines()) == 4


def an_ended_case() -> case_pb2.Case:
    case = case_pb2.Case(case_number="N1", bundle_name="开店", status=case_pb2.CASE_STATUS_COMPLETED)
    case.delivery.channel, case.delivery.receiver = "邮寄", "李雷"
    case.delivery.delivered_at.FromJsonString("2026-03-02T01:00:00Z")
    case.ratings.add(level=2)
    case.ratings.add(step_id="food", level=5, tags=["慢"], comment="两次补正")
    answered = case.follow_ups.add(step_id="food", result={"done": "已整改"})
    answered.closed_at.FromJsonString("2026-03-05T01:00:00Z")
    waiting = case.follow_ups.add()
    waiting.clock.due_at.FromJsonString("2026-03-09T01:00:00Z")
    return case


def test_what_came_after_the_end_is_told() -> None:
    lines = [
        "delivered 2026-03-02T01:00:00Z by 邮寄 to 李雷",
        "rated 2, satisfied",
        "food: rated 5, very dissatisfied: 慢; 两次补正",
        'food: follow-up answered 2026-03-05T01:00:00Z: {"done": "已整改"}',
        "follow-up open, due 2026-03-09T01:00:00Z",
    ]
    assert list(afterwards_of(an_ended_case())) == lines
    assert all(line in drawn(an_ended_case()) for line in lines)
    assert list(afterwards_of(a_case())) == []


def test_it_is_told_in_a_pipe_too(capsys: pytest.CaptureFixture[str]) -> None:
    print_case(an_ended_case(), as_json=False)
    assert "delivered 2026-03-02T01:00:00Z by 邮寄 to 李雷\nrated 2, satisfied\n" in capsys.readouterr().out
