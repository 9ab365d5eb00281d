"""Overlays: what a region binds, sets and adds, and what is refused with its place."""

import json

import jsonschema_rs
import pytest

from services.matters.domain.bundle import Scenario, Step
from services.matters.domain.limits import Limit, TimeUnit
from services.matters.domain.local import Binding, Needed
from services.matters.package.compiler import compile_package
from tests.matters.builders import package
from tests.matters.overlays import faults_in, left_open, organ_id, overlay


def step(scenario: Scenario, step_id: str) -> Step:
    return next(each for each in scenario.steps if each.step_id == step_id)


def test_a_package_alone_is_compiled_with_its_defaults_and_nothing_bound() -> None:
    scenario = compile_package(left_open())
    assert step(scenario, "permit").when == "form.shop.area > 300"
    assert step(scenario, "permit").limits.promised == Limit(10, TimeUnit.WORKING_DAY)
    assert [(each.organ_id, each.seal_organ_id) for each in scenario.steps] == [("", "")] * 3
    assert (scenario.bindings, scenario.region_code) == ((), "")
    assert [(each.kind, each.placeholder_id) for each in scenario.requires] == [
        (Needed.OFFICE, "permits"),
        (Needed.OFFICE, "counter"),
        (Needed.DATA, "population-register"),
        (Needed.SEAL, "approval"),
    ]


def test_an_overlay_binds_sets_and_adds() -> None:
    scenario = compile_package(left_open(), overlay(), organ_id)
    permit = step(scenario, "permit")
    assert (permit.organ_id, permit.seal_organ_id, permit.office) == ("permit-office", "lead", "permits")
    assert permit.when == "form.shop.area > 500"
    deliver = step(scenario, "deliver")
    assert (deliver.organ_id, deliver.level) == ("", 4)
    assert deliver.after == ("permit", "tobacco")
    tobacco = step(scenario, "tobacco")
    assert (tobacco.after, tobacco.organ_id, tobacco.undoable) == (("check",), "tobacco-office", True)
    assert tobacco.matter.notice is not None
    assert scenario.region_code == "330106"
    assert Binding(Needed.OFFICE, "permits", "permit-office") in scenario.bindings
    assert {each.parameter_id: each.value for each in scenario.parameters} == {
        "large": "500",
        "promise": "10 working days",
    }


def test_a_level_replaces_the_one_that_a_step_names() -> None:
    scenario = compile_package(left_open(), overlay(("counter: nearest", "counter: {level: 3}")), organ_id)
    assert (step(scenario, "deliver").level, step(scenario, "deliver").organ_id) == (3, "")


def test_one_region_may_give_the_bundle_an_id_of_its_own() -> None:
    scenario = compile_package(left_open(), overlay(("region:", "bundle: open-shop-xihu\nregion:")), organ_id)
    assert scenario.scenario_id == "open-shop-xihu"


def test_offline_organs_stay_as_they_are_named() -> None:
    scenario = compile_package(left_open(), overlay())
    assert step(scenario, "permit").organ_id == "11330106MB1A00010E"


def test_what_is_needed_must_be_bound_where_it_is_installed() -> None:
    assert faults_in(left_open(), None, installing=False) == {}
    assert faults_in(left_open(), None) == {
        "scenario.yaml:33:7 requires.offices[0]": '"permits" (许可部门) is bound to nothing: give an overlay',
        "scenario.yaml:36:7 requires.offices[1]": '"counter" (综合窗口) is bound to nothing: give an overlay',
        "scenario.yaml:38:7 requires.data[0]": '"population-register" (人口库) is bound to nothing: give an overlay',
        "scenario.yaml:40:7 requires.seals[0]": '"approval" (审批专用章) is bound to nothing: give an overlay',
    }
    assert faults_in(package(), None) == {}


BROKEN = [
    ("counter: nearest", "", "overlay.yaml:7:5 bindings.offices", '"counter" (综合窗口, Counter) is missing'),
    ("counter:", "countr:", "overlay.yaml:8:5 bindings.offices.countr", 'did you mean "counter"?'),
    ("counter: nearest", "counter: nobody", "overlay.yaml:8:14 bindings.offices.counter", "there is no organ nobody"),
    (
        "population-register: none",
        "population-register: nobody",
        "overlay.yaml:10:26 bindings.data.population-register",
        "no organ nobody",
    ),
    ("approval: lead", "approval: led", "overlay.yaml:12:15 bindings.seals.approval", "there is no organ led"),
    ("lead: lead", "lead: led", "overlay.yaml:4:7 lead", "there is no organ led"),
    ("organ: tobacco", "organ: snuff", "overlay.yaml:21:12 steps[0].organ", "there is no organ snuff-office"),
    ("id: open-shop", "id: open-store", "overlay.yaml:2:15 package.id", 'for the package "open-store"'),
    (">=1.0.0 <2.0.0", "^2.0.0", "overlay.yaml:2:35 package.version", "has the version 1.0.0, for which"),
    (">=1.0.0 <2.0.0", "1.x", "overlay.yaml:2:35 package.version", 'such as ">=1.0.0 <2.0.0"'),
    ("large: 500", "large: 5000", "overlay.yaml:14:10 parameters.large", "5000 is too much: 1000 at most"),
    ("large: 500", "large: 50", "overlay.yaml:14:10 parameters.large", "50 is too little: 100 or more"),
    ("large: 500", 'large: "500"', "overlay.yaml:14:10 parameters.large", "a whole number, without quotes"),
    ("large: 500", "lage: 500", "overlay.yaml:14:3 parameters.lage", 'did you mean "large"?'),
    ("large: 500", "promise: 1 month", "overlay.yaml:14:12 parameters.promise", "too much: 15 working days"),
    ("at: permits", "at: permit", "overlay.yaml:17:9 steps[0].at", 'did you mean "permits"?'),
    ("form.shop.area > 20", "form.shop.aera > 20", "overlay.yaml:19:11 steps[0].when", "aera"),
    ("    undo: task\n", "", "overlay.yaml:16:5 steps[0]", 'has no "undo"'),
    ("id: tobacco", "id: permit", "overlay.yaml:16:9 steps[0].id", 'has "permit" already'),
    ("matter: tobacco", "matter: tobaco", "overlay.yaml:18:13 steps[0].matter", 'did you mean "tobacco"?'),
    ("    undo: task\n", "    undo: task\n    pivot: true\n", "overlay.yaml:21:5 steps[0].pivot", "unknown key"),
    ("    undo: task\n", "    undo: task\n    after: [permit]\n", "overlay.yaml:21:13 steps[0].after[0]", "no step of"),
    ("    undo: task\n", "    undo: task\n    level: 4\n", "overlay.yaml:21:12 steps[0].level", "its own level"),
    ("region:", "regoin:", "overlay.yaml:3:1 regoin", 'did you mean "region"?'),
    ("lead: lead", "lead: &a lead", "overlay.yaml:4:7 lead", "anchors are not read"),
]


@pytest.mark.parametrize(("old", "new", "place", "message"), BROKEN)
def test_what_an_overlay_gets_wrong_is_told_at_its_place(old: str, new: str, place: str, message: str) -> None:
    faults = faults_in(left_open(), overlay((old, new)))
    assert place in faults, faults
    assert message in faults[place]


def test_a_value_that_breaks_a_limit_is_told_where_it_was_set() -> None:
    open_ended = left_open(bound=(", max: 15 working days", ""))
    faults = faults_in(open_ended, overlay(("large: 500", "large: 500\n  promise: 2 months")))
    assert list(faults) == ["overlay.yaml:15:12 parameters.promise"]
    assert "promises less than the law asks for" in faults["overlay.yaml:15:12 parameters.promise"]


def test_the_files_of_an_overlay_are_named_apart_from_those_of_the_package() -> None:
    said = overlay()
    said["matters/tobacco.yaml"] = said["matters/tobacco.yaml"].replace(b'type: "01"', b'type: "02"')
    assert list(faults_in(left_open(), said)) == ["overlay/matters/tobacco.yaml:3:7 type"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("matters/permit.yaml", "the package has a file matters/permit.yaml itself"),
        ("scenario.yaml", "is no file of an overlay"),
        ("../matters/x.yaml", "a path goes straight down"),
        ("README.md", "is no file of an overlay"),
    ],
)
def test_an_overlay_has_no_files_but_its_own(path: str, message: str) -> None:
    faults = faults_in(left_open(), overlay() | {path: b""})
    assert [message in fault for fault in faults.values()] == [True]


def test_an_overlay_without_its_file_and_one_that_is_no_yaml_are_each_one_fault() -> None:
    assert list(faults_in(left_open(), {})) == ["overlay.yaml"]
    assert list(faults_in(left_open(), {"overlay.yaml": b"format: ]"})) == ["overlay.yaml:1:9"]
    assert list(faults_in(left_open(), {"overlay.yaml": b"\xff"})) == ["overlay.yaml:1:1"]
    large = {"overlay.yaml": b"#" * 10_000_000}
    assert "256000 at most" in faults_in(left_open(), large)["overlay.yaml"]


OWN = """\
questions:
  - {field: tobacco.sold, ask: {zh: 是否经营烟草, en: Is tobacco sold}, required: false}
sections: {tobacco: {zh: 烟草, en: Tobacco}}
elements:
  tobacco-kinds: {name: {zh: 种类, en: Kinds}, values: [卷烟, 雪茄烟]}
materials:
  - {kind: photo, name: {zh: 照片, en: Photo}, media_types: [image/png]}
steps:
"""
ASKED = "when: has(form.tobacco) && has(form.tobacco.sold) && form.tobacco.sold"


def asking(*changes: tuple[str, str]) -> dict[str, bytes]:
    """An overlay whose step has a question, a data element and a material of its own."""
    said = overlay(("steps:\n", OWN), ("when: form.shop.area > 20", ASKED), *changes)
    matter = said["matters/tobacco.yaml"].decode()
    matter = matter.replace("area: floor-area}", "area: floor-area, tobacco.kind: tobacco-kinds}\nmaterials: [photo]")
    return said | {"matters/tobacco.yaml": matter.encode()}


def test_a_region_asks_for_what_its_own_steps_need_and_a_form_without_it_stays_good() -> None:
    scenario = compile_package(left_open(), asking(), organ_id)
    schema = json.loads(scenario.form_schema)
    assert schema["properties"]["tobacco"]["properties"]["sold"]["title"] == "是否经营烟草"
    assert [material.kind for material in scenario.materials] == ["lease", "photo"]
    accepts = jsonschema_rs.validator_for(schema)
    form = {"owner": "王某", "shop": {"region": "330106", "area": 30}}
    assert accepts.is_valid(form)
    assert accepts.is_valid({**form, "tobacco": {"sold": True, "kind": "卷烟"}})
    assert not accepts.is_valid({**form, "tobacco": {"sold": True}})
    assert not accepts.is_valid({**form, "tobacco": {"sold": False, "kind": "卷烟"}})


BROKEN_OWN = [
    ("tobacco-kinds:", "seats:", "overlay.yaml:19:3 elements.seats", 'the package has "seats" itself'),
    ("sections: {tobacco:", "sections: {shop:", "overlay.yaml:17:12 sections.shop", 'the package has "shop" itself'),
    ("sections: {tobacco:", "sections: {tobaco:", "overlay.yaml:17:12 sections.tobaco", 'did you mean "tobacco"?'),
    ("values: [卷烟, 雪茄烟]", "like: tobaco", "overlay.yaml:19:", "tobaco"),
    ("media_types: [image/png]", "media_types: [png]", "overlay.yaml:21:", "a media type"),
    ("{kind: photo,", "{kind: lease,", "overlay.yaml:21:12 materials[0].kind", "already"),
    ("tobacco.sold, ask", "tobacco..sold, ask", "overlay.yaml:16:", "a path in the form"),
]


@pytest.mark.parametrize(("old", "new", "place", "message"), BROKEN_OWN)
def test_what_a_region_asks_for_is_checked_at_its_own_place(old: str, new: str, place: str, message: str) -> None:
    faults = faults_in(left_open(), asking((old, new)))
    assert any(each.startswith(place) and message in said for each, said in faults.items()), faults


def sources_of(said: dict[str, bytes]) -> object:
    schema = json.loads(compile_package(left_open(), said, organ_id).form_schema)
    return schema["properties"]["owner"].get("x-source")


def test_a_data_source_that_a_region_does_not_have_supplies_nothing_there() -> None:
    assert sources_of(overlay()) is None
    bound = sources_of(overlay(("population-register: none", "population-register: lead")))
    assert bound == [
        {
            "id": "population-register",
            "kind": "data",
            "title": "人口基础信息库",
            "title_en": "Population register",
            "organ_id": "lead",
        }
    ]


def test_a_data_source_that_no_field_comes_from_need_not_be_bound() -> None:
    files = left_open(data=("{id: population-register,", "{id: place-register,"))
    ((place, message),) = faults_in(files, None, installing=False).items()
    assert place == "scenario.yaml:38:12 requires.data[0].id"
    assert "no field of the form" in message


def test_a_parameter_may_stand_in_a_rule_and_in_a_question() -> None:
    rule = "rules:\n  - {id: r, holds: 'form.shop.area < ${large}', message: {zh: 过大, en: Too large}}\n"
    asked = "questions:\n  - {field: lit, ask: {zh: 照明, en: Lit}, when: 'form.shop.area > ${large}'}\n"
    scenario = compile_package(left_open(ruled=("requires:\n", f"{rule}{asked}requires:\n")), overlay(), organ_id)
    assert [each.holds for each in scenario.rules] == ["form.shop.area < 500"]
    assert json.loads(scenario.form_schema)["properties"]["lit"]["x-ui"]["visible_when"] == "form.shop.area > 500"
