"""What the tests of eseal are made of: organs, seals, notices, and files that somebody tampered with."""

from datetime import UTC, datetime, timedelta
from functools import cache

from google.protobuf.message import Message

from chassis.database import Database
from chassis.testing.events import emitted
from chassis.vault import Vault
from duokua.cases.v1 import events_pb2 as cases_events
from duokua.eseal.v1 import events_pb2
from duokua.identity.v1 import directory_pb2
from duokua.identity.v1 import events_pb2 as identity_events
from services.eseal.certificates import profiles
from services.eseal.certificates.authorities import Authorities
from services.eseal.domain import picture
from services.eseal.domain.notice import render
from services.eseal.domain.orders import At, Order
from services.eseal.domain.records import Document
from services.eseal.domain.seal import Seal
from services.eseal.domain.trust import Trust, read_trust
from services.eseal.domain.wording import Notice
from services.eseal.keys import Credential
from services.eseal.keys.keystore import KeyStore
from services.eseal.keys.software import SoftwareKey
from services.eseal.levels import Levels
from services.eseal.notices import Notices
from services.eseal.officials import Officials
from services.eseal.pdf.sealing import Sealed, Sealer
from services.eseal.preparation.preparers import Preparers
from services.eseal.seals.application import Application
from services.eseal.seals.desk import SealDesk
from services.eseal.seals.register import Actor, Register
from services.eseal.service import Documents
from services.eseal.verification.judges import Judges

NOON = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)
LONG = timedelta(days=5 * 365)
OFFICE = "杭州市西湖区市场监督管理局"
TEMPLATE = """{{ form.shop }}：
你单位提交的{{ step.name }}申请收悉。经审查，
{%- if result.granted %}准予许可，编号为{{ result.number }}{% else %}不予许可{% endif %}。
"""


def vault() -> Vault:
    return Vault(b"k" * 32)


@cache
def judges() -> Judges:
    """One for all tests: loading a verifier takes half a second."""
    return Judges(wall_seconds=300)


def keys() -> KeyStore:
    return KeyStore(vault())


def documents() -> Documents:
    return Documents(Authorities(keys()), judges())


def register() -> Register:
    return Register(keys())


def notices() -> Notices:
    return Notices(SealDesk(keys()))


@cache
def preparers() -> Preparers:
    """One for all tests, as of judges."""
    return Preparers(wall_seconds=300)


def officials(levels: Levels | None = None) -> Officials:
    return Officials(SealDesk(keys()), documents(), vault(), levels, preparers())


def organ_registered(organ_id: str = "o1", name: str = OFFICE, version: int = 1) -> identity_events.OrganRegistered:
    return identity_events.OrganRegistered(organ=directory_pb2.Organ(organ_id=organ_id, name=name), version=version)


APPLICANT = Actor("client:applicant")
APPROVER = Actor("client:approver")


def organ(database: Database, organ_id: str = "o1", name: str = OFFICE) -> None:
    with database.begin() as work:
        documents().keep_organs(work, [organ_registered(organ_id, name)])


def applied(database: Database, application: Application | None = None) -> Seal:
    with database.begin() as work:
        return register().apply(work, APPLICANT, application or Application("o1", "启用"))


def made(database: Database, application: Application | None = None) -> Seal:
    """A seal in use."""
    seal = applied(database, application)
    with database.begin() as work:
        return register().approve(work, APPROVER, seal.seal_id, "同意", hold=False)


def organ_with_seal(database: Database, organ_id: str = "o1", name: str = OFFICE) -> Seal:
    organ(database, organ_id, name)
    return made(database, Application(organ_id, "启用"))


def revoked(database: Database, seal: Seal) -> Seal:
    with database.begin() as work:
        return register().revoke(work, APPROVER, seal.seal_id, "停用")


def notice_requested(
    notice_id: str = "n1",
    *,
    organ_id: str = "o1",
    applicant_id: str = "p1",
    template: str = TEMPLATE,
    title: str = "准予食品经营许可通知书",
    shop: str = "西湖面馆",
    decided_at: str = "2026-06-01T04:00:00Z",
) -> cases_events.NoticeRequested:
    event = cases_events.NoticeRequested(
        case=case_ref(applicant_id),
        step=step_ref(organ_id),
        notice_id=notice_id,
        title=title,
        template=template,
        decided_at=decided_at,
    )
    event.form.update({"shop": shop, "area": 120})
    event.result.update({"granted": True, "number": "JY23301060012345"})
    return event


def notice_withdrawn(notice_id: str = "n1", reason: str = "办件已撤销") -> cases_events.NoticeWithdrawn:
    return cases_events.NoticeWithdrawn(case=case_ref("p1"), step=step_ref("o1"), notice_id=notice_id, reason=reason)


def case_ref(applicant_id: str) -> cases_events.CaseRef:
    return cases_events.CaseRef(
        case_id="c1", case_number="33010620260601000017", bundle_name="开办餐饮店一件事", applicant_id=applicant_id
    )


def step_ref(organ_id: str) -> cases_events.StepRef:
    return cases_events.StepRef(step_id="food", step_name="食品经营许可", organ_id=organ_id, organ_name=OFFICE)


def handle(database: Database, *events: Message, by: Notices | None = None) -> list[Message]:
    """Has each event handled in a transaction of its own; gives what was emitted for them."""
    handler = by or notices()
    for event in events:
        with database.begin() as work:
            if isinstance(event, cases_events.NoticeRequested):
                handler.seal(work, [event])
            elif isinstance(event, cases_events.NoticeWithdrawn):
                handler.withdraw(work, [event])
            else:
                raise TypeError(event)
    return outbox(database)


def outbox(database: Database) -> list[Message]:
    with database.read() as work:
        return emitted(work)


def sealed_document(database: Database, notice_id: str = "n1", applicant_id: str = "p1") -> tuple[Document, bytes]:
    """Has a notice sealed; gives the register's record and the file."""
    answer = handle(database, notice_requested(notice_id, applicant_id=applicant_id))[-1]
    assert isinstance(answer, events_pb2.DocumentSealed)
    with database.read() as work:
        document = documents().document(work, answer.document.document_id)
        return document, documents().content(work, document)


def notice(template: str = TEMPLATE, *, shop: str = "西湖面馆", signed_by: str = OFFICE) -> Notice:
    return Notice(
        title="准予食品经营许可通知书",
        template=template,
        case_number="33010620260601000017",
        bundle_name="开办餐饮店一件事",
        step_name="食品经营许可",
        organ_name=signed_by,
        signed_by=signed_by,
        form={"shop": shop},
        result={"granted": True, "number": "JY23301060012345"},
        inputs={},
        decided_at="2026-06-01T04:00:00Z",
    )


def root(moment: datetime = NOON) -> Credential:
    return _root(moment)


@cache
def _root(moment: datetime) -> Credential:
    return profiles.make_root(SoftwareKey.generate(), moment)


def trust(*moments: datetime) -> Trust:
    """A trust list of the roots of these moments, of noon's without any."""
    anchors = "".join(root(moment).certificate_pem() for moment in moments or (NOON,))
    return read_trust(anchors, anchors)


def sealer(moment: datetime = NOON) -> Sealer:
    """A seal under `root(moment)`."""
    return _sealer(moment)


@cache
def _sealer(moment: datetime) -> Sealer:
    return Sealer(credential(moment), seal_picture())


@cache
def seal_picture() -> bytes:
    return picture.draw(OFFICE)


def issuing(moment: datetime = NOON) -> Credential:
    return _issuing(moment)


@cache
def _issuing(moment: datetime) -> Credential:
    return profiles.make_issuing(root(moment), SoftwareKey.generate(), moment)


def credential(moment: datetime = NOON, organ_name: str = OFFICE) -> Credential:
    """Of a seal under `root(moment)`."""
    return _credential(moment, organ_name)


@cache
def _credential(moment: datetime, organ_name: str) -> Credential:
    key, validity = SoftwareKey.generate(), (moment, moment + LONG)
    return profiles.make_seal(
        issuing(moment), key, organ_id="o1", organ_name=organ_name, name=organ_name, validity=validity
    )


def sealed_file(moment: datetime = NOON) -> Sealed:
    return _sealed_file(moment)


@cache
def _sealed_file(moment: datetime) -> Sealed:
    return sealed_notice(by=sealer(moment), at=moment)


def sealed_notice(by: Sealer | None = None, at: datetime = NOON, *, shop: str = "西湖面馆") -> Sealed:
    rendered = render(notice(shop=shop))
    order = Order(At(-1, *rendered.seal_middle), reason="33010620260601000017")
    return (by or sealer()).seal(rendered.content, order, at)
