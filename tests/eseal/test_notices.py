"""Sealing of notices as events ask for it: once, in any order, with whatever goes wrong."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from chassis.clock import new_id
from chassis.database import Database
from chassis.testing import ManualClock
from duokua.eseal.v1 import document_pb2
from duokua.eseal.v1 import events_pb2 as events
from services.eseal import store as notice_store
from services.eseal.domain.records import NoticeStatus
from services.eseal.domain.seal import Kind
from services.eseal.seals import store
from services.eseal.seals.application import Application
from tests.eseal.builders import (
    APPROVER,
    NOON,
    documents,
    handle,
    made,
    notice_requested,
    notice_withdrawn,
    notices,
    organ,
    organ_with_seal,
    outbox,
    register,
    revoked,
    sealed_document,
)


def reasons(database: Database) -> list[str]:
    return [event.reason for event in outbox(database) if isinstance(event, events.SealingFailed)]


def test_the_longest_id_that_a_notice_can_have_is_kept(database: Database) -> None:
    notice_id = f"{new_id()}:{'s' * 50}:n12"
    organ_with_seal(database)
    (answer,) = handle(database, notice_requested(notice_id))
    assert isinstance(answer, events.DocumentSealed)
    assert answer.notice_id == notice_id


def test_a_notice_is_sealed_and_announced(database: Database) -> None:
    seal = organ_with_seal(database)
    (answer,) = handle(database, notice_requested())
    assert isinstance(answer, events.DocumentSealed)
    document = answer.document
    assert (answer.notice_id, document.case_id, document.step_id) == ("n1", "c1", "food")
    assert (document.organ_id, document.seal_id, document.title) == ("o1", seal.seal_id, "准予食品经营许可通知书")
    assert document.status == document_pb2.DOCUMENT_STATUS_VALID
    assert document.sealed_at.ToDatetime(tzinfo=NOON.tzinfo) == NOON
    with database.read() as work:
        content = documents().content(work, documents().document(work, document.document_id))
    assert document.size == len(content)


def test_the_seal_of_another_organ_goes_on_a_notice_that_asks_for_it(database: Database) -> None:
    organ_with_seal(database)
    asked = notice_requested()
    asked.seal_organ_id = "o2"
    handle(database, asked)
    assert reasons(database) == ["NO_SEAL"]
    organ(database, "o2", "西湖区行政审批局")
    own = made(database, Application("o2", "启用"))
    handle(database, asked)
    assert reasons(database) == ["NO_SEAL", "SEAL_NOT_FOR_ORGAN"]
    seal = made(database, Application("o2", "代章", served_organs=("o1",), replaces=own.seal_id))
    answer = handle(database, asked)[-1]
    assert isinstance(answer, events.DocumentSealed)
    assert (answer.document.organ_id, answer.document.seal_id) == ("o1", seal.seal_id)


def test_the_seal_for_a_matter_goes_on_its_notices_and_no_others(database: Database) -> None:
    own = organ_with_seal(database)
    special = Application("o1", "启用", kind=Kind.SPECIAL, name="食品许可专用章", matters=("330131903000",))
    narrow = made(database, special)
    asked, other = notice_requested("n1"), notice_requested("n2")
    asked.catalog_code = "330131903000"
    answers = handle(database, asked, other)
    sealed = {
        answer.notice_id: answer.document.seal_id for answer in answers if isinstance(answer, events.DocumentSealed)
    }
    assert sealed == {"n1": narrow.seal_id, "n2": own.seal_id}


def test_every_use_and_every_refused_attempt_is_recorded(database: Database) -> None:
    seal = organ_with_seal(database)
    document, _ = sealed_document(database)
    with database.begin() as work:
        register().suspend(work, APPROVER, seal.seal_id, "盘点")
    handle(database, notice_requested("n2"), notice_requested("n2"))
    with database.read() as work:
        uses = store.list_uses(work.connection, store.UseFilter(seal_id=seal.seal_id), "", 10)
        assert store.count_uses(work.connection, store.UseFilter(organ_id="o1")) == (1, 2)
        assert store.count_uses(work.connection, store.UseFilter(refused_only=True, until=NOON)) == (0, 0)
        assert len(store.list_uses(work.connection, store.UseFilter(refused_only=True, since=NOON), "", 10)) == 2
    assert [use.refusal for use in uses] == ["", "SEAL_SUSPENDED", "SEAL_SUSPENDED"]
    first = uses[0]
    assert (first.document_id, first.case_id, first.step_id) == (document.document_id, "c1", "food")
    assert (first.actor, first.at, first.title) == ("case", NOON, document.title)
    assert reasons(database) == ["SEAL_SUSPENDED", "SEAL_SUSPENDED"]


def test_a_notice_that_cannot_be_rendered_is_no_use_of_the_seal(database: Database) -> None:
    organ_with_seal(database)
    handle(database, notice_requested(shop="😀"))
    with database.read() as work:
        assert store.count_uses(work.connection, store.UseFilter()) == (0, 0)


def test_asked_twice_it_is_sealed_once_and_answered_once(database: Database) -> None:
    organ_with_seal(database)
    first = handle(database, notice_requested())
    assert handle(database, notice_requested(), notice_requested()) == first
    with database.begin() as work:
        notices().seal(work, [notice_requested("n2"), notice_requested("n2")])
    assert len(outbox(database)) == 2


def test_an_organ_without_a_seal_fails_until_it_has_one(database: Database) -> None:
    handle(database, notice_requested())
    assert reasons(database) == ["NO_SEAL"]
    organ_with_seal(database)
    last = handle(database, notice_requested())[-1]
    assert isinstance(last, events.DocumentSealed)


def test_a_revoked_seal_is_not_used_even_by_a_worker_that_has_used_it(database: Database) -> None:
    seal = organ_with_seal(database)
    worker = notices()
    handle(database, notice_requested("n1"), by=worker)
    revoked(database, seal)
    handle(database, notice_requested("n2"), by=worker)
    assert reasons(database) == ["NO_SEAL"]


def test_a_notice_says_what_its_office_was_given_and_is_not_made_without_it(database: Database) -> None:
    organ_with_seal(database)
    told, untold = (notice_requested(each, template="发现问题：{{ inputs.problem }}。") for each in ("n1", "n2"))
    told.inputs.update({"problem": "安全出口上锁"})
    handle(database, told, untold)
    assert [each.notice_id for each in outbox(database) if isinstance(each, events.DocumentSealed)] == ["n1"]
    assert reasons(database) == ["TEMPLATE_FAULT"]


def test_an_expired_seal_is_not_used(database: Database, clock: ManualClock) -> None:
    organ_with_seal(database)
    clock.advance(days=5 * 365 + 1)
    handle(database, notice_requested())
    assert reasons(database) == ["SEAL_EXPIRED"]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (notice_requested(template="{{ form.nothing }}"), "TEMPLATE_FAULT"),
        (notice_requested(template="{% for a in range(1000) %}{{ 'x' * 1000 }}{% endfor %}"), "TEMPLATE_FAULT"),
        (notice_requested(shop="😀"), "UNPRINTABLE_TEXT"),
        (notice_requested(decided_at="soon"), "BAD_DATE"),
    ],
)
def test_a_notice_that_cannot_be_rendered_says_why_and_may_be_put_right(
    database: Database, event: object, reason: str
) -> None:
    organ_with_seal(database)
    assert isinstance(event, type(notice_requested()))
    handle(database, event)
    (failed,) = outbox(database)
    assert isinstance(failed, events.SealingFailed)
    assert (failed.reason, failed.notice_id, failed.case_id, failed.step_id) == (reason, "n1", "c1", "food")
    assert failed.description
    assert isinstance(handle(database, notice_requested())[-1], events.DocumentSealed)


def test_whole_numbers_of_a_form_are_shown_as_such(database: Database) -> None:
    organ_with_seal(database)
    wanted = notice_requested(template="{% if form.area ~ '' == '120' %}好{% else %}{{ form.wrong }}{% endif %}")
    assert isinstance(handle(database, wanted)[-1], events.DocumentSealed)


def test_a_withdrawn_notice_revokes_its_document_once(database: Database, clock: ManualClock) -> None:
    organ_with_seal(database)
    document, _ = sealed_document(database)
    clock.advance(hours=1)
    handle(database, notice_withdrawn())
    *_, revoked = handle(database, notice_withdrawn(reason="再次撤销"))
    assert revoked == events.NoticeRevoked(
        notice_id="n1", case_id="c1", step_id="food", document_id=document.document_id
    )
    assert len(outbox(database)) == 2
    with database.read() as work:
        again = documents().document(work, document.document_id)
    assert again.revocation_reason == "办件已撤销"
    assert again.revoked_at == clock.now()


def test_a_notice_withdrawn_before_it_was_asked_for_is_never_sealed(database: Database) -> None:
    organ_with_seal(database)
    answers = handle(database, notice_withdrawn(), notice_requested(), notice_requested())
    assert answers == [events.NoticeRevoked(notice_id="n1", case_id="c1", step_id="food", document_id="")]


def test_a_failed_notice_can_be_withdrawn(database: Database) -> None:
    handle(database, notice_requested(), notice_withdrawn())
    organ_with_seal(database)
    answers = handle(database, notice_requested())
    assert [type(answer) for answer in answers] == [events.SealingFailed, events.NoticeRevoked]


def test_another_document_under_the_id_of_a_sealed_one_is_refused_and_written_down(database: Database) -> None:
    seal = organ_with_seal(database)
    first, content = sealed_document(database)
    for changed in (
        notice_requested(shop="别家面馆"),
        notice_requested(title="不予许可通知书"),
        notice_requested(applicant_id="p2"),
        notice_requested(organ_id="o2"),
    ):
        before = len(outbox(database))
        answer = handle(database, changed)[-1]
        assert len(outbox(database)) == before + 1
        assert isinstance(answer, events.SealingFailed)
        assert (answer.notice_id, answer.reason) == ("n1", "DOCUMENT_CHANGED")
        assert first.document_id in answer.description
    with database.read() as work:
        assert documents().document(work, first.document_id) == first
        assert documents().content(work, first) == content
        used = store.list_uses(work.connection, store.UseFilter(seal_id=seal.seal_id), "", 100)
        assert store.count_uses(work.connection, store.UseFilter()) == (1, 4)
    assert [use.refusal for use in used] == ["", *["DOCUMENT_CHANGED"] * 4]
    before = len(outbox(database))
    handle(database, notice_requested())
    assert len(outbox(database)) == before, "the same again is no attempt at another"
    assert isinstance(handle(database, notice_withdrawn())[-1], events.NoticeRevoked), "it can be withdrawn as ever"


def test_what_could_not_be_sealed_may_be_asked_for_with_a_mended_template(database: Database) -> None:
    organ_with_seal(database)
    assert isinstance(
        handle(database, notice_requested(template="{{ form.shop | nonsense }}"))[-1], events.SealingFailed
    )
    assert isinstance(handle(database, notice_requested())[-1], events.DocumentSealed)


def test_a_revoked_document_is_not_sealed_again(database: Database) -> None:
    organ_with_seal(database)
    answers = handle(database, notice_requested(), notice_withdrawn(), notice_requested())
    assert [type(answer) for answer in answers] == [events.DocumentSealed, events.NoticeRevoked]
    with database.read() as work:
        assert notice_store.document_of_notice(work.connection, "n1")


def test_a_rolled_back_transaction_leaves_nothing(database: Database) -> None:
    organ_with_seal(database)
    with contextlib.suppress(ConnectionAbortedError), database.begin() as work:
        notices().seal(work, [notice_requested()])
        raise ConnectionAbortedError
    assert outbox(database) == []
    with database.begin() as work:
        row = {"notice_id": "n1", "case_id": "c1", "step_id": "food", "organ_id": "o1", "updated_at": work.now}
        assert notice_store.open_notice(work.connection, row) is NoticeStatus.FAILED
    assert isinstance(handle(database, notice_requested())[-1], events.DocumentSealed)


def test_two_workers_that_hold_the_same_request_seal_once(database: Database) -> None:
    organ_with_seal(database)

    def ask(_: int) -> None:
        with database.begin() as work:
            notices().seal(work, [notice_requested("n2"), notice_requested("n1")])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ask, range(4)))
    sealed = [event.notice_id for event in outbox(database) if isinstance(event, events.DocumentSealed)]
    assert sorted(sealed) == ["n1", "n2"]
