"""Packages with tests in them, for tests of what runs tests."""

from collections.abc import Mapping, Sequence

from cli.rehearsal.publishing import publish
from cli.rehearsal.running import Outcome, run_trial
from services.matters.package.compiler import examine_package
from services.matters.package.trialchecks import read_trials

MANIFEST = """\
format: 1
id: open-shop
version: "1.0.0"
name: {zh: 开店, en: Open a shop}
licence: Apache-2.0
origin: {region: "330106", organ: 某区}
catalog_code: "332031901000"
lead: {role: market, name: {zh: 市场监管, en: Market regulation}}
region_field: shop.region
limits: {statutory: 45 working days (+15), promised: 10 working days}
corrections: {most: 2, limit: 15 calendar days}
sections: {shop: {zh: 店铺, en: Shop}}
elements:
  owner: {name: {zh: 经营者, en: Owner}, like: person-name}
  seats: {name: {zh: 座位数, en: Seats}, type: integer, minimum: 0, maximum: 10000}
materials:
  - {kind: lease, name: {zh: 租赁合同, en: Lease}, media_types: [application/pdf]}
visits:
  - {id: site, name: {zh: 联合踏勘, en: Joint visit}, steps: [permit, fire]}
steps:
  - {id: check, matter: check, undo: none, limits: {promised: 1 working day}}
  - id: permit
    matter: permit
    after: [check]
    undo: task
    limits: {acceptance: 5 working days, statutory: 20 working days (+10), promised: 5 working days}
  - {id: fire, matter: fire, after: [check], when: form.shop.area > 300, undo: task}
  - {id: card, matter: card, after: [permit, fire], pivot: true, inputs: {number: 'steps["permit"].result.number'}}
  - {id: gift, matter: gift, after: [card], optional: true}
"""
MATTERS = {
    "check": '{catalog_code: "331031902000", name: {zh: 核验, en: Check}, type: "10", fields: {owner: owner}}',
    "permit": """\
catalog_code: "330131903000"
name: {zh: 许可, en: Permit}
type: "01"
fields: {owner: owner, shop.region: region, shop.area: floor-area, shop.seats: {element: seats, required: false}}
materials: [lease]
result: {number: {type: string, shared: true}}
notice: {title: 准予许可决定书, template: templates/permit.txt}
""",
    "fire": '{catalog_code: "330732906000", name: {zh: 消防, en: Fire}, type: "07", fields: {shop.area: floor-area}}',
    "card": """\
catalog_code: "332031904000"
name: {zh: 制证, en: Card}
type: "20"
fields: {owner: owner}
inputs: {number: string}
""",
    "gift": '{catalog_code: "332031905000", name: {zh: 补贴, en: Gift}, type: "20", fields: {owner: owner}}',
}
TEMPLATE = "{{ form.owner }}：\n准予许可，面积{{ form.shop.area }}平方米，证号{{ result.number }}。\n"
SMALL = '{"shop": {"region": "330106", "area": 100}, "owner": "王示例"}'
LARGE = '{"shop": {"region": "330106", "area": 400}, "owner": "王示例"}'


def package(tests: str = "", *changes: tuple[str, str]) -> dict[str, bytes]:
    """A shop whose permit and, on a large area, fire safety make a joint visit; `tests` stand in one file."""
    manifest = MANIFEST
    for old, new in changes:
        assert old in manifest, f"{old!r} is not in the manifest"
        manifest = manifest.replace(old, new, 1)
    files = {
        "scenario.yaml": manifest,
        "templates/permit.txt": TEMPLATE,
        "examples/small.json": SMALL,
        "examples/large.json": LARGE,
        **{f"matters/{name}.yaml": text for name, text in MATTERS.items()},
        **({"tests/shop.test.yaml": f"tests:\n{tests}"} if tests else {}),
    }
    return {path: text.encode() for path, text in files.items()}


def a_test(
    *when: str, then: str = "{case: completed}", example: str = "small", given: str = "", name: str = "a test"
) -> str:
    """One test of the shop, as YAML."""
    lines = [f"  - name: {name}", f"    given: {{example: examples/{example}.json{given and ', '}{given}}}"]
    if when:
        lines += ["    when:", *(f"      - {{{each}}}" for each in when)]
    return "\n".join([*lines, f"    then: {then}", ""])


def run(files: Mapping[str, bytes]) -> list[Outcome]:
    """The outcomes of all tests of a package that has no faults."""
    examined = examine_package(files)
    assert examined.scenario is not None, examined.faults
    trials, faults = read_trials(files, examined)
    assert faults == []
    published = publish(examined.scenario)
    return [run_trial(published, each, files) for each in trials]


def passes(*when: str, then: str = "{case: completed}", example: str = "small", given: str = "") -> Outcome:
    """Run one test of the shop, which has to pass."""
    (outcome,) = run(package(a_test(*when, then=then, example=example, given=given)))
    assert outcome.missed == [], "\n".join(str(line) for line in outcome.story)
    return outcome


def fails(*when: str, then: str = "{case: completed}", example: str = "small", given: str = "") -> list[str]:
    """Run one test of the shop, which has to fail; gives each miss as "line path: expected / found"."""
    (outcome,) = run(package(a_test(*when, then=then, example=example, given=given)))
    assert not outcome.passed
    return [f"{each.line} {each.path}: {each.expected} / {each.found}" for each in outcome.missed]


def faults_of(tests: str) -> dict[str, str]:
    """What is wrong with the tests of the shop: place -> message."""
    files = package(tests)
    _, faults = read_trials(files, examine_package(files))
    return {fault.place.removeprefix("tests/shop.test.yaml:"): fault.message for fault in faults}


def names(outcomes: Sequence[Outcome]) -> list[str]:
    return [each.name for each in outcomes]
