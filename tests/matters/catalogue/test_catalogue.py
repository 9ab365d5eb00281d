"""The catalogue on both databases: imports, acts of operators, what is in force, searches, differences."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from chassis.clock import day_of
from chassis.database import Database
from chassis.problems import Invalid, NotFound
from services.matters import store as matters_store
from services.matters.catalogue import importing, store
from services.matters.catalogue.acting import Verb
from services.matters.catalogue.domain.versions import Phase, phase_of
from services.matters.catalogue.files.conversions import WhatFilesSay
from services.matters.catalogue.importing import Asked
from services.matters.catalogue.searching import Wanted, in_phase, search
from services.matters.catalogue.service import Catalogue
from tests.conftest import MakeDatabase
from tests.edge import a_uscc
from tests.matters.catalogue.builders import (
    EDITOR,
    ITEM,
    ITEM_ROW,
    REVIEWER,
    START,
    TASK,
    TASK_ROW,
    DayClock,
    Desk,
    place,
    reasons,
    sheets,
)

TODAY = day_of(START)


@pytest.fixture
def clock() -> DayClock:
    return DayClock()


@pytest.fixture
def database(make_database: MakeDatabase, clock: DayClock) -> Database:
    return make_database(matters_store.metadata, "matters", clock=clock)


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


def in_force(database: Database, code: str = TASK, days: int = 0) -> tuple[int, str] | None:
    """The version and the name that are in force in so many days."""
    with database.read() as work:
        try:
            row = Catalogue().matter(work, code, 0, TODAY + timedelta(days=days), all_of_it=False)
        except NotFound:
            return None
    return row.version, row.name


def phases(database: Database, code: str = TASK) -> list[Phase]:
    with database.read() as work:
        day = day_of(work.now)
        return [phase_of(each, day) for each in store.versions_of(work.connection, [code])[code]]


def count(database: Database, table: Any) -> int:
    with database.read() as work:
        return work.connection.scalar(select(func.count()).select_from(table)) or 0


def test_an_import_makes_drafts_that_nobody_else_sees(desk: Desk) -> None:
    imported, faults = desk.take_in(sheets())
    assert faults == []
    assert (imported.created, imported.changed, imported.unchanged) == ({ITEM: 1, TASK: 1}, {}, 0)
    assert phases(desk.database) == [Phase.DRAFT]
    assert in_force(desk.database) is None
    with desk.database.read() as work, pytest.raises(NotFound):
        Catalogue().matter(work, TASK, 1, None, all_of_it=False)


def test_the_same_again_changes_nothing(desk: Desk) -> None:
    desk.take_in(sheets())
    imported, faults = desk.take_in(sheets())
    assert (imported.created, imported.changed, imported.unchanged, faults) == ({}, {}, 2, [])
    desk.publish(ITEM)
    imported, _ = desk.take_in(sheets())
    assert imported.unchanged == 2
    assert phases(desk.database, ITEM) == [Phase.IN_FORCE]


def test_changed_rows_change_the_draft_and_make_a_new_one_of_what_is_published(desk: Desk) -> None:
    desk.published()
    imported, _ = desk.take_in(sheets(承诺办结时限=3))
    assert (imported.changed, imported.unchanged) == ({TASK: 2}, 1)
    imported, _ = desk.take_in(sheets(承诺办结时限=2), who="client:other")
    assert imported.changed == {TASK: 2}
    assert phases(desk.database) == [Phase.IN_FORCE, Phase.DRAFT]
    with desk.database.read() as work:
        found = store.newest(work.connection, [TASK])[TASK]
    assert found.version.hands == (EDITOR, "client:other")
    assert found.content["promised_limit"] == 2


def test_what_a_file_has_no_column_for_stays_as_it_is(desk: Desk) -> None:
    desk.published()
    imported, faults = desk.take_in({"实施清单": [{"实施编码": TASK, "承诺办结时限": 1, "法定办结时限说明": None}]})
    assert (imported.changed, faults) == ({TASK: 2}, [])
    with desk.database.read() as work:
        content = store.newest(work.connection, [TASK])[TASK].content
    assert (content["name"], content["promised_limit"], len(content["materials"])) == ("食品经营许可", 1, 1)
    imported, _ = desk.take_in({"申请材料": [{"事项编码": TASK, "材料名称": name} for name in ("甲", "乙")]})
    assert imported.changed == {TASK: 2}


def test_nothing_is_imported_when_a_row_is_faulty_unless_asked(desk: Desk) -> None:
    given = sheets(承诺办结时限=30)
    imported, faults = desk.take_in(given)
    assert [place(each) for each in faults] == [
        (
            "实施清单",
            2,
            "J 承诺办结时限",
            "30 工作日 is longer than the statutory 20 工作日: promise no more than the law allows",
        )
    ]
    assert not imported.written
    assert [count(desk.database, table) for table in (store.entries, store.versions, store.acts)] == [0, 0, 0]
    imported, faults = desk.take_in(given, keep_going=True)
    assert (imported.created, imported.refused, imported.written) == ({ITEM: 1}, 1, True)
    assert count(desk.database, store.entries) == 1


def test_a_dry_run_says_what_would_be_and_writes_nothing(desk: Desk) -> None:
    imported, _ = desk.take_in(sheets(), dry_run=True)
    assert (imported.created, imported.written) == ({ITEM: 1, TASK: 1}, False)
    assert [count(desk.database, table) for table in (store.entries, store.versions, store.imports)] == [0, 0, 0]


def test_missing_elements_of_a_new_entry_are_each_named_once(desk: Desk) -> None:
    _, faults = desk.take_in({"实施清单": [{"实施编码": TASK, "事项名称": "甲", "承诺办结时限": 1, "服务对象": "谁"}]})
    assert [place(each)[2:] for each in faults] == [
        ("D 服务对象", faults[0].message),
        ("办件类型", "is missing: every entry has it"),
        ("实施主体", "is missing: every entry has it"),
        ("实施主体性质", "is missing: every entry has it"),
        ("承诺办结时限单位", "is missing: say what 1 is counted in"),
        ("设定依据", "is missing: every entry has it"),
    ]


def test_rows_of_an_entry_that_is_not_there_are_refused(desk: Desk) -> None:
    _, faults = desk.take_in({"申请材料": [{"事项编码": TASK, "材料名称": "甲"}]})
    message = f"there is no entry {TASK}: add it to the sheet 实施清单, or correct the code"
    assert [place(each) for each in faults] == [("申请材料", 2, "", message)]


def test_what_is_in_review_is_not_changed_by_an_import(desk: Desk) -> None:
    desk.take_in(sheets())
    desk.do(Verb.SUBMIT, TASK)
    _, faults = desk.take_in(sheets(承诺办结时限=1))
    (fault,) = faults
    assert (fault.row, fault.code) == (2, TASK)
    assert "is in review: publish it, or withdraw it from review, first" in fault.message


def test_a_repeated_request_gets_the_first_answer(desk: Desk) -> None:
    asked = Asked(EDITOR, "once", [("a.csv", b"x")])
    said = WhatFilesSay()
    with desk.database.begin() as work:
        first = importing.take_in(work, asked, said, lambda *_: None)
    with desk.database.read() as work:
        assert importing.imported_before(work, asked) == first
        with pytest.raises(Invalid) as caught:
            importing.imported_before(work, Asked(EDITOR, "once", [("a.csv", b"y")]))
        assert importing.imported_before(work, Asked(REVIEWER, "once", [("a.csv", b"y")])) is None
    assert caught.value.reason == "REQUEST_ID_REUSED"


def test_publishing_needs_a_review_and_other_eyes(desk: Desk) -> None:
    desk.take_in(sheets())
    assert reasons(desk.do(Verb.PUBLISH, ITEM, who=REVIEWER)) == {ITEM: "NOT_IN_REVIEW"}
    assert reasons(desk.do(Verb.SUBMIT, ITEM, TASK)) == {ITEM: "", TASK: ""}
    assert reasons(desk.do(Verb.PUBLISH, ITEM)) == {ITEM: "FOUR_EYES"}
    assert reasons(desk.do(Verb.PUBLISH, ITEM, who=REVIEWER)) == {ITEM: ""}
    assert in_force(desk.database, ITEM) == (1, "食品经营许可")


def test_what_was_put_in_the_place_of_what_a_reviewer_saw_is_not_published(desk: Desk, clock: DayClock) -> None:
    desk.take_in(sheets())
    desk.do(Verb.SUBMIT, ITEM, TASK)
    seen_at = clock.now()
    clock.pass_days(1)
    desk.do(Verb.WITHDRAW, TASK)
    desk.take_in({"实施清单": [TASK_ROW | {"承诺办结时限": 9}]})
    desk.do(Verb.SUBMIT, TASK)
    published = desk.do(Verb.PUBLISH, ITEM, TASK, who=REVIEWER, seen_at=seen_at)
    assert reasons(published) == {ITEM: "", TASK: "CHANGED_SINCE"}
    assert in_force(desk.database, TASK) is None
    assert reasons(desk.do(Verb.PUBLISH, TASK, who=REVIEWER, seen_at=clock.now())) == {TASK: ""}


def test_an_implementation_is_published_after_its_item(desk: Desk) -> None:
    desk.take_in(sheets())
    desk.do(Verb.SUBMIT, ITEM, TASK)
    assert reasons(desk.do(Verb.PUBLISH, TASK, who=REVIEWER)) == {TASK: "ITEM_NOT_PUBLISHED"}
    desk.do(Verb.PUBLISH, ITEM, who=REVIEWER)
    assert reasons(desk.do(Verb.PUBLISH, TASK, who=REVIEWER)) == {TASK: ""}


def test_each_entry_is_told_by_itself_and_a_repeat_goes_on(desk: Desk) -> None:
    desk.take_in(sheets())
    first = desk.do(Verb.SUBMIT, ITEM, "000000000000", request_id="once")
    assert reasons(first) == {ITEM: "", "000000000000": "MATTER_NOT_FOUND"}
    again = desk.do(Verb.SUBMIT, ITEM, TASK, request_id="once")
    assert [(each.code, each.before, each.problem) for each in again] == [(ITEM, True, None), (TASK, False, None)]
    assert phases(desk.database) == [Phase.REVIEW]


def test_a_version_for_a_later_day_becomes_the_one_in_force_on_that_day(desk: Desk, clock: DayClock) -> None:
    desk.published()
    desk.take_in(
        sheets(事项名称="新名称", 计划生效日期=TODAY + timedelta(days=10), 计划取消日期=TODAY + timedelta(days=20))
    )
    desk.publish(TASK)
    assert phases(desk.database) == [Phase.IN_FORCE, Phase.PLANNED]
    assert [in_force(desk.database, days=days) for days in (0, 9, 10, 20, 21)] == [
        (1, "食品经营许可"),
        (1, "食品经营许可"),
        (2, "新名称"),
        (2, "新名称"),
        None,
    ]
    clock.pass_days(10)
    assert phases(desk.database) == [Phase.ENDED, Phase.IN_FORCE]
    clock.pass_days(11)
    assert phases(desk.database) == [Phase.ENDED, Phase.ENDED]


def test_retiring_ends_an_entry_after_a_day_and_items_after_their_implementations(desk: Desk) -> None:
    desk.published()
    assert reasons(desk.do(Verb.RETIRE, ITEM)) == {ITEM: "STILL_IMPLEMENTED"}
    assert reasons(desk.do(Verb.RETIRE, TASK, last_day=TODAY + timedelta(days=5))) == {TASK: ""}
    assert [in_force(desk.database, days=days) is not None for days in (0, 5, 6)] == [True, True, False]
    assert reasons(desk.do(Verb.RETIRE, TASK)) == {TASK: "NOT_IN_FORCE"}
    assert reasons(desk.do(Verb.RETIRE, ITEM)) == {ITEM: "STILL_IMPLEMENTED"}
    assert reasons(desk.do(Verb.RETIRE, ITEM, last_day=TODAY + timedelta(days=5))) == {ITEM: ""}
    assert [in_force(desk.database, ITEM, days) is not None for days in (0, 5, 6)] == [True, True, False]


def test_withdrawn_drafts_can_be_discarded_and_leave_what_was_before(desk: Desk) -> None:
    desk.published()
    desk.take_in(sheets(事项名称="写错了"))
    desk.do(Verb.SUBMIT, TASK)
    assert reasons(desk.do(Verb.DISCARD, TASK)) == {TASK: "NOT_A_DRAFT"}
    desk.do(Verb.WITHDRAW, TASK)
    substances = count(desk.database, store.substances)
    assert reasons(desk.do(Verb.DISCARD, TASK)) == {TASK: ""}
    assert phases(desk.database) == [Phase.IN_FORCE]
    assert count(desk.database, store.substances) == substances - 1
    imported, _ = desk.take_in(sheets(事项名称="写对了"))
    assert imported.changed == {TASK: 2}


def test_an_entry_whose_only_draft_was_discarded_is_gone_but_for_its_record(desk: Desk) -> None:
    desk.take_in(sheets())
    desk.do(Verb.DISCARD, ITEM, TASK)
    assert count(desk.database, store.entries) == count(desk.database, store.versions) == 0
    assert count(desk.database, store.substances) == 0
    with desk.database.read() as work:
        assert [row.act for row in Catalogue().acts(work, TASK, "", 10)] == ["imported", "discarded"]


def test_everything_that_is_done_is_recorded_with_who_and_why(desk: Desk) -> None:
    desk.published()
    desk.do(Verb.RETIRE, TASK, who=REVIEWER)
    with desk.database.read() as work:
        acts = Catalogue().acts(work, TASK, "", 10)
    assert [(row.act, row.version, row.who) for row in acts] == [
        ("imported", 1, EDITOR),
        ("submitted", 1, EDITOR),
        ("published", 1, REVIEWER),
        ("retired", 1, REVIEWER),
    ]
    assert {row.reason for row in acts[1:]} == {"因为"}


def test_offices_that_say_the_same_share_one_substance(desk: Desk) -> None:
    given = sheets()
    offices = [f"{a_uscc(number)}4{ITEM}" for number in range(1, 6)]
    given["实施清单"] = [
        {**TASK_ROW, "实施编码": code, "实施主体": f"第{number}局", "承诺办结时限": 5 if number else 3}
        for number, code in enumerate(offices)
    ]
    del given["申请材料"]
    desk.take_in(given)
    desk.publish(ITEM)
    desk.publish(*offices)
    assert count(desk.database, store.substances) == 1 + 2
    with desk.database.read() as work:
        found = Catalogue().variants(work, ITEM, None)
    assert [(each.implementations, each.code) for each in found] == [(4, offices[1]), (1, offices[0])]


def searched(database: Database, **wanted: Any) -> list[tuple[str, int]]:
    with database.read() as work:
        rows = search(work.connection, Wanted(day_of(work.now), **wanted), None, 100)
    return [(row.code, row.version) for row in rows]


def test_entries_are_found_by_many_things(desk: Desk) -> None:
    desk.published(主题分类="准营准办", 行政区划代码="330106001")
    desk.take_in(sheets(事项名称="ＡＢＣ许可", 主题分类="准营准办", 行政区划代码="330106001"))
    both = [(TASK, 1), (TASK, 2)]
    assert searched(desk.database, text="食品 西湖") == [(TASK, 1)]
    assert searched(desk.database, text="abc") == [(TASK, 2)]
    assert searched(desk.database, text="%") == []
    assert searched(desk.database, code=TASK[:20]) == searched(desk.database, region="330106") == both
    assert searched(desk.database, uscc=TASK[:18]) == both
    assert searched(desk.database, catalog_code=ITEM) == [*both, (ITEM, 1)]
    assert searched(desk.database, phases=(Phase.DRAFT,)) == [(TASK, 2)]
    assert searched(desk.database, phases=(Phase.IN_FORCE,), text="许可") == [(TASK, 1), (ITEM, 1)]
    assert searched(desk.database, phases=()) == []


def test_the_database_and_the_domain_agree_on_every_phase(desk: Desk, clock: DayClock) -> None:
    desk.published()
    for number, days in enumerate((10, 10, 5), start=2):
        desk.take_in(sheets(事项名称=f"第{number}版", 计划生效日期=TODAY + timedelta(days=days)))
        desk.publish(TASK)
    desk.do(Verb.RETIRE, TASK, last_day=TODAY + timedelta(days=7))
    desk.take_in(sheets(事项名称="草稿"))
    for _ in range(12):
        with desk.database.read() as work:
            day = day_of(work.now)
            versions = store.versions_of(work.connection, [TASK])[TASK]
            found = {
                number: phase
                for phase in Phase
                for number in work.connection.scalars(
                    select(store.versions.c.version).where(store.versions.c.code == TASK, in_phase(phase, day))
                )
            }
        assert found == {each.number: phase_of(each, day) for each in versions}
        clock.pass_days(1)


def test_pages_are_stable_while_the_catalogue_changes(desk: Desk) -> None:
    codes = [f"33013190{number}000" for number in range(1, 8)]
    desk.take_in({"基本目录": [{**ITEM_ROW, "基本编码": code} for code in codes[::2]]})
    seen: list[str] = []
    after: tuple[str, int] | None = None
    for step in range(3):
        with desk.database.read() as work:
            rows = search(work.connection, Wanted(TODAY), after, 2)
        seen += [row.code for row in rows]
        after = rows[-1].code, rows[-1].version
        if step == 0:
            desk.take_in({"基本目录": [{**ITEM_ROW, "基本编码": code} for code in codes]})
            desk.do(Verb.DISCARD, codes[0])
        if len(rows) < 2:
            break
    assert seen[:2] == [codes[0], codes[2]]
    assert seen[2:] == codes[3:7], "what is new comes in its place, what was seen does not come again"


def test_versions_are_compared_in_words(desk: Desk) -> None:
    desk.published(
        受理条件="（一）有营业执照；（二）有固定的经营场所；（三）有与经营规模相适应的设备设施，并符合食品安全的要求。"
    )
    changed = sheets(
        承诺办结时限=3,
        服务对象="企业法人",
        受理条件="（一）有营业执照；（二）有固定的经营场所；（三）有与经营规模相适应的设备，并符合食品安全的要求；（四）无不良记录。",
    )
    changed["申请材料"] = [{"事项编码": TASK, "材料名称": "身份证"}, {**changed["申请材料"][0], "材料份数": 2}]
    desk.take_in(changed)
    with desk.database.read() as work:
        diff = Catalogue().diff(work, TASK, 0, 0)
    assert (diff.before, diff.after) == (1, 2)
    assert [each.words for each in diff.differences] == [
        "服务对象: removed 自然人",
        "承诺办结时限: from 5 to 3",
        "受理条件: after “规模相适应的设备” removed “设施”; after “合食品安全的要求” added “；（四）无不良记录”",
        "申请材料 营业执照: 材料份数: from 1 to 2",
        "申请材料 身份证: added",
    ]


def test_the_first_version_is_compared_with_nothing(desk: Desk) -> None:
    desk.take_in(sheets())
    with desk.database.read() as work:
        diff = Catalogue().diff(work, ITEM, 0, 1)
        with pytest.raises(NotFound):
            Catalogue().diff(work, ITEM, 0, 7)
    assert (diff.before, [each.words for each in diff.differences]) == (
        0,
        ["事项名称: added 食品经营许可", "设定依据: added 《食品安全法》第三十五条"],
    )


def test_imports_of_the_same_entries_at_once_wait_for_each_other(desk: Desk) -> None:
    def take_in(number: int) -> int:
        made = Desk(desk.database)
        imported, faults = made.take_in(sheets(承诺办结时限=number), who=f"client:{number}")
        assert faults == []
        return len(imported.created) + len(imported.changed) + imported.unchanged

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(take_in, range(1, 5))) == [2] * 4
    assert phases(desk.database) == phases(desk.database, ITEM) == [Phase.DRAFT]
