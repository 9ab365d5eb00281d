"""From an empty platform to an installed scenario, with the very commands of the README; then what they say later."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.supervise import environment_of
from duokua.client import Platform
from duokua.matters.v1 import matter_service_pb2
from tests.docs.pages import ROOT, code_blocks, read, section
from tests.platform.starting import embedded

pytestmark = [pytest.mark.journey, pytest.mark.timeout(120)]

USCC = "11330106MB1A00001G"
ABOVE = "11330100MB1A00020Q"
SECTIONS = {"README.md": "A scenario of your own", "README.zh-CN.md": "编写自己的场景"}


def commands_of(page: str) -> str:
    return code_blocks(section(read(page), SECTIONS[page]))[0].text


@dataclass(frozen=True, slots=True)
class Place:
    """A folder like a checkout, whose `duokua` is the project's, beside a platform that runs."""

    folder: Path
    environment: dict[str, str]

    def shell(self, script: str, status: int = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["bash", "-ec", script],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def json(self, arguments: str) -> Any:
        return json.loads(self.shell(f".venv/bin/duokua {arguments} --json").stdout)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "scenarios" / "open-restaurant", folder / "scenarios" / "open-restaurant")
    (folder / ".venv" / "bin").mkdir(parents=True)
    shim = folder / ".venv" / "bin" / "duokua"
    shim.write_text(
        f'#!/bin/sh\nPYTHONPATH="{ROOT}:{ROOT}/sdk/python/src" exec "{sys.executable}" -m cli.main "$@"\n', "utf-8"
    )
    shim.chmod(0o755)
    with embedded(folder / "data") as installation:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("DUOKUA_")}
        yield Place(folder, {**inherited, **environment_of(installation.settings), "COLUMNS": "80"})


@pytest.fixture(scope="module")
def said(place: Place) -> str:
    """What the commands of the README print."""
    return place.shell(commands_of("README.md")).stdout


def test_both_readmes_have_the_same_commands() -> None:
    assert commands_of("README.md") == commands_of("README.zh-CN.md")


def test_the_commands_of_the_readme_install_a_scenario(place: Place, said: str) -> None:
    organ = place.json("organ list")[0]["organ_id"]
    assert "scenarios/mine is in order" in said
    assert "(open-restaurant) version 1 is published" in said
    assert f"330131903000 goes to 西湖区市场监督管理局 ({organ})" in said


def test_the_environment_of_a_client_lets_its_system_in(place: Place, said: str) -> None:
    printed = dict(line.split("=", 1) for line in said.splitlines() if line.startswith("DUOKUA_"))
    assert set(printed) == {"DUOKUA_ENDPOINTS", "DUOKUA_CLIENT_ID", "DUOKUA_KEY_FILE", "DUOKUA_ROOT_CERT"}
    department = place.json(f"client register 市场监管业务系统 --role department --organ {USCC} --key keys/market.jwk")
    clients = {client["client_id"] for client in place.json("client list")}
    assert {printed["DUOKUA_CLIENT_ID"], department["client_id"]} < clients
    assert len(clients) == 3  # the operator's, and these two: the same registration again is the same client
    assert (place.folder / "keys" / "market.jwk").stat().st_mode & 0o777 == 0o600
    with Platform.from_env(department["environment"]) as platform:
        platform.matters.ListBundles(matter_service_pb2.ListBundlesRequest())


def test_ids_are_whole_in_a_pipe(place: Place, said: str) -> None:
    assert said
    lines = place.shell(
        "for what in region organ capability seal client; do .venv/bin/duokua $what list; done"
    ).stdout.splitlines()
    organ = place.json("organ list")[0]["organ_id"]
    assert sum(organ in line.split("\t") for line in lines) == 1 + 3 + 1 + 1  # organ, capabilities, seal, client


def test_what_is_there_already_stays(place: Place, said: str) -> None:
    seal = re.search(r"^seal (\S+) .* is active", said, re.MULTILINE)
    assert seal
    install = f".venv/bin/duokua scenario install scenarios/mine --overlay mine.yaml --lead {USCC}"
    again = place.shell(f".venv/bin/duokua seal apply {USCC} --reason 再次; {install}").stdout
    assert f"seal {seal[1]} " in again
    assert "is there already" in again
    assert "version 1 is unchanged" in again


def test_the_suite_of_an_organ_counts_from_its_next_seal_on(place: Place, said: str) -> None:
    assert said
    assert "national" in place.shell(f".venv/bin/duokua seal suite {USCC} national").stdout
    special = "--reason 启用 --kind special --matter '*'"
    assert place.json(f"seal apply {USCC} --name 审批专用章 {special}")["suite"] == "SUITE_NATIONAL"
    place.shell(f".venv/bin/duokua seal suite {USCC} international")
    assert place.json(f"seal apply {USCC} --name 备案专用章 {special}")["suite"] == "SUITE_INTERNATIONAL"


def test_an_organ_is_found_by_either_name_and_a_capability_is_withdrawn(place: Place, said: str) -> None:
    assert said
    county = place.json("organ list")[0]["organ_id"]
    above = place.json(
        f"organ register --uscc {ABOVE} --name 杭州市消防救援支队 --region 330106 --level city --parent {county}"
    )
    assert (above["parent_organ_id"], above["level"]) == (county, "ORGAN_LEVEL_CITY")
    place.shell(f".venv/bin/duokua capability declare {above['organ_id']} 330132906000")
    assert [each["catalog_code"] for each in place.json(f"capability list --organ {ABOVE}")] == ["330132906000"]
    place.shell(f".venv/bin/duokua capability withdraw {ABOVE} 330132906000")
    assert place.json(f"capability list --organ {ABOVE}") == []


def test_a_person_is_registered_once(place: Place, said: str) -> None:
    assert said
    person = place.json("person register 李雷 --number 330106199003071236 --assurance 2")
    assert (person["kind"], person["name"], person["assurance"]) == ("PERSON_KIND_NATURAL", "李雷", 2)
    assert "199003" not in person["masked_number"]
    asked = place.shell("echo 330106199003071236 | .venv/bin/duokua person register 李雷 --json")
    assert json.loads(asked.stdout) == person, "asked for beside the output"
    firm = place.json(f"person register 某餐饮公司 --kind legal --number {USCC}")
    assert firm["kind"] == "PERSON_KIND_LEGAL"
    told = place.shell(f".venv/bin/duokua person register 某餐饮公司 --kind legal --number {USCC}").stdout
    assert f"person {firm['person_id']} 某餐饮公司" in told


def test_keys_that_the_readme_makes_are_never_committed() -> None:
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    folders = {Path(found).parts[0] for found in re.findall(r"--key (\S+)", commands_of("README.md"))}
    assert folders
    assert {f"/{folder}/" for folder in folders} <= set(ignored)


def test_a_disabled_client_is_not_taken_for_registered(place: Place, said: str) -> None:
    assert said
    register = "client register gone --role portal --key keys/gone.jwk"
    client = place.json(register)["client_id"]
    assert place.json(f"client disable {client}")["disabled"]
    told = place.shell(f".venv/bin/duokua {register}", status=1)
    assert f"{client}, and disabled" in told.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        ("case show nope", 1, "CASE_NOT_FOUND: there is no case nope"),
        (
            "seal apply nope --reason x",
            1,
            "ORGAN_NOT_FOUND: there is no organ with the id or unified social",
        ),
        (f"organ register --uscc {USCC[:-1]}H --name 甲 --region 330106 --level county", 1, "\n  organ.uscc: "),
        ("client register x --role department --key keys/x.jwk", 2, "a department's system needs"),
    ],
)
def test_a_refusal_is_one_clear_message(place: Place, arguments: str, status: int, told: str) -> None:
    done = place.shell(f".venv/bin/duokua {arguments}", status=status)
    assert told in done.stderr
    assert done.stdout == ""
