"""Drafts at the gRPC edge: kept, told, changed and submitted, for the person whose they are."""

import io
from typing import Any

import pytest
from sqlalchemy import select

from chassis.clock import new_id
from chassis.requests import RETENTION
from duokua.cases.v1 import case_pb2, draft_service_pb2
from duokua.client import Session
from duokua.data import from_struct, to_struct
from services.cases import store
from services.cases.applications import LARGEST_FORM
from services.cases.drafts import KEPT
from tests.cases.builders import PDF, a_form, a_material, tables
from tests.cases.offices import Offices, refusal

pb = draft_service_pb2


def saving(**changes: Any) -> pb.SaveDraftRequest:
    values = {"request_id": new_id(), "bundle_id": "open-shop", "form": to_struct({"owner": "李雷"})}
    return pb.SaveDraftRequest(**{**values, **changes})


def submitting(draft: pb.Draft, **changes: Any) -> pb.SubmitDraftRequest:
    values = {"request_id": new_id(), "draft_id": draft.draft_id, "version": draft.version}
    return pb.SubmitDraftRequest(**{**values, **changes})


def saved(session: Session, **changes: Any) -> pb.Draft:
    return session.drafts.SaveDraft(saving(**changes)).draft


def got(session: Session, draft: pb.Draft) -> pb.GetDraftResponse:
    return session.drafts.GetDraft(pb.GetDraftRequest(draft_id=draft.draft_id))


@pytest.fixture
def lease(town: Offices) -> case_pb2.Material:
    """What the applicant uploaded."""
    digest = town.applicant.upload(io.BytesIO(PDF), "application/pdf").sha256
    return case_pb2.Material(kind="lease", name="lease.pdf", media_type="application/pdf", sha256=digest)


def test_a_draft_grows_and_becomes_a_case(town: Offices, lease: case_pb2.Material) -> None:
    first = saved(town.applicant)
    told = got(town.applicant, first)
    assert (first.version, first.bundle_name, from_struct(told.draft.form)) == (1, "开店", {"owner": "李雷"})
    assert {fault.field for fault in told.faults} == {"form", "materials"}
    assert first.expires_at.ToDatetime() - first.changed_at.ToDatetime() == KEPT
    whole = {"form": to_struct(a_form()), "materials": [lease]}
    draft = saved(town.applicant, draft_id=first.draft_id, version=1, **whole)
    told = got(town.applicant, draft)
    assert (from_struct(told.draft.form), list(told.draft.materials), list(told.faults)) == (a_form(), [lease], [])
    assert draft in town.applicant.drafts.ListDrafts(pb.ListDraftsRequest(page_size=1)).drafts
    case = town.applicant.drafts.SubmitDraft(submitting(draft)).case
    assert case.applicant_id == town.submitted().applicant_id
    town.route(case.case_id, food=town.food_organ, sign=town.sign_organ)
    told = got(town.applicant, draft)
    assert (told.draft.case_id, len(told.draft.form.fields), list(told.draft.materials)) == (case.case_id, 0, [])
    assert draft.draft_id not in [
        each.draft_id for each in town.applicant.drafts.ListDrafts(pb.ListDraftsRequest()).drafts
    ]


def test_repeats_change_nothing_and_get_the_first_answer(town: Offices, lease: case_pb2.Material) -> None:
    new = saving(form=to_struct(a_form()), materials=[lease])
    draft = town.applicant.drafts.SaveDraft(new).draft
    assert town.applicant.drafts.SaveDraft(new).draft == draft
    change = saving(draft_id=draft.draft_id, version=1, form=to_struct(a_form()), materials=[lease])
    draft = town.applicant.drafts.SaveDraft(change).draft
    assert town.applicant.drafts.SaveDraft(change).draft == draft
    submission = submitting(draft)
    case = town.applicant.drafts.SubmitDraft(submission).case
    before = tables(town.database)
    assert town.applicant.drafts.SubmitDraft(submission).case == case
    assert refusal(town.applicant.drafts.SubmitDraft, submitting(draft))[:2] == (
        "FAILED_PRECONDITION",
        "DRAFT_SUBMITTED",
    )
    assert tables(town.database) == before


def test_a_draft_is_for_nobody_else(town: Offices) -> None:
    draft = saved(town.applicant)
    before = tables(town.database)["drafts"]
    delete = pb.DeleteDraftRequest(request_id=new_id(), draft_id=draft.draft_id)
    for session, expected in ((town.stranger, "DRAFT_NOT_FOUND"), (town.portal, "NO_APPLICANT")):
        for call, request in (
            (session.drafts.GetDraft, pb.GetDraftRequest(draft_id=draft.draft_id)),
            (session.drafts.SaveDraft, saving(draft_id=draft.draft_id, version=1)),
            (session.drafts.SubmitDraft, submitting(draft)),
            (session.drafts.DeleteDraft, delete),
        ):
            assert refusal(call, request)[1] == expected
    assert not town.stranger.drafts.ListDrafts(pb.ListDraftsRequest()).drafts
    assert refusal(town.portal.drafts.ListDrafts, pb.ListDraftsRequest())[1] == "NO_APPLICANT"
    for other in (town.food, town.operator):
        assert refusal(other.drafts.GetDraft, pb.GetDraftRequest(draft_id=draft.draft_id))[1] == "PERMISSION_MISSING"
    assert tables(town.database)["drafts"] == before
    town.applicant.drafts.DeleteDraft(delete)
    town.applicant.drafts.DeleteDraft(delete)  # a repeat
    assert refusal(got, town.applicant, draft)[1] == "DRAFT_NOT_FOUND"


def test_what_does_not_fit_is_named_and_nothing_changes(town: Offices, unchanged: None) -> None:
    del unchanged
    large = {f"field{number}": "x" * 20_000 for number in range(LARGEST_FORM // 20_000 + 1)}
    for request, field in (
        (saving(form=to_struct(large)), "form"),
        (saving(materials=[a_material()]), "materials[0].content"),
        (saving(materials=[case_pb2.Material(kind="lease", name="x")]), "materials[0].media_type"),
        (saving(bundle_id=""), "bundle_id"),
    ):
        assert refusal(town.applicant.drafts.SaveDraft, request)[::2] == ("INVALID_ARGUMENT", [field])
    unversioned = pb.SubmitDraftRequest(request_id=new_id(), draft_id="d")
    assert refusal(town.applicant.drafts.SubmitDraft, unversioned)[2] == ["version"]
    assert refusal(town.applicant.drafts.SaveDraft, saving(draft_id="d"))[1] == "DRAFT_NOT_FOUND"


def test_the_largest_draft_fits_into_a_message(town: Offices) -> None:
    text = {f"field{number:02}": "x" * 19_000 for number in range(13)}
    named = [
        case_pb2.Material(kind="k" * 100, name="名" * 200, media_type="m" * 100, sha256=f"{number:064x}")
        for number in range(100)
    ]
    draft = saved(town.applicant, form=to_struct(text), materials=named)
    assert got(town.applicant, draft).draft.materials[99] == named[99]


def test_nothing_of_a_draft_is_left_where_answers_are_kept_for_repeats(town: Offices) -> None:
    secret = "吴家村的吴彦祖"
    draft = saved(town.applicant, form=to_struct({"owner": secret, "email": secret}))
    assert any(secret in fault.description for fault in got(town.applicant, draft).faults)
    town.applicant.drafts.DeleteDraft(pb.DeleteDraftRequest(request_id=new_id(), draft_id=draft.draft_id))
    with town.database.read() as work:
        answers = work.connection.scalars(select(store.metadata.tables["requests"].c.response)).all()
    assert answers, f"answers are kept for {RETENTION}"
    assert not any(secret.encode() in answer for answer in answers)
    assert secret not in str(tables(town.database))
