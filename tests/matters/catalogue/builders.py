"""Entries and files for tests of the catalogue: small sound ones, and ways to change them."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from openpyxl import Workbook

from chassis.clock import BEIJING
from chassis.database import Database, UnitOfWork
from services.matters.catalogue import importing
from services.matters.catalogue.acting import Acting, Order, Result, Verb
from services.matters.catalogue.files.conversions import WhatFilesSay
from services.matters.catalogue.files.reading import Reading
from services.matters.catalogue.files.tables import FileFault
from services.matters.catalogue.importing import Asked, Imported
from tests.edge import a_uscc

ITEM = "330131903000"
USCC = a_uscc(1)
TASK = f"{USCC}4{ITEM}"
START = datetime(2026, 3, 2, 9, tzinfo=BEIJING)
EDITOR, REVIEWER = "client:editor", "client:reviewer"

ITEM_ROW: dict[str, Any] = {"基本编码": ITEM, "事项名称": "食品经营许可", "设定依据": "《食品安全法》第三十五条"}
TASK_ROW: dict[str, Any] = {
    "实施编码": TASK,
    "事项名称": "食品经营许可",
    "实施主体": "西湖区市场监督管理局",
    "实施主体性质": "法定机关",
    "设定依据": "《食品安全法》第三十五条",
    "服务对象": "自然人；企业法人",
    "办件类型": "承诺件",
    "法定办结时限": 20,
    "法定办结时限单位": "工作日",
    "承诺办结时限": 5,
    "承诺办结时限单位": "工作日",
}
MATERIAL_ROW: dict[str, Any] = {"事项编码": TASK, "材料名称": "营业执照", "材料形式": "电子", "材料份数": 1}
Sheets = Mapping[str, Sequence[Mapping[str, Any]]]


def sheets(**changes: Any) -> dict[str, list[dict[str, Any]]]:
    """Three sheets with a row each; what is changed is of the implementation."""
    return {
        "基本目录": [dict(ITEM_ROW)],
        "实施清单": [{**TASK_ROW, **changes}],
        "申请材料": [dict(MATERIAL_ROW)],
    }


def workbook(given: Sheets) -> bytes:
    """A workbook as people write it: headings in the first row, in the order in which they come up."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for title, rows in given.items():
        sheet = book.create_sheet(title)
        headings = list(dict.fromkeys(heading for row in rows for heading in row))
        sheet.append(headings)
        for row in rows:
            sheet.append([row.get(heading) for heading in headings])
    return saved(book)


def saved(book: Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def repacked(content: bytes, **members: bytes) -> bytes:
    """A workbook with other contents of some members."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            name = member.filename
            new.writestr(name, members.pop(name) if name in members else old.read(name))
        for name, added in members.items():
            new.writestr(name, added)
    return file.getvalue()


def read(*files: tuple[str, bytes]) -> WhatFilesSay:
    """What files say, read in this process."""
    reading = Reading()
    said = WhatFilesSay(list(reading.entries(files)))
    said.findings, said.columns = reading.findings, reading.columns
    said.findings.faults.sort()
    return said


def faults_of(given: Sheets | bytes) -> list[tuple[str, int, str, str]]:
    """What is wrong with a workbook by itself: sheet, row, column, message."""
    content = given if isinstance(given, bytes) else workbook(given)
    return [place(fault) for fault in read(("清单.xlsx", content)).findings.faults]


def place(fault: FileFault) -> tuple[str, int, str, str]:
    return fault.sheet, fault.row, fault.column, fault.message


class Desk:
    """Operators before a catalogue."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._requests = 0

    def take_in(
        self, given: Sheets | bytes | tuple[str, bytes], who: str = EDITOR, **asked: Any
    ) -> tuple[Imported, list[FileFault]]:
        """Import sheets, or a file."""
        file = (
            given if isinstance(given, tuple) else ("清单.xlsx", given if isinstance(given, bytes) else workbook(given))
        )
        said = read(file)
        with self.database.begin() as work:
            imported = importing.take_in(work, Asked(who, self._request(), [file], **asked), said, lambda *_: None)
        return imported, sorted(said.findings.faults)

    def do(self, verb: Verb, *codes: str, who: str = EDITOR, request_id: str = "", **order: Any) -> list[Result]:
        """Do something with entries."""
        made = Order(verb, who, "因为", request_id or self._request(), **order)
        with self.database.begin() as work:
            return Acting(work, made).on(codes)

    def publish(self, *codes: str) -> list[Result]:
        """Submit and publish entries, each by somebody else."""
        self.do(Verb.SUBMIT, *codes)
        return self.do(Verb.PUBLISH, *codes, who=REVIEWER)

    def published(self, **changes: Any) -> None:
        """Import the three sheets and publish them."""
        self.take_in(sheets(**changes))
        for code in (ITEM, TASK):
            self.publish(code)

    def work(self) -> UnitOfWork:
        """What a use case that only looks is given."""
        with self.database.begin() as work:
            return work

    def _request(self) -> str:
        self._requests += 1
        return f"request-{self._requests}"


class DayClock:
    """A clock that stands at nine in the morning until it is moved."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at

    def pass_days(self, days: int) -> None:
        self.at += timedelta(days=days)


def reasons(results: Sequence[Result]) -> dict[str, str]:
    """By code why nothing was done; empty when it was."""
    return {each.code: each.problem.reason if each.problem else "" for each in results}
