"""`duokua case correct` and `withdraw`, against an api that runs: what an applicant sees, supplies and takes back."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from duokua.cases.v1 import log_service_pb2
from duokua.identity.v1 import directory_pb2, directory_service_pb2
from duokua.keys import ClientKey
from services.cases import store
from services.cases.sequencer import Sequencer
from tests.cases.builders import a_pdf
from tests.cases.edge.test_correcting import asking
from tests.cases.offices import Offices, answering, offices, pulled
from tests.servers.process import wait_until

USCC_KEY = "portal.jwk"


@dataclass(frozen=True, slots=True)
class Portal:
    """A shell in a portal's environment."""

    town: Offices
    folder: Path
    environment: dict[str, str]
    person_id: str

    def run(self, *arguments: object, said: str | None = None) -> Result:
        """A command of `duokua case` for the applicant; `said` is its standard input."""
        command, *others = map(str, arguments)
        given = ["case", command, "--person", self.person_id, *others]
        return CliRunner(env=self.environment).invoke(app, given, input=said)

    def asked(self) -> str:
        """A case of which the food office asks for the area and the lease."""
        (case_id,) = self.town.opened()
        (task,) = pulled(self.town.food)
        self.town.food.tasks.AnswerTask(answering(asking(task)))
        return case_id

    def file(self, name: str, content: str) -> Path:
        path = self.folder / name
        path.write_text(content, encoding="utf-8")
        return path


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Offices]:
    with offices(tmp_path_factory.mktemp("edge")) as made:
        yield made


@pytest.fixture
def portal(shared: Offices, tmp_path: Path) -> Portal:
    key = ClientKey.generate()
    key.save(tmp_path / USCC_KEY)
    request = directory_service_pb2.RegisterClientRequest(
        request_id=key.thumbprint, name="门户", role=directory_pb2.CLIENT_ROLE_PORTAL, public_jwk=key.public_jwk
    )
    settings = shared.edge.settings
    environment = {
        "DUOKUA_ENDPOINTS": settings.listen,
        "DUOKUA_CLIENT_ID": shared.operator.directory.RegisterClient(request).client.client_id,
        "DUOKUA_KEY_FILE": str(tmp_path / USCC_KEY),
        "DUOKUA_ROOT_CERT": str(settings.secrets_folder / "tls-root.crt"),
    }
    with shared.database.begin() as work:
        work.connection.execute(store.tasks.delete())
    return Portal(shared, tmp_path, environment, shared.submitted().applicant_id)


def test_what_is_asked_for_is_shown_and_then_supplied(portal: Portal) -> None:
    case_id = portal.asked()
    shown = portal.run("correct", case_id)
    assert shown.exit_code == 0, shown.output
    for words in ("form shop.area", "与图纸不符", "material lease", "看不清"):
        assert words in shown.output
    (listed,) = json.loads(portal.run("correct", case_id, "--json").output)
    assert [item.get("field") or item["material"] for item in listed["requests"][0]["items"]] == ["shop.area", "lease"]
    form = portal.file("form.json", '{"shop": {"area": 90}}')
    lease = portal.folder / "lease.pdf"
    lease.write_bytes(a_pdf("legible"))
    done = portal.run("correct", case_id, "--form", form, "--material", f"lease={lease}", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["corrections"][0]["status"] == "CORRECTION_STATUS_SUPPLIED"
    assert portal.town.row(case_id).form["shop"]["area"] == 90
    assert "nothing is asked for" in portal.run("correct", case_id).output
    late = portal.run("correct", case_id, "--form", form)
    assert isinstance(late.exception, ValueError)
    assert "nothing is asked for" in str(late.exception)


def test_what_cannot_be_read_is_told_before_anything_is_sent(portal: Portal) -> None:
    case_id = portal.asked()
    for arguments, words in (
        (["--material", "lease"], "KIND=FILE"),
        (["--material", "lease=nowhere.pdf"], "there is no file"),
        (["--form", portal.file("list.json", "[]")], "no JSON object"),
        (["--form", portal.file("broken.json", "{")], "not JSON"),
    ):
        result = portal.run("correct", case_id, *arguments)
        assert result.exit_code != 0
        assert words in result.output + str(result.exception)
    assert portal.town.case(case_id).steps["food"].status == "correcting"


def test_a_case_is_withdrawn(portal: Portal) -> None:
    case_id = portal.asked()
    result = portal.run("withdraw", case_id, "--reason", "另选了铺面", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["undo_cause"] == "UNDO_CAUSE_WITHDRAWN"
    assert portal.town.case(case_id).refusal_reason == "另选了铺面"


def test_the_person_must_be_named(portal: Portal) -> None:
    arguments = ["case", "withdraw", portal.asked(), "--reason", "另选了铺面"]
    result = CliRunner(env=portal.environment).invoke(app, arguments)
    assert result.exit_code == 2


def test_the_states_of_a_watched_case_are_lines_of_json(portal: Portal) -> None:
    (case_id,) = portal.town.opened()
    assert portal.run("withdraw", case_id, "--reason", "不办了").exit_code == 0
    watched = portal.run("watch", case_id, "--json")
    assert watched.exit_code == 0, watched.output
    states = [json.loads(line) for line in watched.output.splitlines() if line.startswith("{")]
    assert [each["case_id"] for each in states] == [case_id]
    assert states[-1]["status"] == "CASE_STATUS_UNDONE"


def test_an_applicant_proves_the_own_case_without_what_is_internal(portal: Portal) -> None:
    (case_id,) = portal.town.opened()
    sequencer = Sequencer.from_settings(portal.town.edge.settings)
    wait_until(lambda: _added(portal, sequencer, case_id), seconds=60, what="the entries are not logged")
    made = portal.run("proof", case_id, "--wait", "0")
    assert made.exit_code == 0, made.output
    file, key = portal.file("proof.json", made.output[made.output.index("{\n") :]), portal.folder / "log.pem"
    (known,) = portal.town.applicant.log.GetLogKeys(log_service_pb2.GetLogKeysRequest()).keys
    key.write_text(known.public_key)
    verified = CliRunner().invoke(app, ["case", "verify", str(file), "--key", str(key)])
    assert verified.exit_code == 0, verified.output
    assert "the internal part of all of them is withheld" in verified.output
    contents = [each["content"] for each in json.loads(file.read_text())["entries"]]
    assert [each["open"]["content"]["kind"] for each in contents] == ["submitted", "routed", "completed"]
    assert contents[2]["open"]["content"]["actor"] == ""


def _added(portal: Portal, sequencer: Sequencer, case_id: str) -> bool:
    """Whether all entries of a case are in the log, after one more look of what adds them."""
    sequencer.add_waiting(portal.town.database)
    with portal.town.database.read() as work:
        return all(row.leaf is not None for row in store.history_page(work.connection, case_id, 0, 100))
