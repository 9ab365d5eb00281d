"""Overlays for tests: a package that leaves things to regions, one region that decides them, and ways to break both."""

from collections.abc import Mapping

from services.matters.package.compiler import check_package
from tests.matters.builders import package

LEFT_OPEN = """\
requires:
  offices:
    - id: permits
      name: {zh: 许可部门, en: Permits}
      purpose: {zh: 审查并许可, en: Looks into it and permits it}
    - {id: counter, name: {zh: 综合窗口, en: Counter}}
  data:
    - {id: population-register, name: {zh: 人口库, en: Population}}
  seals:
    - {id: approval, name: {zh: 审批专用章, en: Approval seal}}
parameters:
  - {id: large, name: {zh: 大面积, en: Large}, type: integer, default: 300, min: 100, max: 1000}
  - {id: promise, name: {zh: 承诺时限, en: Promise}, type: duration, default: 10 working days, max: 15 working days}
extension_points:
  - {id: permits, name: {zh: 其他许可, en: Other permits}, after: [check], before: [deliver]}
steps:
"""
OVERLAY = """\
format: 1
package: {id: open-shop, version: ">=1.0.0 <2.0.0"}
region: "330106"
lead: lead
bindings:
  offices:
    permits: 11330106MB1A00010E
    counter: nearest
  data:
    population-register: none
  seals:
    approval: lead
parameters:
  large: 500
steps:
  - id: tobacco
    at: permits
    matter: tobacco
    when: form.shop.area > 20
    undo: task
    organ: tobacco-office
"""
TOBACCO = """\
catalog_code: "330131907000"
name: {zh: 烟草专卖零售许可, en: Tobacco licence}
type: "01"
fields: {owner: owner, shop.region: region, shop.area: floor-area}
notice:
  title: 准予烟草许可
  template: templates/tobacco.txt
"""
ORGANS = {"lead": "lead", "11330106MB1A00010E": "permit-office", "tobacco-office": "tobacco-office"}


def organ_id(named: str) -> str:
    """The organs that a region has, by id or code."""
    return ORGANS.get(named, "")


def left_open(**changes: tuple[str, str]) -> dict[str, bytes]:
    """A package that leaves offices, a data source, a seal, two values and one place for steps to its regions."""
    files = package(permit=("templates/permit.txt\n", "templates/permit.txt\n  seal: approval\n"))
    text = files["scenario.yaml"].decode()
    edits = [
        ("    like: person-name\n", "    like: person-name\n    sources: [population-register]\n"),
        ("steps:\n", LEFT_OPEN),
        ("> 300", "> ${large}"),
        ("    undo: task\n", '    office: permits\n    undo: task\n    limits: {promised: "${promise}"}\n'),
        ("    pivot: true\n", "    level: 4\n    office: counter\n    pivot: true\n"),
    ]
    for old, new in (*edits, *changes.values()):
        assert old in text, f"{old!r} is not in the manifest"
        text = text.replace(old, new, 1)
    return files | {"scenario.yaml": text.encode()}


def overlay(*changes: tuple[str, str]) -> dict[str, bytes]:
    """The overlay of a region that has an office for tobacco; each change replaces one piece of overlay.yaml."""
    text = OVERLAY
    for old, new in changes:
        assert old in text, f"{old!r} is not in the overlay"
        text = text.replace(old, new, 1)
    return {
        "overlay.yaml": text.encode(),
        "matters/tobacco.yaml": TOBACCO.encode(),
        "templates/tobacco.txt": "准予{{ form.owner }}许可。\n".encode(),
    }


def faults_in(
    files: Mapping[str, bytes], said: Mapping[str, bytes] | None, *, installing: bool = True
) -> dict[str, str]:
    """What is wrong with a package under an overlay: place -> message."""
    scenario, faults = check_package(files, said, organ_id if installing else None)
    assert (scenario is None) == bool(faults)
    return {fault.place: fault.message for fault in faults}
