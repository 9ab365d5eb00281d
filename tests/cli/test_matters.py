"""`duokua matter` against an api that runs: files in and out, review by somebody else, what is told of it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from duokua.identity.v1 import directory_pb2
from tests.edge import Edge
from tests.matters.catalogue.builders import ITEM, TASK, sheets, workbook


@dataclass(frozen=True, slots=True)
class Desk:
    """Two operators' shells."""

    folder: Path
    first: Mapping[str, str]
    second: Mapping[str, str]

    def run(self, *arguments: str, status: int = 0, second: bool = False) -> Result:
        environment = {**self.first, **(self.second if second else {}), "COLUMNS": "200"}
        done = CliRunner(env=environment).invoke(app, ["matter", *arguments])
        assert done.exit_code == status, done.output
        return done

    def json(self, *arguments: str, **given: Any) -> Any:
        return json.loads(self.run(*arguments, "--json", **given).stdout)

    def file(self, **changes: Any) -> str:
        path = self.folder / "清单.xlsx"
        path.write_bytes(workbook(sheets(**changes)))
        return str(path)

    def publish(self) -> None:
        self.run("submit", "--all")
        self.run("publish", "--all", second=True)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Edge(tmp_path / "data", "matters") as edge:
        reviewer = edge.client(directory_pb2.CLIENT_ROLE_OPERATOR)
        reviewer._key.save(tmp_path / "reviewer.jwk")
        first = {"DUOKUA_DATA_DIR": str(tmp_path / "data"), "DUOKUA_ENDPOINTS": edge.settings.listen}
        second = {
            "DUOKUA_CLIENT_ID": reviewer.client_id,
            "DUOKUA_KEY_FILE": str(tmp_path / "reviewer.jwk"),
            "DUOKUA_ROOT_CERT": str(edge.settings.secrets_folder / "tls-root.crt"),
        }
        yield Desk(tmp_path, first, second)


def test_a_workbook_is_imported_reviewed_published_and_shown(desk: Desk) -> None:
    told = desk.run("import", desk.file()).stdout
    assert told.startswith("imported: 2 new, 0 changed, 0 unchanged")
    assert "2 entries submitted, 0 failed" in desk.run("submit", "--all", "--reason", "首次").stdout
    refused = desk.run("publish", ITEM, status=1).stdout
    assert "FOUR_EYES" in refused
    assert "somebody else has to publish it" in refused
    unseen = desk.run("publish", "--all", "--seen-at", "2026-03-02T09:00+08:00", second=True, status=1).stdout
    assert "CHANGED_SINCE" in unseen
    assert "2 entries published, 0 failed" in desk.run("publish", TASK, ITEM, second=True).stdout
    shown = desk.run("show", TASK).stdout
    assert f"{TASK}  version 1, in force, from 20" in shown
    assert "服务对象: 自然人；企业法人" in shown
    assert "申请材料 1\n  材料名称: 营业执照" in shown
    assert "implemented by 1 organ in 1 variant:" in desk.run("show", ITEM).stdout
    acts = desk.json("show", TASK, "--history")
    assert [(act["act"], act["reason"]) for act in acts] == [("imported", ""), ("submitted", "首次"), ("published", "")]


def test_faults_are_printed_with_their_places_and_end_with_status_1(desk: Desk) -> None:
    told = desk.run("import", desk.file(承诺办结时限="五", 经办人="甲"), status=1).stdout.splitlines()
    assert told == [
        "note: 实施清单 row 1, L 经办人: is not read: no element is called so",
        "实施清单 row 2, J 承诺办结时限: '五' is not a whole number: write digits only, such as 20",
        "nothing is imported: 1 fault; of the entries 1 new, 0 changed, 0 unchanged, 1 with faults",
    ]
    answer = desk.json("import", desk.file(承诺办结时限="五"), "--keep-going", status=1)
    assert answer["summary"]["written"] is True
    assert [fault["row"] for fault in answer["faults"]] == [2]
    assert [entry["code"] for entry in desk.json("list")] == [ITEM]


def test_a_dry_run_writes_nothing(desk: Desk) -> None:
    told = desk.run("import", "--dry-run", desk.file()).stdout
    assert told == "would be imported: 2 new, 0 changed, 0 unchanged; nothing is written\n"
    assert desk.json("list") == []


def test_drafts_are_shown_compared_and_discarded(desk: Desk) -> None:
    desk.run("import", desk.file())
    assert f"{TASK}  version 1, draft\n" in desk.run("show", TASK).stdout
    desk.publish()
    desk.run("import", desk.file(承诺办结时限=3))
    assert desk.run("diff", TASK).stdout == f"{TASK}: version 1 to 2\n  承诺办结时限: from 5 to 3\n"
    assert [entry["phase"] for entry in desk.json("list", "--code", TASK)] == [
        "MATTER_PHASE_IN_FORCE",
        "MATTER_PHASE_DRAFT",
    ]
    assert [entry["version"] for entry in desk.json("list", "--code", TASK, "--phase", "in-force")] == [1]
    desk.run("submit", TASK)
    desk.run("withdraw", TASK, "--reason", "再改")
    assert "1 entry discarded" in desk.run("discard", TASK).stdout
    assert desk.json("show", TASK)["matter"]["version"] == 1


def test_entries_are_retired_on_a_day(desk: Desk) -> None:
    desk.run("import", desk.file())
    desk.publish()
    desk.run("retire", TASK, "--last-day", "2999-12-31", "--reason", "下放", second=True)
    assert desk.json("show", TASK)["matter"]["last_on"] == "2999-12-31"
    assert "STILL_IMPLEMENTED" in desk.run("retire", ITEM, "--reason", "取消", status=1).stdout
    assert [entry["code"] for entry in desk.json("list", "--phase", "in-force", "--day", "3000-01-01")] == [ITEM]


@pytest.mark.parametrize("form", ["xlsx", "csv", "yaml"])
def test_what_is_exported_changes_nothing_when_it_is_imported(desk: Desk, form: str) -> None:
    desk.run("import", desk.file())
    desk.publish()
    folder = desk.folder / "export"
    written = desk.json("export", str(folder), "--format", form)["files"]
    assert sorted(written) == sorted(str(path) for path in folder.iterdir())
    assert desk.json("import", str(folder))["summary"]["unchanged"] == 2


def test_a_template_is_written_once(desk: Desk) -> None:
    path = str(desk.folder / "模板.xlsx")
    desk.run("template", path)
    assert desk.json("import", path)["summary"]["created"] == 0
    with pytest.raises(FileExistsError):
        CliRunner().invoke(app, ["matter", "template", path], catch_exceptions=False)


def test_it_must_be_clear_which_entries_are_meant(desk: Desk) -> None:
    for arguments in ([], [TASK, "--all"], [TASK, "--region", "33"]):
        desk.run("submit", *arguments, status=2)
