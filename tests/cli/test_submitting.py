"""`duokua case submit`, against an api that runs: from the command line, from a file, from standard input."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from cli.application_file import read_application
from cli.handing_in import Handed, go_inside
from cli.main import app
from services.cases import material_store
from tests.cases.builders import a_form, a_pdf
from tests.cli.test_applications import Portal, portal, shared

__all__ = ["portal", "shared"]


def an_application(folder: Path, **changes: Any) -> dict[str, Any]:
    (folder / "lease.pdf").write_bytes(a_pdf("lease"))
    materials = [{"kind": "lease", "file": "lease.pdf"}]
    return {"bundle": "open-shop", "form": a_form(), "materials": materials, **changes}


def submitted(output: str) -> Any:
    return json.loads(output[output.index("{\n") :])  # the api of this process logs there, too


def test_a_large_material_that_is_not_what_it_says_is_told_by_its_name_and_kind(portal: Portal) -> None:
    lease = portal.folder / "合同.pdf"
    lease.write_bytes(os.urandom(1_000_001))
    form = portal.file("form.json", json.dumps(a_form()))
    refused = portal.run("submit", "open-shop", "--form", form, "--material", f"lease={lease}")
    assert refused.exit_code == 1
    assert "合同.pdf, given as lease: the content is not the application/pdf that was declared" in str(
        refused.exception
    )


def test_an_application_is_submitted_and_its_large_materials_are_uploaded(portal: Portal) -> None:
    lease, photo = portal.folder / "lease.pdf", portal.folder / "photo.bin"
    lease.write_bytes(a_pdf("lease"))
    photo.write_bytes(os.urandom(1_000_001))
    form = portal.file("form.json", json.dumps(a_form()))
    materials = ["--material", f"lease={lease}", "--material", f"photo={photo}"]
    done = portal.run("submit", "open-shop", "--form", form, *materials, "--json")
    assert done.exit_code == 0, done.output
    handed_in = portal.town.row(submitted(done.output)["case_id"]).materials
    assert [each["sha256"] for each in handed_in] == [
        hashlib.sha256(path.read_bytes()).hexdigest() for path in (lease, photo)
    ]
    with portal.town.database.read() as work:
        assert material_store.waiting_content(work.connection, handed_in[0]["sha256"]) is not None
        assert material_store.waiting_content(work.connection, handed_in[1]["sha256"]) is None


@pytest.mark.parametrize(("name", "write"), [("a.json", json.dumps), ("a.yaml", yaml.safe_dump)])
def test_an_application_is_a_file_and_the_same_again_is_the_same_case(portal: Portal, name: str, write: Any) -> None:
    shop = {"name": f"绿叶小店{name}", "area": 80.5}  # so that each format is an application of its own
    file = portal.file(
        name, write(an_application(portal.folder, form={**a_form(), "shop": {**a_form()["shop"], **shop}}))
    )
    first = submitted(portal.run("submit", "--application", file, "--json").output)
    assert portal.town.row(first["case_id"]).form["shop"]["name"] == shop["name"]
    assert [each["kind"] for each in portal.town.row(first["case_id"]).materials] == ["lease"]
    told = portal.run("submit", "--application", file).output
    assert f"case {first['case_number']} ({first['case_id']}) was submitted at {first['submitted_at']}" in told
    assert f"duokua case watch {first['case_number']} --person {portal.person_id}" in told
    other = submitted(portal.run("submit", "--application", file, "--request-id", f"another-{name}", "--json").output)
    assert other["case_id"] != first["case_id"]
    shown = json.loads(portal.run("show", first["case_number"], "--json").output)
    assert shown["case_id"] == first["case_id"]


def test_standard_input_is_read_and_the_command_line_comes_first(
    portal: Portal, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = json.dumps(an_application(portal.folder, bundle="no-such-bundle", person="nobody", request_id="said"))
    monkeypatch.chdir(portal.folder)  # from where its materials are named
    done = portal.run("submit", "open-shop", "--application", "-", "--json", said=said)
    assert done.exit_code == 0, done.output
    assert submitted(done.output)["bundle_id"] == "open-shop"
    reused = portal.run("submit", "--application", "-", said=said)
    refused = portal.run("submit", "--application", "-", "--request-id", "another", said=said)
    reasons = [getattr(each.exception, "reason", each.output) for each in (reused, refused)]
    assert reasons == ["REQUEST_ID_REUSED", "BUNDLE_NOT_FOUND"]
    form = portal.run("submit", "open-shop", "--form", "-", "--dry-run", "--json", said=yaml.safe_dump(a_form()))
    assert json.loads(form.output)["form"] == a_form()


def test_a_dry_run_shows_what_would_be_sent_and_sends_nothing(portal: Portal) -> None:
    (portal.folder / "photo.bin").write_bytes(bytes(1_000_001))
    materials = [{"kind": "lease", "file": "lease.pdf"}, {"kind": "photo", "file": "photo.bin", "media_type": "a/b"}]
    file = portal.file("a.json", json.dumps(an_application(portal.folder, materials=materials, request_id="r1")))
    environment = {**portal.environment, "DUOKUA_ENDPOINTS": "127.0.0.1:1"}
    nowhere = Portal(portal.town, portal.folder, environment, portal.person_id)
    shown = json.loads(nowhere.run("submit", "--application", file, "--dry-run", "--json").output)
    assert [(each["kind"], each["media_type"], each["uploaded"]) for each in shown["materials"]] == [
        ("lease", "application/pdf", False),
        ("photo", "a/b", True),
    ]
    assert shown["materials"][1]["sha256"] == hashlib.sha256(bytes(1_000_001)).hexdigest()
    assert shown["request_id"] == "r1"
    told = nowhere.run("submit", "--application", file, "--dry-run").output
    assert "photo.bin, a/b, 1000001 bytes, to be uploaded" in told
    assert "nothing was sent" in told


def test_what_the_platform_finds_wrong_is_told_by_field(portal: Portal) -> None:
    form = {**a_form(), "shop": {**a_form()["shop"], "area": "large"}}
    file = portal.file("a.json", json.dumps(an_application(portal.folder, form=form)))
    refused = portal.run("submit", "--application", file)
    assert refused.exit_code == 1
    assert "form.shop.area" in refused.output + str(refused.exception)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"bundel": "x"}', "bundel: Extra inputs are not permitted"),
        ('{"materials": [{"kind": "lease"}]}', "materials[0].file: Field required"),
        ('{"bundle": "x", "form": {}, "materials": [{"kind": "lease", "file": "no.pdf"}]}', "there is no file"),
        ('{"form": {}}', "bundle is missing: say it with BUNDLE"),
        ('{"bundle": "x"}', "form is missing: say it with --form"),
        ("[]", "holds no JSON object"),
        ("{", "not JSON"),
    ],
)
def test_a_file_that_is_no_application_is_told_field_by_field(portal: Portal, text: str, words: str) -> None:
    refused = portal.run("submit", "--application", portal.file("a.json", text))
    assert refused.exit_code == 1
    assert words in str(refused.exception)


def test_the_person_is_missing_by_name(portal: Portal) -> None:
    file = portal.file("a.json", json.dumps(an_application(portal.folder)))
    refused = CliRunner(env=portal.environment).invoke(app, ["case", "submit", "--application", str(file)])
    assert "person is missing: say it with --person" in str(refused.exception)


def test_yaml_has_no_surprises_and_a_fault_has_its_line(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("bundle: open-shop\nform: {region: 033010, open: no}\n", encoding="utf-8")
    assert read_application(file).form == {"region": "033010", "open": "no"}
    file.write_text("bundle: open-shop\nform: &all {}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"a\.yaml:2:7"):
        read_application(file)


def test_what_together_is_too_much_for_a_message_is_uploaded(tmp_path: Path) -> None:
    paths = [tmp_path / str(each) for each in range(12)]
    for path in paths:
        path.write_bytes(bytes(900_000))
    assert go_inside([Handed("photo", path, "a/b") for path in paths]) == [True] * 11 + [False]
