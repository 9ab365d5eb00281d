"""What the tests of licences are made of: types, organs, persons, callers and licences."""

from typing import Any

from chassis.api import Caller
from chassis.database import Database, UnitOfWork
from chassis.vault import Vault
from duokua.identity.v1 import directory_pb2
from duokua.identity.v1 import events_pb2 as identity_events
from services.licences import directory, types
from services.licences.domain.licence import Licence
from services.licences.domain.types import Audience, Field, FieldType, HolderKind, LicenceType, Sharing
from services.licences.service import Licences, Order
from tests.edge import a_uscc

OFFICE = a_uscc(1)
OTHER_OFFICE = a_uscc(2)
MINISTRY = a_uscc(9)
FOOD = f"{MINISTRY}001"
NUMBER = "330106199003071236"
ISSUER = Caller("client:office", organ_id="o1")
OTHER = Caller("client:other", organ_id="o2")
HOLDER = Caller("person:p1", person_id="p1")
AGENT = Caller("person:p3", person_id="p1")
STRANGER = Caller("person:p2", person_id="p2")
OPERATOR = Caller("client:operator", permissions=frozenset({"licences.read_all", "licences.issue_all"}))
DATA = {
    "shop": "西湖面馆",
    "address": "北山街道1号",
    "manager_number": NUMBER,
    "area": 88.5,
    "granted_on": "2026-05-30",
}
FIELDS = (
    Field("shop", "经营者名称", FieldType.TEXT, required=True, audience=Audience.EVERYONE),
    Field("address", "经营场所", FieldType.TEXT, required=True, audience=Audience.ORGANS),
    Field("manager_number", "负责人证件号码", FieldType.TEXT, required=False, audience=Audience.HOLDER),
    Field("area", "面积", FieldType.NUMBER, required=False, audience=Audience.ORGANS),
    Field("granted_on", "批准日期", FieldType.DATE, required=False, audience=Audience.EVERYONE),
)
TEMPLATE = "经营者名称：{{ data.shop }}\n经营场所：{{ data.address }}\n"


def vault() -> Vault:
    return Vault(b"k" * 32)


def licences() -> Licences:
    return Licences(vault())


def a_type(**changes: Any) -> LicenceType:
    said = {
        "type_code": FOOD,
        "kind": "food-licence",
        "name": "食品经营许可证",
        "holder_kind": HolderKind.ANY,
        "fields": FIELDS,
        "template": TEMPLATE,
        "valid_months": 60,
        "sharing": Sharing.CONSENT,
    }
    return LicenceType(**{**said, **changes})


def organ_registered(
    organ_id: str = "o1", name: str = "西湖区市场监督管理局", uscc: str = OFFICE, version: int = 1
) -> identity_events.OrganRegistered:
    organ = directory_pb2.Organ(organ_id=organ_id, name=name, uscc=uscc)
    return identity_events.OrganRegistered(organ=organ, version=version)


def person_registered(
    person_id: str = "p1",
    name: str = "李雷",
    number: str = NUMBER,
    version: int = 1,
    kind: str = "natural",
    by: Vault | None = None,
) -> identity_events.PersonRegistered:
    person = directory_pb2.Person(
        person_id=person_id,
        kind=directory_pb2.PersonKind.Value(f"PERSON_KIND_{kind.upper()}"),
        name=name,
        masked_number="330***********1236",
    )
    fingerprint = (by or vault()).fingerprint(number.encode(), context=f"identity.person-number.{kind}")
    return identity_events.PersonRegistered(person=person, version=version, number_fingerprint=fingerprint)


def equip(database: Database) -> None:
    """Two organs, two persons, one type."""
    with database.begin() as work:
        organs = [organ_registered(), organ_registered("o2", "西湖区城市管理局", OTHER_OFFICE)]
        directory.keep_organs(work, organs)
        persons = [person_registered(), person_registered("p2", "韩梅梅", "330106199203072348")]
        directory.keep_persons(work, persons)
        types.define(work, a_type())


def an_order(**changes: Any) -> Order:
    said = {"issuer_organ_id": "o1", "holder_person_id": "p1", "data": DATA}
    return Order(**{**said, **changes})


def issue(work: UnitOfWork, type_name: str = "food-licence", **changes: Any) -> Licence:
    return licences().issue(work, types.type_of(work, type_name), an_order(**changes), "client:office")


def issued(database: Database, type_name: str = "food-licence", **changes: Any) -> Licence:
    with database.begin() as work:
        return issue(work, type_name, **changes)


def found(work: UnitOfWork, licence: Licence) -> Licence:
    return licences().locked(work, licence.licence_id)
