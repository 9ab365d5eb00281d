"""Packages for tests: a small sound one, and ways to break it."""

from collections.abc import Mapping

from duokua.identity.v1 import directory_pb2, events_pb2
from services.matters.package.compiler import check_package

MANIFEST = """\
format: 1
id: open-shop
name: {zh: 开店, en: Open a shop}
licence: Apache-2.0
origin: {region: "330106", organ: 某区}
catalog_code: "332031901000"
lead: {role: market, name: {zh: 市场监管, en: Market regulation}}
region_field: shop.region
sections:
  shop: {zh: 店铺, en: Shop}
elements:
  owner:
    name: {zh: 经营者, en: Owner}
    like: person-name
  seats:
    name: {zh: 座位数, en: Seats}
    type: integer
    minimum: 0
    maximum: 10000
  tags:
    name: {zh: 标签, en: Tags}
    type: string
    max_length: 2000
    many: {most: 600}
materials:
  - kind: lease
    name: {zh: 租赁合同, en: Lease}
    media_types: [application/pdf]
    max_size: 2 MB
steps:
  - id: check
    matter: check
    undo: none
  - id: permit
    matter: permit
    after: [check]
    when: form.shop.area > 300
    undo: task
  - id: deliver
    matter: deliver
    after: [permit]
    pivot: true
version: "1.0.0"
"""
CHECK = """\
catalog_code: "331031902000"
name: {zh: 核验, en: Check}
type: "10"
fields:
  owner: owner
  shop.region: region
  shop.area: floor-area
  shop.seats: {element: seats, required: false}
  shop.tags: {element: tags, required: false}
  remark: {element: remark, required: false}
"""
PERMIT = """\
catalog_code: "330131903000"
name: {zh: 许可, en: Permit}
type: "01"
fields: {owner: owner, shop.region: region, shop.area: floor-area, <optional>}
materials: [lease]
notice:
  title: 准予许可决定书
  template: templates/permit.txt
"""
DELIVER = """\
catalog_code: "332031904000"
name: {zh: 送达, en: Deliver}
type: "20"
"""
PERMIT = PERMIT.replace(
    "<optional>", "shop.seats: {element: seats, required: false}, shop.tags: {element: tags, required: false}"
)
TEMPLATE = """\
{{ form.owner }}：
准予许可。面积{{ form.shop.area }}平方米。
"""
LEAD_USCC = "11330106002491234N"


def package(**changes: tuple[str, str]) -> dict[str, bytes]:
    """A sound package; `manifest=(old, new)` replaces one piece of one file."""
    texts = {"manifest": MANIFEST, "check": CHECK, "permit": PERMIT, "deliver": DELIVER, "template": TEMPLATE}
    for name, (old, new) in changes.items():
        assert old in texts[name], f"{old!r} is not in {name}"
        texts[name] = texts[name].replace(old, new, 1)
    return {
        "scenario.yaml": texts["manifest"].encode(),
        "matters/check.yaml": texts["check"].encode(),
        "matters/permit.yaml": texts["permit"].encode(),
        "matters/deliver.yaml": texts["deliver"].encode(),
        "templates/permit.txt": texts["template"].encode(),
    }


def faults_of(files: Mapping[str, bytes]) -> dict[str, str]:
    """What is wrong with a package: place -> message; empty when it is sound."""
    scenario, faults = check_package(files)
    assert (scenario is None) == bool(faults)
    return {fault.place: fault.message for fault in faults}


def organ_registered(organ_id: str = "lead", *, version: int = 1, level: int = 4) -> events_pb2.OrganRegistered:
    """Identity's event about an organ that can lead."""
    return events_pb2.OrganRegistered(
        organ=directory_pb2.Organ(
            organ_id=organ_id,
            name="西湖区市场监督管理局",
            uscc=LEAD_USCC,
            region_code="330106",
            level=directory_pb2.OrganLevel.Name(level),  # type: ignore[arg-type]
        ),
        version=version,
    )
