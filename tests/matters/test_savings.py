"""What a bundle saves: forms, fields, materials, visits and days, before and after."""

import json

import pytest
from typer.testing import CliRunner

from chassis.database import Database
from cli.main import app
from duokua.matters.v1 import bundle_pb2
from duokua.matters.v1 import matter_service_pb2 as pb
from services.matters import store
from services.matters.api import MatterApi
from services.matters.domain.bundle import Burden
from services.matters.domain.savings import savings_of
from services.matters.package.compiler import compile_package
from services.matters.service import Matters
from tests.conftest import MakeDatabase
from tests.matters.builders import faults_of, organ_registered, package
from tests.matters.test_publishing import call, install

ALONE = {
    "check": ('type: "10"\n', 'type: "10"\nalone: {forms: 1, fields: 5, materials: 0, visits: 1, days: 3}\n'),
    "permit": ('type: "01"\n', 'type: "01"\nalone: {forms: 1, fields: 9, materials: 4, visits: 2, days: 20}\n'),
}


def a_scenario(**changes: tuple[str, str]) -> dict[str, bytes]:
    return package(**ALONE, **changes)


def test_before_is_what_the_matters_ask_together_and_after_what_the_bundle_asks() -> None:
    text = "applicant_visits: 1\nlimits: {promised: 9 calendar days, statutory: 60 calendar days}\nsections:"
    savings = savings_of(compile_package(a_scenario(manifest=("sections:", text))))
    assert savings.before == Burden(forms=2, fields=14, materials=4, visits=3, days=23)
    assert savings.after == Burden(forms=1, fields=6, materials=1, visits=1, days=7)
    assert [matter.name.en for matter in savings.matters] == ["Check", "Permit"]
    assert [matter.name.en for matter in savings.unsaid] == ["Deliver"]


def test_what_licences_give_is_not_handed_in_and_what_data_supply_is_counted() -> None:
    given = ("    max_size: 2 MB\n", "    given_by: {licence: business-licence}\n")
    savings = savings_of(compile_package(a_scenario(manifest=given)))
    assert (savings.after.materials, savings.given_materials) == (0, 1)
    named = ("    like: person-name\n", "    like: person-name\n    sources: [resident-identity-card]\n")
    assert savings_of(compile_package(a_scenario(manifest=named))).supplied_fields == 1
    assert savings_of(compile_package(a_scenario())).supplied_fields == 0


def test_a_matter_of_two_steps_is_counted_once_and_the_fields_of_a_record_one_by_one() -> None:
    staff = (
        "elements:\n  staff: {name: {zh: 人员, en: Staff}, members: {name: person-name, id: resident-id}, many: {}}\n"
    )
    twice = ("  - id: permit\n", "  - {id: again, matter: check, undo: none, optional: true}\n  - id: permit\n")
    before = savings_of(compile_package(a_scenario()))
    assert savings_of(compile_package(a_scenario(manifest=twice))).before == before.before
    files = a_scenario(manifest=("elements:\n", staff))
    files["matters/check.yaml"] = files["matters/check.yaml"].replace(b"fields:\n", b"fields:\n  staff: staff\n")
    assert savings_of(compile_package(files)).after.fields == before.after.fields + 2


def test_what_a_matter_asks_alone_is_said_whole() -> None:
    files = package(check=('type: "10"\n', 'type: "10"\nalone: {forms: 1, fields: 1, materials: 0, visits: 1}\n'))
    ((place, message),) = faults_of(files).items()
    assert (place.partition(" ")[2], message) == ("alone", '"days" is missing: add it')


@pytest.fixture
def database(make_database: MakeDatabase) -> Database:
    made = make_database(store.metadata, "matters")
    with made.begin() as work:
        Matters().keep_organs(work, [organ_registered("lead")])
    install(made, a_scenario())
    return made


def test_the_savings_of_a_published_bundle_are_told(database: Database) -> None:
    with database.read() as work:
        answer = MatterApi(Matters()).get_savings(call(work), pb.GetSavingsRequest(bundle_id="open-shop"))
    assert (answer.version, answer.before.fields, answer.after.fields) == (1, 14, 6)
    assert answer.matters[0].alone == bundle_pb2.Burden(forms=1, fields=5, visits=1, days=3)
    assert answer.unsaid == ["332031904000"]


def test_the_command_counts_without_a_platform() -> None:
    result = CliRunner().invoke(app, ["scenario", "savings", "scenarios/newborn", "--json"])
    told = json.loads(result.output)
    assert (told["before"]["days"], told["after"]["days"], told["unsaid"]) == (32, 4, [])
    result = CliRunner().invoke(app, ["scenario", "savings", "scenarios/newborn"])
    assert "days\t工作日\t32\t4\t88 %" in result.output.splitlines()
