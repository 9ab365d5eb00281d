"""What a test of a scenario says about the licences that approvals make."""

import pytest

from services.matters.package.compiler import examine_package
from services.matters.package.trialchecks import read_trials
from tests.scenarios.builders import a_test, package, run

SOURCES = ("materials:", "sources:\n  shop-permit: {kind: licence, name: {zh: 开店许可证, en: Permit}}\nmaterials:")
LICENCE = "licence: {type: shop-permit, fields: {owner: form.owner, seats: form.shop.seats, number: result.number}}\n"


def granting(tests: str) -> dict[str, bytes]:
    """The shop, whose permit makes a licence."""
    files = package(tests, SOURCES)
    permit = "matters/permit.yaml"
    return {**files, permit: files[permit] + LICENCE.encode()}


def missed(*when: str, then: str, example: str = "small") -> list[str]:
    (outcome,) = run(granting(a_test(*when, then=then, example=example, given="results: {permit: {number: A1}}")))
    return [f"{each.path}: {each.expected} / {each.found}" for each in outcome.missed]


def test_an_approval_makes_a_licence_of_what_the_office_sees_and_gives() -> None:
    assert (
        missed(then="{licences: {permit: {status: issued, says: {owner: 王示例, number: A1}, lacks: [seats]}}}") == []
    )


def test_a_licence_is_revoked_when_its_step_is_undone() -> None:
    then = "{case: undone, licences: {permit: {status: revoked}}}"
    assert missed("step: card, refuse: 资料不全", then=then) == []


def test_there_is_none_without_an_approval() -> None:
    assert (
        missed("step: permit, refuse: 面积不足", then="{licences: {permit: {status: none}, check: {status: none}}}")
        == []
    )


@pytest.mark.parametrize(
    ("licence", "told"),
    [
        ("{status: revoked}", "then.licences.permit.status: revoked / issued"),
        ("{says: {owner: 李示例}}", 'then.licences.permit.says.owner: "李示例" / "王示例"'),
        ("{says: {seats: 3}}", "then.licences.permit.says.seats: 3 / nothing: it says number, owner"),
        ("{lacks: [owner]}", 'then.licences.permit.lacks[0]: no owner / "王示例"'),
    ],
)
def test_what_does_not_hold_of_a_licence_is_told(licence: str, told: str) -> None:
    assert missed(then=f"{{licences: {{permit: {licence}}}}}") == [told]


@pytest.mark.parametrize(
    ("licences", "place", "told"),
    [
        ("{permti: {status: issued}}", "licences.permti", 'did you mean "permit"?'),
        ("{permit: {status: granted}}", "licences.permit.status", "'none', 'issued' or 'revoked'"),
        ("{permit: {says: {onwer: 王示例}}}", "licences.permit.says.onwer", 'did you mean "owner"?'),
        ("{permit: {lacks: [nubmer]}}", "licences.permit.lacks[0]", 'did you mean "number"?'),
        ("{check: {status: issued}}", "licences.check", "say `licence` in matters/check.yaml"),
    ],
)
def test_a_slip_about_a_licence_is_one_fault_with_its_place_and_remedy(licences: str, place: str, told: str) -> None:
    files = granting(a_test(then=f"{{licences: {licences}}}"))
    _, (fault,) = read_trials(files, examine_package(files))
    assert fault.path == f"tests[0].then.{place}"
    assert told in fault.message
