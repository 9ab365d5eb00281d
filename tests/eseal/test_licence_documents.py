"""Documents of licences: sealed once, with a QR code beside the seal, void when the licence ends."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from chassis.database import Database
from duokua.eseal.v1 import document_pb2
from duokua.eseal.v1 import events_pb2 as events
from duokua.licences.v1 import events_pb2 as licences_events
from services.eseal.domain.seal import Kind
from services.eseal.domain.sheet import PAGE_HEIGHT, POINTS_PER_MM, Sheet, Text, lay
from services.eseal.domain.wording import Notice
from services.eseal.keys.keystore import KeyStore
from services.eseal.licences import LicenceDocuments
from services.eseal.seals.application import Application
from services.eseal.seals.desk import SealDesk
from services.eseal.seals.store import UseFilter, count_uses, list_uses
from services.eseal.tables import documents as documents_table
from tests.eseal.builders import APPROVER, OFFICE, documents, made, notice, organ_with_seal, outbox, register, vault

IDENTIFIER = f"1.2.156.3005.2.{'1' * 21}.{'2' * 18}.{'3' * 32}.001.X"
CODE = "0123456789abcdef0123"
QR = f"duokua-licence:{IDENTIFIER}:{CODE}"


def requested(
    request_id: str = "r1", annotation: str = "", reader: str = "o1"
) -> licences_events.LicenceDocumentRequested:
    event = licences_events.LicenceDocumentRequested(
        request_id=request_id,
        licence_id="l1",
        identifier=IDENTIFIER,
        title="食品经营许可证",
        template="经营者名称：{{ data.shop }}\n持证人：{{ holder.name }}\n有效期至{{ licence.valid_until }}",
        holder_person_id="p1",
        holder_name="李雷",
        holder_number="330***********1236",
        issuer_organ_id="o1",
        valid_from="2026-06-01",
        valid_until="2031-05-31",
        issued_at="2026-06-01T04:00:00+00:00",
        qr_text=QR,
        code=CODE,
        annotation=annotation,
        reader_organ_id=reader,
    )
    event.data.update({"shop": "西湖面馆"})
    return event


def withdrawn(request_id: str = "r1") -> licences_events.LicenceDocumentWithdrawn:
    return licences_events.LicenceDocumentWithdrawn(request_id=request_id, licence_id="l1", reason="停业")


def handle(
    database: Database,
    *said: licences_events.LicenceDocumentRequested | licences_events.LicenceDocumentWithdrawn,
) -> list[object]:
    sealing = LicenceDocuments(SealDesk(KeyStore(vault())))
    for event in said:
        with database.begin() as work:
            if isinstance(event, licences_events.LicenceDocumentRequested):
                sealing.seal(work, [event])
            else:
                sealing.withdraw(work, [event])
    return list(outbox(database))


def test_another_document_under_the_id_of_a_sealed_one_is_refused_and_written_down(database: Database) -> None:
    seal = organ_with_seal(database)
    first, refused = handle(database, requested(), requested(annotation="仅供贷款使用"))
    assert isinstance(first, events.LicenceDocumentSealed)
    assert isinstance(refused, events.LicenceDocumentFailed)
    assert (refused.request_id, refused.reason) == ("r1", "DOCUMENT_CHANGED")
    with database.read() as work:
        wanted = UseFilter(seal_id=seal.seal_id)
        assert count_uses(work.connection, wanted) == (1, 1)
        assert {use.actor for use in list_uses(work.connection, wanted, "", 9)} == {"licence"}
    assert len(handle(database, requested())) == 2


def test_a_document_is_sealed_once_for_its_holder_and_the_organ_that_it_is_for(database: Database) -> None:
    seal = organ_with_seal(database)
    (answer,) = handle(database, requested(reader="o2"), requested(reader="o2"))
    assert isinstance(answer, events.LicenceDocumentSealed)
    assert (answer.request_id, answer.licence_id) == ("r1", "l1")
    document = answer.document
    assert (document.organ_id, document.seal_id, document.title) == ("o2", seal.seal_id, f"食品经营许可证 {IDENTIFIER}")
    with database.read() as work:
        kept = documents().document(work, document.document_id)
        assert (kept.applicant_id, kept.organ_id) == ("p1", "o2")
        assert documents().content(work, kept).startswith(b"%PDF-")


def test_the_seal_for_the_matter_of_a_licence_goes_on_it_and_no_other_in_its_place(database: Database) -> None:
    own = organ_with_seal(database)
    special = Application("o1", "启用", kind=Kind.SPECIAL, name="食品许可专用章", matters=("330131903000",))
    seal = made(database, special)
    first, second, third = requested("r1"), requested("r2"), requested("r3")
    second.catalog_code = third.catalog_code = "330131903000"
    by_all, by_special = handle(database, first, second)
    assert isinstance(by_all, events.LicenceDocumentSealed)
    assert isinstance(by_special, events.LicenceDocumentSealed)
    assert (by_all.document.seal_id, by_special.document.seal_id) == (own.seal_id, seal.seal_id)
    with database.begin() as work:
        register().suspend(work, APPROVER, seal.seal_id, "查")
    refused = handle(database, third)[-1]
    assert isinstance(refused, events.LicenceDocumentFailed)
    assert (refused.request_id, refused.reason) == ("r3", "SEAL_SUSPENDED")
    with database.read() as work:
        assert count_uses(work.connection, UseFilter(seal_id=seal.seal_id)) == (1, 1)


def test_what_cannot_be_sealed_says_why_and_is_sealed_once_that_is_put_right(database: Database) -> None:
    (failed,) = handle(database, requested())
    assert isinstance(failed, events.LicenceDocumentFailed)
    assert (failed.request_id, failed.reason) == ("r1", "NO_SEAL")
    organ_with_seal(database)
    assert isinstance(handle(database, requested())[-1], events.LicenceDocumentSealed)


@pytest.mark.parametrize(
    ("template", "reason"),
    [("{{ data.shop.name.x }}", "TEMPLATE_FAULT"), ("{{ data.shop }}\U0001f600", "UNPRINTABLE_TEXT")],
)
def test_a_fault_of_the_type_s_template_is_told(database: Database, template: str, reason: str) -> None:
    organ_with_seal(database)
    event = requested()
    event.template = template
    (failed,) = handle(database, event)
    assert isinstance(failed, events.LicenceDocumentFailed)
    assert failed.reason == reason


def test_what_is_withdrawn_is_revoked_or_never_sealed(database: Database) -> None:
    organ_with_seal(database)
    handle(database, requested("r1"), withdrawn("r1"), withdrawn("r2"), requested("r2"), requested("r1"))
    with database.read() as work:
        (row,) = work.connection.execute(select(documents_table)).all()
        assert (row.notice_id, row.revocation_reason) == ("r1", "停业")
        content = documents().content(work, documents().document(work, row.document_id))
        assert content
    assert [type(each).__name__ for each in outbox(database)] == ["LicenceDocumentSealed"]
    (sealed,) = outbox(database)
    assert isinstance(sealed, events.LicenceDocumentSealed)
    assert sealed.document.status == document_pb2.DOCUMENT_STATUS_VALID


def a_licence(annotation: str = "") -> Notice:
    return replace(notice(), case_number=IDENTIFIER, number_label="证照标识", annotation=annotation)


def texts(sheet: Sheet) -> list[Text]:
    return [item for page in sheet.pages for item in page if isinstance(item, Text)]


def test_a_licence_shows_its_identifier_in_one_line_and_what_a_copy_is_for() -> None:
    sheet = lay(a_licence(annotation="仅供办理贷款使用"))
    (number,) = [text for text in texts(sheet) if text.text.startswith("证照标识")]
    assert number.text == f"证照标识：{IDENTIFIER}"
    assert 0 < number.x < 100
    assert any(text.text == "仅供办理贷款使用" for text in texts(sheet))
    assert OFFICE in {text.text for text in texts(sheet)}


def test_every_page_of_a_copy_says_what_it_is_for() -> None:
    long = replace(a_licence("仅供办理贷款使用"), template="经营项目见下。\n" * 90)
    pages = [[item for item in page if isinstance(item, Text)] for page in lay(long).pages]
    assert len(pages) > 1
    for number, page in enumerate(pages, start=1):
        (said,) = [text for text in page if text.text == "仅供办理贷款使用"]
        assert said.y < PAGE_HEIGHT - 30 * POINTS_PER_MM, number
        below = [text.y for text in page if text.text == "经营项目见下。"]
        assert max(below) < said.y - said.size, number
    plain = lay(replace(long, annotation="")).pages
    assert not any(isinstance(item, Text) and item.text.startswith("仅供") for page in plain for item in page)
