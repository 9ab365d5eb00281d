"""`duokua licence` against an api that runs."""

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook
from typer.testing import CliRunner, Result

from chassis.testing.events import emitted
from chassis.vault import Vault
from cli.main import app
from duokua.eseal.v1 import events_pb2 as eseal_events
from duokua.eseal.v1 import seal_register_service_pb2
from duokua.identity.v1 import directory_pb2
from duokua.licences.v1 import events_pb2 as licences_events
from services.eseal.licences import LicenceDocuments
from services.eseal.service import Documents
from services.licences import directory
from services.licences.documents import note_failed, note_sealed
from tests.edge import Edge, a_uscc
from tests.eseal import builders as eseal_builders
from tests.licences.builders import FOOD, organ_registered, person_registered
from tests.servers.process import wait_until

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

    edge: Edge
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

    def make_seal(self) -> None:
        """A seal of the issuing organ."""
        with self.edge.database("eseal").begin() as work:
            Documents.from_settings(self.edge.settings).keep_organs(
                work, [eseal_builders.organ_registered(self.organ_id)]
            )
        office = self.edge.client(directory_pb2.CLIENT_ROLE_DEPARTMENT, self.organ_id)
        seal = office.seal_register.ApplyForSeal(
            seal_register_service_pb2.ApplyForSealRequest(organ_id=self.organ_id, reason="启用电子印章")
        ).seal
        self.edge.operator.seal_register.ApproveSeal(
            seal_register_service_pb2.ApproveSealRequest(seal_id=seal.seal_id, reason="同意")
        )

    def carry(self) -> int:
        """Bring what licences asked for to the seals, and the answers back, as workers do; how much was asked for."""
        with self.edge.database("licences").begin() as work:
            asked = [each for each in emitted(work) if isinstance(each, licences_events.LicenceDocumentRequested)]
        with self.edge.database("eseal").begin() as work:
            LicenceDocuments.from_settings(self.edge.settings).seal(work, asked)
        with self.edge.database("eseal").begin() as work:
            answers = emitted(work)
        with self.edge.database("licences").begin() as work:
            note_sealed(work, [each for each in answers if isinstance(each, eseal_events.LicenceDocumentSealed)])
            note_failed(work, [each for each in answers if isinstance(each, eseal_events.LicenceDocumentFailed)])
        return len(asked)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Edge(tmp_path / "data", "licences", "eseal") as edge:
        portal = edge.client(directory_pb2.CLIENT_ROLE_PORTAL)
        portal._key.save(tmp_path / "portal.jwk")
        organ_id, person_id = edge.organ(1), edge.person(portal)
        vault = Vault.from_settings(edge.settings)
        with edge.database("licences").begin() as work:
            directory.keep_organs(work, [organ_registered(organ_id)])
            directory.keep_persons(work, [person_registered(person_id, by=vault)])
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
        yield Desk(edge, tmp_path, own, as_portal, as_office, organ_id, person_id)


def test_a_licence_is_issued_shown_and_verified(desk: Desk) -> None:
    made = desk.issue()
    assert f".{FOOD}." in made["identifier"]
    shown = desk.run("show", made["licence_id"], "--purpose", "核对").stdout
    assert "issued by 西湖区市场监督管理局 to 李雷 330***********1236" in shown
    assert "  经营者名称: 西湖面馆\n  批准日期: 2026-05-30\n" in shown
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


def test_an_office_sees_what_its_organ_issued(desk: Desk) -> None:
    licence = desk.issue()
    assert [each["licence_id"] for each in desk.json("list", office=True)] == [licence["licence_id"]]
    shown = desk.json("show", licence["licence_id"], "--purpose", "核对档案", office=True)
    assert shown["licence"]["data"]["shop"] == "西湖面馆"
    (look,) = desk.json("accesses", "--person", "p1", portal=True)
    assert (look["organ_id"], look["purpose"]) == (desk.organ_id, "核对档案")


def test_an_organ_that_had_a_copy_made_sees_where_it_stands_and_nobody_s_name(desk: Desk) -> None:
    licence = desk.issue()
    desk.run("type", "define", desk.file("type.yaml", f"{TYPE}sharing: open\n"))
    organ_id = desk.edge.organ(2)
    other = desk.edge.client(directory_pb2.CLIENT_ROLE_DEPARTMENT, organ_id)
    with desk.edge.database("licences").begin() as work:
        directory.keep_organs(work, [organ_registered(organ_id, "西湖区城市管理局", a_uscc(2))])
    other._key.save(desk.folder / "other.jwk")
    own = {"DUOKUA_CLIENT_ID": other.client_id, "DUOKUA_KEY_FILE": str(desk.folder / "other.jwk")}
    there = replace(desk, office={**desk.office, **own})
    there.run("document", licence["licence_id"], "--use", "审批", office=True)
    shown = there.run("show", licence["licence_id"], office=True).stdout
    assert "issued by 西湖区市场监督管理局\n仅供审批使用: requested\n" in shown
    assert "李雷" not in shown


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
    shown = desk.run("type", "show", FOOD).stdout.splitlines()
    assert shown[1:3] == ["issued by any organ", "sealed with seals for all matters"]
    assert shown[4] == "shop\t经营者名称\ttext\tyes\teveryone"


def test_a_type_names_the_matter_whose_seals_go_on_its_licences(desk: Desk) -> None:
    desk.run("type", "define", desk.file("type.yaml", f'{TYPE}matter: "330131903000"\n'))
    assert desk.json("type", "show", FOOD)["catalog_code"] == "330131903000"
    assert "sealed as matter 330131903000" in desk.run("type", "show", FOOD).stdout
    refused = desk.run("type", "define", desk.file("type.yaml", f"{TYPE}matter: food\n"), status=1)
    assert "type.catalog_code" in str(refused.exception)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("code: 1\ncolour: red\n", "colour"),
        (TYPE.replace("60", "99999999999"), "valid_months"),
        ("a: [", "no YAML"),
        ("- 1", "valid dictionary"),
    ],
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


def test_a_holder_fetches_the_sealed_licence(desk: Desk) -> None:
    desk.make_seal()
    licence_id = desk.issue()["licence_id"]
    desk.carry()
    out = desk.folder / "licence.pdf"
    told = desk.run("document", licence_id, "--out", str(out), "--person", "p1", portal=True).stdout
    assert told.startswith("the licence itself, document ")
    assert out.read_bytes().startswith(b"%PDF-")
    assert desk.json("accesses", "--person", "p1", portal=True) == []


def test_an_operator_who_fetches_a_licence_looks_once_and_says_for_what(desk: Desk) -> None:
    desk.make_seal()
    licence_id = desk.issue()["licence_id"]
    desk.carry()
    out = desk.folder / "licence.pdf"
    desk.run("document", licence_id, "--out", str(out), "--purpose", "存档")
    assert out.read_bytes().startswith(b"%PDF-")
    assert [each["purpose"] for each in desk.json("accesses", "--person", "p1", portal=True)] == ["存档"]


def test_a_copy_is_waited_for_and_fetched(desk: Desk) -> None:
    desk.make_seal()
    licence_id = desk.issue()["licence_id"]
    own, out = desk.folder / "own.pdf", desk.folder / "copy.pdf"
    # The workers' part, once the copy is asked for.
    carrying = threading.Thread(
        target=wait_until, args=(lambda: desk.carry() == 2,), kwargs={"seconds": 20, "what": "no copy is asked for"}
    )
    carrying.start()
    words = ("document", licence_id, "--use", "办理贷款", "--person", "p1")
    made = desk.json(*words, "--out", str(out), portal=True)
    carrying.join()
    assert (made["annotation"], made["status"]) == ("仅供办理贷款使用", "LICENCE_DOCUMENT_STATUS_SEALED")
    desk.run("document", licence_id, "--out", str(own), "--person", "p1", portal=True)
    assert own.read_bytes() != out.read_bytes()


def test_what_cannot_be_sealed_writes_no_file_and_says_why(desk: Desk) -> None:
    licence_id = desk.issue()["licence_id"]
    out = desk.folder / "licence.pdf"
    over = threading.Event()
    carrying = threading.Thread(
        target=wait_until, args=(lambda: bool(desk.carry()) and over.is_set(),), kwargs={"seconds": 40, "what": "over"}
    )
    carrying.start()
    done = desk.run("document", licence_id, "--out", str(out), "--person", "p1", portal=True, status=1)
    over.set()
    carrying.join()
    assert "NO_SEAL" in str(done.exception)
    assert not out.exists()


def test_for_a_folder_that_is_not_there_no_copy_is_made_and_nobody_looks(desk: Desk) -> None:
    licence_id = desk.issue()["licence_id"]
    out = str(desk.folder / "none" / "copy.pdf")
    done = desk.run("document", licence_id, "--use", "存档", "--out", out, status=1)
    assert "there is no folder" in str(done.exception)
    assert desk.json("accesses", "--person", "p1", portal=True) == []


def test_consent_lasts_to_the_end_of_its_last_day_in_beijing(desk: Desk) -> None:
    desk.issue()
    words = ("give", "food-licence", a_uscc(1), "--person", "p1", "--purpose", "审批", "--until")
    day = (datetime.now(UTC) + timedelta(days=30)).date()
    assert desk.json("grant", *words, day.isoformat(), portal=True)["expires_at"] == f"{day}T16:00:00Z"
    assert f"holds until {day}T12:00:00Z" in desk.run("grant", *words, f"{day}T20:00:00+08:00", portal=True).stdout


@pytest.mark.parametrize(
    ("until", "told"),
    [("soon", "must be a day"), ("2026-W01-1", "must be a day"), ("2026-01-01T12:00:00", "of which zone")],
)
def test_an_end_of_consent_that_is_not_clear_is_told(desk: Desk, until: str, told: str) -> None:
    words = ("grant", "give", "food-licence", "o1", "--person", "p1", "--purpose", "审批", "--until", until)
    assert told in " ".join(desk.run(*words, portal=True, status=2).output.split())


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
        "row 3, 证照编号",
        "row 3, 持证主体",
        "row 4, 持证主体代码",
        "row 4, 批准日期",
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
