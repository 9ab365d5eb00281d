"""ApplicationService at the gRPC edge: which form is asked, and whether an application would be taken."""

import json
from typing import Any

from duokua.cases.v1 import application_service_pb2, case_service_pb2
from duokua.data import to_struct
from tests.cases.builders import a_bundle, a_form, a_material, tables
from tests.cases.offices import Offices, refusal
from tests.cases.test_held_licences import learn, standing

pb = application_service_pb2
BUNDLE = "asked"


def published(town: Offices) -> Offices:
    bundle = a_bundle(bundle_id=BUNDLE)
    schema = json.loads(bundle.form_schema)
    schema["allOf"] = [
        {
            "x-when": "form.shop.area > 300",
            "if": {
                "required": ["shop"],
                "properties": {"shop": {"required": ["area"], "properties": {"area": {"exclusiveMinimum": 300}}}},
            },
            "then": {"required": ["email"]},
            "else": {"properties": {"email": False}},
        }
    ]
    bundle.form_schema = json.dumps(schema)
    bundle.materials[1].asked_when = bundle.materials[1].required_when = "form.shop.area > 300"
    bundle.rules.add(rule_id="small", holds="form.shop.area < 900", message="面积过大", message_en="Too large")
    bundle.rules.add(
        rule_id="owner", holds="form.owner != '韩梅梅'", refuses=True, message="不得申请", fields=["owner"]
    )
    town.publish(bundle)
    return town


def checking(form: dict[str, Any], *materials: tuple[str, str, int]) -> pb.CheckApplicationRequest:
    given = [pb.IntendedMaterial(kind=kind, media_type=media_type, size=size) for kind, media_type, size in materials]
    return pb.CheckApplicationRequest(bundle_id=BUNDLE, form=to_struct(form), materials=given)


LEASE = ("lease", "application/pdf", 500)
PHOTO = ("photo", "", 0)


def test_the_form_is_cut_to_the_answers_for_whoever_may_read_matters(town: Offices) -> None:
    published(town)
    for session in (town.applicant, town.portal, town.operator, town.food):
        answers = to_struct({"shop": {"area": 120}})
        answer = session.applications.GetForm(pb.GetFormRequest(bundle_id=BUNDLE, answers=answers))
        assert (answer.bundle_id, answer.version, answer.name) == (BUNDLE, 1, "开店")
        schema = json.loads(answer.schema)
        assert ("email" in schema["properties"], "allOf" in schema) == (False, False)
        assert list(answer.open_fields) == ["shop.region", "owner"]
        assert [(each.step_id, each.need) for each in answer.steps][3] == ("fire", pb.NEED_NO)
        assert [(each.kind, each.asked) for each in answer.materials] == [("lease", pb.NEED_YES), ("photo", pb.NEED_NO)]


def test_a_check_tells_everything_and_changes_nothing(town: Offices) -> None:
    published(town)
    before = tables(town.database)
    wrong = {**a_form(area=950), "owner": "韩梅梅"}
    answer = town.applicant.applications.CheckApplication(checking(wrong, ("lease", "image/png", 5000), PHOTO))
    assert not answer.acceptable
    assert {(each.refuses, each.rule_id, tuple(each.fields)) for each in answer.findings} == {
        (True, "", ("form",)),
        (True, "", ("materials[0].media_type",)),
        (True, "", ("materials[0].size",)),
        (True, "owner", ("form.owner",)),
        (False, "small", ()),
    }
    assert tables(town.database) == before


def test_what_a_check_takes_is_taken_and_what_it_refuses_is_refused(town: Offices) -> None:
    published(town)
    large = {**a_form(area=950), "email": "a@example.com"}
    materials = [a_material(), a_material("photo")]
    for form, kinds, given in (
        (a_form(), (LEASE,), materials[:1]),
        (a_form(), (LEASE, PHOTO), materials),
        (a_form(), (), []),
        (large, (LEASE, PHOTO), materials),
        (large, (LEASE,), materials[:1]),
        (a_form(area=950), (LEASE, PHOTO), materials),
    ):
        answer = town.applicant.applications.CheckApplication(checking(form, *kinds))
        request = case_service_pb2.SubmitCaseRequest(bundle_id=BUNDLE, form=to_struct(form), materials=given)
        if answer.acceptable:
            warnings = town.applicant.cases.SubmitCase(request).warnings
            assert [each.rule_id for each in warnings] == [each.rule_id for each in answer.findings]
        else:
            _, reason, fields = refusal(town.applicant.cases.SubmitCase, request)
            told = [field for each in answer.findings if each.refuses for field in each.fields]
            assert (reason, sorted(fields)) == ("APPLICATION_INVALID", sorted(told))


def test_who_may_not_submit_may_not_check(town: Offices) -> None:
    published(town)
    for session in (town.operator, town.food):
        code, _, _ = refusal(session.applications.CheckApplication, checking(a_form()))
        assert code == "PERMISSION_DENIED"


def test_a_bundle_that_is_not_there_is_not_found(town: Offices) -> None:
    for call, request in (
        (town.applicant.applications.GetForm, pb.GetFormRequest(bundle_id="nowhere")),
        (
            town.applicant.applications.CheckApplication,
            pb.CheckApplicationRequest(bundle_id="nowhere", form=to_struct({})),
        ),
    ):
        assert refusal(call, request)[:2] == ("NOT_FOUND", "BUNDLE_NOT_FOUND")


def test_a_form_that_is_too_large_is_not_looked_at(town: Offices) -> None:
    request = checking(a_form(tags=["a" * 1000] * 600))
    code, _, _ = refusal(town.applicant.applications.CheckApplication, request)
    assert code == "INVALID_ARGUMENT"


def test_only_the_holder_of_a_licence_is_told_that_a_material_need_not_come(town: Offices) -> None:
    bundle = a_bundle(bundle_id="licensed")
    bundle.materials[0].licence.licence_id = "food-licence"
    town.publish(bundle)
    form = pb.GetFormRequest(bundle_id="licensed")
    submission = case_service_pb2.SubmitCaseRequest(bundle_id="licensed", form=to_struct(a_form()))
    check = pb.CheckApplicationRequest(bundle_id="licensed", form=to_struct(a_form()))
    holder = town.submitted().applicant_id
    learn(town, standing(holder_person_id=holder))
    for session, identifiers in ((town.applicant, ["1.2.156.l1"]), (town.stranger, [])):
        needs = [each for each in session.applications.GetForm(form).materials if each.HasField("held")]
        assert [each.held.identifier for each in needs] == identifiers
        checked = session.applications.CheckApplication(check)
        assert [each.licence.identifier for each in checked.by_licence] == identifiers
        assert checked.acceptable is bool(identifiers)
    for session in (town.portal, town.operator, town.food):
        assert not any(each.HasField("held") for each in session.applications.GetForm(form).materials)
    answer = town.applicant.cases.SubmitCase(submission)
    assert [(each.kind, each.licence.identifier) for each in answer.by_licence] == [("lease", "1.2.156.l1")]
    assert refusal(town.stranger.cases.SubmitCase, submission)[1] == "APPLICATION_INVALID"
