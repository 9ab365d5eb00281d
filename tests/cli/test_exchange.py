"""Exchange records as files: what is in them, byte for byte, and that they are whole or not there."""

import csv
import io
import json
import re
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from cli.exchange import COLUMNS, COMMON, cell, files_of, flat, lines, tables
from duokua.cases.v1 import record_pb2

DOCUMENT = Path(__file__).parents[2] / "docs/exchange-records.md"


def at(seconds: int) -> Timestamp:
    return Timestamp(seconds=1_772_413_200 + seconds)


def a_result(**values: object) -> record_pb2.ExchangeRecord:
    content = {"final_result": 5, "reason": '=HYPERLINK("x")', "ended_at": at(60), **values}
    return record_pb2.ExchangeRecord(
        kind=record_pb2.RECORD_KIND_RESULT,
        key="result:food",
        version=2,
        case_id="c1",
        case_number="11341802003284977M4342023028000202603020001",
        sequence=7,
        reported_at=at(61),
        step_id="food",
        step_name="食品经营许可",
        catalog_code="342023028000",
        organ_id="o1",
        organ_name="宣州区市场监管局",
        result=record_pb2.ResultRecord(**content),  # type: ignore[arg-type]
    )


def an_opinion(text: str) -> record_pb2.ExchangeRecord:
    process = record_pb2.ProcessRecord(node="decide", node_result=0, opinion=text, handled_at=at(0))
    return record_pb2.ExchangeRecord(key="process:food:decide", version=1, process=process)


def test_lines_hold_every_column_and_the_kind(tmp_path: Path) -> None:
    (path,) = files_of(tmp_path, tables=False)
    with lines(path) as write:
        write(a_result())
        write(an_opinion("同意\n按规定办理"))
    first, second = path.read_text("utf-8").splitlines()
    assert first == (
        '{"kind": "result", "case_number": "11341802003284977M4342023028000202603020001", "case_id": "c1", '
        '"key": "result:food", "version": 2, "sequence": 7, "reported_at": "2026-03-02T01:01:01Z", "step_id": "food", '
        '"step_name": "食品经营许可", "catalog_code": "342023028000", "organ_id": "o1", '
        '"organ_name": "宣州区市场监管局", "final_result": 5, "reason": "=HYPERLINK(\\"x\\")", '
        '"ended_at": "2026-03-02T01:01:00Z", "document_id": "", "delivered_at": null, "delivery_channel": "", '
        '"receiver": ""}'
    )
    assert json.loads(second)["opinion"] == "同意\n按规定办理"


def test_tables_are_one_file_a_kind_safe_for_spreadsheets(tmp_path: Path) -> None:
    paths = files_of(tmp_path, tables=True)
    with tables(paths, chinese=True, bom=True) as write:
        write(a_result())
        write(an_opinion("同意\n按规定办理"))
    assert [path.name for path in paths] == ["accept.csv", "process.csv", "result.csv", "special.csv", "material.csv"]
    result = (tmp_path / "result.csv").read_bytes()
    assert (
        result
        == (
            "\ufeff办件编号,办件标识,记录标识,版本号,历史序号,上报时间,环节标识,环节名称,基本编码,办理部门标识,办理部门名称,"
            "办结结果,办结原因,办结时间,结果文书标识,送达时间,送达方式,签收人\r\n"
            "11341802003284977M4342023028000202603020001,c1,result:food,2,7,2026-03-02T01:01:01Z,food,食品经营许可,"
            '342023028000,o1,宣州区市场监管局,5,"\'=HYPERLINK(""x"")",2026-03-02T01:01:00Z,,,,\r\n'
        ).encode()
    )
    process = list(csv.reader(io.StringIO((tmp_path / "process.csv").read_text("utf-8"), newline="")))
    assert [row[-3] for row in process] == ["办理意见", "同意\n按规定办理"]
    assert (tmp_path / "special.csv").read_text("utf-8").count("\n") == 1


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠A1"])
def test_no_cell_is_taken_for_a_formula(text: str) -> None:
    assert cell(text) == f"'{text}"
    assert cell(f"a{text}") == f"a{text}"


def test_files_are_for_their_owner_only_and_what_a_killed_export_left_is_replaced(tmp_path: Path) -> None:
    (path,) = files_of(tmp_path, tables=False)
    path.with_name(f".{path.name}.part").write_text("half a reco", encoding="utf-8")
    with lines(path) as write:
        write(a_result())
    assert path.stat().st_mode & 0o777 == 0o600
    assert [json.loads(line)["key"] for line in path.read_text("utf-8").splitlines()] == ["result:food"]
    assert list(tmp_path.iterdir()) == [path]


def test_what_breaks_off_leaves_the_files_as_they_were(tmp_path: Path) -> None:
    paths = files_of(tmp_path, tables=True)
    paths[2].write_text("earlier", encoding="utf-8")

    def broken_off() -> None:
        with tables(paths) as write:
            write(a_result())
            raise ConnectionError

    with pytest.raises(ConnectionError):
        broken_off()
    assert [path.name for path in tmp_path.iterdir()] == ["result.csv"]
    assert paths[2].read_text("utf-8") == "earlier"


def test_the_columns_are_those_of_the_contract_and_of_the_document() -> None:
    contract = record_pb2.ExchangeRecord.DESCRIPTOR
    fields = [field.name for field in contract.fields if field.containing_oneof is None and field.name != "kind"]
    assert set(COMMON) == set(fields)
    for field in contract.oneofs_by_name["content"].fields:
        assert field.message_type is not None
        assert list(COLUMNS[field.name]) == [each.name for each in field.message_type.fields]
    parts = re.split(r"^### `(\w+)`", DOCUMENT.read_text("utf-8"), flags=re.MULTILINE)
    rows = re.compile(r"^\| `(\w+)` \| (\S+) \|", re.MULTILINE)
    written = {kind: dict(rows.findall(text)) for kind, text in zip(parts[1::2], parts[2::2], strict=True)}
    assert written == {kind: dict(columns) for kind, columns in COLUMNS.items()}
    before = parts[0].partition("## Columns")[2]
    assert dict(rows.findall(before)) == COMMON


def test_every_kind_has_its_values() -> None:
    for kind, columns in COLUMNS.items():
        record = record_pb2.ExchangeRecord()
        getattr(record, kind).SetInParent()
        assert flat(record)[0] == kind
        assert list(flat(record)[1]) == [*COMMON, *columns]
