"""`duokua calendar` and CalendarService, against an api process over gRPC."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner

from chassis.clock import new_id
from cli.main import app
from duokua.cases.v1 import calendar_service_pb2
from duokua.identity.v1 import directory_pb2
from services.cases.domain.calendar_file import write_calendar
from tests.cases.calendar.days import CALENDAR, a_year
from tests.cases.offices import refusal
from tests.edge import Edge

pb = calendar_service_pb2


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator at a process with identity and cases."""

    edge: Edge
    environment: dict[str, str]
    folder: Path

    def run(self, *arguments: str, status: int = 0) -> str:
        done = CliRunner(env=self.environment).invoke(app, ["calendar", *arguments])
        assert done.exit_code == status, done.output
        return done.stdout

    def json(self, *arguments: str, status: int = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", status=status))

    def file(self, content: str, name: str = "days.csv") -> str:
        path = self.folder / name
        path.write_text(content, "utf-8")
        return str(path)

    def years(self, *years: int) -> str:
        """A file with years."""
        return self.file(write_calendar(day for year in years for day in a_year(year)))


@contextmanager
def a_platform(folder: Path) -> Iterator[Operator]:
    with Edge(folder / "data", "cases") as edge:
        environment = {"DUOKUA_DATA_DIR": str(folder / "data"), "DUOKUA_ENDPOINTS": edge.settings.listen}
        yield Operator(edge, {**environment, "COLUMNS": "200"}, folder)


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    """The process is in this one: its log must not come between what commands print."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(io.StringIO()))
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def operator(_quiet: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """The operator of a platform on which nothing is loaded."""
    with a_platform(tmp_path_factory.mktemp("platform")) as made:
        yield made


@pytest.fixture
def loader(tmp_path: Path) -> Iterator[Operator]:
    """The operator of a platform that has just started; versions are never deleted, so each test has its own."""
    with a_platform(tmp_path) as made:
        yield made


def test_a_year_is_shown(operator: Operator) -> None:
    lines = [line.split("\t") for line in operator.run("show", "2026").splitlines()]
    assert lines[0] == ["date", "weekday", "kind", "name"]
    assert lines[1] == ["2026-01-01", "Thu", "holiday", "元旦"]
    assert ["2026-10-10", "Sat", "working", "国庆节"] in lines
    assert len(lines) == 1 + len(CALENDAR.of_year(2026))


def test_a_year_as_json_has_everything(operator: Operator) -> None:
    shown = operator.json("show", "2026")
    assert (shown["year"], shown["working_days"]) == (2026, 248)
    assert shown["days"][3] == {"date": "2026-01-04", "kind": "DAY_KIND_WORKING", "name": "元旦"}
    assert (shown["calendar"]["version"], shown["calendar"]["last_year"]) == (1, 2026)
    assert len(shown["calendar"]["digest"]) == 64


def test_a_year_beyond_the_calendar_is_an_error_that_says_what_to_do(operator: Operator) -> None:
    asked = pb.GetCalendarYearRequest(year=2030)
    assert refusal(operator.edge.operator.calendar.GetCalendarYear, asked) == ("NOT_FOUND", "CALENDAR_ENDS", [])
    done = CliRunner(env=operator.environment).invoke(app, ["calendar", "show", "2030"])
    assert "not of 2030" in str(done.exception)
    assert "duokua calendar load" in str(done.exception)
    assert refusal(
        operator.edge.operator.calendar.GetCalendarYear, pb.GetCalendarYearRequest(year=2026, version=9)
    ) == ("NOT_FOUND", "CALENDAR_NOT_FOUND", [])


@pytest.mark.parametrize("year", [1, 9999, 2**32 - 1])
def test_any_year_can_be_asked_for(operator: Operator, year: int) -> None:
    asked = pb.GetCalendarYearRequest(year=year)
    assert refusal(operator.edge.operator.calendar.GetCalendarYear, asked)[1] == "CALENDAR_ENDS"


def test_a_year_is_loaded_and_shown(loader: Operator) -> None:
    said = loader.run("load", loader.years(2027, 2028))
    assert said == "version 2 of the calendar knows 2004 to 2028; new or changed: 2027, 2028\n"
    assert loader.json("show", "2027")["calendar"]["version"] == 2
    said = loader.run("load", loader.years(2027))
    assert "says what version 2 of the calendar says already: nothing is changed" in said
    assert [calendar["version"] for calendar in loader.json("list")] == [2, 1]


def test_a_load_as_json_is_the_version(loader: Operator) -> None:
    loaded = loader.json("load", loader.years(2027))
    assert (loaded["version"], loaded["years"], loaded["source"]) == (2, [2027], "days.csv")
    assert loaded["loaded_by"].startswith("client:operator-")


def test_what_is_shown_as_csv_can_be_changed_and_loaded(loader: Operator) -> None:
    shown = loader.run("show", "2026", "--csv")
    assert shown == write_calendar(CALENDAR.of_year(2026))
    assert "nothing is changed" in loader.run("load", loader.file(shown))
    changed = shown.replace("2026-10-10,working,国庆节\n", "")
    assert "new or changed: 2026" in loader.run("load", loader.file(changed))
    assert loader.json("show", "2026")["working_days"] == 247
    assert loader.json("show", "2026", "--version", "1")["working_days"] == 248


def test_every_fault_of_a_file_is_named_and_nothing_is_loaded(operator: Operator) -> None:
    file = operator.file("date,kind,name\n2027-01-01,holiday,元旦\n" + "2027-02-30,off,\n" * 100)
    said = operator.run("load", file, status=1).splitlines()
    assert said[0] == f'{file}:3 date: "2027-02-30" is no date: write it as 2026-01-31'
    assert said[-1] == f"{file}: 300 faults"
    assert len(said) == 301
    faults = operator.json("load", file, status=1)["faults"]
    assert (len(faults), faults[1]["line"], faults[1]["column"]) == (300, 3, "kind")
    assert [calendar["version"] for calendar in operator.json("list")] == [1]


def test_a_file_can_be_checked_alone(operator: Operator) -> None:
    file = operator.years(2027)
    assert operator.run("load", file, "--check") == f"{file} is in order\n"
    assert operator.json("load", file, "--check") == {"faults": []}
    assert operator.json("show", "2026")["calendar"]["version"] == 1


def test_versions_are_listed(loader: Operator) -> None:
    loader.run("load", loader.years(2027))
    rows = [line.split("\t") for line in loader.run("list").splitlines()]
    assert rows[0] == ["version", "from", "to", "new or changed", "loaded", "by", "source"]
    assert rows[1][:4] == ["2", "2004", "2027", "2027"]
    assert rows[2][:4] == ["1", "2004", "2026", "2004 to 2026"]
    assert rows[2][5:] == ["platform", "working-days.csv"]


def test_a_repeated_load_gets_the_first_answer(loader: Operator) -> None:
    content = write_calendar(a_year(2027)).encode()
    request = pb.LoadCalendarRequest(request_id=new_id(), content=content)
    calendar = loader.edge.operator.calendar
    assert calendar.LoadCalendar(request) == calendar.LoadCalendar(request)
    assert len(calendar.ListCalendars(pb.ListCalendarsRequest()).calendars) == 2


def test_a_load_past_the_check_is_refused_with_its_faults(operator: Operator) -> None:
    request = pb.LoadCalendarRequest(request_id=new_id(), content=b"date,kind,name\n2027-01-01,off,x\n")
    found = refusal(operator.edge.operator.calendar.LoadCalendar, request)
    assert found == ("INVALID_ARGUMENT", "CALENDAR_INVALID", ["line 2, kind"])
    many = pb.LoadCalendarRequest(request_id=new_id(), content=b"date,kind,name\n" + "元,元,\n".encode() * 3000)
    code, reason, fields = refusal(operator.edge.operator.calendar.LoadCalendar, many)
    assert (code, reason, fields[-1]) == ("INVALID_ARGUMENT", "CALENDAR_INVALID", "file")
    empty = pb.LoadCalendarRequest(request_id=new_id())
    assert refusal(operator.edge.operator.calendar.LoadCalendar, empty)[2] == ["content"]


def test_only_operators_see_and_load_calendars(operator: Operator) -> None:
    portal = operator.edge.client(directory_pb2.CLIENT_ROLE_PORTAL)
    content = write_calendar(a_year(2027)).encode()
    calls: list[tuple[Any, Any]] = [
        (portal.calendar.GetCalendarYear, pb.GetCalendarYearRequest(year=2026)),
        (portal.calendar.ListCalendars, pb.ListCalendarsRequest()),
        (portal.calendar.CheckCalendar, pb.CheckCalendarRequest(content=content)),
        (portal.calendar.LoadCalendar, pb.LoadCalendarRequest(request_id=new_id(), content=content)),
    ]
    for call, request in calls:
        assert refusal(call, request)[0] == "PERMISSION_DENIED"
    assert operator.json("show", "2026")["calendar"]["version"] == 1
