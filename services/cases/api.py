"""CaseService: what applicants and operators ask, between contract and use cases."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from sqlalchemy import Row

from chassis.api import Call, Caller, Servicer, StreamCall
from chassis.database import UnitOfWork
from chassis.paging import page
from chassis.settings import Settings
from duokua.cases.v1 import case_pb2, case_service_pb2
from services.cases import afterwards, store
from services.cases.afterwards_messages import is_over, rated_of
from services.cases.application_api import ApplicationApi
from services.cases.blobs import Blobs
from services.cases.calendar_api import CalendarApi, prepare
from services.cases.calendars import Calendars
from services.cases.checking import check_contents
from services.cases.domain.inputs import Delivered
from services.cases.draft_api import DraftApi
from services.cases.drafts import Drafts
from services.cases.inspection.inspectors import Inspectors
from services.cases.log_api import LogApi
from services.cases.material_api import MaterialApi
from services.cases.messages import CASE_STATUSES, case_message, entry_message, form_of
from services.cases.operations_api import OperationsApi
from services.cases.reading import Reading
from services.cases.record_api import RecordApi
from services.cases.saga import watch_topic
from services.cases.service import Cases, case_not_found
from services.cases.standing_in import ref_message
from services.cases.supervision import Supervision
from services.cases.supervision_api import SupervisionApi
from services.cases.task_api import TaskApi
from services.cases.tasks import Tasks
from services.cases.uploads import Uploads
from services.cases.visibility import applicant_of, led_case, shown_to, visible_case, visible_history

__all__ = ["CaseApi", "build", "prepare"]

pb = case_service_pb2

WATCH_INTERVAL_SECONDS = 5.0


class CaseApi:
    """What applicants ask: each sees its own cases, an operator sees all."""

    service = case_service_pb2.DESCRIPTOR.services_by_name["CaseService"]

    def __init__(self, cases: Cases, inspectors: Inspectors) -> None:
        self._cases = cases
        self._inspectors = inspectors

    async def before_submit_case(self, call: StreamCall, request: pb.SubmitCaseRequest) -> None:
        """Look into the materials that come with the application."""
        del call
        await check_contents(self._inspectors, request.materials)

    def submit_case(self, call: Call, request: pb.SubmitCaseRequest) -> pb.SubmitCaseResponse:
        """Take an application in."""
        person_id, form = applicant_of(call.caller), form_of(request.form)
        subject = call.caller.subject
        taken = self._cases.submit(call.work, person_id, subject, request.bundle_id, form, request.materials)
        case = self._message(call.work, call.caller, taken.row)
        by_licence = map(ref_message, taken.by_licence)
        return pb.SubmitCaseResponse(case=case, warnings=taken.warnings, by_licence=by_licence)

    def withdraw_case(self, call: Call, request: pb.WithdrawCaseRequest) -> pb.WithdrawCaseResponse:
        """Take an application back: its applicant, or who acts for the applicant, and nobody else."""
        row = self._own(call, request.case_id)
        row = self._cases.withdraw(call.work, row.case_id, request.reason, call.caller.subject)
        return pb.WithdrawCaseResponse(case=self._message(call.work, call.caller, row))

    async def before_correct_case(self, call: StreamCall, request: pb.CorrectCaseRequest) -> None:
        """Look into the materials that are supplied."""
        del call
        await check_contents(self._inspectors, request.materials)

    def correct_case(self, call: Call, request: pb.CorrectCaseRequest) -> pb.CorrectCaseResponse:
        """Take what an applicant was asked for: its applicant, or who acts for the applicant, and nobody else."""
        row = self._own(call, request.case_id)
        changes = form_of(request.form)
        row = self._cases.correct(
            call.work, row.case_id, request.correction_no, changes, request.materials, call.caller.subject
        )
        return pb.CorrectCaseResponse(case=self._message(call.work, call.caller, row))

    def rate_case(self, call: Call, request: pb.RateCaseRequest) -> pb.RateCaseResponse:
        """Take a rating: of its applicant, or who acts for the applicant, and nobody else."""
        row = self._own(call, request.case_id)
        given = rated_of(request)
        row = afterwards.rate(self._cases, call.work, row.case_id, given, call.caller.subject)
        return pb.RateCaseResponse(case=self._message(call.work, call.caller, row))

    def deliver_case(self, call: Call, request: pb.DeliverCaseRequest) -> pb.DeliverCaseResponse:
        """Note that the results went out: an operator says so, or the organ that leads the bundle."""
        row = led_case(self._cases, call.work, call.caller, request.case_id)
        given = Delivered(request.channel.strip(), request.receiver.strip())
        row = afterwards.deliver(self._cases, call.work, row.case_id, given, call.caller.subject)
        return pb.DeliverCaseResponse(delivery=self._message(call.work, call.caller, row).delivery)

    def get_case(self, call: Call, request: pb.GetCaseRequest) -> pb.GetCaseResponse:
        """A case as it stands."""
        row = self._visible(call.work, call.caller, request.case_id)
        return pb.GetCaseResponse(case=self._message(call.work, call.caller, row))

    def list_cases(self, call: Call, request: pb.ListCasesRequest) -> pb.ListCasesResponse:
        """The caller's cases; an operator's are all."""
        asked = page(request.page_size, request.page_token)
        applicant_id = "" if call.caller.may("cases.read_all") else call.caller.person_id or "nobody"
        status = str(CASE_STATUSES[request.status]) if request.status else ""
        rows = self._cases.list_cases(call.work, asked, applicant_id, status)
        kept, token = asked.cut(rows, lambda row: [row.case_id])
        return pb.ListCasesResponse(cases=self._messages(call.work, call.caller, kept), next_page_token=token)

    def get_history(self, call: Call, request: pb.GetHistoryRequest) -> pb.GetHistoryResponse:
        """The chained entries of a case, of each what the caller may see."""
        row, sight = visible_history(self._cases, call.work, call.caller, request.case_id)
        asked = page(request.page_size, request.page_token, kind=int)
        after = int(asked.after[0]) if asked.after else 0
        entries = store.history_page(call.work.connection, row.case_id, after, asked.fetch)
        kept, token = asked.cut(entries, lambda entry: [entry.sequence])
        return pb.GetHistoryResponse(entries=[entry_message(each, sight) for each in kept], next_page_token=token)

    async def watch_case(self, call: StreamCall, request: pb.WatchCaseRequest) -> AsyncIterator[pb.WatchCaseResponse]:
        """The case now and after each change, until it has ended and no follow-up is open."""
        look = asyncio.Event()
        loop = asyncio.get_running_loop()
        message = await call.run(self._look_up, call, request.case_id)
        topic = watch_topic(message.case_id)

        def changed() -> None:
            loop.call_soon_threadsafe(look.set)

        call.database.callbacks.add(topic, changed)
        try:
            seen = 0
            while True:
                look.clear()
                message = await call.run(self._look_up, call, request.case_id)
                if message.version > seen:
                    seen = message.version
                    yield pb.WatchCaseResponse(case=message)
                if is_over(message) or call.stopping.is_set():
                    return
                await _wait(look, WATCH_INTERVAL_SECONDS)
        finally:
            call.database.callbacks.remove(topic, changed)

    def _look_up(self, call: StreamCall, case_id: str) -> case_pb2.Case:
        with call.database.read() as work:
            return self._message(work, call.caller, self._visible(work, call.caller, case_id))

    def _own(self, call: Call, case_id: str) -> Row[Any]:
        """A case of the caller's own; an operator has none."""
        row = self._cases.row(call.work, case_id)
        if not call.caller.person_id or row.applicant_id != call.caller.person_id:
            raise case_not_found(case_id)
        return row

    def _visible(self, work: UnitOfWork, caller: Caller, case_id: str) -> Row[Any]:
        return visible_case(self._cases, work, caller, case_id)

    def _message(self, work: UnitOfWork, caller: Caller, row: Row[Any]) -> case_pb2.Case:
        (message,) = self._messages(work, caller, [row])
        return message

    def _messages(self, work: UnitOfWork, caller: Caller, rows: Sequence[Row[Any]]) -> list[case_pb2.Case]:
        versions = {(row.bundle_id, row.bundle_version) for row in rows}
        plans = {each: self._cases.plans.of(work.connection, *each).plan for each in versions}
        # The newest calendar is asked for with each of them, and not with each case.
        readers = {each: self._cases.reader(work, plan) for each, plan in plans.items()}
        keyed = [((row.bundle_id, row.bundle_version), row) for row in rows]
        return [shown_to(caller, case_message(row, plans[key], readers[key])) for key, row in keyed]


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


def build(settings: Settings) -> list[Servicer]:
    """The servicers of this service."""
    cases = Cases.from_settings(settings)
    blobs, inspectors = Blobs.from_settings(settings), Inspectors()
    return [
        CaseApi(cases, inspectors),
        OperationsApi(cases),
        CalendarApi(Calendars()),
        LogApi(cases),
        MaterialApi(cases, Uploads(settings.largest_material), blobs, inspectors),
        RecordApi(cases),
        ApplicationApi(cases),
        DraftApi(cases, Drafts(cases)),
        TaskApi(Tasks.from_settings(settings), Reading(blobs)),
        SupervisionApi(Supervision(cases), cases),
    ]
