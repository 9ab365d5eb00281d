"""The use cases of notify."""

import json
from collections.abc import Sequence

import pytest
from sqlalchemy import func, select

from chassis.api import Call, Caller
from chassis.database import Database
from chassis.problems import Exhausted, Forbidden, Invalid, NotFound
from chassis.testing import ManualClock
from duokua.cases.v1 import case_pb2
from duokua.cases.v1 import events_pb2 as pb
from duokua.matters.v1 import bundle_pb2
from duokua.notify.v1 import notify_service_pb2 as contract
from services.notify import store
from services.notify.api import NotifyApi
from services.notify.domain.messages import CASE_COMPLETED, STEP_ACCEPTED, STEP_COMPLETED
from services.notify.happenings import CaseEvent
from services.notify.service import DELIVERIES
from tests.notify.builders import FIRE, LI_LEI, OPERATOR, TAX, accepted, case, correction, notify, register, step, visit

URL = "http://127.0.0.1:9/hook"

EVERY_EVENT: list[CaseEvent] = [
    pb.CaseSubmitted(case=case()),
    pb.StepAccepted(case=case(), step=step()),
    pb.StepAccepted(case=case(version=2), step=step(), by_silence=True),
    pb.LimitExtended(
        case=case(), step=step(), amount=10, unit=bundle_pb2.TIME_UNIT_WORKING_DAY, reason="案情复杂", authority="局长"
    ),
    pb.LimitExtended(
        case=case(),
        step=pb.StepRef(organ_id="city"),
        amount=15,
        unit=bundle_pb2.TIME_UNIT_WORKING_DAY,
        reason="案情复杂",
        authority="市长",
    ),
    pb.StepCompleted(case=case(), step=step()),
    pb.StepRefused(case=case(), step=step(), reason="the kitchen has no exit"),
    pb.StepPassedUp(case=case(), step=step(), reason="above our limit"),
    pb.StepUndone(case=case(), step=step()),
    pb.CorrectionRequested(case=case(), correction=correction()),
    pb.CorrectionSupplied(case=case(), correction=correction()),
    *(
        about(case=case(), step=step(), procedure=case_pb2.Procedure(kind=kind, reason="the neighbours are heard"))
        for about in (pb.ProcedureBegan, pb.ProcedureEnded)
        for kind in case_pb2.ProcedureKind.values()
        if kind
    ),
    pb.VisitScheduled(case=case(), step=step(), visit=visit(), steps=[step(), step("fire-brigade")]),
    pb.VisitHeld(case=case(), visit=visit(), steps=[step(), step("fire-brigade")]),
    pb.CaseCompleted(case=case()),
    pb.CaseCompleted(case=case(), waived_notices=[pb.WaivedNotice(step=step(), reason="the seal is gone")]),
    pb.CaseUndone(case=case(), reason="the kitchen has no exit"),
    pb.IncidentOpened(case=case(), step=step(), reason="TASK_FAILED", description="the office's system is away"),
]


def tell(database: Database, *events: CaseEvent) -> set[str]:
    """Handles the events as one batch; gives the topics that were woken."""
    with database.begin() as work:
        notify().tell(work, events)
        return work.topics


def inbox(database: Database, caller: Caller, recipient: str = "") -> Sequence[contract.InboxMessage]:
    with database.read() as work:
        request = contract.ListMessagesRequest(recipient=recipient)
        return NotifyApi(notify()).list_messages(Call(work, caller), request).messages


def delivered(database: Database) -> list[tuple[str, str]]:
    """(event, case) of every delivery in line, in order."""
    with database.read() as work:
        rows = work.connection.execute(select(store.deliveries).order_by(store.deliveries.c.source)).mappings()
        return [(row["event_type"].rpartition(".")[2], json.loads(row["body"])["data"]["case_id"]) for row in rows]


@pytest.mark.parametrize("event", EVERY_EVENT, ids=lambda event: type(event).__name__)
def test_every_event_becomes_one_message_with_a_title_and_a_text_in_both_languages(
    database: Database, event: CaseEvent
) -> None:
    tell(database, event)
    to_operators = isinstance(event, pb.IncidentOpened)
    [message] = inbox(database, OPERATOR if to_operators else LI_LEI)
    assert message.recipient == ("operators" if to_operators else "person:li-lei")
    assert message.event_type == event.DESCRIPTOR.full_name
    assert (message.case_id, message.case_number) == ("c1", "number-c1")
    assert " · " in message.title
    chinese, english = message.body.split("\n\n")
    for text in (chinese, english):
        assert "number-c1" in text
        assert getattr(event, "reason", "") in text
        assert "{" not in text


@pytest.mark.parametrize("kind", [case_pb2.URGE_KIND_URGE, case_pb2.URGE_KIND_SUPERVISE])
def test_an_urge_goes_to_the_office_and_supervision_to_the_organ_above_it_too(
    database: Database, kind: case_pb2.UrgeKind.ValueType
) -> None:
    supervised = kind == case_pb2.URGE_KIND_SUPERVISE
    above = "fire-brigade" if supervised else ""
    tell(database, urged(kind, superior_id=above))
    [told] = inbox(database, TAX)
    assert told.recipient == "organ:tax-bureau"
    assert told.title.startswith("督办" if supervised else "催办")
    for text in told.body.split("\n\n"):
        assert "number-c1" in text
        assert "the limit is over" in text
    assert [message.body for message in inbox(database, FIRE)] == [told.body] * supervised
    assert inbox(database, LI_LEI) == [], "it is the offices' concern"
    assert inbox(database, OPERATOR) == []


def test_what_no_organ_can_hear_is_told_to_the_operators_once(database: Database) -> None:
    tell(database, urged(case_pb2.URGE_KIND_SUPERVISE))
    tell(database, urged(case_pb2.URGE_KIND_SUPERVISE, organ_id="", version=3))
    assert len(inbox(database, TAX)) == 1
    assert len(inbox(database, OPERATOR)) == 2


def test_systems_of_the_office_and_of_the_organ_above_hear_of_supervision(database: Database) -> None:
    with database.begin() as work:
        register(notify(), work, URL, TAX)
        register(notify(), work, URL + "/above", FIRE)
    tell(database, urged(case_pb2.URGE_KIND_SUPERVISE, superior_id="fire-brigade"))
    assert delivered(database) == [("StepUrged", "c1")] * 2
    with database.read() as work:
        bodies = work.connection.scalars(select(store.deliveries.c.body)).all()
    for data in (json.loads(body)["data"] for body in bodies):
        assert (data["kind"], data["superior_id"], data["organ_id"]) == ("supervise", "fire-brigade", "tax-bureau")
    tell(database, pb.CaseCompleted(case=case(version=9)))
    told = sorted(delivered(database))
    assert told == [("CaseCompleted", "c1"), *[("StepUrged", "c1")] * 2], "who is above took no part in the case"


def urged(
    kind: case_pb2.UrgeKind.ValueType, *, organ_id: str = "tax-bureau", superior_id: str = "", version: int = 2
) -> pb.StepUrged:
    office = step(organ_id, "tax")
    return pb.StepUrged(
        case=case(version=version), step=office, kind=kind, reason="the limit is over", superior_id=superior_id
    )


def test_who_never_supplied_what_was_asked_for_is_told_so_and_what_to_do_in_either_language(
    database: Database,
) -> None:
    tell(database, pb.CaseUndone(case=case(), cause=case_pb2.UNDO_CAUSE_HANDED_BACK, reason="not supplied in time"))
    [message] = inbox(database, LI_LEI)
    assert message.title == f'“{case().bundle_name}”已退回 · "{case().bundle_name}" was handed back'
    chinese, english = message.body.split("\n\n")
    assert "重新提交" in chinese
    assert "submit it anew" in english
    assert "not supplied in time" not in chinese, "the platform's own words are not the applicant's"


@pytest.mark.parametrize("about", [pb.StepCompleted, pb.StepUndone])
def test_what_no_office_did_is_told_without_one(
    database: Database, about: type[pb.StepCompleted] | type[pb.StepUndone]
) -> None:
    tell(database, about(case=case(), step=pb.StepRef(step_id="tax", step_name="Tax")))
    [message] = inbox(database, LI_LEI)
    chinese, english = message.body.split("\n\n")
    assert chinese.startswith("办件 number-c1 的“Tax”已")
    assert english.startswith('"Tax" of case number-c1 ')


def test_more_time_for_the_whole_case_is_told_of_no_step_and_to_the_systems_of_the_lead_organ(
    database: Database,
) -> None:
    with database.begin() as work:
        register(notify(), work, URL, TAX)
    lead = pb.StepRef(organ_id="tax-bureau")
    unit = bundle_pb2.TIME_UNIT_WORKING_DAY
    tell(database, pb.LimitExtended(case=case(), step=lead, amount=15, unit=unit, reason="案情复杂", authority="市长"))
    [message] = inbox(database, LI_LEI)
    assert message.title.startswith(f"“{case().bundle_name}”办理期限延长")
    assert "整体，经市长批准，办理期限延长15个工作日" in message.body
    assert "15 more working days for the whole of case number-c1" in message.body
    assert delivered(database) == [("LimitExtended", "c1")]


def test_results_of_which_there_is_no_notice_are_told_with_the_reason_in_either_language(database: Database) -> None:
    waived = pb.WaivedNotice(step=step(), reason="印章停用")
    tell(database, pb.CaseCompleted(case=case(), waived_notices=[waived]))
    chinese, english = inbox(database, LI_LEI)[0].body.split("\n\n")
    assert f"“{step().step_name}”的电子通知书未能出具：印章停用。" in chinese
    assert f'There is no electronic notice of "{step().step_name}": 印章停用.' in english


@pytest.mark.parametrize("about", [pb.StepCompleted, pb.StepUndone])
def test_what_an_operator_took_as_done_is_not_told_as_the_office_s_doing(
    database: Database, about: type[pb.StepCompleted] | type[pb.StepUndone]
) -> None:
    tell(database, about(case=case(), step=step(), by_word=True))
    [message] = inbox(database, LI_LEI)
    assert step().organ_name not in message.body
    assert step().step_name in message.body


@pytest.mark.parametrize("hands_back", [True, False])
def test_only_who_loses_the_application_by_silence_is_told_so(database: Database, hands_back: bool) -> None:  # noqa: FBT001
    asked = correction()
    asked.hands_back = hands_back
    asked.clock.due_at.FromJsonString("2026-03-16T16:00:00Z")
    tell(database, pb.CorrectionRequested(case=case(), correction=asked))
    chinese, english = inbox(database, LI_LEI)[0].body.split("\n\n")
    assert ("逾期将退回申请" in chinese, "由工作人员与您联系" in chinese) == (hands_back, not hands_back)
    assert ("is handed back" in english, "speak with you" in english) == (hands_back, not hands_back)


def test_an_organ_whose_act_came_to_light_after_the_end_hears_of_both_ends_in_whatever_order(
    database: Database,
) -> None:
    with database.begin() as work:
        register(notify(), work, URL, TAX)
    tell(database, pb.CaseUndone(case=case(version=4)))
    tell(database, pb.CaseUndone(case=case(version=6)))
    assert delivered(database) == [], "nothing says yet that the organ took part"
    tell(database, pb.StepCompleted(case=case(version=5), step=step()))
    assert sorted(delivered(database)) == [("CaseUndone", "c1"), ("CaseUndone", "c1"), ("StepCompleted", "c1")]
    tell(database, pb.StepUndone(case=case(version=6), step=step()))
    assert len(delivered(database)) == 4, "each end once"
    tell(database, pb.CaseUndone(case=case(version=8)), pb.CaseUndone(case=case(version=10)))
    assert len(delivered(database)) == 6, "two ends that come together too"


def test_what_an_applicant_wrote_is_text_and_nothing_else(database: Database) -> None:
    event = pb.StepRefused(case=case(), step=step(), reason="{{ 7 * 7 }} <b>&amp;</b>")
    tell(database, event)
    assert "{{ 7 * 7 }} <b>&amp;</b>" in inbox(database, LI_LEI)[0].body


def test_messages_come_newest_first_and_page_by_page(database: Database) -> None:
    for version in range(1, 6):
        tell(database, accepted(version=version, organ_id=f"organ-{version}"))
    api, seen, token = NotifyApi(notify()), [], ""
    while True:
        with database.read() as work:
            request = contract.ListMessagesRequest(page_size=2, page_token=token)
            answer = api.list_messages(Call(work, LI_LEI), request)
        seen += [message.message_id for message in answer.messages]
        token = answer.next_page_token
        if not token:
            break
    assert len(seen) == 5
    assert seen == sorted(seen, reverse=True)


def test_nobody_reads_anothers_inbox(database: Database) -> None:
    tell(database, *EVERY_EVENT)
    with pytest.raises(Forbidden, match="NOT_YOUR_INBOX"):
        inbox(database, LI_LEI, "person:han-meimei")
    with pytest.raises(Forbidden, match="NOT_YOUR_INBOX"):
        inbox(database, TAX, "operators")
    with pytest.raises(Forbidden, match="NO_INBOX"):
        inbox(database, Caller("client:portal", client_id="portal"))
    assert inbox(database, TAX) == []
    assert len(inbox(database, OPERATOR, "person:li-lei")) == len(EVERY_EVENT) - 1


def test_a_message_is_marked_read_once_and_by_its_recipient_only(database: Database, clock: ManualClock) -> None:
    tell(database, pb.CaseSubmitted(case=case()))
    message_id = inbox(database, LI_LEI)[0].message_id
    with database.begin() as work, pytest.raises(NotFound, match="MESSAGE_NOT_FOUND"):
        notify().mark_read(work, OPERATOR, message_id)
    with database.begin() as work:
        first = notify().mark_read(work, LI_LEI, message_id)["read_at"]
    assert first == clock.now()
    clock.advance(hours=1)
    with database.begin() as work:
        assert notify().mark_read(work, LI_LEI, message_id)["read_at"] == first


def test_a_webhook_hears_of_the_steps_of_its_organ_and_the_end_of_their_cases(database: Database) -> None:
    with database.begin() as work:
        register(notify(), work, URL, TAX)
    tell(database, pb.CaseSubmitted(case=case("c1")), pb.CaseSubmitted(case=case("c2")))
    assert delivered(database) == []
    woken = tell(database, accepted("c1"), accepted("c2", organ_id="fire-brigade"))
    assert DELIVERIES in woken
    tell(database, pb.CaseCompleted(case=case("c1", 9)), pb.CaseUndone(case=case("c2", 9)))
    assert sorted(delivered(database)) == [("CaseCompleted", "c1"), ("StepAccepted", "c1")]


def test_the_webhooks_of_all_offices_that_meet_hear_of_a_visit_and_the_applicant_once(database: Database) -> None:
    with database.begin() as work:
        register(notify(), work, URL, TAX)
        register(notify(), work, URL, FIRE)
    meeting = [step("tax-bureau"), step("fire-brigade")]
    tell(database, pb.VisitScheduled(case=case(), step=step("tax-bureau"), visit=visit(), steps=meeting))
    tell(database, pb.VisitHeld(case=case(version=2), visit=visit(), steps=meeting))
    assert sorted(delivered(database)) == [("VisitHeld", "c1")] * 2 + [("VisitScheduled", "c1")] * 2
    with database.read() as work:
        held, scheduled = notify().inbox(work, LI_LEI, "", None, 10)
    assert "2026年3月2日09:00在某路1号进行，参加部门：office tax-bureau、office fire-brigade" in scheduled["body"]
    assert "已完成" in held["title"]


def test_without_a_webhook_nothing_is_put_in_line(database: Database) -> None:
    assert DELIVERIES not in tell(database, *EVERY_EVENT)
    assert delivered(database) == []


def test_an_end_that_comes_before_its_steps_is_told_all_the_same_and_once(database: Database) -> None:
    with database.begin() as work:
        register(notify(), work, URL)
    tell(database, pb.CaseUndone(case=case(version=9), reason="refused"))
    tell(database, accepted(version=2))
    tell(database, pb.StepUndone(case=case(version=8), step=step()))
    assert sorted(delivered(database)) == [("CaseUndone", "c1"), ("StepAccepted", "c1"), ("StepUndone", "c1")]
    with database.read() as work:
        bodies = work.connection.scalars(select(store.deliveries.c.body)).all()
    [end] = [data for data in map(json.loads, bodies) if data["type"].endswith("CaseUndone")]
    assert (end["data"]["version"], end["data"]["reason"]) == (9, "refused")
    assert "step_id" not in end["data"]


def test_a_webhook_is_told_of_one_event_once(database: Database) -> None:
    with database.begin() as work:
        register(notify(), work, URL)
    tell(database, accepted())
    tell(database, accepted())
    assert delivered(database) == [("StepAccepted", "c1")]


def test_a_webhook_hears_only_of_the_events_that_it_named(database: Database) -> None:
    with database.begin() as work:
        register(notify(), work, URL, TAX, STEP_COMPLETED, CASE_COMPLETED)
    tell(database, accepted(), pb.StepCompleted(case=case(version=3), step=step()))
    tell(database, pb.CaseCompleted(case=case(version=4)))
    assert sorted(delivered(database)) == [("CaseCompleted", "c1"), ("StepCompleted", "c1")]


def test_a_webhook_carries_names_and_ids_and_nothing_of_the_form(database: Database, clock: ManualClock) -> None:
    with database.begin() as work:
        register(notify(), work, URL)
    tell(database, accepted())
    with database.read() as work:
        body = json.loads(work.connection.scalars(select(store.deliveries.c.body)).one())
    assert body == {
        "type": STEP_ACCEPTED,
        "timestamp": clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": {
            "case_id": "c1",
            "case_number": "number-c1",
            "bundle_id": "restaurant",
            "bundle_name": "开办餐饮店",
            "version": 2,
            "step_id": "step-tax-bureau",
            "step_name": "name of step-tax-bureau",
            "organ_id": "tax-bureau",
            "organ_name": "office tax-bureau",
        },
    }


def test_a_repeated_registration_gets_the_same_webhook_and_secret(database: Database) -> None:
    with database.begin() as work:
        first = register(notify(), work, URL)
    with database.begin() as work:
        again = register(notify(), work, URL)
        with pytest.raises(Invalid, match="REQUEST_ID_REUSED"):
            notify().register_webhook(work, TAX, URL + "/other", [], f"request for {URL}")
    assert again == first
    assert first.secret.startswith("whsec_")


def test_the_secret_is_nowhere_in_clear(database: Database) -> None:
    with database.begin() as work:
        made = register(notify(), work, URL)
        sealed = work.connection.scalars(select(store.webhooks.c.sealed_secret)).one()
    assert made.secret.encode() not in sealed
    assert "register_webhook" in NotifyApi.unstored
    with database.read() as work:
        listed = NotifyApi(notify()).list_webhooks(Call(work, TAX), contract.ListWebhooksRequest()).webhooks
    assert made.secret not in str(listed)


@pytest.mark.parametrize(
    ("url", "event_types", "fields"),
    [
        ("http://127.0.0.1/", [], ["url"]),
        ("https://127.0.0.1/", [], ["url"]),
        ("https://inside.example.cn/", [], ["url"]),
        ("https://user@hooks.example.cn/", [], ["url"]),
        ("https://hooks.example.cn/", ["duokua.cases.v1.CaseSubmitted"], ["event_types"]),
        ("gopher://x", ["nonsense"], ["event_types", "url"]),
    ],
)
def test_a_bad_webhook_is_refused_by_its_fields(
    database: Database, url: str, event_types: list[str], fields: list[str]
) -> None:
    def look_up(host: str, _port: int) -> list[str]:
        return {"inside.example.cn": ["10.0.0.7"], "127.0.0.1": ["127.0.0.1"]}.get(host, ["8.8.8.8"])

    with database.begin() as work, pytest.raises(Invalid) as refused:
        notify(allow_private=False, resolve=look_up).register_webhook(work, TAX, url, event_types, "r1")
    assert [violation.field for violation in refused.value.violations] == fields
    with database.read() as work:
        assert work.connection.scalar(select(func.count()).select_from(store.webhooks)) == 0


def test_a_caller_without_an_organ_has_no_webhooks(database: Database) -> None:
    with database.begin() as work, pytest.raises(Forbidden, match="NO_ORGAN"):
        register(notify(), work, URL, OPERATOR)


def test_an_organ_has_so_many_webhooks_and_no_more(database: Database) -> None:
    with database.begin() as work:
        for number in range(20):
            register(notify(), work, f"{URL}/{number}")
        with pytest.raises(Exhausted, match="TOO_MANY_WEBHOOKS"):
            register(notify(), work, f"{URL}/20")
        register(notify(), work, f"{URL}/of-another", FIRE)


def test_webhooks_and_deliveries_of_another_organ_are_invisible(database: Database) -> None:
    with database.begin() as work:
        made = register(notify(), work, URL, TAX)
    tell(database, accepted())
    api = NotifyApi(notify())
    with database.begin() as work:
        with pytest.raises(NotFound, match="WEBHOOK_NOT_FOUND"):
            notify().remove_webhook(work, FIRE, made.webhook["webhook_id"])
        for caller, count in ((TAX, 1), (FIRE, 0)):
            call = Call(work, caller)
            request = contract.ListDeliveriesRequest(webhook_id=made.webhook["webhook_id"])
            assert len(api.list_deliveries(call, request).deliveries) == count
            assert len(api.list_deliveries(call, contract.ListDeliveriesRequest()).deliveries) == count
            assert len(api.list_webhooks(call, contract.ListWebhooksRequest()).webhooks) == count


def test_a_removed_webhook_is_told_of_nothing_and_its_log_stays(database: Database) -> None:
    with database.begin() as work:
        made = register(notify(), work, URL)
    tell(database, accepted())
    with database.begin() as work:
        notify().remove_webhook(work, TAX, made.webhook["webhook_id"])
    tell(database, accepted(version=3), pb.CaseCompleted(case=case(version=4)))
    with database.read() as work:
        [logged] = NotifyApi(notify()).list_deliveries(Call(work, TAX), contract.ListDeliveriesRequest()).deliveries
    assert logged.status == contract.DELIVERY_STATUS_FAILED
    assert logged.last_error == "the webhook was removed"
    assert not logged.HasField("next_attempt_at")


def test_an_applicant_reads_all_that_is_asked_for_and_until_when(database: Database) -> None:
    asked = correction()
    asked.clock.due_at.FromJsonString("2026-03-16T16:00:00Z")  # midnight in China, of the 17th
    tell(database, pb.CorrectionRequested(case=case(), correction=asked))
    (message,) = inbox(database, LI_LEI)
    for said in (
        "2026-03-17",
        "1. shop.area：与图纸不符（食品局）",
        "2. lease: 看不清 (食品局)",
        "3. owner: 与证件不符 (城管局)",
    ):
        assert said in message.body
    tell(database, pb.CorrectionRequested(case=case(version=2), correction=correction()))
    (latest, _) = inbox(database, LI_LEI)
    assert "逾期" not in latest.body
