"""Exports at the gRPC edge and the command line: for whom they are, and what comes out."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import update
from typer.testing import CliRunner, Result

from cli.exchange import COLUMNS
from cli.main import app
from duokua.cases.v1 import record_pb2, record_service_pb2
from services.cases import store
from services.cases.sequencer import Sequencer
from tests.cases.offices import Offices, an_answer, answering, pulled, refusal

pb = record_service_pb2
Command = Callable[..., Result]


@pytest.fixture
def case_id(town: Offices) -> str:
    """A case that was refused, all of it in the log."""
    (case_id,) = town.opened()
    (food,) = pulled(town.food)
    town.food.tasks.AnswerTask(answering(an_answer(food, "refuse")))
    sequencer = Sequencer.from_settings(town.edge.settings)
    while (due := sequencer.add_waiting(town.database)) is not None and due - town.database.clock.now() < timedelta(
        seconds=1
    ):
        pass
    return case_id


@pytest.fixture
def duokua(town: Offices) -> Command:
    """The command, for the operator of the edge."""
    settings = town.edge.settings
    environment = {"DUOKUA_DATA_DIR": str(settings.data_dir), "DUOKUA_ENDPOINTS": settings.listen}

    def run(*arguments: str | Path, status: int = 0) -> Result:
        result = CliRunner(env=environment).invoke(app, [str(each) for each in arguments])
        assert result.exit_code == status, result.output
        return result

    return run


def exported(town: Offices, case_id: str) -> list[record_pb2.ExchangeRecord]:
    answers = town.applicant.records.ExportCase(pb.ExportCaseRequest(case_id=case_id), timeout=30)
    return [record for answer in answers for record in answer.records]


def test_a_case_is_exported_for_its_applicant_and_for_operators(town: Offices, case_id: str) -> None:
    records = exported(town, case_id)
    assert [each.key for each in records][-1] == "result:"
    asked = pb.ExportCaseRequest(case_id=case_id)
    assert [each for answer in town.operator.records.ExportCase(asked) for each in answer.records] == records
    for nobody in (town.stranger, town.portal):
        assert refusal(lambda stub=nobody: list(stub.records.ExportCase(asked)))[:2] == ("NOT_FOUND", "CASE_NOT_FOUND")
    assert refusal(lambda: list(town.food.records.ExportCase(asked)))[1] == "PERMISSION_MISSING"


def test_who_in_an_office_handled_a_step_is_for_operators(town: Offices) -> None:
    (case_id,) = town.opened()
    (food,) = pulled(town.food)
    handing_over = an_answer(food, "hand_over")
    handing_over.hand_over.handler = "审批二科"
    town.food.tasks.AnswerTask(answering(handing_over))
    town.food.tasks.AnswerTask(answering(an_answer(food)))
    told = {}
    for session in (town.applicant, town.operator):
        answers = session.records.ExportCase(pb.ExportCaseRequest(case_id=case_id), timeout=30)
        records = [record for answer in answers for record in answer.records]
        told[session] = {each.process.handler for each in records if each.key == "process:food:decide"}
    assert told == {town.applicant: {""}, town.operator: {"审批二科"}}


def test_all_cases_are_exported_for_operators_only(town: Offices, case_id: str) -> None:
    position, found = 0, list[record_pb2.ExchangeRecord]()
    while True:
        answer = town.operator.records.ExportRecords(pb.ExportRecordsRequest(position=position, page_size=2))
        found += answer.records
        position = answer.next_position
        if not answer.more:
            break
    assert [each for each in found if each.case_id == case_id] == exported(town, case_id)
    for platform in (town.applicant, town.food, town.portal):
        assert refusal(platform.records.ExportRecords, pb.ExportRecordsRequest())[1] == "PERMISSION_MISSING"


def test_where_an_export_begins_is_checked(town: Offices, case_id: str) -> None:
    export = town.operator.records.ExportRecords
    assert case_id
    assert refusal(export, pb.ExportRecordsRequest(position=2**64 - 1))[2] == ["position"]
    both = pb.ExportRecordsRequest(position=1, since=Timestamp(seconds=1))
    assert refusal(export, both)[2] == ["since"]
    assert refusal(export, pb.ExportRecordsRequest(since=Timestamp(seconds=2**62)))[2] == ["since"]
    assert export(pb.ExportRecordsRequest(since=Timestamp(seconds=1))).records


def test_the_command_writes_one_case_and_all_cases(
    town: Offices, case_id: str, duokua: Command, tmp_path: Path
) -> None:
    said = json.loads(duokua("case", "export", case_id, "--output", tmp_path / "one", "--json").output)
    rows = [json.loads(line) for line in (tmp_path / "one/records.jsonl").read_text("utf-8").splitlines()]
    assert said == {"records": len(rows), "files": [str(tmp_path / "one/records.jsonl")]}
    assert [row["key"] for row in rows] == [each.key for each in exported(town, case_id)]
    duokua("case", "export", case_id, "--output", tmp_path / "csv", "--format", "csv", "--headings", "chinese", "--bom")
    assert sorted(path.stem for path in (tmp_path / "csv").iterdir()) == sorted(COLUMNS)
    assert (tmp_path / "csv/result.csv").read_text("utf-8").startswith("\ufeff办件编号,")
    said = json.loads(duokua("case", "export", "--output", tmp_path / "all", "--json").output)
    assert said["records"] >= len(rows)
    on = duokua("case", "export", "--position", str(said["next_position"]), "--output", tmp_path / "all").output
    assert on.startswith("0 records in")
    assert f"--position {said['next_position']}" in on
    duokua("case", "export", "no-such-case", "--output", tmp_path / "none", status=1)
    assert list((tmp_path / "none").iterdir()) == []


def entry_kind(town: Offices, case_id: str, kind: str) -> None:
    """Write over what kind of input the check's completion is."""
    history = store.history
    entry = update(history).where(history.c.case_id == case_id, history.c.sequence == 3)
    with town.database.begin() as work:
        work.connection.execute(entry.values(kind=kind))


@pytest.fixture
def broken(town: Offices, case_id: str) -> Iterator[str]:
    """A case whose third entry nobody can read, while the test lasts."""
    entry_kind(town, case_id, "unheard_of")
    yield case_id
    entry_kind(town, case_id, "completed")


def test_an_export_of_all_names_the_cases_that_cannot_be_read(
    town: Offices, broken: str, duokua: Command, tmp_path: Path
) -> None:
    answer = town.operator.records.ExportRecords(pb.ExportRecordsRequest(page_size=500))
    (unreadable,) = answer.unreadable
    assert (unreadable.case_id, unreadable.case_number) == (broken, town.row(broken).case_number)
    assert "ReplayCase tells why" in unreadable.message
    told = duokua("case", "export", "--output", tmp_path, status=1).stdout
    assert f"not all of case {unreadable.case_number}: entry 3" in told
    assert "go on with --position" in told
    as_json = json.loads(duokua("case", "export", "--output", tmp_path, "--json", status=1).stdout)
    assert [each["case_id"] for each in as_json["unreadable"]] == [broken]
    assert as_json["records"] == len(answer.records)
    asked = pb.ExportCaseRequest(case_id=broken)
    assert refusal(lambda: list(town.operator.records.ExportCase(asked)))[1] == "HISTORY_UNREADABLE"
