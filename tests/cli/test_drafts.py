"""`duokua draft`, against an api that runs: an application that is filled in step by step."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from tests.cases.builders import a_form, a_pdf
from tests.cli.test_applications import Portal, portal, shared

__all__ = ["portal", "shared"]


def run(portal: Portal, *arguments: object, status: int = 0) -> Result:
    command = ["draft", *map(str, arguments), "--person", portal.person_id]
    result = CliRunner(env=portal.environment).invoke(app, command)
    assert result.exit_code == status, result.output
    return result


def told(portal: Portal, *arguments: object) -> Any:
    return json.loads(run(portal, *arguments, "--json").output)


def test_an_application_is_filled_in_over_days_and_submitted(portal: Portal) -> None:
    begun = portal.file("begun.json", '{"owner": "李雷"}')
    saved = run(portal, "save", "--bundle", "open-shop", "--form", begun)
    assert "as version 1" in saved.output
    assert "lease (租赁合同) is required" in saved.output
    (draft,) = told(portal, "list")
    lease = portal.folder / "lease.pdf"
    lease.write_bytes(a_pdf("lease"))
    run(portal, "save", "--draft", draft["draft_id"], "--material", f"lease={lease}")
    answer = told(portal, "show", draft["draft_id"])
    assert answer["draft"]["form"] == {"owner": "李雷"}
    assert [each["name"] for each in answer["draft"]["materials"]] == ["lease.pdf"]
    assert [fault["field"] for fault in answer["faults"]] == ["form"]
    whole = portal.file("whole.json", json.dumps(a_form()))
    done = run(portal, "save", "--draft", draft["draft_id"], "--form", whole)
    assert "nothing is missing" in done.output
    shown = run(portal, "show", draft["draft_id"]).output
    assert "lease.pdf" in shown
    late = run(portal, "submit", draft["draft_id"], "--version", 2, status=1)
    assert "DRAFT_CHANGED" in str(late.exception) + late.output
    assert "is submitted" in run(portal, "submit", draft["draft_id"]).output
    assert "is case" in run(portal, "show", draft["draft_id"]).output
    assert "there are no drafts" in run(portal, "list").output


def test_a_draft_is_deleted(portal: Portal) -> None:
    draft = told(portal, "save", "--bundle", "open-shop")["draft"]
    assert "is deleted" in run(portal, "delete", draft["draft_id"]).output
    assert "DRAFT_NOT_FOUND" in str(run(portal, "show", draft["draft_id"], status=1).exception)


@pytest.mark.parametrize("arguments", [[], ["--bundle", "open-shop", "--draft", "d"]])
def test_what_is_saved_is_new_or_changed(portal: Portal, arguments: list[str]) -> None:
    assert "--bundle" in run(portal, "save", *arguments, status=2).output
