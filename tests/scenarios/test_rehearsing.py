"""What a test of a scenario can say, and what becomes of it on the real core."""

import pytest

from cli.rehearsal import stage, story
from cli.scenarios.linting import look_over
from services.cases.domain.case import CaseStatus, NoticeStatus, StepStatus, UndoCause
from services.cases.domain.clocks import StopKind
from services.cases.domain.procedures import KINDS
from services.cases.domain.reckoning import Light
from services.matters.package import expectations, trials
from tests.scenarios.builders import a_test, fails, names, package, passes, run


def test_without_a_word_of_the_test_every_office_completes_at_once() -> None:
    outcome = passes(
        then="{case: completed, order: [check, permit, card, gift], skipped: {fire: form.shop.area > 300}}"
    )
    assert outcome.ways["fire"] == {"skipped"}
    assert outcome.ways["permit"] == {"completed"}


def test_a_refusal_undoes_in_order_and_voids_notices() -> None:
    passes(
        "step: card, refuse: 资料不全",
        then="{case: undone, reason: 资料, undone: [permit, fire], notices: {permit: {status: revoked}}}",
        example="large",
    )


def test_whom_the_test_speaks_of_does_nothing_else_before_the_end() -> None:
    passes(
        "step: permit, accept: true",
        "then: {steps: {permit: accepted, card: waiting}}",
        "wait: 1 working day",
        "then: {steps: {permit: accepted}}",
    )


def test_what_comes_before_a_line_ends_first() -> None:
    passes(
        "step: card, refuse: 资料不全",
        "step: permit, complete: {}",
        then="{case: undone, undone: [permit]}",
    )


def test_offices_may_wait_until_they_are_spoken_of() -> None:
    passes(then="{case: running, steps: {check: offered, permit: waiting}}", given="others: wait")
    passes(
        "step: check, complete: {}",
        then="{steps: {check: completed, permit: offered}}",
        given="others: wait",
    )


def test_a_test_says_in_which_region_an_office_is_sought() -> None:
    files = package(
        a_test(
            then='{regions: {check: "330106", fire: "330102"}}', given='changes: {before: "330102"}', example="large"
        ),
        ("matter: fire,", "matter: fire, region_field: before,"),
    )
    fire = "matters/fire.yaml"
    files[fire] = files[fire].replace(b"fields: {", b"fields: {before: region, ")
    (outcome,) = run(files)
    assert outcome.missed == []
    (miss,) = fails(then='{regions: {permit: "330102"}}')
    assert miss.endswith("then.regions.permit: 330102 / 330106")


def test_a_test_says_which_organ_the_form_names_and_nobody_else_gets_the_step() -> None:
    files = package(
        a_test(
            "step: check, send_back: 非本机关认定",
            "then: {incidents: {check: NO_OFFICE}}",
            "step: check, reassign: 交实际认定机关",
            then="{case: running, organs: {check: 王示例}, incidents: {check: NO_OFFICE}}",
        ),
        ("matter: check,", "matter: check, organ_field: owner,"),
    )
    (outcome,) = run(files)
    assert outcome.missed == []
    (miss,) = fails(then="{organs: {check: 王示例}}")
    assert miss.endswith("then.organs.check: 王示例 / the form names none")


def test_results_are_what_the_test_gives_or_made_up() -> None:
    passes(
        then="{notices: {permit: {contains: [证号A1。]}}, inputs: {card: {number: A1}}}",
        given="results: {permit: {number: A1}}",
    )
    passes(then="{notices: {permit: {title: 准予许可决定书, contains: [面积100平方米], lacks: [面积400]}}}")


def test_a_result_that_the_matter_does_not_declare_is_turned_down() -> None:
    passes("step: permit, complete: {nubmer: A1}, turned_down: RESULT_INVALID")
    (miss,) = fails("step: permit, complete: {number: 1}")
    assert miss == "5 when[0]: it is taken / it is not: RESULT_INVALID, result.number should be of type string"


def test_joint_visits_are_made_by_themselves_and_by_hand() -> None:
    passes(then="{case: completed, steps: {fire: completed}}", example="large")
    passes(
        "step: permit, accept: true",
        "step: permit, complete: {}, turned_down: VISIT_PENDING",
        'step: permit, visit: {at: "2026-03-03 10:00", place: 店内}',
        "step: permit, attend: 符合",
        "step: permit, complete: {}",
        then="{case: completed, told: [店内]}",
        example="large",
    )


def test_the_applicant_supplies_what_was_asked_for_and_nothing_else() -> None:
    passes(
        "step: permit, correct: {fields: {shop.seats: 请填写}, materials: {lease: 看不清}}",
        "then: {steps: {permit: correcting}, told: [请填写]}",
        "supply: {form: {shop.seats: 3}}, turned_down: CORRECTION_INVALID",
        "supply: {form: {shop.seats: 3}, materials: [lease]}",
        then="{case: completed, sees: {permit: [shop.seats]}}",
    )


def test_a_field_can_be_left_out_when_it_is_supplied() -> None:
    passes(
        "step: permit, correct: {fields: {shop.seats: 多余}}",
        "supply: {form: {shop.seats: null}}",
        then="{case: completed, hidden: {permit: [shop.seats]}}",
        given="changes: {shop.seats: 9}",
    )


def test_time_turns_lights_and_silence_into_acceptance() -> None:
    passes(
        "wait: 4 working days",
        "then: {lights: {permit.acceptance: yellow}}",
        "wait: 2 working days",
        "then: {steps: {permit: accepted}}",
        'until: "2026-03-30 08:00"',
        then="{lights: {permit.promised: red, permit.statutory: yellow, promised: red}}",
        given="offices: {permit: wait}",
    )


@pytest.mark.parametrize(
    ("passing", "now"),
    [
        ("3 working days", "2026-03-05 09:00"),
        ("5 working days", "2026-03-09 09:00"),
        ("5 calendar days", "2026-03-07 09:00"),
        ("1 month", "2026-04-02 09:00"),
        ("36 hours", "2026-03-03 21:00"),
        ("90 minutes", "2026-03-02 10:30"),
    ],
)
def test_time_passes_in_every_unit(passing: str, now: str) -> None:
    outcome = passes(f"wait: {passing}")
    assert [line.what for line in outcome.story if line.what.startswith("time")] == [f"time passes until {now}"]


def test_time_does_not_go_back() -> None:
    (miss,) = fails('until: "2026-03-01 09:00"')
    assert "it is 2026-03-02 09:00 already" in miss


def test_days_that_do_not_exist_are_told_with_their_line() -> None:
    assert fails('until: "2026-02-30 09:00"') == ["5 when[0]: it happens / there is no day 2026-02-30"]
    assert fails(given='at: "2026-02-30 09:00"') == ["3 given: it happens / there is no day 2026-02-30"]


@pytest.mark.parametrize("time", ["99999999 months", "99999999 hours", "99999999 calendar days"])
def test_times_beyond_all_dates_are_told_so(time: str) -> None:
    assert fails(f"wait: {time}") == [f"5 when[0]: it happens / {time} are more than there are dates"]


@pytest.mark.parametrize(
    ("form", "told"),
    [
        (b'{"shop": {"region": "330106", "area": NaN}, "owner": "a"}', "form.shop.area is nan, which JSON cannot hold"),
        (b'{"shop": {"region": "330106", "area": 1e999}, "owner": "a"}', "form.shop.area is inf, which JSON"),
        (b'{"shop": {"region": "330106", "area": 1}, "owner": "\\ud800"}', "surrogates not allowed"),
    ],
)
def test_a_form_that_cannot_be_sent_is_told_so(form: bytes, told: str) -> None:
    files = {**package(a_test()), "examples/small.json": form}
    (outcome,) = run(files)
    (miss,) = outcome.missed
    assert miss.line == 3
    assert told in miss.found
    (fault,) = look_over(files).faults
    assert (fault.file, told in fault.message) == ("examples/small.json", True)


def test_a_year_that_the_calendar_does_not_know_is_told_so() -> None:
    (miss,) = fails("wait: 3000 working days")
    assert "CALENDAR_ENDS" in miss


def test_silence_to_a_correction_hands_the_case_back() -> None:
    passes(
        "step: permit, correct: {materials: {lease: 看不清}}",
        'then: {due: {correction: "2026-03-17", permit.acceptance: stopped}}',
        "wait: 16 calendar days",
        then="{case: undone, cause: handed_back}",
    )


def test_procedures_stop_the_clocks() -> None:
    passes(
        "step: permit, accept: true",
        "step: permit, suspend: {kind: hearing, reason: 听证}",
        "wait: 20 working days",
        "then: {steps: {permit: suspended}, due: {permit.promised: stopped}, lights: {permit.promised: green}}",
        "step: permit, resume: 听证结束",
        then="{case: completed}",
    )


def test_limits_are_extended_as_far_as_they_may_be() -> None:
    passes(
        "step: permit, accept: true",
        "step: permit, extend: {amount: 30, reason: 复杂, authority: 局长}, turned_down: EXTENSION_TOO_LONG",
        "step: permit, extend: {amount: 10, reason: 复杂, authority: 局长}",
        'then: {due: {permit.statutory: "2026-04-14"}}',
        "step: permit, extend: {amount: 1, reason: 复杂, authority: 局长}, turned_down: ALREADY_EXTENDED",
    )


def test_a_step_goes_to_another_office_when_it_is_returned_or_passed_upward() -> None:
    passes("step: permit, send_back: 不属于本部门")
    passes("step: permit, accept: true", "step: permit, pass_up: {reason: 超出权限, opinion: {agreed: true}}")
    passes("step: permit, hand_over: 二科")


def test_technical_failures_are_tried_again_and_at_last_an_incident() -> None:
    passes("step: permit, fail: 系统维护, times: 3")
    passes(
        "step: permit, fail: 系统维护, times: 8",
        "then: {incidents: {permit: TASK_FAILED}}",
        "step: permit, retry: 已恢复",
    )


def test_operators_leave_out_force_reassign_and_stop() -> None:
    passes("step: permit, reassign: 长期未办")
    passes("step: permit, force: {number: B2}", then="{inputs: {card: {number: B2}}}")
    passes("step: gift, skip: 政策到期", then="{case: completed, skipped: {gift: 政策到期}}")
    passes("step: permit, accept: true", "stop: 申请人死亡", then="{case: undone, cause: stopped, undone: []}")


def test_an_applicant_withdraws_and_rates() -> None:
    passes("step: permit, accept: true", "withdraw: 不开了", then="{case: undone, cause: withdrawn}")
    passes("rate: 5", "step: permit, rate: 1")
    passes("withdraw: 不开了, turned_down: CASE_ENDED")


def test_a_missing_office_is_an_incident() -> None:
    passes(then="{case: running, incidents: {permit: NO_OFFICE}}", given="offices: {permit: none}")


def test_an_incident_that_nobody_expects_is_a_failure() -> None:
    (miss,) = fails(then="{steps: {permit: routing}}", given="offices: {permit: none}")
    assert miss.startswith("4 then: no incident / NO_OFFICE of permit: no office handles 许可")


def test_what_cannot_be_made_of_earlier_results_is_an_incident() -> None:
    passes("step: permit, skip: 免办", then="{incidents: {card: INPUTS_FAILED}}")


def test_an_application_is_turned_away_for_what_is_wrong_with_it() -> None:
    passes(then="{turned_away: [lease]}", given="without: [lease]")
    passes(then="{turned_away: [form.shop.region]}", given="changes: {shop.region: X}")
    (miss,) = fails(then="{turned_away: [form.owner]}", given="without: [lease]")
    assert miss.startswith('4 then.turned_away[0]: "form.owner" is wrong / materials: lease')
    assert fails(then="{turned_away: [lease]}") == ["4 then.turned_away: the application is turned away / it was taken"]
    (miss,) = fails(given="without: [lease]")
    assert miss.startswith("3 given: it is taken / it is not: APPLICATION_INVALID")


def test_the_form_may_be_written_out() -> None:
    tests = """\
  - name: written out
    given:
      form: {shop: {region: "330106", area: 301}, owner: 李示例}
      changes: {shop.area: null, shop.seats: 2}
    then: {turned_away: [area]}
"""
    (outcome,) = run(package(tests))
    assert outcome.passed


# What does not hold


@pytest.mark.parametrize(
    ("then", "told"),
    [
        ("{case: undone}", "4 then.case: undone / completed"),
        ("{cause: refused}", "4 then.cause: refused / nothing undoes it"),
        ("{reason: 不足}", '4 then.reason: "不足" in it / ""'),
        ("{steps: {fire: completed}}", "4 then.steps.fire: completed / skipped"),
        ("{skipped: {permit: ''}}", "4 then.skipped.permit: skipped / completed"),
        ("{skipped: {fire: seats}}", '4 then.skipped.fire: "seats" in the reason / "form.shop.area > 300"'),
        ("{order: [permit, check]}", "4 then.order: permit, check / check, permit, card, gift"),
        ("{undone: [permit]}", "4 then.undone: permit / nothing"),
        ("{notices: {permit: {status: revoked}}}", "4 then.notices.permit.status: revoked / sealed"),
        ("{notices: {permit: {title: 决定}}}", "4 then.notices.permit.title: 决定 / 准予许可决定书"),
        ("{notices: {check: {contains: [准予]}}}", "4 then.notices.check: a notice / none: its notice is none"),
        ("{inputs: {card: {number: A9}}}", '4 then.inputs.card.number: "A9" / "示例"'),
        ("{inputs: {card: {size: 1}}}", "4 then.inputs.card.size: 1 / nothing: the office was given number"),
        ("{sees: {check: [shop.area]}}", "4 then.sees.check[0]: the office sees shop.area / it does not"),
        ("{hidden: {check: [owner]}}", "4 then.hidden.check[0]: the office does not see owner / it sees '王示例'"),
        ("{sees: {fire: [shop.area]}}", "4 then.sees.fire: a task of its office / none: it was given nothing"),
        ("{lights: {permit.promised: red}}", "4 then.lights.permit.promised: red / green"),
        ("{due: {permit.promised: '2026-03-10'}}", "4 then.due.permit.promised: 2026-03-10 / 2026-03-09"),
        ("{incidents: {permit: TASK_FAILED}}", "4 then.incidents.permit: TASK_FAILED / no open incident"),
    ],
)
def test_what_does_not_hold_is_told_with_its_line(then: str, told: str) -> None:
    assert fails(then=then) == [told]


def test_a_text_that_a_notice_lacks_is_shown_with_the_notice() -> None:
    assert fails(then="{notices: {permit: {contains: [不予]}}}") == [
        '4 then.notices.permit.contains[0]: "不予" in it / 王示例：\n准予许可，面积100平方米，证号示例。'
    ]
    (miss,) = fails(then="{notices: {permit: {lacks: [准予]}}}")
    assert miss.startswith('4 then.notices.permit.lacks[0]: no "准予" in it')


def test_a_clock_that_there_is_not_is_told_with_those_that_there_are() -> None:
    (miss,) = fails(then="{lights: {fire.promised: red}}")
    assert "no such clock" in miss
    assert "permit.statutory" in miss


def test_a_message_that_was_not_sent_is_told_with_those_that_were() -> None:
    (miss,) = fails(then="{told: [退款]}")
    assert miss.startswith('4 then.told[0]: a message with "退款" / “开店”已提交')


def test_what_is_expected_in_between_is_told_with_its_own_line() -> None:
    assert fails("step: permit, accept: true", "then: {steps: {permit: completed}}") == [
        "6 when[1].then.steps.permit: completed / accepted"
    ]


def test_what_is_not_turned_down_or_for_another_reason_is_told() -> None:
    assert fails("step: permit, accept: true, turned_down: CASE_ENDED") == [
        "5 when[0].turned_down: CASE_ENDED / it was taken"
    ]
    (miss,) = fails("step: permit, complete: {n: 1}, turned_down: VISIT_PENDING", example="large")
    assert miss.startswith("5 when[0].turned_down: VISIT_PENDING / RESULT_INVALID")


def test_a_line_about_a_step_that_is_left_out_cannot_happen() -> None:
    assert fails("step: fire, refuse: 不符") == [
        "5 when[0]: it happens / no office has had a task of fire yet: the step is skipped"
    ]
    assert fails("step: permit, resume: 好了") == [
        "5 when[0]: it happens / permit has begun no procedure that could be over"
    ]
    assert fails("supply: {form: {owner: 李}}") == [
        "5 when[0]: it happens / nobody has asked the applicant for anything"
    ]
    assert fails("step: permit, retry: 好了") == ["5 when[0]: it happens / permit has no open incident to try again"]


def test_a_failed_test_tells_its_story() -> None:
    (outcome,) = run(package(a_test("step: permit, refuse: 面积不足", then="{case: completed}")))
    told = [str(line) for line in outcome.story]
    assert told[0].startswith("2026-03-02 09:00  submitted, without fire (form.shop.area > 300)")
    assert any(line.startswith("2026-03-02 09:00  permit: refused, 面积不足  -> case undone") for line in told)


@pytest.mark.parametrize(
    ("bound", "value", "told"),
    [
        ("MOST_INPUTS", 3, "has not come to an end after 3 happenings"),
        ("MOST_SECONDS", 0.0, "has not come to an end after 0 seconds"),
    ],
)
def test_a_test_that_goes_on_too_long_is_ended(
    bound: str, value: float, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, bound, value)
    (outcome,) = run(package(a_test()))
    assert [each.found for each in outcome.missed] == [told]


def test_a_story_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "MOST_LINES", 3)
    (outcome,) = run(package(a_test()))
    assert len(outcome.story) == 3


def test_tests_are_run_in_the_order_of_their_files() -> None:
    files = package(a_test(name="first") + a_test(name="second"))
    files["tests/more.test.yaml"] = ("tests:\n" + a_test(name="third")).encode()
    assert names(run(files)) == ["third", "first", "second"]


def test_the_words_of_tests_are_those_of_the_core() -> None:
    assert set(expectations.StepStatus.__args__) == set(StepStatus)  # type: ignore[attr-defined]
    assert set(expectations.NoticeStatus.__args__) == set(NoticeStatus)  # type: ignore[attr-defined]
    assert set(expectations.Light.__args__) == set(Light)  # type: ignore[attr-defined]
    fields = expectations.ThenPart.model_fields
    assert set(_choices(fields["case"].annotation)) == set(CaseStatus)
    assert set(_choices(fields["cause"].annotation)) == set(UndoCause) - {UndoCause.NONE}
    assert set(_choices(trials.SuspendPart.model_fields["kind"].annotation)) == set(KINDS) <= set(StopKind)


def _choices(annotation: object) -> list[str]:
    inner = [each for each in getattr(annotation, "__args__", ()) if each is not type(None)]
    return inner if isinstance(inner[0], str) else list(inner[0].__args__)


def test_offices_are_reminded_by_lights_and_by_people() -> None:
    passes(
        "step: permit, accept: true",
        "step: permit, urge: 群众来电询问",
        "step: permit, urge: 群众再次来电, turned_down: URGED_JUST_NOW",
        "step: permit, supervise: 请上级督促",
        "then: {urged: {permit: [urge, supervise], check: []}}",
        "wait: 4 working days",
        "then: {lights: {permit.promised: yellow}, urged: {permit: [urge, supervise, urge]}}",
        "wait: 2 working days",
        then="{urged: {permit: [urge, supervise, urge, supervise]}}",
    )
    passes("step: fire, urge: 请尽快办理, turned_down: CASE_ENDED")


def test_bad_ratings_are_answered_by_themselves_or_as_the_test_says() -> None:
    passes("rate: 4", "step: permit, rate: 3", then="{follow_up: answered, follow_ups: {permit: none}}")
    passes(
        "step: permit, rate: 5",
        "then: {follow_ups: {permit: open}, follow_up: none, due: {permit.follow_up: '2026-03-23'}}",
        "wait: 16 working days",
        "then: {lights: {permit.follow_up: red}}",
        "step: permit, answer: {verified: true, done: 已致歉}",
        then="{case: completed, follow_ups: {permit: answered}, told: [您的评价已有答复]}",
    )
    passes("rate: 4", "then: {follow_up: open}", "answer: {verified: true, done: 已沟通}", then="{follow_up: answered}")


def test_an_answer_needs_a_bad_rating() -> None:
    (miss,) = fails("rate: 3", "answer: {verified: true}")
    assert miss == "6 when[1]: it happens / no bad rating of the whole case waits for an answer"


def test_what_became_of_reminders_and_ratings_is_told() -> None:
    assert fails(then="{urged: {permit: [urge]}, follow_up: open, follow_ups: {permit: open}}") == [
        "4 then.urged.permit: urge / nothing",
        "4 then.follow_ups.permit: open / none",
        "4 then.follow_up: open / none",
    ]


def test_results_are_delivered_once() -> None:
    passes(
        "deliver: {channel: 邮寄, receiver: 王示例}",
        "deliver: {channel: 窗口, receiver: 王示例}, turned_down: ALREADY_DELIVERED",
        then="{case: completed}",
    )
