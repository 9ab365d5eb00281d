"""The register of seals: from the application to the end of a seal, by two people, with everything written down."""

import io

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.x509 import Certificate, NameOID, load_pem_x509_certificate
from PIL import Image
from sqlalchemy import select

from chassis.database import Database
from chassis.problems import Conflict, Exists, Forbidden, Invalid, NotFound
from chassis.testing import ManualClock
from services.eseal import store as organ_store
from services.eseal.certificates.authorities import ISSUING, ROOT, Authorities, Authority
from services.eseal.certificates.profiles import OWN
from services.eseal.domain.seal import Kind, Seal, State, Suite
from services.eseal.keys.keystore import KeyStore
from services.eseal.seals import store
from services.eseal.seals.application import Application
from services.eseal.seals.register import Actor
from services.eseal.tables import keys
from tests.eseal.builders import (
    APPLICANT,
    APPROVER,
    LONG,
    NOON,
    OFFICE,
    applied,
    documents,
    made,
    organ,
    organ_registered,
    organ_with_seal,
    register,
    revoked,
    vault,
)


def uploaded_png() -> bytes:
    out = io.BytesIO()
    picture = Image.new("RGBA", (300, 300), (214, 20, 26, 0))
    picture.paste((214, 20, 26, 255), (50, 50, 250, 250))
    picture.save(out, "PNG")
    return out.getvalue()


def certificate(pem: str) -> Certificate:
    return load_pem_x509_certificate(pem.encode())


def acts(database: Database, seal: Seal) -> list[tuple[str, str, str]]:
    with database.read() as work:
        return [(entry.act, entry.actor, entry.reason) for entry in register().history(work, seal)]


def now_of(database: Database, seal: Seal) -> Seal:
    with database.read() as work:
        return register().seal(work, APPROVER, seal.seal_id)


def test_an_application_becomes_a_seal_by_a_second_person(database: Database) -> None:
    organ(database)
    seal = applied(database)
    assert (seal.state, seal.name, seal.matters, seal.applied_by) == (State.APPLIED, OFFICE, ("*",), "client:applicant")
    assert (seal.certificate_pem, seal.key_id) == ("", "")
    with database.begin() as work:
        seal = register().approve(work, APPROVER, seal.seal_id, "同意", hold=False)
    assert (seal.state, seal.valid_until) == (State.ACTIVE, NOON + LONG)
    assert acts(database, seal) == [
        ("APPLIED", "client:applicant", "启用"),
        ("APPROVED", "client:approver", "同意"),
        ("MADE", "client:approver", ""),
        ("ACTIVATED", "client:approver", ""),
    ]


def test_nobody_approves_what_they_applied_for(database: Database) -> None:
    organ(database)
    seal = applied(database)
    with pytest.raises(Forbidden) as raised, database.begin() as work:
        register().approve(work, APPLICANT, seal.seal_id, "", hold=False)
    assert raised.value.reason == "FOUR_EYES"
    assert now_of(database, seal) == seal
    assert len(acts(database, seal)) == 1


def test_a_rejected_application_makes_room_for_another(database: Database) -> None:
    organ(database)
    first = applied(database)
    with pytest.raises(Exists) as raised:
        applied(database)
    assert raised.value.reason == "APPLICATION_EXISTS"
    with database.begin() as work:
        assert register().reject(work, APPROVER, first.seal_id, "名称有误").state is State.REJECTED
    assert made(database).state is State.ACTIVE


def test_a_seal_hangs_from_the_published_root_and_says_what_that_is(database: Database) -> None:
    seal, other = organ_with_seal(database), organ_with_seal(database, "o2", "国家税务总局")
    with database.read() as work:
        (root,) = documents().trust_anchors(work)
    above = certificate(seal.chain_pem)
    assert seal.chain_pem == other.chain_pem
    certificate(seal.certificate_pem).verify_directly_issued_by(above)
    certificate(other.certificate_pem).verify_directly_issued_by(above)
    above.verify_directly_issued_by(certificate(root))
    for authority in (above, certificate(root)):
        units = authority.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)
        assert [unit.value for unit in units] == [OWN]


@pytest.mark.parametrize("suite", Suite)
def test_no_seal_is_cut_short_by_the_authority_that_issues_it(
    database: Database, clock: ManualClock, suite: Suite
) -> None:
    known: dict[str, Authority] = {}
    for year in range(0, 31, 3):
        organ(database, f"o{year}", f"第{year}局")
        with database.begin() as work:
            register().set_suite(work, f"o{year}", suite)
        seal = made(database, Application(f"o{year}", "启用"))
        assert seal.valid_until == clock.now() + LONG
        with database.read() as work:
            known = {each.authority_id: each for each in register().authorities(work)}
        assert certificate(known[seal.issuer_id].certificate_pem).not_valid_after_utc >= seal.valid_until
        assert {each.role for each in known.values() if not each.retired_at} >= {ROOT, ISSUING}
        clock.advance(days=3 * 365)
    retired = [each.role for each in known.values() if each.retired_at]
    assert retired.count(ISSUING) > retired.count(ROOT) > 0


def test_no_private_key_lies_in_the_clear(database: Database) -> None:
    organ_with_seal(database)
    with database.read() as work:
        stored = list(work.connection.scalars(select(keys.c.encrypted)))
    assert len(stored) == 3
    for key in stored:
        with pytest.raises(ValueError, match=r".+"):
            serialization.load_der_private_key(key, password=None)


def test_a_kept_key_belongs_to_its_certificate(database: Database) -> None:
    seal = organ_with_seal(database)
    with database.read() as work:
        key = KeyStore(vault()).load(work, seal.key_id)
        _, issuing = Authorities(KeyStore(vault())).issuing(work, Suite.INTERNATIONAL)
    for public, held in (
        (key.public_key, certificate(seal.certificate_pem)),
        (issuing.key.public_key, issuing.certificate),
    ):
        assert public == held.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )


def test_an_organ_that_is_not_known_gets_no_seal(database: Database) -> None:
    with pytest.raises(NotFound) as raised:
        applied(database, Application("nobody", "启用"))
    assert raised.value.reason == "ORGAN_NOT_FOUND"


@pytest.mark.parametrize("kind", [Kind.DEPARTMENT, Kind.SPECIAL, Kind.PERSONAL])
def test_no_other_seal_passes_for_an_organ_s_own(database: Database, kind: Kind) -> None:
    organ(database)
    organ(database, "o2", "国家税务总局")
    matters = () if kind is Kind.PERSONAL else ("*",)
    for name in (OFFICE, "国家税务总局"):
        with pytest.raises(Invalid) as raised:
            applied(database, Application("o1", "启用", kind=kind, name=name, matters=matters))
        assert [fault.field for fault in raised.value.violations] == ["name"]
    assert applied(database, Application("o1", "启用", kind=kind, name="税务专用", matters=matters)).name == "税务专用"


def test_a_seal_is_for_no_organ_that_is_not_known(database: Database) -> None:
    organ(database)
    with pytest.raises(NotFound) as raised:
        applied(database, Application("o1", "启用", served_organs=("mistyped",)))
    assert (raised.value.reason, raised.value.metadata["organ_id"]) == ("ORGAN_NOT_FOUND", "mistyped")


def test_a_renewed_seal_keeps_the_picture_that_was_uploaded(database: Database) -> None:
    organ(database)
    first = made(database, Application("o1", "启用", picture=uploaded_png(), width_mm=30))
    second = made(database, Application("o1", "换发", replaces=first.seal_id))
    with database.read() as work:
        before, after = (register().picture(work, seal) for seal in (first, second))
    assert after == before
    assert after.width_mm == 30
    assert (first.uploaded, second.uploaded) == (True, True)
    organ_renamed = [organ_registered("o1", "西湖区新局", version=2)]
    with database.begin() as work:
        documents().keep_organs(work, organ_renamed)
    third = made(database, Application("o1", "更名", replaces=second.seal_id))
    with database.read() as work:
        assert register().picture(work, third) != before, "it has another name on it"
    assert not third.uploaded


def test_an_organ_has_one_own_seal_at_a_time(database: Database) -> None:
    first = organ_with_seal(database)
    with pytest.raises(Exists) as raised:
        applied(database)
    assert (raised.value.reason, raised.value.metadata["seal_id"]) == ("SEAL_EXISTS", first.seal_id)
    revoked(database, first)
    assert made(database).seal_id != first.seal_id


def test_a_renewed_seal_takes_the_place_of_the_one_before(database: Database, clock: ManualClock) -> None:
    first = organ_with_seal(database)
    clock.advance(days=4 * 365)
    again = applied(database, Application("o1", "到期换发", replaces=first.seal_id))
    assert now_of(database, first).state is State.ACTIVE
    with database.begin() as work:
        held = register().approve(work, APPROVER, again.seal_id, "", hold=True)
    assert (held.state, now_of(database, first).state) == (State.MADE, State.ACTIVE)
    with database.begin() as work:
        second = register().activate(work, APPROVER, again.seal_id, "启用新章")
    assert (second.state, now_of(database, first).state) == (State.ACTIVE, State.REPLACED)
    assert second.key_id != first.key_id
    assert second.certificate_pem != first.certificate_pem
    assert second.replaces == first.seal_id
    assert acts(database, first)[-1][0] == "REPLACED"
    assert second.seal_id in acts(database, first)[-1][2]


def test_only_a_seal_that_may_be_used_is_renewed_and_only_by_the_same(database: Database) -> None:
    first = organ_with_seal(database)
    other = made(database, Application("o1", "启用", kind=Kind.SPECIAL, name="审批专用章", matters=("*",)))
    with pytest.raises(Conflict) as raised:
        applied(database, Application("o1", "换发", replaces=other.seal_id))
    assert raised.value.reason == "SEAL_NOT_REPLACEABLE"
    with database.begin() as work:
        register().suspend(work, APPROVER, first.seal_id, "遗失介质")
    with pytest.raises(Conflict) as raised:
        applied(database, Application("o1", "换发", replaces=first.seal_id))
    assert raised.value.reason == "SEAL_NOT_REPLACEABLE"


def test_a_seal_suspended_meanwhile_is_not_put_out_of_use_by_its_renewal(database: Database) -> None:
    first = organ_with_seal(database)
    again = applied(database, Application("o1", "换发", replaces=first.seal_id))
    with database.begin() as work:
        register().suspend(work, APPROVER, first.seal_id, "查证")
    with pytest.raises(Conflict) as raised, database.begin() as work:
        register().approve(work, APPROVER, again.seal_id, "", hold=False)
    assert raised.value.reason == "SEAL_NOT_REPLACEABLE"
    assert (now_of(database, first).state, now_of(database, again).state) == (State.SUSPENDED, State.APPLIED)


def test_a_suspended_seal_comes_back_and_a_revoked_one_does_not(database: Database) -> None:
    seal = organ_with_seal(database)
    with database.begin() as work:
        assert register().suspend(work, APPROVER, seal.seal_id, "盘点").state is State.SUSPENDED
        assert register().resume(work, APPROVER, seal.seal_id, "盘点完毕").state is State.ACTIVE
    assert revoked(database, seal).state is State.REVOKED
    assert [entry[0] for entry in acts(database, seal)][-3:] == ["SUSPENDED", "RESUMED", "REVOKED"]
    for act in (register().resume, register().suspend, register().revoke):
        with database.begin() as work, pytest.raises(Conflict) as raised:
            act(work, APPROVER, seal.seal_id, "再试")
        assert raised.value.reason == "WRONG_SEAL_STATE"
    with database.begin() as work, pytest.raises(NotFound):
        register().revoke(work, APPROVER, "nothing", "停用")


def test_another_organ_s_system_sees_and_does_nothing(database: Database) -> None:
    seal = organ_with_seal(database)
    stranger = Actor("client:stranger", "o2")
    with database.begin() as work:
        assert register().list_seals(work, stranger, "", 10) == []
        assert register().list_seals(work, stranger, "", 10, organ_id="o1") == []
        assert [each.seal_id for each in register().list_seals(work, Actor("client:own", "o1"), "", 10)] == [
            seal.seal_id
        ]
        with pytest.raises(NotFound):
            register().seal(work, stranger, seal.seal_id)
        with pytest.raises(NotFound):
            register().suspend(work, stranger, seal.seal_id, "")
        with pytest.raises(NotFound):
            register().apply(work, stranger, Application("o1", "代申请"))


def test_a_name_that_cannot_be_drawn_needs_a_picture(database: Database) -> None:
    organ(database, name="😀局")
    with pytest.raises(Invalid) as raised:
        applied(database)
    assert raised.value.reason == "UNPRINTABLE_NAME"
    seal = made(database, Application("o1", "启用", picture=uploaded_png(), width_mm=40))
    with database.read() as work:
        kept = register().picture(work, seal)
    assert (kept.width_mm, kept.height_mm, Image.open(io.BytesIO(kept.png)).size) == (40, 40, (300, 300))
    assert applied(database, Application("o1", "换发", replaces=seal.seal_id)).uploaded


@pytest.mark.parametrize(
    ("application", "field"),
    [
        (Application("o1", "", name="别的名称"), "name"),
        (Application("o1", "", kind=Kind.SPECIAL), "name"),
        (Application("o1", "", kind=Kind.SPECIAL, name=" 章"), "name"),
        (Application("o1", "", kind=Kind.DEPARTMENT, name="科", matters=()), "matters"),
        (Application("o1", "", kind=Kind.PERSONAL, name="李雷"), "matters"),
        (Application("o1", "", matters=("33013190300",)), "matters[0]"),
        (Application("o1", "", served_organs=("o1",)), "served_organ_ids"),
        (Application("o1", "", years=6), "years"),
        (Application("o1", "", picture=b"GIF89a"), "picture"),
    ],
)
def test_what_cannot_be_a_seal_is_refused_by_the_field(
    database: Database, application: Application, field: str
) -> None:
    organ(database)
    with pytest.raises(Invalid) as raised:
        applied(database, application)
    assert [violation.field for violation in raised.value.violations] == [field]
    with database.read() as work:
        assert store.list_seals(work.connection, "", 10) == []


def test_a_person_s_seal_is_made_and_used_by_no_case(database: Database) -> None:
    organ(database)
    seal = made(database, Application("o1", "启用", kind=Kind.PERSONAL, name="李雷", matters=()))
    names = {attribute.oid: attribute.value for attribute in certificate(seal.certificate_pem).subject}
    assert (names[NameOID.COMMON_NAME], names[NameOID.ORGANIZATION_NAME]) == ("李雷", OFFICE)


def test_the_suite_of_an_organ_that_is_not_there_cannot_be_set(database: Database) -> None:
    with database.begin() as work, pytest.raises(NotFound):
        register().set_suite(work, "nobody", Suite.INTERNATIONAL)


def test_an_older_name_of_an_organ_never_overwrites_a_newer_one(database: Database) -> None:
    with database.begin() as work:
        documents().keep_organs(
            work, [organ_registered(name="新名", version=3), organ_registered(name="旧名", version=2)]
        )
    with database.begin() as work:
        documents().keep_organs(work, [organ_registered(name="旧名", version=1)])
        assert organ_store.organ_name(work.connection, "o1") == "新名"
