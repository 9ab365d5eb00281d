"""RecordService: exchange records, between contract and use cases."""

from collections.abc import AsyncIterator
from datetime import UTC

from chassis.api import Call, Caller, StreamCall
from chassis.problems import Invalid, Unavailable, Violation
from duokua.cases.v1 import record_pb2, record_service_pb2
from services.cases.record_messages import record_message
from services.cases.records import CaseRecords, position_since, records_from
from services.cases.service import Cases
from services.cases.visibility import visible_case

pb = record_service_pb2

PAGE, LARGEST_PAGE = 100, 500
LARGEST_POSITION = 2**63 - 1


class RecordApi:
    """What data bureaus are told of cases."""

    service = record_service_pb2.DESCRIPTOR.services_by_name["RecordService"]

    def __init__(self, cases: Cases) -> None:
        self._cases = cases

    async def export_case(
        self, call: StreamCall, request: pb.ExportCaseRequest
    ) -> AsyncIterator[pb.ExportCaseResponse]:
        """The records of a case, a page of its history at a time."""
        reader = await call.run(self._reader, call, request.case_id)
        while True:
            if call.stopping.is_set():
                raise Unavailable("STOPPING", "this process stops, and the export is not whole; ask again")
            records = await call.run(self._next, call, reader)
            if records is None:
                return
            if records:
                yield pb.ExportCaseResponse(records=[_shown_to(call.caller, each) for each in records])

    def _reader(self, call: StreamCall, case_id: str) -> CaseRecords:
        with call.database.read() as work:
            return CaseRecords(self._cases, work, visible_case(self._cases, work, call.caller, case_id))

    @staticmethod
    def _next(call: StreamCall, reader: CaseRecords) -> list[record_pb2.ExchangeRecord] | None:
        with call.database.read() as work:
            records = reader.next_page(work)
        return None if records is None else [record_message(reader, each) for each in records]

    def export_records(self, call: Call, request: pb.ExportRecordsRequest) -> pb.ExportRecordsResponse:
        """The records of the next entries of the log."""
        position = self._position(call, request)
        limit = min(request.page_size or PAGE, LARGEST_PAGE)
        exported = records_from(self._cases, call.work, position, limit)
        return pb.ExportRecordsResponse(
            records=[record_message(of, record) for of, record in exported.records],
            unreadable=[
                pb.UnreadableCase(case_id=of.case_id, case_number=of.case_number, message=conflict.message)
                for of, conflict in exported.unreadable
            ],
            next_position=exported.next_position,
            more=exported.more,
        )

    @staticmethod
    def _position(call: Call, request: pb.ExportRecordsRequest) -> int:
        if not request.HasField("since"):
            if request.position > LARGEST_POSITION:
                raise Invalid("BAD_REQUEST", "position is none", [Violation("position", "give a next_position")])
            return request.position
        if request.position:
            fault = Violation("since", "give a position or a time, not both")
            raise Invalid("BAD_REQUEST", "position and since exclude each other", [fault])
        try:
            since = request.since.ToDatetime(UTC)
        except ValueError as error:
            raise Invalid("BAD_REQUEST", "since is no time", [Violation("since", "is not a time")]) from error
        return position_since(call.work, since)


def _shown_to(caller: Caller, record: record_pb2.ExchangeRecord) -> record_pb2.ExchangeRecord:
    """A record as the caller sees it: for an applicant an office is one body, as in its case."""
    if record.HasField("process") and not caller.may("cases.read_all"):
        record.process.ClearField("handler")
    return record
