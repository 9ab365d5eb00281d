"""What becomes of the results of steps: notices that are sealed and licences that are issued, as events."""

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias

from duokua.cases.v1 import events_pb2
from duokua.data import fill_struct
from services.cases.announcements import case_ref, step_ref
from services.cases.applications import value_at
from services.cases.domain.case import Case
from services.cases.domain.disclosure import visible_form
from services.cases.domain.effects import RequestLicence, RequestNotice, WithdrawLicence, WithdrawNotice
from services.cases.domain.history import timestamp
from services.cases.published import Published
from services.cases.stepinputs import InputsFaultError, make_inputs

if TYPE_CHECKING:
    from chassis.database import UnitOfWork

OfResult: TypeAlias = RequestNotice | WithdrawNotice | RequestLicence | WithdrawLicence


def tell_of_result(
    work: "UnitOfWork", published: Published, case: Case, effect: OfResult, form: Mapping[str, Any]
) -> None:
    """Ask for what a result becomes, or take that back."""
    match effect:
        case RequestNotice():
            _request_notice(work, published, case, effect, form)
        case WithdrawNotice():
            _withdraw_notice(work, published, case, effect)
        case RequestLicence():
            _request_licence(work, published, case, effect, form)
        case WithdrawLicence():
            _withdraw_licence(work, published, case, effect)


def _request_notice(
    work: "UnitOfWork", published: Published, case: Case, effect: RequestNotice, form: Mapping[str, Any]
) -> None:
    """Ask for a step's result to be rendered and sealed."""
    step = case.steps[effect.step_id]
    planned = published.plan.by_id[effect.step_id]
    notice = planned.notice
    assert notice is not None  # noqa: S101 - the core asks only for notices that the plan declares
    assert step.completed_at is not None  # noqa: S101 - and only once the step is completed
    event = events_pb2.NoticeRequested(
        case=case_ref(published, case),
        step=step_ref(published, case, effect.step_id),
        notice_id=effect.notice_id,
        title=notice.title,
        template=notice.template,
        decided_at=timestamp(step.completed_at),
        seal_organ_id=planned.seal_organ_id,
        catalog_code=planned.catalog_code,
    )
    fill_struct(event.form, visible_form(form, planned.form_fields), "form")
    fill_struct(event.result, dict(step.result or {}), "result")
    if inputs := published.inputs.get(effect.step_id):
        # Where they cannot be made, as of a step that an operator forced for it, sealing says what the notice lacks.
        with suppress(InputsFaultError):
            event.inputs.CopyFrom(make_inputs(inputs, published.plan, case, effect.step_id, form))
    work.emit(event, subject=case.case_id)


def _withdraw_notice(work: "UnitOfWork", published: Published, case: Case, effect: WithdrawNotice) -> None:
    """Make a notice void."""
    event = events_pb2.NoticeWithdrawn(
        case=case_ref(published, case),
        step=step_ref(published, case, effect.step_id),
        notice_id=effect.notice_id,
        reason=effect.reason,
    )
    work.emit(event, subject=case.case_id)


def _request_licence(
    work: "UnitOfWork", published: Published, case: Case, effect: RequestLicence, form: Mapping[str, Any]
) -> None:
    """Ask for the licence that an approval makes. What its sources lack is left out: its type says what must be."""
    step, planned = case.steps[effect.step_id], published.plan.by_id[effect.step_id]
    granted = planned.licence
    assert granted is not None  # noqa: S101 - the core asks only for licences that the plan declares
    assert step.completed_at is not None  # noqa: S101 - and only once the step is completed
    known = {"form": visible_form(form, planned.form_fields), "result": step.result or {}}
    found = {field: _as_said(value_at(known, source)) for field, source in granted.fields}
    event = events_pb2.LicenceRequested(
        case=case_ref(published, case),
        step=step_ref(published, case, effect.step_id),
        order_id=effect.order_id,
        kind=granted.kind,
        decided_at=timestamp(step.completed_at),
        valid_until=str(value_at(known, granted.valid_until) or "") if granted.valid_until else "",
    )
    fill_struct(event.data, {field: value for field, value in found.items() if value is not None}, "data")
    work.emit(event, subject=case.case_id)


def _withdraw_licence(work: "UnitOfWork", published: Published, case: Case, effect: WithdrawLicence) -> None:
    """Have a licence revoked, or never issued."""
    event = events_pb2.LicenceWithdrawn(
        case=case_ref(published, case),
        step=step_ref(published, case, effect.step_id),
        order_id=effect.order_id,
        reason=effect.reason,
    )
    work.emit(event, subject=case.case_id)


def _as_said(value: Any) -> Any:
    """A value as a licence says it, which has no lists: several choices are one text, as in 热食类、冷食类.

    Other lists stay, for the licence's type to say what is wrong with them.
    """
    texts = isinstance(value, list) and value and all(isinstance(each, str) for each in value)
    return "、".join(value) if texts else value
