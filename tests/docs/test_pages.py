"""What the pages name is there, and what is there is named."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from prometheus_client import REGISTRY

from chassis import rpc
from chassis.bus import metrics
from chassis.bus.scraping import BacklogCollector
from chassis.settings import SERVICES, Settings
from cli.main import app
from services.cases import horizon, sequencer, timekeeper
from services.cases.domain import incidents
from tests.docs.pages import (
    ROOT,
    anchors,
    code_blocks,
    inline_code,
    links,
    name_of,
    pages,
    read,
    section,
    tables,
)

EVERY_PAGE = [pytest.param(page, id=name_of(page)) for page in pages()]
COMMAND = re.compile(r"(?:\.venv/bin/)?duokua [a-z-]")


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_links_lead_somewhere(page: Path) -> None:
    lost = []
    for target in links(page.read_text("utf-8")):
        if re.match(r"[a-z]+:", target):
            assert target.startswith("https://"), target
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file.read_text("utf-8"))):
            lost.append(target)
    assert lost == []


def code_in(text: str) -> list[str]:
    lines = [line.strip() for block in code_blocks(text) for line in block.text.splitlines()]
    return [line for line in lines if not line.startswith("#")] + inline_code(text)


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_make_targets_that_are_named_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE))
    named = {
        target for line in code_in(page.read_text("utf-8")) for target in re.findall(r"\bmake ([a-z][a-z-]*)", line)
    }
    assert named - targets == set()


def test_every_make_target_for_people_says_what_it_does() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in ("demo", "up", "venv", "lint", "types", "imports", "proto", "check-generated", "test", "generate"):
        assert re.search(rf"^  {name} +\w", shown, re.MULTILINE), name


def commands_in(text: str) -> list[str]:
    return [line for line in code_in(text) if COMMAND.match(line)]


def subcommands(command: Any) -> dict[str, Any]:
    return getattr(command, "commands", {})


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_commands_that_are_named_exist(page: Path) -> None:
    root: Any = typer.main.get_command(app)
    for line in commands_in(page.read_text("utf-8")):
        words = line.partition("  #")[0].split()[1:]
        command = root
        while words and not words[0].startswith("-") and (parts := subcommands(command)):
            assert words[0] in parts, f"{line!r}: there is no {words[0]}"
            command = parts[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        assert {word for word in words if word.startswith("--")} <= known, line


def test_every_command_is_named_in_the_readme_or_the_operations_page() -> None:
    text = read("README.md") + read("docs/operations.md")
    commands = subcommands(typer.main.get_command(app))
    assert len(commands) > 5
    assert {name for name in commands if not re.search(rf"\b{name}\b", text)} == set()


def test_the_table_of_settings_is_complete_and_has_the_defaults() -> None:
    rows = tables(section(read("docs/operations.md"), "Settings"))
    told = {row[0].strip("`"): row[1].strip("`") for row in rows if row[0].startswith("`DUOKUA_")}
    expected = {
        f"DUOKUA_{name.upper()}": "" if field.default in (None, "") else str(field.default)
        for name, field in Settings.model_fields.items()
    }
    assert told == expected


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_settings_that_are_named_exist(page: Path) -> None:
    compose = set(re.findall(r"\$\{(DUOKUA_\w+)", read("docker-compose.yml")))
    client = set(re.findall(r"\bDUOKUA_[A-Z_]+[A-Z]", read("sdk/python/src/duokua/client.py")))
    known = {f"DUOKUA_{name.upper()}" for name in Settings.model_fields} | compose | client
    named = set(re.findall(r"\bDUOKUA_[A-Z_]+[A-Z]", page.read_text("utf-8")))
    assert named - known == set()


def test_the_table_of_metrics_is_complete() -> None:
    # Importing them is what registers their metrics.
    modules = (metrics, rpc, sequencer, timekeeper, horizon)
    assert {module.__name__ for module in modules} <= set(sys.modules)
    rows = tables(section(read("docs/operations.md"), "Metrics"))
    told = {row[0].strip("`"): set(row[1].split(", ")) - {""} for row in rows if row[0].startswith("`duokua_")}
    assert told == all_metrics()


def all_metrics() -> dict[str, set[str]]:
    """The metrics of all processes, as Prometheus calls them, with their labels."""
    measured = {family.name: set(family._labelnames) for family in BacklogCollector({}).describe()}  # type: ignore[attr-defined]
    for collector in {id(each): each for each in REGISTRY._names_to_collectors.values()}.values():
        name = getattr(collector, "_name", "")
        if name.startswith("duokua_"):
            counts = "_total" if getattr(collector, "_type", "") == "counter" else ""
            measured[name + counts] = set(collector._labelnames)  # type: ignore[attr-defined]
    return measured


def test_every_alert_is_of_metrics_and_labels_that_there_are() -> None:
    groups = yaml.safe_load(read("deploy/prometheus/alerts.yaml"))["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    known = all_metrics()
    labels: set[str] = set().union(*known.values()) | {"le"}
    for rule in rules:
        names = {re.sub(r"_(bucket|sum|count)$", "", name) for name in re.findall(r"duokua_\w+", rule["expr"])}
        assert names, rule["alert"]
        assert names <= known.keys(), rule["alert"]
        by = {label.strip() for each in re.findall(r"by \(([^)]*)\)", rule["expr"]) for label in each.split(",")}
        assert by <= labels, rule["alert"]
        said = set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
        assert said <= by, rule["alert"]
        assert {"summary", "description"} == set(rule["annotations"]), rule["alert"]
        assert rule["labels"]["severity"] in {"page", "ticket"}, rule["alert"]
    assert len({rule["alert"] for rule in rules}) == len(rules)


def test_prometheus_reads_the_alerts() -> None:
    configuration = yaml.safe_load(read("deploy/prometheus/prometheus.yaml"))
    mounted = dict(
        volume.split(":")[:2]
        for volume in yaml.safe_load(read("docker-compose.yml"))["services"]["prometheus"]["volumes"]
    )
    folder = Path(mounted["./deploy/prometheus/prometheus.yaml"]).parent
    assert configuration["rule_files"] == [
        Path(mounted["./deploy/prometheus/alerts.yaml"]).relative_to(folder).as_posix()
    ]
    # What a process says of itself, the service among its metrics' labels, is not to be renamed to `exported_service`.
    assert [job["job_name"] for job in configuration["scrape_configs"] if job.get("honor_labels")] == ["duokua"]


def test_every_reason_of_an_incident_is_explained() -> None:
    rows = tables(section(read("docs/operations.md"), "Incidents"))
    assert {row[0].strip("`") for row in rows if row[0].startswith("`")} == set(incidents._RETRIES)


def test_every_service_has_a_page_that_the_readmes_lead_to() -> None:
    for service in SERVICES:
        name = f"services/{service}/README.md"
        assert (ROOT / name).is_file()
        assert all(name in links(read(page)) for page in ("README.md", "README.zh-CN.md"))


def test_every_decision_is_numbered_once_and_listed() -> None:
    files = sorted(path.name for path in (ROOT / "docs" / "adr").glob("*.md"))
    numbers = [int(name[:4]) for name in files]
    assert numbers == list(range(1, len(files) + 1))
    assert {f"adr/{name}" for name in files} <= set(links(read("docs/architecture.md")))
    for name, number in zip(files, numbers, strict=True):
        assert read(f"docs/adr/{name}").startswith(f"# {number}. ")


def test_every_module_of_the_chassis_is_in_its_table() -> None:
    told = set(inline_code("\n".join(row[0] for row in tables(read("chassis/README.md")))))
    folders = {name for name in told if name.endswith("/")}
    modules = {
        path.relative_to(ROOT / "chassis").as_posix()
        for path in (ROOT / "chassis").rglob("*.py")
        if path != ROOT / "chassis" / "__init__.py"
    }
    # A row names modules of one folder; the folder stands before the first.
    named = {name for row in tables(read("chassis/README.md")) for name in _with_folder(inline_code(row[0]))}
    missing = {name for name in modules if name not in named and not any(name.startswith(f) for f in folders)}
    assert missing == set()
    assert {name for name in named - folders if not (ROOT / "chassis" / name).exists()} == set()


def _with_folder(names: list[str]) -> list[str]:
    folder = names[0].rpartition("/")[0] if names and not names[0].endswith("/") else ""
    return [name if "/" in name or not folder else f"{folder}/{name}" for name in names]


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_files_that_are_named_exist(page: Path) -> None:
    # A path from the project's root, or from the page's folder; `<name>` and the like stand for something else.
    tops = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "duokua-"))}
    named = [name for name in inline_code(page.read_text("utf-8")) if re.fullmatch(r"[\w.-]+/[\w./-]*", name)]
    ours = [name for name in named if name.partition("/")[0] in tops]
    assert [name for name in ours if not (page.parent / name).exists() and not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", EVERY_PAGE)
def test_no_page_names_a_machine_or_a_package_index(page: Path) -> None:
    text = page.read_text("utf-8")
    home = os.environ.get("HOME", "")
    assert not re.search(r"(index-url|/simple/?\b|pypi\.org|PIP_INDEX)", text)
    assert not re.search(r"(^|[\s`'\"(])/(home|root|work|Users|tmp)/", text)
    assert len(home) < 2 or f"{home}/" not in text


def test_examples_of_forms_are_json() -> None:
    for file in (ROOT / "scenarios").glob("*/examples/*.json"):
        assert isinstance(json.loads(file.read_text("utf-8")), dict)
