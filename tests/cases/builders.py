"""What the tests of cases are made of: a small bundle, and a town whose offices say what a test tells them to."""

import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pikepdf
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from sqlalchemy import MetaData, Row, select

from chassis.clock import new_id
from chassis.database import Database, UnitOfWork
from chassis.problems import Problem
from duokua.cases.v1 import case_pb2, task_pb2
from duokua.eseal.v1 import document_pb2
from duokua.eseal.v1 import events_pb2 as eseal_events
from duokua.matters.v1 import bundle_pb2
from duokua.matters.v1 import events_pb2 as matters_events
from duokua.routing.v1 import events_pb2 as routing_events
from duokua.routing.v1 import routing_pb2
from services.cases import afterwards, store
from services.cases.domain.case import Case
from services.cases.domain.clocks import StopKind
from services.cases.domain.inputs import (
    Accepted,
    Answer,
    Completed,
    CorrectionRequested,
    Delivered,
    Failed,
    HandedOver,
    IncidentRetried,
    LimitExtended,
    Order,
    PassedUp,
    Rated,
    Refused,
    Resumed,
    Returned,
    Suspended,
    VisitAttended,
    VisitScheduled,
)
from services.cases.domain.proceedings import CorrectionItem, ItemKind, UrgeKind
from services.cases.domain.snapshot import from_json
from services.cases.operations import Operations
from services.cases.plans import Plans
from services.cases.service import Cases
from services.cases.supervision import Supervision
from services.cases.tasks import Given, Outcome, Tasks, Wish

LEASE = timedelta(seconds=60)
NINE = datetime(2026, 3, 2, 1, tzinfo=UTC)
"""In China, when offices visit a site."""
LEAD = bundle_pb2.Lead(organ_id="lead", uscc="11330106002491234N", level=4, name="lead局")
TASK_CODE = "11330106002491234N4332031901000"


def a_pdf(title: str) -> bytes:
    """A document of one empty page; for one title always the same bytes."""
    document = pikepdf.new()
    document.add_blank_page()
    document.docinfo["/Title"] = title
    buffer = io.BytesIO()
    document.save(buffer, deterministic_id=True)
    return buffer.getvalue()


PDF = a_pdf("the lease of the premises")
FORM_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["shop", "owner"],
    "properties": {
        "shop": {
            "type": "object",
            "required": ["region"],
            "properties": {
                "region": {"type": "string"},
                "area": {"type": "number"},
                "tags": {"type": "array", "items": {"type": "string"}},
            },
        },
        "owner": {"type": "string", "minLength": 2},
        "email": {"type": "string", "format": "email"},
    },
}


def a_bundle(version: int = 1, bundle_id: str = "open-shop") -> bundle_pb2.Bundle:
    """check -> food (notice) || sign || fire (above 300 square metres) -> deliver, the point of no return."""
    bundle = bundle_pb2.Bundle(
        bundle_id=bundle_id,
        version=version,
        name="开店",
        catalog_code="332031901000",
        lead=LEAD,
        form_schema=json.dumps(FORM_SCHEMA),
        region_field="shop.region",
        materials=[
            bundle_pb2.MaterialKind(
                kind="lease", name="租赁合同", required=True, media_types=["application/pdf"], max_size=1000
            ),
            bundle_pb2.MaterialKind(kind="photo", name="照片"),
        ],
    )
    add = bundle.steps.add
    add(step_id="check", catalog_code=code(1), name="核验", form_fields=["owner"])
    add(step_id="food", catalog_code=code(2), name="食品", after=["check"], undoable=True)
    bundle.steps[-1].form_fields.extend(["owner", "shop.area"])
    bundle.steps[-1].materials.append("lease")
    bundle.steps[-1].notice.CopyFrom(bundle_pb2.Notice(title="准予许可", template="{{ form.owner }}"))
    add(step_id="sign", catalog_code=code(3), name="招牌", after=["check"], undoable=True)
    add(step_id="fire", catalog_code=code(4), name="消防", after=["check"], undoable=True, when="form.shop.area > 300")
    add(step_id="deliver", catalog_code=code(5), name="送达", after=["food", "sign", "fire"], pivot=True)
    return bundle


def code(number: int) -> str:
    """A catalogue code."""
    return f"33{number:02d}31902000"


def a_form(**shop: object) -> dict[str, Any]:
    return {"owner": "李雷", "shop": {"region": "330106", "area": 120, **shop}}


def a_material(kind: str = "lease", content: bytes = PDF, media_type: str = "application/pdf") -> case_pb2.Material:
    return case_pb2.Material(kind=kind, name=f"{kind}.pdf", media_type=media_type, content=content)


class Town:
    """Cases of one database, and the offices: the office of a step is called like it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        plans = Plans()
        self.cases = Cases(plans)
        self.tasks = Tasks(plans, LEASE)
        self.operations = Operations(self.cases)

    def publish(self, *bundles: bundle_pb2.Bundle) -> "Town":
        with self.database.begin() as work:
            self.cases.learn_bundles(work, [matters_events.BundlePublished(bundle=each) for each in bundles])
        return self

    def submit(
        self,
        form: Mapping[str, Any] | None = None,
        materials: Sequence[case_pb2.Material] | None = None,
        *,
        bundle_id: str = "open-shop",
        applicant_id: str = "p1",
    ) -> str:
        """Submit a case, and give its id."""
        with self.database.begin() as work:
            return self.submit_in(work, form, materials, bundle_id=bundle_id, applicant_id=applicant_id)

    def submit_in(
        self,
        work: UnitOfWork,
        form: Mapping[str, Any] | None = None,
        materials: Sequence[case_pb2.Material] | None = None,
        *,
        bundle_id: str = "open-shop",
        applicant_id: str = "p1",
    ) -> str:
        handed_in = [a_material()] if materials is None else materials
        taken = self.cases.submit(
            work, applicant_id, "person:p1", bundle_id, a_form() if form is None else form, handed_in
        )
        case_id: str = taken.row.case_id
        return case_id

    def route(self, case_id: str, *, without: Sequence[str] = (), request_no: int = 0, **offices: str) -> None:
        """Routing answers the latest question: the office of a step is called like it, or as named."""
        case = self.case(case_id)
        event = routing_events.StepsRouted(case_id=case_id, request_no=request_no or case.request_no)
        for step_id, step in case.steps.items():
            if step.routing_no == event.request_no:
                organ_id = "" if step_id in without else offices.get(step_id.replace("-", "_"), step_id)
                event.decisions.append(
                    routing_pb2.Decision(step_id=step_id, organ_id=organ_id, organ_name=f"{organ_id}局", reason="最近")
                )
        with self.database.begin() as work:
            self.cases.take_routes(work, [event])

    def running(self, form: Mapping[str, Any] | None = None) -> str:
        """A case that is submitted, routed and checked."""
        case_id = self.submit(form)
        self.route(case_id)
        self.complete("check")
        return case_id

    def lease(
        self, organ_id: str, capacity: int = 10, *, codes: Sequence[str] = (), client: str = "client:a"
    ) -> list[task_pb2.Task]:
        with self.database.begin() as work:
            ((leased,), _) = self.tasks.lease(work, [Wish(organ_id, frozenset(codes), capacity, client)])
        return leased

    def one(self, organ_id: str, client: str = "client:a") -> task_pb2.Task:
        """The one task that is available to an office."""
        (task,) = self.lease(organ_id, client=client)
        return task

    def answer(self, *answers: Given) -> list[Outcome]:
        with self.database.begin() as work:
            return self.tasks.answer(work, answers)

    def complete(self, *organ_ids: str, **result: Any) -> None:
        """Each office completes the one task that it has."""
        for organ_id in organ_ids:
            taken(self.answer(completing(self.one(organ_id), **result)))

    def correct(self, case_id: str, changes: Mapping[str, Any], *materials: case_pb2.Material, number: int = 1) -> None:
        """The applicant supplies what was asked for."""
        with self.database.begin() as work:
            self.cases.correct(work, case_id, number, changes, materials, "person:p1")

    def complete_all(self, organ_id: str) -> None:
        """An office completes every task that it has."""
        taken(self.answer(*map(completing, self.lease(organ_id))))

    def supervise(self, case_id: str, step_id: str, reason: str = "周五开业") -> None:
        """An operator has the superior of a step's office told."""
        with self.database.begin() as work:
            supervision = Supervision(self.cases)
            supervision.urge(work, case_id, step_id, UrgeKind.SUPERVISE, reason, actor="client:operator")

    def sealed(self, case_id: str, *step_ids: str) -> None:
        """Notices of the case are sealed."""
        documents = [
            eseal_events.DocumentSealed(
                notice_id=self.case(case_id).steps[step_id].notice_id,
                document=document_pb2.Document(document_id=f"document-{step_id}", case_id=case_id, step_id=step_id),
            )
            for step_id in step_ids
        ]
        with self.database.begin() as work:
            self.cases.take_sealed(work, documents)

    def rate(self, case_id: str, level: int, step_id: str = "", comment: str = "") -> None:
        """The applicant rates the case or a step."""
        with self.database.begin() as work:
            afterwards.rate(self.cases, work, case_id, Rated(level, step_id, (), comment), "person:p1")

    def deliver(self, case_id: str, channel: str, receiver: str) -> None:
        """The lead organ says that the results went out."""
        with self.database.begin() as work:
            afterwards.deliver(self.cases, work, case_id, Delivered(channel, receiver), "client:lead")

    def revoked(self, case_id: str, step_id: str) -> None:
        """A notice of the case is void."""
        notice_id = self.case(case_id).steps[step_id].notice_id
        with self.database.begin() as work:
            self.cases.take_revocations(
                work, [eseal_events.NoticeRevoked(notice_id=notice_id, case_id=case_id, step_id=step_id)]
            )

    def retry(self, work: UnitOfWork, incident_id: str, request_id: str = "r1") -> bool:
        """An operator tries again what an incident stopped."""
        row = self.operations.incident_row(work, incident_id)
        order = IncidentRetried(incident_id, request_id, "已处理")
        return self.operations.decide(work, row.case_id, order, "client:ops")

    def decide(self, case_id: str, order: Order, actor: str = "client:ops") -> bool:
        """An operator decides; false when it was decided before."""
        with self.database.begin() as work:
            return self.operations.decide(work, case_id, order, actor)

    def case(self, case_id: str) -> Case:
        return from_json(self.row(case_id).snapshot)

    def row(self, case_id: str) -> Row[Any]:
        with self.database.read() as work:
            return self.cases.row(work, case_id)

    def statuses(self, case_id: str) -> dict[str, str]:
        return {step_id: str(step.status) for step_id, step in self.case(case_id).steps.items()}

    def events(self, name: str = "") -> list[Any]:
        """The events in the outbox, in the order of their versions; with a name only those."""
        outbox = store.metadata.tables["outbox"]
        with self.database.read() as work:
            rows = work.connection.execute(select(outbox.c.type, outbox.c.body).order_by(outbox.c.id)).all()
        found = [message(row.type, row.body) for row in rows if row.type.endswith(f".{name}") or not name]
        return sorted(found, key=lambda event: event.case.version)


def message(name: str, body: bytes) -> Message:
    """An event, by its type's full name."""
    for pool in (case_pb2, routing_events, eseal_events):
        return GetMessageClass(pool.DESCRIPTOR.pool.FindMessageTypeByName(name)).FromString(body)
    raise AssertionError(name)


def given(task: task_pb2.Task, answer: Answer | None, **changes: Any) -> Given:
    """An answer to a task as its office gives it."""
    values: dict[str, Any] = {
        "organ_id": task.organ_id,
        "actor": "client:a",
        "request_id": answer.request_id if answer else new_id(),
        "task_id": task.task_id,
        "lease": task.lease,
        "answer": answer,
    }
    return Given(**{**values, **changes})


def completing(task: task_pb2.Task, request_id: str = "", **result: Any) -> Given:
    return given(task, Completed(task.task_id, request_id or new_id(), result or {"permit": "P1"}))


def accepting(task: task_pb2.Task, request_id: str = "") -> Given:
    return given(task, Accepted(task.task_id, request_id or new_id()))


def refusing(task: task_pb2.Task, reason: str = "通道堵塞", request_id: str = "") -> Given:
    return given(task, Refused(task.task_id, request_id or new_id(), reason))


def returning(task: task_pb2.Task) -> Given:
    return given(task, Returned(task.task_id, new_id(), "不属于本部门"))


def passing_up(task: task_pb2.Task, reason: str = "超出本级权限", request_id: str = "", **opinion: Any) -> Given:
    return given(task, PassedUp(task.task_id, request_id or new_id(), opinion or {"agreed": True}, reason))


def handing_over(task: task_pb2.Task, handler: str = "审批二科") -> Given:
    return given(task, HandedOver(task.task_id, new_id(), handler, "分工"))


def field(path: str, reason: str = "与图纸不符") -> CorrectionItem:
    return CorrectionItem(ItemKind.FIELD, path, reason)


def asking(task: task_pb2.Task, *items: CorrectionItem, reason: str = "") -> Given:
    return given(task, CorrectionRequested(task.task_id, new_id(), items, reason))


def extending(task: task_pb2.Task, amount: int = 10, reason: str = "案情复杂", authority: str = "局长") -> Given:
    return given(task, LimitExtended(task.task_id, new_id(), amount, reason, authority))


def suspending(task: task_pb2.Task, procedure: StopKind = StopKind.HEARING) -> Given:
    return given(task, Suspended(task.task_id, new_id(), procedure, "听取邻里意见"))


def resuming(task: task_pb2.Task, request_id: str = "") -> Given:
    return given(task, Resumed(task.task_id, request_id or new_id()), lease="")


def scheduling(task: task_pb2.Task) -> Given:
    return given(task, VisitScheduled(task.task_id, new_id(), NINE, "某路1号"))


def attending(task: task_pb2.Task) -> Given:
    return given(task, VisitAttended(task.task_id, new_id(), "与图纸相符"))


def failing(task: task_pb2.Task, retry_after: timedelta | None = None) -> Given:
    return given(task, Failed(task.task_id, new_id(), "系统故障", retry_after))


def taken(outcomes: Sequence[Outcome]) -> None:
    """Every answer was taken."""
    assert [outcome.problem for outcome in outcomes] == [None] * len(outcomes)


def refused(outcomes: Sequence[Outcome]) -> list[str]:
    """The reason of each outcome; empty for one that was taken."""
    return [reason_of(outcome.problem) for outcome in outcomes]


def reason_of(problem: Problem | None) -> str:
    return problem.reason if problem else ""


def tables(database: Database, metadata: MetaData = store.metadata) -> dict[str, list[Any]]:
    """Everything that a database holds, to compare before and after."""
    with database.read() as work:
        return {
            name: sorted(repr(tuple(row)) for row in work.connection.execute(select(table)))
            for name, table in metadata.tables.items()
        }
