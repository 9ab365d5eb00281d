"""Files that operators load: read back as written, and every fault told with its line and column."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cases.domain.calendar import DayKind, SpecialDay
from services.cases.domain.calendar_file import MOST_FAULTS, days_of, read_calendar, write_calendar
from tests.cases.calendar.days import CALENDAR, a_calendar, a_year, d

WHOLE = "2027-01-01,holiday,元旦\n2027-05-01,holiday,劳动节\n2027-10-01,holiday,国庆节\n"


def faults_of(rows: str, titles: str = "date,kind,name\n") -> list[tuple[int, str, str]]:
    days, faults = read_calendar(f"{titles}{rows}".encode(), a_calendar(2025, 2026))
    del days
    return [(fault.line, fault.column, fault.message) for fault in faults]


def test_a_file_is_read() -> None:
    rows = WHOLE + "2027-01-03,working,元旦\n"
    days, faults = read_calendar(f"date,kind,name\n{rows}".encode(), CALENDAR)
    assert faults == []
    assert days[0] == SpecialDay(d("2027-01-01"), DayKind.HOLIDAY, "元旦")
    assert days[-1] == SpecialDay(d("2027-01-03"), DayKind.WORKING, "元旦")


@pytest.mark.parametrize(
    "content",
    [
        f"\ufeffdate,kind,name\n{WHOLE}",
        f"date,kind,name\n{WHOLE}".replace("\n", "\r\n"),
        f"\n date , kind,name\n\n{WHOLE}\n , ,\n".replace(",holiday", " , holiday"),
        "name,date,kind\n元旦,2027-01-01,holiday\n劳动节,2027-05-01,holiday\n国庆节,2027-10-01,holiday",
        f"date,kind,name\n{WHOLE}".replace("元旦", '"元旦"'),
    ],
    ids=["a byte order mark", "Windows", "blanks", "another order of columns", "quotes"],
)
def test_what_spreadsheets_write_is_read_too(content: str) -> None:
    plain = read_calendar(f"date,kind,name\n{WHOLE}".encode(), CALENDAR)
    assert read_calendar(content.encode(), CALENDAR) == plain
    assert plain[1] == []


def test_all_faults_of_all_rows_are_told_at_once() -> None:
    rows = "2027-1-1,holiday,元旦\n2027-05-01,off,\n" + "2027-02-30,working\n" + "2027-10-01,holiday,国庆节\n" * 2
    assert [(line, column) for line, column, _ in faults_of(rows)] == [
        (2, "date"),
        (3, "kind"),
        (3, "name"),
        (4, ""),
        (6, "date"),
    ]


@pytest.mark.parametrize(
    ("rows", "line", "column", "message"),
    [
        ("2027/01/01,holiday,元旦\n", 2, "date", '"2027/01/01" is no date: write it as 2026-01-31'),
        ("20270101,holiday,元旦\n", 2, "date", '"20270101" is no date'),
        ("2027-W01-1,holiday,元旦\n", 2, "date", "is no date"),
        (",holiday,元旦\n", 2, "date", '"" is no date'),
        ("2027-01-01,Holiday,元旦\n", 2, "kind", '"Holiday" is no kind: write working or holiday'),
        ("2027-01-04,working,元旦\n", 2, "date", "is a Monday and worked on anyway"),
        ("2027-01-01,holiday,\n", 2, "name", "must name the holiday"),
        (f"2027-01-01,holiday,{'长' * 51}\n", 2, "name", "1 to 50"),
        ("2027-01-01,holiday,元\x1b旦\n", 2, "name", "printable"),
        ("2027-01-01,holiday,元旦,x\n", 2, "", "has 4 cells"),
        (WHOLE + '2027-02-01,holiday,"x\n', 5, "", "is not CSV"),
        (WHOLE + "2027-01-01,holiday,元旦\n", 5, "date", "is in line 2 already"),
        (WHOLE.replace("2027-05-01", "2027-05-02"), 2, "date", "2027 has no holiday on 2027-05-01"),
        (WHOLE.replace("2027", "2028"), 2, "date", "2027 would be missing"),
        (WHOLE.replace("2027", "2030"), 2, "date", "2027 to 2029 would be missing"),
        (WHOLE.replace("2027", "2020"), 2, "date", "2021 to 2024 would be missing"),
        ("", 0, "", "has no days"),
    ],
)
def test_a_fault_is_told_with_its_line_and_column(rows: str, line: int, column: str, message: str) -> None:
    ((found_line, found_column, found),) = faults_of(rows)
    assert (found_line, found_column) == (line, column)
    assert message in found


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"", 0, "is empty"),
        (b"\n\n", 0, "is empty"),
        (b"date;kind;name\n", 1, "must be date,kind,name"),
        (b"date,kind\n", 1, "must be date,kind,name"),
        (b"\ndate,kind,name,more\n", 2, "must be date,kind,name"),
        ("date,kind,name\n2027-01-01,holiday,元旦\n".encode("gbk"), 2, "UTF-8"),
    ],
)
def test_a_file_that_is_no_such_table_is_told(content: bytes, line: int, message: str) -> None:
    days, (fault,) = read_calendar(content, CALENDAR)
    assert days == []
    assert fault.line == line
    assert message in fault.message


def test_a_file_may_correct_a_known_year_and_add_years_on_either_side() -> None:
    for years in ((2026,), (2027, 2028), (2003,), (2003, 2027)):
        content = write_calendar([day for year in years for day in a_year(year)])
        assert read_calendar(content.encode(), CALENDAR)[1] == []


def test_where_a_fault_is_reads_as_people_say_it() -> None:
    _, faults = read_calendar(b"date,kind,name\n2027-01-01,off,x\n", CALENDAR)
    assert faults[0].place == "line 2, kind"
    assert read_calendar(b"", CALENDAR)[1][0].place == "file"


def test_no_more_faults_are_told_than_help() -> None:
    _, faults = read_calendar(b"date,kind,name\n" + b"x,y,z\n" * 2000, CALENDAR)
    assert len(faults) == MOST_FAULTS


@given(
    st.dictionaries(
        st.dates(date(2026, 1, 2), date(2028, 12, 31)),
        st.text(st.characters(codec="utf-8", categories=["L", "P", "N"]), min_size=1, max_size=50),
        max_size=20,
    )
)
def test_a_calendar_is_read_back_as_it_was_written(names: dict[date, str]) -> None:
    base = {day.day: day for year in (2026, 2027, 2028) for day in a_year(year)}
    days = sorted({**base, **{day: SpecialDay(day, DayKind.HOLIDAY, name) for day, name in names.items()}}.values())
    content = write_calendar(days)
    assert read_calendar(content.encode(), CALENDAR) == (days, [])
    assert days_of(content) == days


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: f"date,kind,name\n{text}".encode()))
def test_no_file_is_an_exception(content: bytes) -> None:
    days, faults = read_calendar(content, CALENDAR)
    assert faults or days
