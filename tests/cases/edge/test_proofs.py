"""Proofs at the edge: for whom they are; and the commands, from a running case to a verdict without the platform."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from chassis.database import Database
from chassis.paging import next_token
from cli.main import app
from duokua.cases.v1 import case_service_pb2, log_service_pb2
from services.cases.sequencer import Sequencer
from tests.cases.offices import Offices, refusal

pb = log_service_pb2
Command = Callable[..., Result]


def add_all(database: Database, sequencer: Sequencer) -> None:
    """What the worker does, as if the merge delay were over."""
    sequencer._next = None
    while (due := sequencer.add_waiting(database)) is not None and due - database.clock.now() < timedelta(seconds=1):
        pass


@pytest.fixture
def sequencer(town: Offices) -> Sequencer:
    return Sequencer.from_settings(town.edge.settings)


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


def test_a_proof_is_for_who_sees_something_of_the_history(town: Offices, sequencer: Sequencer) -> None:
    case_id = town.submitted().case_id
    town.route(case_id, food=town.food_organ, sign="other")
    town.complete("check")
    add_all(town.database, sequencer)
    asked = pb.GetCaseProofRequest(case_id=case_id)
    proof = town.applicant.log.GetCaseProof(asked)
    assert [each.sequence for each in proof.entries] == [1, 2, 3]
    assert town.operator.log.GetCaseProof(asked) == proof
    assert town.food.log.GetCaseProof(asked) == proof, "it has a task of the case"
    for nobody in (town.stranger, town.portal, town.sign):
        assert refusal(nobody.log.GetCaseProof, asked)[:2] == ("NOT_FOUND", "CASE_NOT_FOUND")
        history = case_service_pb2.GetHistoryRequest(case_id=case_id)
        assert refusal(nobody.cases.GetHistory, history)[:2] == ("NOT_FOUND", "CASE_NOT_FOUND")
    assert town.applicant.log.GetTreeHead(pb.GetTreeHeadRequest()).head == proof.head


def test_replay_and_audit_are_for_operators_only(town: Offices) -> None:
    (case_id,) = town.opened()
    for other in (town.applicant, town.portal, town.food):
        replay = refusal(other.log.ReplayCase, pb.ReplayCaseRequest(case_id=case_id))
        audit = refusal(other.log.AuditLog, pb.AuditLogRequest())
        assert (replay[0], audit[0]) == ("PERMISSION_DENIED", "PERMISSION_DENIED")
    assert town.operator.log.ReplayCase(pb.ReplayCaseRequest(case_id=case_id)).entries == 3


@pytest.mark.parametrize("size", [2**63 - 1, 2**63, 2**64 - 1])
def test_a_size_at_which_nothing_was_signed_is_found_nowhere(town: Offices, size: int) -> None:
    missing: tuple[str, str, list[str]] = ("NOT_FOUND", "TREE_HEAD_NOT_FOUND", [])
    assert refusal(town.applicant.log.GetTreeHead, pb.GetTreeHeadRequest(size=size)) == missing
    grown = pb.GetConsistencyProofRequest(first_size=1, second_size=size)
    assert refusal(town.applicant.log.GetConsistencyProof, grown) == missing


@pytest.mark.parametrize("place", [[0, 2**31 - 1], [1, 2**31 - 1], [2, 0]])
def test_an_audit_from_beyond_the_end_looks_at_nothing(town: Offices, sequencer: Sequencer, place: list[int]) -> None:
    town.opened()
    add_all(town.database, sequencer)
    page = town.operator.log.AuditLog(pb.AuditLogRequest(page_token=next_token(place)))
    assert (page.leaves, list(page.findings)) == (0, [])


def test_a_case_that_is_not_logged_yet_says_so(town: Offices) -> None:
    case = town.submitted()
    asked = pb.GetCaseProofRequest(case_id=case.case_number)
    assert refusal(town.applicant.log.GetCaseProof, asked)[:2] == ("FAILED_PRECONDITION", "NOT_LOGGED")


def test_the_commands_prove_verify_replay_and_audit(
    town: Offices, sequencer: Sequencer, duokua: Command, tmp_path: Path
) -> None:
    (case_id,) = town.opened()
    add_all(town.database, sequencer)
    key, proof, head = tmp_path / "log.pem", tmp_path / "proof.json", tmp_path / "head.json"
    key.write_text(duokua("log", "key").stdout)
    proof.write_text(duokua("case", "proof", case_id, "--wait", "0").stdout)
    assert f"case {case_id}: verified" in duokua("case", "verify", proof, "--key", key).stdout
    bare = duokua("case", "proof", case_id, "--no-contents").stdout
    assert [each["content"] for each in json.loads(bare)["entries"]] == [None, None, None]
    assert "is what its 3 entries lead to" in duokua("case", "replay", case_id).stdout
    assert json.loads(duokua("case", "replay", case_id, "--json").stdout)["same"] is True

    head.write_text(duokua("log", "head").stdout)
    town.opened()
    add_all(town.database, sequencer)
    grown = tmp_path / "grown.json"
    grown.write_text(duokua("log", "head", "--since", head).stdout)
    told = duokua("log", "verify", grown, "--key", key).stdout
    assert "its log begins with the" in told
    assert len(json.loads(duokua("log", "heads", "--json").stdout)) >= 2
    assert "are as they were written" in duokua("log", "audit").stdout
    assert json.loads(duokua("log", "audit", "--json").stdout) == []


def test_a_proof_without_internal_parts_verifies_and_says_what_is_withheld(
    town: Offices, sequencer: Sequencer, duokua: Command, tmp_path: Path
) -> None:
    (case_id,) = town.opened()
    add_all(town.database, sequencer)
    key, file = tmp_path / "log.pem", tmp_path / "proof.json"
    key.write_text(duokua("log", "key").stdout)
    file.write_text(duokua("case", "proof", case_id, "--no-internal").stdout)
    proof = json.loads(file.read_text())
    assert [each["content"]["internal"]["content"] for each in proof["entries"]] == [None] * 3
    assert json.loads(duokua("case", "verify", file, "--key", key, "--json").stdout)["withheld"] == {
        "open": 0,
        "internal": 3,
    }
    assert "the internal part of all of them is withheld" in duokua("case", "verify", file, "--key", key).stdout

    proof["entries"][2]["content"]["open"] |= {"salt": None, "content": None}
    file.write_text(json.dumps(proof))
    assert "the open part of 1 of them is withheld" in duokua("case", "verify", file, "--key", key).stdout
    proof["entries"][1]["content"]["open"]["content"]["actor"] = "person:forger"
    file.write_text(json.dumps(proof))
    named = "entry 2 was changed: its open part is not the one that it commits to"
    assert named in duokua("case", "verify", file, "--key", key, status=1).stdout
    proof["entries"][1]["content"]["open"]["salt"] = None
    file.write_text(json.dumps(proof))
    broken = CliRunner().invoke(app, ["case", "verify", str(file), "--key", str(key)])
    assert "salt and content are shown together" in str(broken.exception)


def test_the_commands_name_what_was_tampered_with(
    town: Offices, sequencer: Sequencer, duokua: Command, tmp_path: Path
) -> None:
    (case_id,) = town.opened()
    add_all(town.database, sequencer)
    key, proof = tmp_path / "log.pem", tmp_path / "proof.json"
    key.write_text(duokua("log", "key").stdout)
    change = text("UPDATE history SET actor = :a WHERE case_id = :c AND sequence = 2")
    with town.database.begin() as work:
        work.connection.execute(change, {"a": "client:forger", "c": case_id})
    try:
        proof.write_text(duokua("case", "proof", case_id).stdout)
        assert "  entry 2 was changed" in duokua("case", "verify", proof, "--key", key, status=1).stdout
        assert "entry 2 was changed" in duokua("case", "replay", case_id, status=1).stdout
        assert f"{case_id}\t2\tentry 2: its content" in duokua("log", "audit", status=1).stdout
    finally:
        with town.database.begin() as work:
            work.connection.execute(change, {"a": "platform", "c": case_id})
    assert "are as they were written" in duokua("log", "audit").stdout


def test_a_head_that_does_not_follow_is_named(
    town: Offices, sequencer: Sequencer, duokua: Command, tmp_path: Path
) -> None:
    town.opened()
    add_all(town.database, sequencer)
    key, head = tmp_path / "log.pem", tmp_path / "head.json"
    key.write_text(duokua("log", "key").stdout)
    head.write_text(duokua("log", "head").stdout)
    town.opened()
    add_all(town.database, sequencer)
    grown = json.loads(duokua("log", "head", "--since", head).stdout)
    grown["consistency"][0] = "00" * 32
    head.write_text(json.dumps(grown))
    told = duokua("log", "verify", head, "--key", key, status=1).stdout
    assert "does not begin with that of" in told
    assert json.loads(duokua("log", "verify", head, "--key", key, "--json", status=1).stdout)["verified"] is False
    head.write_text('{"head": 1}')
    broken = CliRunner().invoke(app, ["log", "verify", str(head), "--key", str(key)])
    assert "holds no tree head" in str(broken.exception)


def test_a_proof_that_comes_too_early_says_how_far_it_goes(
    town: Offices, sequencer: Sequencer, duokua: Command
) -> None:
    (case_id,) = town.opened()
    add_all(town.database, sequencer)
    town.complete(town.food_organ)
    result = duokua("case", "proof", case_id, "--wait", "0")
    assert len(json.loads(result.stdout)["entries"]) == 3
    assert "the log has 3 of 4 entries yet" in result.stderr
