"""The licences that matters grant: which one, and where what it says comes from."""

from datetime import UTC, datetime

import pytest

from services.matters.domain.bundle import Bundle, GrantedLicence, Lead
from services.matters.messages import bundle_message
from services.matters.package.compiler import compile_package
from tests.matters.builders import LEAD_USCC, faults_of, package

NOW = datetime(2026, 3, 2, 1, tzinfo=UTC)
LICENCE = """\
licence:
  type: food-licence
  fields: {shop: form.owner, size: form.shop.area, number: result.number, place: result.site.place}
  valid_until: result.until
result:
  number: {type: string}
  site: {type: object}
  until: {type: string}
notice:"""
SOURCES = "sources:\n  food-licence: {kind: licence, name: {zh: 食品经营许可证, en: Food licence}}\nmaterials:"


def granting(licence: str = LICENCE, sources: str = SOURCES) -> dict[str, bytes]:
    return package(permit=("notice:", licence), manifest=("materials:", sources))


def test_a_matter_says_which_licence_it_grants_and_what_of() -> None:
    scenario = compile_package(granting())
    (permit,) = (matter for matter in scenario.matters if matter.licence)
    assert permit.licence == GrantedLicence(
        "food-licence",
        (
            ("shop", "form.owner"),
            ("size", "form.shop.area"),
            ("number", "result.number"),
            ("place", "result.site.place"),
        ),
        "result.until",
    )
    message = bundle_message(Bundle(scenario, 1, Lead("lead", LEAD_USCC, 4), "digest", NOW))
    (step,) = (each for each in message.steps if each.HasField("licence"))
    assert (step.step_id, step.licence.kind, step.licence.valid_until) == ("permit", "food-licence", "result.until")
    assert {each.field: each.source for each in step.licence.fields} == dict(permit.licence.fields)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "type: food-licence",
            "type: food-license",
            'there is no licence "food-license": did you mean "food-licence"?',
        ),
        ("type: food-licence", "type: population-register", 'there is no licence "population-register"'),
        ("form.owner", "form.ownr", 'the form has no field "ownr"'),
        ("form.owner", "form.remark", 'the office does not see "remark": add it to `fields` of the matter'),
        ("result.number", "result.nummer", 'the result has no field "nummer"'),
        ("result.until", "result.end", 'the result has no field "end"'),
        ("form.owner", "case.number", "a path in the form or in the result"),
        ("form.owner", "form", "a path in the form or in the result"),
    ],
)
def test_a_licence_that_cannot_be_made_is_told_where_and_why(old: str, new: str, told: str) -> None:
    assert old in LICENCE
    (message,) = faults_of(granting(LICENCE.replace(old, new))).values()
    assert told in message
