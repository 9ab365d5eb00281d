"""What every shipped scenario is, whatever it is about: in order, explained, packed and installed as it is."""

from dataclasses import astuple
from functools import cache
from pathlib import Path

import pytest
import yaml

from chassis.api import Call, Caller
from chassis.database import Database
from cli.rehearsal.rehearsing import rehearse
from cli.scenarios.folders import read_folder, read_overlay
from cli.scenarios.linting import look_over
from duokua.matters.v1 import matter_service_pb2 as pb
from services.matters import store
from services.matters.api import MatterApi
from services.matters.domain.bundle import Scenario
from services.matters.domain.savings import savings_of
from services.matters.package.archive import made_of, pack, unpack
from services.matters.package.compiler import compile_package
from services.matters.package.overlay import OVERLAY
from services.matters.service import Matters
from tests.conftest import MakeDatabase
from tests.docs.pages import ROOT, links, read
from tests.matters.builders import organ_registered

SCENARIOS = sorted(path.parent for path in (ROOT / "scenarios").glob("*/scenario.yaml"))
OVERLAYS = [path.parent for folder in SCENARIOS for path in sorted((folder / "examples").glob(f"**/{OVERLAY}"))]
SCHEMAS = {"scenario.yaml": "scenario", "matters": "matter", "tests": "test", OVERLAY: "overlay"}

every_scenario = pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
every_overlay = pytest.mark.parametrize("sample", OVERLAYS, ids=lambda sample: "-".join(sample.parts[-2:]))


@cache
def files_of(folder: Path) -> dict[str, bytes]:
    return read_folder(folder)


@cache
def compiled(folder: Path) -> Scenario:
    return compile_package(files_of(folder))


def overlay_of(sample: Path) -> tuple[Path, dict[str, bytes]]:
    """The package of a sample of an overlay, and the files of the sample: the lone file, or a folder of its own."""
    alone = sample.name == "examples"
    said = read_overlay(sample / OVERLAY if alone else sample)
    assert said is not None
    return (sample.parent if alone else sample.parents[1]), said


@every_scenario
def test_it_is_in_order_and_there_is_nothing_to_advise(folder: Path) -> None:
    found = look_over(files_of(folder))
    assert (found.faults, found.advice) == ([], [])


@every_scenario
def test_it_is_called_as_its_folder_and_has_two_languages_an_example_and_an_overlay(folder: Path) -> None:
    scenario = compiled(folder)
    assert scenario.scenario_id == folder.name
    assert scenario.summary is not None
    assert {"README.md", "README.zh-CN.md", f"examples/{OVERLAY}"} <= files_of(folder).keys()
    assert any(path.endswith(".json") for path in files_of(folder) if path.startswith("examples/"))
    english, chinese = ((folder / name).read_text("utf-8") for name in ("README.md", "README.zh-CN.md"))
    assert ("README.zh-CN.md" in links(english), "README.md" in links(chinese)) == (True, True)
    # Lines may break anywhere.
    assert "not a national rule" in " ".join(english.split())
    assert "不代表国家规定" in "".join(chinese.split())


@every_scenario
def test_it_is_in_the_library(folder: Path) -> None:
    assert f"{folder.name}/README.md" in links(read("scenarios/README.md"))


@every_scenario
def test_editors_know_what_each_of_its_files_may_say(folder: Path) -> None:
    # Samples of licences are files of `duokua licence type define`, which names every fault of them itself.
    own = [path for path in sorted(folder.rglob("*.yaml")) if not path.name.endswith(".type.yaml")]
    for path in own:
        kind = SCHEMAS.get(path.name) or SCHEMAS[path.parent.name]
        first = path.read_text("utf-8").partition("\n")[0]
        assert first.startswith("# yaml-language-server: $schema="), path
        schema = (path.parent / first.partition("=")[2]).resolve()
        assert schema == ROOT / "scenarios" / "schema" / f"{kind}.schema.json", path


@every_scenario
def test_it_promises_and_says_what_it_saves(folder: Path) -> None:
    scenario = compiled(folder)
    savings = savings_of(scenario)
    assert scenario.limits.promised
    assert savings.unsaid == ()
    before, after = astuple(savings.before), astuple(savings.after)
    assert all(was >= will_be for was, will_be in zip(before, after, strict=True)), (before, after)
    assert before != after


SAVINGS = {
    "README.md": "{} forms become {}, {} fields become {}, {} materials become {}, {} visits become {}, and {} working "
    "days become {}",
    "README.zh-CN.md": "表单 {} 张减为 {} 张，填写项 {} 个减为 {} 个，材料 {} 份减为 {} 份，跑动 {} 次减为 {} 次，"
    "办理时间 {} 个工作日减为 {} 个工作日",
}


@pytest.mark.parametrize(
    "page",
    [page for folder in SCENARIOS for name in SAVINGS if "四减" in (page := folder / name).read_text("utf-8")],
    ids=lambda page: f"{page.parent.name}-{page.name}",
)
def test_the_savings_that_a_page_tells_are_those_that_are_counted(page: Path) -> None:
    savings = savings_of(compiled(page.parent))
    before, after = astuple(savings.before), astuple(savings.after)
    told = SAVINGS[page.name].format(*(count for pair in zip(before, after, strict=True) for count in pair))
    # Lines may break anywhere.
    assert "".join(told.split()) in "".join(page.read_text("utf-8").split())


def test_a_code_means_one_matter_in_all_of_them_and_none_is_called_national() -> None:
    named: dict[str, set[str]] = {}
    everything = [compiled(folder) for folder in SCENARIOS]
    everything += [compile_package(files_of(folder), said) for folder, said in map(overlay_of, OVERLAYS)]
    for scenario in everything:
        named.setdefault(scenario.catalog_code, set()).add(f"bundle {scenario.name.zh}")
        for matter in scenario.matters:
            named.setdefault(matter.catalog_code, set()).add(matter.name.zh)
    assert {code: names for code, names in named.items() if len(names) > 1} == {}
    assert [code for code in named if code.startswith("00")] == []


@every_scenario
def test_it_is_packed_to_the_same_bytes_whatever_the_order_of_its_files(folder: Path) -> None:
    files = files_of(folder)
    packed = pack(made_of(files))
    assert pack(made_of(dict(reversed(files.items())))) == packed
    assert unpack(packed).files == files


@every_overlay
def test_its_tests_and_those_of_a_region_hold_with_the_regions_decisions(sample: Path) -> None:
    folder, said = overlay_of(sample)
    rehearsed = rehearse(files_of(folder), said)
    assert (rehearsed.faults, rehearsed.left_out) == ([], [])
    assert {each.name: each.missed for each in rehearsed.outcomes if not each.passed} == {}
    assert any(path.startswith("tests/") for path in files_of(folder))


@pytest.mark.parametrize("bound", ["minimum", "maximum"])
@every_scenario
def test_its_tests_hold_whatever_a_region_sets(folder: Path, bound: str) -> None:
    """With all parameters at a bound; those about other values are left out, and they are the fewer."""
    files, parameters = files_of(folder), compiled(folder).parameters
    said = yaml.safe_load(files[f"examples/{OVERLAY}"])
    values = {
        each.parameter_id: int(value) if each.type == "integer" else value
        for each in parameters
        if (value := getattr(each, bound))
    }
    decided = {**said, "parameters": {**said.get("parameters", {}), **values}}
    rehearsed = rehearse(files, {OVERLAY: yaml.safe_dump(decided, allow_unicode=True).encode()})
    assert rehearsed.faults == []
    assert [each.name for each in rehearsed.outcomes if not each.passed] == []
    assert len(rehearsed.outcomes) > len(rehearsed.left_out)


@every_overlay
def test_it_is_installed_with_a_regions_decisions(sample: Path, make_database: MakeDatabase) -> None:
    folder, said = overlay_of(sample)
    organs = {binding.organ_id for binding in compile_package(files_of(folder), said).bindings} - {""} | {"lead"}
    request = pb.InstallScenarioRequest(
        package=pack(made_of(files_of(folder))),
        lead_organ_id="lead",
        overlay=[pb.ScenarioFile(path=path, content=content) for path, content in said.items()],
    )
    database: Database = make_database(store.metadata, "matters")
    matters = Matters(allows_unsigned=True)
    with database.begin() as work:
        matters.keep_organs(work, [organ_registered(organ) for organ in sorted(organs)])
        made = MatterApi(matters).install_scenario(Call(work, Caller("client:operator")), request).installation
    assert (made.bundle_id, made.bundle_version, made.lead_organ_id) == (folder.name, 1, "lead")
    assert len(made.region_code) == len("330106")
