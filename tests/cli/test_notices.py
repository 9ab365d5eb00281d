"""`duokua case notices`, against an api that runs."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from services.eseal import store
from services.eseal.domain.records import Document
from tests.cases.offices import Offices
from tests.edge import Edge


@dataclass(frozen=True, slots=True)
class Desk:
    """The operator's shell, and a case whose food office has decided."""

    town: Offices
    folder: Path
    case_id: str

    def run(self, *arguments: str) -> Result:
        settings = self.town.edge.settings
        environment = {"DUOKUA_DATA_DIR": str(settings.data_dir), "DUOKUA_ENDPOINTS": settings.listen}
        done = CliRunner(env=environment).invoke(app, ["case", "notices", self.case_id, *arguments])
        assert done.exit_code == 0, done.output
        return done

    def seal(self) -> None:
        self.town.sealed(self.case_id, "food")
        document = Document(
            document_id="document-food",
            notice_id="n1",
            case_id=self.case_id,
            case_number="",
            step_id="food",
            organ_id="o1",
            applicant_id="p1",
            seal_id="s1",
            title="准予食品经营许可决定书",
            sha256="0" * 64,
            signed_digest="0" * 64,
            size=4,
            sealed_at=datetime(2026, 6, 1, tzinfo=UTC),
        )
        with self.town.edge.database("eseal").begin() as work:
            store.add_document(work.connection, document, b"%PDF")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Edge(tmp_path / "data", "cases", "eseal") as edge:
        town = Offices(edge)
        (case_id,) = town.opened()
        town.complete(town.food_organ)
        yield Desk(town, tmp_path, case_id)


def test_sealed_notices_are_listed_and_written_to_a_folder(desk: Desk) -> None:
    assert "no notice of the case is sealed" in desk.run().output
    desk.seal()
    listed = desk.run().output
    assert "准予食品经营许可决定书" in listed
    assert "document-food" in listed
    out = desk.folder / "new" / "files"
    assert "food.pdf" in desk.run("--out", str(out)).output
    assert (out / "food.pdf").read_bytes() == b"%PDF"
    (told,) = json.loads(desk.run("--out", str(out), "--json").output)
    assert (told["step_id"], told["status"], told["file"]) == (
        "food",
        "DOCUMENT_STATUS_VALID",
        str(out / "food.pdf"),
    )
