"""Urges in the database: by hand and by clocks, counted by office, page by page."""

from datetime import timedelta

from chassis.database import Database
from chassis.paging import page
from chassis.testing import ManualClock
from services.cases.domain.effects import StepUrged
from services.cases.domain.proceedings import Urge, UrgeKind
from services.cases.supervision import Supervision
from services.cases.urge_store import add_urges, count_urges, urge_row
from tests.cases.builders import Town

COUNT = tuple[str, int, int, int, int]


def urge(town: Town, case_id: str, step_id: str, kind: UrgeKind = UrgeKind.URGE) -> Urge:
    with town.database.begin() as work:
        return Supervision(town.cases).urge(work, case_id, step_id, kind, "周五开业", actor="client:op")


def by_clock(town: Town, case_id: str, step_id: str, version: int, *, late: bool) -> None:
    """What the light of a clock writes down."""
    case = town.case(case_id)
    kind = UrgeKind.SUPERVISE if late else UrgeKind.URGE
    told = Urge(kind, step_id, case.steps[step_id].organ_id, case.submitted_at, "late", automatic=True)
    row = urge_row(case, StepUrged(step_id, told, late=late))
    with town.database.begin() as work:
        add_urges(work.connection, [{**row, "version": version}])


def counts(database: Database, size: int = 10) -> list[COUNT]:
    found: list[COUNT] = []
    after = ""
    while True:
        with database.read() as work:
            rows = count_urges(work.connection, None, None, "", after, size)
        found += [
            (row.organ_id, int(row.urges), int(row.supervisions), int(row.automatic), int(row.late_steps))
            for row in rows
        ]
        if len(rows) < size:
            return found
        after = rows[-1].organ_id


def test_each_office_is_counted_for_itself_and_late_steps_once_each(town: Town) -> None:
    first, second = town.running(), town.running()
    urge(town, first, "food")
    urge(town, second, "sign")
    for version, case_id in ((101, first), (102, first), (103, second)):
        by_clock(town, case_id, "food", version, late=True)
    by_clock(town, first, "food", 104, late=False)
    expected = [("food", 2, 3, 4, 2), ("sign", 1, 0, 0, 0)]
    assert counts(town.database) == expected
    assert counts(town.database, size=1) == expected


def test_a_step_without_an_office_is_counted_for_nobody(town: Town) -> None:
    case_id = town.submit()
    urge(town, case_id, "check")
    assert counts(town.database) == []
    with town.database.read() as work:
        assert Supervision(town.cases).counts(work, page(10, ""), "", None, None) == []


def test_a_period_begins_with_its_first_moment_and_ends_before_its_last(town: Town, clock: ManualClock) -> None:
    case_id = town.running()
    urge(town, case_id, "food")
    at, later = clock.now(), clock.now() + timedelta(seconds=1)
    with town.database.read() as work:
        for begins, ends, found in ((at, later, 1), (later, None, 0), (None, at, 0)):
            assert len(count_urges(work.connection, begins, ends, "", "", 10)) == found
