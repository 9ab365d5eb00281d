"""CalendarService: what operators ask about working days, between contract and use cases."""

from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import Row

from chassis.api import Call
from chassis.database import Database
from chassis.paging import page
from chassis.problems import NotFound
from chassis.settings import Settings
from duokua.cases.v1 import calendar_service_pb2
from services.cases.calendars import Calendars
from services.cases.domain.calendar import CalendarEnds, DayKind, SpecialDay

pb = calendar_service_pb2
_KINDS = {DayKind.WORKING: pb.DAY_KIND_WORKING, DayKind.HOLIDAY: pb.DAY_KIND_HOLIDAY}


class CalendarApi:
    """duokua.cases.v1.CalendarService."""

    service = calendar_service_pb2.DESCRIPTOR.services_by_name["CalendarService"]

    def __init__(self, calendars: Calendars) -> None:
        self._calendars = calendars

    def get_calendar_year(self, call: Call, request: pb.GetCalendarYearRequest) -> pb.GetCalendarYearResponse:
        """The special days of a year."""
        calendar = self._calendars.version(call.work, request.version)
        try:
            days = calendar.of_year(request.year)
        except CalendarEnds as end:
            raise NotFound(end.reason, end.message, year=end.year) from None
        return pb.GetCalendarYearResponse(
            year=request.year,
            working_days=calendar.working_days(
                days[0].day.replace(month=1, day=1), days[0].day.replace(month=12, day=31)
            ),
            days=[_day_message(day) for day in days],
            calendar=_message(self._calendars.row(call.work, calendar.version)),
        )

    def list_calendars(self, call: Call, request: pb.ListCalendarsRequest) -> pb.ListCalendarsResponse:
        """All versions."""
        asked = page(request.page_size, request.page_token, kind=int)
        kept, token = asked.cut(self._calendars.rows(call.work, asked), lambda row: [row.version])
        return pb.ListCalendarsResponse(calendars=[_message(row) for row in kept], next_page_token=token)

    def check_calendar(self, call: Call, request: pb.CheckCalendarRequest) -> pb.CheckCalendarResponse:
        """All that is wrong with a file."""
        faults = self._calendars.check(call.work, request.content)
        return pb.CheckCalendarResponse(
            faults=[pb.CalendarFault(line=fault.line, column=fault.column, message=fault.message) for fault in faults]
        )

    def load_calendar(self, call: Call, request: pb.LoadCalendarRequest) -> pb.LoadCalendarResponse:
        """Makes the years of a file known."""
        row = self._calendars.load(call.work, request.content, request.source, call.caller.subject)
        return pb.LoadCalendarResponse(calendar=_message(row))


def prepare(settings: Settings, database: Database) -> None:
    """Make the years that came with this release known; every api process calls it at its start."""
    del settings
    with database.begin() as work:
        Calendars().install(work)


def _message(row: Row[Any]) -> pb.Calendar:
    loaded_at = Timestamp()
    loaded_at.FromDatetime(row.loaded_at)
    return pb.Calendar(
        version=row.version,
        first_year=row.first_year,
        last_year=row.last_year,
        years=row.years,
        loaded_at=loaded_at,
        loaded_by=row.loaded_by,
        source=row.source,
        digest=row.digest,
    )


def _day_message(day: SpecialDay) -> pb.SpecialDay:
    return pb.SpecialDay(date=day.day.isoformat(), kind=_KINDS[day.kind], name=day.name)
