"""`duokua licence` against an api that runs."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from typer.testing import CliRunner, Result

from chassis.vault import Vault
from cli.main import app
from duokua.identity.v1 import directory_pb2
from services.licences.service import Licences
from tests.edge import Edge
from tests.licences.builders import FOOD, organ_registered, person_registered

TYPE = f"""
code: "{FOOD}"
kind: food-licence
name: 食品经营许可证
valid_months: 60
fields:
  shop: {{label: 经营者名称, audience: everyone}}
  granted_on: {{label: 批准日期, type: date, required: false}}
template: "经营者名称：{{{{ data.shop }}}}"
"""


@dataclass(frozen=True, slots=True)
class Desk:
    """A shell of the operator, which is a portal's too."""

    folder: Path
    environment: Mapping[str, str]
    portal: Mapping[str, str]
    office: Mapping[str, str]
    organ_id: str
    person_id: str

    def run(self, *arguments: str, status: int = 0, portal: bool = False, office: bool = False) -> Result:
        own = self.portal if portal else self.office if office else self.environment
        environment = {**own, "COLUMNS": "200"}
        names = {"o1": self.organ_id, "p1": self.person_id}
        words = [names.get(each, each) for each in arguments]
        done = CliRunner(env=environment).invoke(app, ["licence", *words])
        assert done.exit_code == status, done.output
        return done

    def json(self, *arguments: str, **given: Any) -> Any:
        return json.loads(self.run(*arguments, "--json", **given).stdout)

    def file(self, name: str, content: str) -> str:
        path = self.folder / name
        path.write_text(content, "utf-8")
        return str(path)

    def issue(self) -> Any:
        self.run("type", "define", self.file("type.yaml", TYPE))
        data = self.file("data.yaml", "shop: 西湖面馆\ngranted_on: 2026-05-30\n")
        return self.json("issue", "food-licence", "p1", "--issuer", "o1", "--data", data, "--serial", "JY1")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Edge(tmp_path / "data", "licences") as edge:
        portal = edge.client(directory_pb2.CLIENT_ROLE_PORTAL)
        portal._key.save(tmp_path / "portal.jwk")
        organ_id, person_id = edge.organ(1), edge.person(portal)
        vault = Vault.from_settings(edge.settings)
        licences = Licences(vault)
        with edge.database("licences").begin() as work:
            licences.keep_organs(work, [organ_registered(organ_id)])
            licences.keep_persons(work, [person_registered(person_id, by=vault)])
        own = {"DUOKUA_DATA_DIR": str(tmp_path / "data"), "DUOKUA_ENDPOINTS": edge.settings.listen}
        office = edge.client(directory_pb2.CLIENT_ROLE_DEPARTMENT, organ_id)
        office._key.save(tmp_path / "office.jwk")
        common = {
            "DUOKUA_ENDPOINTS": edge.settings.listen,
            "DUOKUA_ROOT_CERT": str(edge.settings.secrets_folder / "tls-root.crt"),
        }
        as_portal, as_office = (
            {**common, "DUOKUA_CLIENT_ID": client.client_id, "DUOKUA_KEY_FILE": str(tmp_path / f"{name}.jwk")}
            for name, client in (("portal", portal), ("office", office))
        )
        yield Desk(tmp_path, own, as_portal, as_office, organ_id, person_id)


def test_a_licence_is_issued_shown_and_verified(desk: Desk) -> None:
    made = desk.issue()
    assert f".{FOOD}." in made["identifier"]
    shown = desk.run("show", made["licence_id"], "--purpose", "核对").stdout
    assert "issued by 西湖区市场监督管理局 to 李雷 330***********1236" in shown
    assert "  granted_on: 2026-05-30\n  shop: 西湖面馆\n" in shown
    told = desk.run("verify", made["identifier"]).stdout
    assert "现行有效" in told
    assert "西湖面馆" not in told


def test_a_holder_sees_own_licences(desk: Desk) -> None:
    made = desk.issue()
    (listed,) = desk.json("list", "--person", "p1", portal=True)
    assert listed["licence_id"] == made["licence_id"]
    answer = desk.json("show", made["licence_id"], "--person", "p1", portal=True)
    assert answer["licence"]["data"] == {"shop": "西湖面馆", "granted_on": "2026-05-30"}
    assert [each["act"] for each in answer["changes"]] == ["issued"]
    assert len(desk.json("list", "--holder", "p1", "--purpose", "核对", "--type", "food-licence", "--valid")) == 1


def test_a_licence_is_held_released_renewed_and_ended(desk: Desk) -> None:
    licence_id = desk.issue()["licence_id"]
    assert " is held, held, " in desk.run("hold", licence_id, "--reason", "整改").stdout
    assert " is released, valid, " in desk.run("release", licence_id, "--reason", "合格").stdout
    renewed = desk.json("renew", licence_id, "--until", "2040-12-31")
    assert (renewed["version"], renewed["valid_until"]) == (2, "2040-12-31")
    ended = desk.run("end", renewed["licence_id"], "moved-out", "--reason", "迁往他市").stdout
    assert "moved out" in ended
    told = desk.run("verify", renewed["identifier"], status=1).stdout
    assert "迁出" in told


def test_types_are_listed_and_shown(desk: Desk) -> None:
    desk.issue()
    assert desk.run("type", "list").stdout.splitlines()[1].split("\t")[:2] == [FOOD, "food-licence"]
    assert desk.run("type", "show", FOOD).stdout.splitlines()[2] == "shop\t经营者名称\ttext\tyes\teveryone"


@pytest.mark.parametrize(
    ("content", "told"),
    [("code: 1\ncolour: red\n", "colour"), ("a: [", "no YAML"), ("- 1", "valid dictionary")],
)
def test_a_type_s_file_that_cannot_be_read_is_told_why(desk: Desk, content: str, told: str) -> None:
    assert told in desk.run("type", "define", desk.file("type.yaml", content), status=2).output


def test_a_holder_consents_an_organ_looks_up_and_the_holder_sees_it(desk: Desk) -> None:
    made = desk.issue()
    until = (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%d")
    words = ("give", "food-licence", "o1", "--person", "p1", "--purpose", "核验", "--until", until)
    grant_id = desk.json("grant", *words, portal=True)["grant_id"]
    found = desk.json("look-up", "food-licence", "--holder", "p1", "--purpose", "核验", office=True)
    assert [each["licence_id"] for each in found["licences"]] == [made["licence_id"]]
    (access,) = desk.json("accesses", "--person", "p1", portal=True)
    assert (access["action"], access["purpose"]) == ("looked_up", "核验")
    assert "looked up\t核验" in desk.run("accesses", "--licence", made["licence_id"]).stdout
    assert "is withdrawn" in desk.run("grant", "withdraw", grant_id, "--person", "p1", portal=True).stdout
    (listed,) = desk.json("grant", "list", "--person", "p1", portal=True)
    assert listed["withdrawn_at"]
    assert len(desk.json("grant", "list", office=True)) == 1


HEADINGS = ["证照编号", "持证主体", "持证主体类型", "持证主体代码", "有效期起始日期", "经营者名称", "批准日期"]
ROW = ["JY1", "李雷", "自然人", "330106199003071236", "2025-01-01", "西湖面馆", "2024-12-30"]


def test_licences_are_imported_from_a_workbook_and_from_csv(desk: Desk) -> None:
    desk.run("type", "define", desk.file("type.yaml", TYPE))
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEADINGS)
    sheet.append([*ROW[:4], date(2025, 1, 1), ROW[5], date(2024, 12, 30)])
    book.save(desk.folder / "table.xlsx")
    told = desk.run("import", "food-licence", str(desk.folder / "table.xlsx"), "--issuer", "o1").stdout
    assert told == "imported: 0 faults, 1 new, 0 unchanged\n"
    table = "\n".join(",".join(row) for row in (HEADINGS, ROW, ["JY2", *ROW[1:]]))
    words = ("import", "food-licence", desk.file("table.csv", f"\ufeff{table}"), "--issuer", "o1")
    assert "would be imported: 0 faults, 1 new, 1 unchanged" in desk.run(*words, "--dry-run").stdout
    assert desk.json(*words) == {"faults": [], "created": 1, "unchanged": 1, "written": True}
    assert len(desk.json("list", "--holder", "p1", "--purpose", "核对")) == 2


def test_every_fault_of_a_table_is_told_with_its_row(desk: Desk) -> None:
    desk.run("type", "define", desk.file("type.yaml", TYPE))
    rows = [HEADINGS, ROW, ["JY-2", "", *ROW[2:]], ["JY3", *ROW[1:3], "1", *ROW[4:6], "soon"]]
    table = desk.file("table.csv", "\n".join(",".join(row) for row in rows))
    told = desk.run("import", "food-licence", table, "--issuer", "o1", status=1).stdout.splitlines()
    assert [line.partition(":")[0] for line in told] == [
        "row 3, serial",
        "row 3, holder_name",
        "row 4, holder_number",
        "row 4, data.granted_on",
        "nothing is imported",
    ]
    assert desk.json("list", "--holder", "p1", "--purpose", "核对") == []


def test_of_very_many_faults_the_first_are_told(desk: Desk) -> None:
    desk.run("type", "define", desk.file("type.yaml", TYPE))
    rows = [HEADINGS, *([f"JY{number}", "", *ROW[2:]] for number in range(600))]
    table = desk.file("table.csv", "\n".join(",".join(row) for row in rows))
    words = ("import", "food-licence", table, "--issuer", "o1")
    told = desk.run(*words, status=1).stdout.splitlines()
    assert told[500] == "and 100 more faults, which --json tells"
    assert len(desk.json(*words, status=1)["faults"]) == 600


def test_a_column_that_nobody_knows_is_named(desk: Desk) -> None:
    desk.run("type", "define", desk.file("type.yaml", TYPE))
    told = desk.run("import", "food-licence", desk.file("t.csv", "证照编号,颜色\n1,红\n"), "--issuer", "o1", status=2)
    assert "颜色" in told.output
