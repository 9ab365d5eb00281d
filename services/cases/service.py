"""Use cases of applicants and other services; offices' are in `tasks.py`, operators' in `operations.py`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Row, select

from chassis.clock import new_id
from chassis.database import UnitOfWork
from chassis.paging import Page
from chassis.problems import Conflict, Exhausted, Invalid, NotFound, Problem, Violation
from chassis.settings import Settings
from duokua.cases.v1 import case_pb2
from duokua.eseal.v1 import events_pb2 as eseal_events
from duokua.licences.v1 import events_pb2 as licences_events
from duokua.matters.v1 import events_pb2 as matters_events
from duokua.routing.v1 import events_pb2 as routing_events
from services.cases import store
from services.cases.applications import check_application
from services.cases.calendars import Calendars
from services.cases.clock_messages import ClockReader
from services.cases.domain.case import Case
from services.cases.domain.decide import decide
from services.cases.domain.inputs import (
    Corrected,
    Input,
    NoticeFailed,
    NoticeRevoked,
    NoticeSealed,
    Routed,
    RoutingDecision,
    Submitted,
    Withdrawn,
)
from services.cases.domain.numbers import case_number, series_of
from services.cases.domain.plan import Plan
from services.cases.domain.proceedings import Correction, CorrectionStatus
from services.cases.domain.refusal import Refusal
from services.cases.held_licences import held_by, learn
from services.cases.materials import keep, uploaded
from services.cases.plans import Plans
from services.cases.prechecks import Finding
from services.cases.saga import Decide, Pending, Running, Saga
from services.cases.standing_in import Ref
from services.cases.supplying import check_supply, supply_of
from services.cases.vouching import HandedIn, form_digest, materials_digest

_NOT_FOUND = frozenset(
    {
        "CASE_NOT_FOUND",
        "STEP_NOT_FOUND",
        "TASK_NOT_FOUND",
        "INCIDENT_NOT_FOUND",
        "CORRECTION_NOT_FOUND",
        "PROCEDURE_NOT_FOUND",
    }
)
_WRONG_FIELDS = {
    "ITEM_NOT_DECLARED": "request_correction.items",
    "CORRECTION_NEEDS_REASON": "request_correction.reason",
}
"""Where the fault is, for refusals that are about a field of the request."""


@dataclass(frozen=True, slots=True)
class Taken:
    """An application that was taken: its case, and what its applicant should know all the same."""

    row: Row[Any]
    warnings: tuple[Finding, ...]
    by_licence: Sequence[Ref] = ()
    """The materials in whose place licences stand."""


class Cases:
    """The running bundles."""

    def __init__(self, plans: Plans, decide: Decide = decide) -> None:
        self.plans = plans
        self.saga = Saga(plans, decide)
        self.calendars = Calendars()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The use cases as an installation has them."""
        del settings
        return cls(Plans())

    def learn_bundles(self, work: UnitOfWork, events: Sequence[matters_events.BundlePublished]) -> None:
        """Keep published bundles, to run cases of them without asking anybody."""
        rows = [
            {
                "bundle_id": each.bundle.bundle_id,
                "version": each.bundle.version,
                "body": each.bundle.SerializeToString(),
            }
            for each in events
        ]
        store.add_bundles(work.connection, rows)

    def learn_licences(
        self,
        work: UnitOfWork,
        events: Sequence[licences_events.LicenceIssued] | Sequence[licences_events.LicenceStatusChanged],
    ) -> None:
        """Keep what applicants hold, so that they are not asked for it."""
        learn(work, [each.standing for each in events])

    def submit(
        self,
        work: UnitOfWork,
        applicant_id: str,
        actor: str,
        bundle_id: str,
        form: Mapping[str, Any],
        materials: Sequence[case_pb2.Material],
    ) -> Taken:
        """Start a case of the newest version of a bundle.

        Raises NotFound BUNDLE_NOT_FOUND, Invalid APPLICATION_INVALID.
        """
        published = self.plans.newest(work.connection, bundle_id)
        finished = uploaded(work, applicant_id, materials)
        held = held_by(work, applicant_id, published)
        application = check_application(published, form, materials, finished, work.now, held)
        series = series_of(published.plan, work.now)
        try:
            number = case_number(series, store.next_serial(work.connection, series.key))
        except Refusal as refusal:
            raise as_problem(refusal) from None
        given = Submitted(
            case_id=new_id(),
            case_number=number,
            bundle_id=published.plan.bundle_id,
            bundle_version=published.plan.version,
            applicant_id=applicant_id,
            region_code=application.region_code,
            skipped=tuple(application.skipped),
            form_digest=form_digest(application.form),
            material_digests=tuple(application.materials.contents),
            skip_reasons=tuple(application.skipped.values()),
            materials_digest=materials_digest(application.materials.refs),
            bundle_digest=published.digest,
            step_regions=application.step_regions,
            step_organs=application.step_organs,
        )
        running = Running(published, None, application.form, application.materials.refs)
        self.saga.start(work, running, Pending(given.case_id, given, actor))
        keep(work, given.case_id, applicant_id, application.materials.contents)
        return Taken(self.row(work, given.case_id), application.warnings, application.by_licence)

    def row(self, work: UnitOfWork, id_or_number: str) -> Row[Any]:
        """A case by its id or its number; raises NotFound CASE_NOT_FOUND."""
        column = store.cases.c.case_id if len(id_or_number) == len(new_id()) else store.cases.c.case_number
        found = work.connection.execute(select(store.cases).where(column == id_or_number)).one_or_none()
        if found is None:
            raise case_not_found(id_or_number)
        return found

    def reader(self, work: UnitOfWork, plan: Plan) -> ClockReader:
        """What reads the clocks of cases of a plan now."""
        return ClockReader(self.calendars.newest(work), work.now, plan.rules)

    def withdraw(self, work: UnitOfWork, case_id: str, reason: str, actor: str) -> Row[Any]:
        """Take a case back for its applicant. Raises Conflict PIVOT_PASSED, CASE_UNDOING, CASE_ENDED."""
        cases = self.saga.load(work, [case_id])
        (result,) = self.saga.apply(work, cases, [Pending(case_id, Withdrawn(reason), actor)])
        if isinstance(result, Refusal):
            raise as_problem(result)
        return self.row(work, case_id)

    def correct(
        self,
        work: UnitOfWork,
        case_id: str,
        correction_no: int,
        changes: Mapping[str, Any],
        materials: Sequence[case_pb2.Material],
        actor: str,
    ) -> Row[Any]:
        """Take what an applicant supplies; the same once more changes nothing.

        Raises NotFound CORRECTION_NOT_FOUND, Invalid CORRECTION_INVALID, Conflict CORRECTION_SETTLED,
        CORRECTION_CHANGES_STEPS, CORRECTION_CHANGES_REGION, CORRECTION_CHANGES_OFFICE.
        """
        cases = self.saga.load(work, [case_id])
        running = cases[case_id]
        case = running.case
        assert case is not None  # noqa: S101 - it was loaded
        earlier = _handed_in(case, running)
        correction = _correction(case, correction_no)
        finished = uploaded(work, case.applicant_id, materials)
        held = held_by(work, case.applicant_id, running.published)
        supply = supply_of(correction, running.form, running.materials, changes, materials, finished, held)
        if correction.status is CorrectionStatus.OPEN:
            check_supply(running.published, case, running.form, supply, materials, finished)
        digests = tuple(dict.fromkeys(each["sha256"] for each in supply.materials if each["sha256"]))
        given = Corrected(correction_no, form_digest(supply.form), digests, materials_digest(supply.materials))
        pending = Pending(case_id, given, actor, HandedIn(supply.form, supply.materials))
        (result,) = self.saga.apply(work, cases, [pending])
        if isinstance(result, Refusal):
            raise as_problem(result)
        if result.changed:
            store.replace_form(work.connection, case_id, earlier, supply.form, supply.materials)
            keep(work, case_id, case.applicant_id, supply.supplied.contents)
        return self.row(work, case_id)

    def list_cases(self, work: UnitOfWork, page: Page, applicant_id: str, status: str) -> Sequence[Row[Any]]:
        """Cases, newest first; all applicants' when `applicant_id` is empty, in every status when `status` is."""
        query = select(store.cases).order_by(store.cases.c.case_id.desc()).limit(page.fetch)
        if applicant_id:
            query = query.where(store.cases.c.applicant_id == applicant_id)
        if status:
            query = query.where(store.cases.c.status == status)
        if page.after:
            query = query.where(store.cases.c.case_id < str(page.after[0]))
        return work.connection.execute(query).all()

    def take_routes(self, work: UnitOfWork, events: Sequence[routing_events.StepsRouted]) -> None:
        """Give steps the offices that routing chose."""
        self._take(work, events, _routed)

    def take_sealed(self, work: UnitOfWork, events: Sequence[eseal_events.DocumentSealed]) -> None:
        """Note that notices are sealed."""
        self._take(work, events, lambda e: (e.document.case_id, NoticeSealed(e.notice_id, e.document.document_id)))

    def take_sealing_failures(self, work: UnitOfWork, events: Sequence[eseal_events.SealingFailed]) -> None:
        """Note that notices cannot be sealed."""
        self._take(work, events, lambda e: (e.case_id, NoticeFailed(e.notice_id, e.reason, e.description)))

    def take_revocations(self, work: UnitOfWork, events: Sequence[eseal_events.NoticeRevoked]) -> None:
        """Note that notices are void."""
        self._take(work, events, lambda e: (e.case_id, NoticeRevoked(e.notice_id, e.document_id)))

    def _take(self, work: UnitOfWork, events: Sequence[Any], read: Callable[[Any], tuple[str, Input]]) -> None:
        pendings = [Pending(*read(event)) for event in events]
        cases = self.saga.load(work, [pending.case_id for pending in pendings])
        results = self.saga.apply(work, cases, pendings)
        for result in results:
            if isinstance(result, Refusal):
                raise as_problem(result)


def _routed(event: routing_events.StepsRouted) -> tuple[str, Input]:
    decisions = tuple(
        RoutingDecision(each.step_id, each.organ_id, each.organ_name, each.reason, tuple(each.superior_organ_ids))
        for each in event.decisions
    )
    return event.case_id, Routed(event.request_no, decisions)


def _handed_in(case: Case, running: Running) -> dict[str, Any]:
    """Form and materials as they are before a correction: which version of them, and since when."""
    supplied = [each for each in case.proceedings.corrections if each.status is CorrectionStatus.SUPPLIED]
    at = supplied[-1].settled_at if supplied else case.submitted_at
    return {"version": len(supplied) + 1, "form": running.form, "materials": running.materials, "at": at}


def _correction(case: Case, correction_no: int) -> Correction:
    for correction in case.proceedings.corrections:
        if correction.correction_no == correction_no:
            return correction
    message = f"case {case.case_id} has no request {correction_no} for corrections; GetCase tells which it has"
    raise NotFound("CORRECTION_NOT_FOUND", message, case_id=case.case_id)


def case_not_found(case_id: str) -> NotFound:
    """The same for a case that is not there and for one that the caller may not see."""
    return NotFound("CASE_NOT_FOUND", f"there is no case {case_id} that you may see", case_id=case_id)


def as_problem(refusal: Refusal) -> Problem:
    """A refusal of the core as the edges tell it."""
    if refusal.reason in _NOT_FOUND:
        return NotFound(refusal.reason, refusal.message)
    if refusal.fields:
        return Invalid(refusal.reason, refusal.message, [Violation(*each) for each in refusal.fields])
    if refusal.reason == "REQUEST_ID_REUSED":
        return Invalid(refusal.reason, refusal.message, [Violation("request_id", "give a fresh one")])
    if refusal.reason in _WRONG_FIELDS:
        fault = Violation(_WRONG_FIELDS[refusal.reason], refusal.message)
        return Invalid(refusal.reason, refusal.message, [fault])
    if refusal.reason == "CASE_NUMBERS_EXHAUSTED":
        return Exhausted(refusal.reason, refusal.message)
    return Conflict(refusal.reason, refusal.message)
