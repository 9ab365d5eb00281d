"""Exchange records as lines and tables: what the columns are called, and files that are whole or not there at all."""

import csv
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, TextIO

from duokua.cases.v1 import record_pb2

COMMON: Final = {
    "case_number": "办件编号",
    "case_id": "办件标识",
    "key": "记录标识",
    "version": "版本号",
    "sequence": "历史序号",
    "reported_at": "上报时间",
    "step_id": "环节标识",
    "step_name": "环节名称",
    "catalog_code": "基本编码",
    "organ_id": "办理部门标识",
    "organ_name": "办理部门名称",
}
"""The columns that every kind begins with, each with its heading in Chinese."""
COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "accept": {
        "applicant_id": "申请人标识",
        "region_code": "行政区划代码",
        "bundle_id": "一件事标识",
        "bundle_version": "一件事版本",
        "received_at": "收件时间",
        "accepted_at": "受理时间",
    },
    "process": {
        "node": "环节动作",
        "node_result": "环节结果",
        "opinion": "办理意见",
        "handler": "办理人员",
        "handled_at": "办理时间",
    },
    "result": {
        "final_result": "办结结果",
        "reason": "办结原因",
        "ended_at": "办结时间",
        "document_id": "结果文书标识",
        "delivered_at": "送达时间",
        "delivery_channel": "送达方式",
        "receiver": "签收人",
    },
    "special": {
        "procedure": "特别程序种类",
        "reason": "特别程序原因",
        "began_at": "开始时间",
        "ended_at": "结束时间",
    },
    "material": {
        "material_kind": "材料种类",
        "name": "材料名称",
        "media_type": "材料格式",
        "sha256": "材料摘要",
        "size": "材料大小",
        "received_at": "收取时间",
        "replaced_at": "替换时间",
    },
}
"""By kind, the columns that follow."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""As OWASP lists them (CSV injection); Chinese spreadsheets take the wide forms for the narrow ones."""
_BOM: Final = "\ufeff"
_TIMES: Final = "_at"


def flat(record: record_pb2.ExchangeRecord) -> tuple[str, dict[str, Any]]:
    """A record's kind, and its values by the codes of the columns; times are RFC 3339 in UTC, None when absent."""
    kind = str(record.WhichOneof("content"))
    content = getattr(record, kind)
    values = {code: _value(record, code) for code in COMMON}
    values |= {code: _value(content, code) for code in COLUMNS[kind]}
    return kind, values


def _value(message: Any, code: str) -> Any:
    if not code.endswith(_TIMES):
        return getattr(message, code)
    return getattr(message, code).ToJsonString() if message.HasField(code) else None


def cell(value: Any) -> str:
    """A value for a table. Text that a spreadsheet would take for a formula is put behind an apostrophe."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


Write = Callable[[record_pb2.ExchangeRecord], None]


def files_of(folder: Path, *, tables: bool) -> list[Path]:
    """The files of an export."""
    return [folder / f"{kind}.csv" for kind in COLUMNS] if tables else [folder / "records.jsonl"]


@contextmanager
def lines(path: Path) -> Iterator[Write]:
    """Writes records as JSON objects, one a line, with the kind first."""
    with _whole(path) as file:

        def write(record: record_pb2.ExchangeRecord) -> None:
            kind, values = flat(record)
            file.write(json.dumps({"kind": kind, **values}, ensure_ascii=False) + "\n")

        yield write


@contextmanager
def tables(paths: Sequence[Path], *, chinese: bool = False, bom: bool = False) -> Iterator[Write]:
    """Writes records as CSV (RFC 4180), a file a kind, each with a heading, also when it has no records."""
    with ExitStack() as opened:
        rows = {path.stem: csv.writer(opened.enter_context(_whole(path, _BOM if bom else ""))) for path in paths}
        for kind, row in rows.items():
            columns = {**COMMON, **COLUMNS[kind]}
            row.writerow(columns.values() if chinese else columns.keys())

        def write(record: record_pb2.ExchangeRecord) -> None:
            kind, values = flat(record)
            rows[kind].writerow(map(cell, values.values()))

        yield write


@contextmanager
def _whole(path: Path, begins: str = "") -> Iterator[TextIO]:
    """A file that takes its name, in the place of an earlier one, when all was written; otherwise it is not there.

    It names persons, and is for its owner only.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        part.unlink(missing_ok=True)  # of a process that was killed
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(begins)
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
