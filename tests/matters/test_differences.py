"""What changed between two versions of a scenario, in words."""

import pytest

from services.matters.domain.differences import differences
from services.matters.package.compiler import compile_package
from tests.matters.overlays import left_open, organ_id, overlay

EDITS = [
    ("scenario.yaml", 'version: "1.0.0"', 'version: "1.1.0"', "package: version: 1.0.0 → 1.1.0"),
    ("scenario.yaml", "en: Open a shop", "en: A shop", "package: name: 开店 (Open a shop) → 开店 (A shop)"),
    (
        "scenario.yaml",
        "> ${large}",
        ">= ${large}",
        ('step permit: condition: "form.shop.area > 300" → "form.shop.area >= 300"'),
    ),
    ("scenario.yaml", "    level: 4\n", "", "step deliver: level: 4 → none"),
    (
        "scenario.yaml",
        "default: 10 working",
        "default: 8 working",
        ("parameter promise: default: 10 working days → 8 working days"),
    ),
    (
        "scenario.yaml",
        "default: 10 working",
        "default: 8 working",
        (
            "step permit: limits: acceptance 5 working days, "
            "statutory 20 working days (+10), promised 10 working days → acceptance 5 working days, "
            "statutory 20 working days (+10), promised 8 working days"
        ),
    ),
    ("scenario.yaml", "max_size: 2 MB", "max_size: 1 MB", "material lease: largest size in bytes: 2000000 → 1000000"),
    (
        "scenario.yaml",
        "    max_size: 2 MB",
        "    max_size: 2 MB\n    given_by: {licence: business-licence}",
        "material lease: given by the licence: none → business-licence",
    ),
    ("matters/check.yaml", "  remark: {element: remark, required: false}\n", "", "form remark: is gone"),
    ("matters/check.yaml", "  remark:", "  phone: mobile-phone\n  remark:", "form phone: is new, required"),
    (
        "matters/check.yaml",
        "shop.seats: {element: seats, required: false}",
        "shop.seats: seats",
        "form shop.seats: is required now",
    ),
    (
        "scenario.yaml",
        "    matter: permit",
        "    matter: permit\n    region_field: shop.region",
        "step permit: field with its region: none → shop.region",
    ),
    (
        "scenario.yaml",
        "    matter: check",
        "    matter: check\n    organ_field: owner",
        "step check: field that names its organ: none → owner",
    ),
    ("scenario.yaml", "    type: integer", "    type: number", 'form shop.seats: type: "integer" → "number"'),
    (
        "matters/check.yaml",
        "{element: remark, required: false}",
        "{element: remark, required: false, when: form.shop.area > 9}",
        'form remark: asked when: none → "form.shop.area > 9"',
    ),
    (
        "scenario.yaml",
        "zh: 人口库",
        "zh: 人口基础库",
        ("needs data source population-register: name: 人口库 (Population) → 人口基础库 (Population)"),
    ),
    (
        "matters/permit.yaml",
        ", shop.tags: {element: tags, required: false}",
        "",
        (
            "matter 330131903000: fields that its office sees: owner, shop.region, shop.area, shop.seats, shop.tags → "
            "owner, shop.region, shop.area, shop.seats"
        ),
    ),
    ("templates/permit.txt", "准予许可", "同意", "matter 330131903000: notice is another"),
]


@pytest.mark.parametrize(("file", "old", "new", "told"), EDITS)
def test_each_edit_is_told(file: str, old: str, new: str, told: str) -> None:
    files = left_open()
    text = files[file].decode()
    assert old in text
    after = compile_package(files | {file: text.replace(old, new, 1).encode()})
    changes = [str(change) for change in differences(compile_package(files), after)]
    assert told in changes
    assert len(changes) <= 3


def test_what_a_region_adds_is_new_and_what_it_takes_away_is_gone() -> None:
    alone, here = compile_package(left_open()), compile_package(left_open(), overlay(), organ_id)
    forth, back = ([str(change) for change in differences(*pair)] for pair in ((alone, here), (here, alone)))
    assert "step permit: organ: none → permit-office" in forth
    assert "step deliver: comes after: permit → permit, tobacco" in forth
    assert any(change.startswith("step tobacco: is new: matter 330131907000; comes after check") for change in forth)
    assert "step tobacco: is gone" in back
    assert "parameter large: value here: 500 → 300" in back


def test_nothing_differs_from_itself() -> None:
    scenario = compile_package(left_open(), overlay(), organ_id)
    assert differences(scenario, scenario) == []
