"""Packing, signing and verifying packages at the command line, and beginning overlays: without a platform."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from chassis.problems import Invalid
from cli.main import app
from cli.scenarios.folders import read_files, read_overlay
from services.matters.domain.names import Name
from services.matters.package.beginning import overlay_for
from services.matters.package.compiler import check_package, compile_package
from tests.docs.pages import ROOT
from tests.matters.overlays import left_open

SCENARIO = ROOT / "scenarios" / "open-restaurant"
PASSPHRASE = "长口令 with spaces"


def run(*arguments: str | Path, status: int = 0) -> Result:
    result = CliRunner().invoke(app, ["scenario", *map(str, arguments)])
    if result.exit_code != status:
        raise AssertionError(result.output) from result.exception
    return result


def refusal(*arguments: str | Path) -> str:
    result = CliRunner().invoke(app, ["scenario", *map(str, arguments)])
    assert isinstance(result.exception, ValueError | Invalid | OSError), result.output
    return str(result.exception)


def as_json(*arguments: str | Path, status: int = 0) -> Any:
    return json.loads(run(*arguments, "--json", status=status).stdout)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(SCENARIO, tmp_path / "mine")
    return tmp_path


def make_key(place: Path, name: str = "city") -> tuple[Path, Path]:
    secret = place / "passphrase"
    secret.write_text(f"{PASSPHRASE}\n", "utf-8")
    run("key", "new", name, "--passphrase-file", secret)
    return place / f"{name}.key", place / f"{name}.pub"


def sign(place: Path, file: Path, key: Path, publisher: str = "某市大数据局") -> None:
    run("sign", file, "--key", key, "--publisher", publisher, "--passphrase-file", place / "passphrase")


def test_the_same_content_is_the_same_file_whenever_and_wherever_it_is_packed(place: Path) -> None:
    first = as_json("pack", "mine")
    for path in (place / "mine").rglob("*"):
        os.utime(path, (1, 1))
    (place / "mine" / ".DS_Store").write_bytes(b"hidden")
    shutil.copytree(place / "mine", place / "elsewhere")
    second = as_json("pack", "elsewhere", "--out", "other.duokua")
    assert first["digest"] == second["digest"]
    assert (place / first["file"]).read_bytes() == (place / "other.duokua").read_bytes()
    assert first["file"] == "open-restaurant-1.0.0.duokua"
    assert read_files(place / "other.duokua")["scenario.yaml"] == (SCENARIO / "scenario.yaml").read_bytes()


def test_a_faulty_package_is_not_packed(place: Path) -> None:
    manifest = place / "mine" / "scenario.yaml"
    manifest.write_text(manifest.read_text("utf-8").replace("office: fire-rescue", "office: fire"), "utf-8")
    faults = as_json("pack", "mine", status=1)["faults"]
    assert any(fault["path"].endswith("office") for fault in faults)
    assert list(place.glob("*.duokua")) == []


def test_links_do_not_come_along(place: Path) -> None:
    (place / "mine" / "docs").mkdir()
    (place / "mine" / "docs" / "secret.md").symlink_to("/etc/passwd")
    assert "is a link" in refusal("pack", "mine")


def test_what_was_packed_is_linted_tested_and_compared_like_a_folder(place: Path) -> None:
    run("pack", "mine", "--out", "a.duokua")
    assert as_json("lint", "a.duokua") == as_json("lint", "mine")
    assert as_json("test", "a.duokua", "-k", "operator is asked at once")["tests"]
    assert as_json("diff", "a.duokua", "mine") == []
    manifest = place / "mine" / "scenario.yaml"
    manifest.write_text(manifest.read_text("utf-8").replace("en: Open a restaurant", "en: A restaurant"), "utf-8")
    change, *_ = as_json("diff", "a.duokua", "mine", status=1)
    assert change["text"] == "name: 开办餐饮店 (Open a restaurant) → 开办餐饮店 (A restaurant)"


def test_a_signed_package_is_good_to_whoever_trusts_the_key_and_to_nobody_else(place: Path) -> None:
    file = place / "a.duokua"
    run("pack", "mine", "--out", file)
    key, public = make_key(place)
    _, stranger = make_key(place, "stranger")
    assert as_json("verify", file, "--key", public, status=1)["signatures"] == []
    sign(place, file, key)
    told = as_json("verify", file, "--key", public)
    (signature,) = told["signatures"]
    assert (signature["publisher"], signature["holds"], signature["trusted_as"]) == ("某市大数据局", True, "city.pub")
    assert as_json("verify", file, "--key", stranger, status=1)["signatures"][0]["trusted"] is False
    sign(place, file, place / "stranger.key", "另一家")
    assert len(as_json("verify", file, "--key", public, "--key", stranger)["signatures"]) == 2
    sign(place, file, key)
    assert len(as_json("verify", file, "--key", public)["signatures"]) == 2


def test_a_changed_byte_is_told_with_its_file(place: Path) -> None:
    file = place / "a.duokua"
    run("pack", "mine", "--out", file)
    key, public = make_key(place)
    sign(place, file, key)
    content = file.read_bytes()
    text = (SCENARIO / "templates" / "food-licence.txt").read_bytes()
    assert text in content
    file.write_bytes(content.replace(text, bytes([text[0] ^ 1]) + text[1:]))
    told = as_json("verify", file, "--key", public, status=1)
    assert (told["good"], told["changed"]) == (False, ["templates/food-licence.txt"])
    assert "templates/food-licence.txt was changed" in run("verify", file, "--key", public, status=1).stdout
    assert "templates/food-licence.txt was changed" in refusal("sign", file, "--key", key, "--publisher", "甲")
    for command in (("lint", file), ("test", file), ("graph", file), ("bind", file, "--region", "330106")):
        assert "templates/food-licence.txt was changed" in refusal(*command)
    file.write_bytes(content + b"\0")
    assert "PACKAGE_UNREADABLE" in refusal("verify", file, "--key", public)


def test_keys_are_kept_private_and_never_overwritten(place: Path) -> None:
    key, public = make_key(place)
    assert key.stat().st_mode & 0o777 == 0o600
    assert b"ENCRYPTED PRIVATE KEY" in key.read_bytes()
    kept = key.read_bytes(), public.read_bytes()
    assert "is there already" in refusal("key", "new", "city", "--no-passphrase")
    public.unlink()
    refusal("key", "new", "city", "--no-passphrase")
    assert key.read_bytes() == kept[0]
    assert "protects nothing" in refusal("key", "new", "other")
    run("pack", "mine", "--out", "a.duokua")
    (place / "wrong").write_text("another", "utf-8")
    signing = ("sign", "a.duokua", "--publisher", "甲", "--key")
    assert "passphrase is another one" in refusal(*signing, key, "--passphrase-file", "wrong")
    assert "give its passphrase" in refusal(*signing, key)
    (place / "a.key").write_bytes(kept[1])
    assert "no private key" in refusal(*signing, "a.key")
    assert "printable" in refusal(
        "sign", "a.duokua", "--key", key, "--passphrase-file", "passphrase", "--publisher", ""
    )


BEGUN = [
    "许可部门 (Permits): 审查并许可",
    "permits: nearest",
    "population-register: none",
    "approval: own",
    "large: 300",
    "100 or more; 1000 at most",
    'promise: "10 working days"',
    "at: permits  # 其他许可",
]


def test_a_begun_overlay_fits_as_it_is_and_tells_what_everything_is_for(place: Path) -> None:
    files = left_open()
    for path, content in files.items():
        (place / "open" / path).parent.mkdir(parents=True, exist_ok=True)
        (place / "open" / path).write_bytes(content)
    run("bind", "open", "--region", "330106")
    text = (place / "overlay.yaml").read_text("utf-8")
    for told in BEGUN:
        assert told in text
    assert run("bind", "open", "--overlay", "overlay.yaml").stdout == "overlay.yaml fits\n"
    assert check_package(files, {"overlay.yaml": text.encode()}, str)[1] == []
    (place / "overlay.yaml").write_text(text.replace("counter:", "countr:"), "utf-8")
    faults = as_json("bind", "open", "--overlay", "overlay.yaml", status=1)["faults"]
    assert any("did you mean" in fault["message"] for fault in faults)
    assert "is there already" in refusal("bind", "open", "--region", "330106")
    assert "--region" in refusal("bind", "open", "--out", "another.yaml")
    for region in ("3301", "33010６", "330106\n"):
        assert "six digits" in refusal("bind", "open", "--region", region, "--out", "another.yaml")
    assert not Path("another.yaml").exists()


def test_a_name_cannot_break_out_of_a_comment() -> None:
    files = left_open()
    scenario = replace(compile_package(files), name=Name("窗口\nlead: evil", "Counter\u2028lead: evil"))
    said = {"overlay.yaml": overlay_for(scenario, "330106").encode()}
    assert check_package(files, said)[1] == []
    assert not any(line.startswith("lead: evil") for line in said["overlay.yaml"].decode().splitlines())


def test_the_sample_of_own_steps_asks_for_tobacco_and_leaves_other_applications_alone() -> None:
    folder = ROOT / "scenarios" / "open-restaurant"
    overlay = read_overlay(folder / "examples" / "tobacco")
    scenario = compile_package(read_files(folder), overlay, str)
    tobacco = next(step for step in scenario.steps if step.step_id == "tobacco-licence")
    assert tobacco.after == ("check-licence",)
    assert run("test", folder, "--overlay", folder / "examples" / "tobacco").exit_code == 0
