"""DraftService: applications that are not handed in yet, between contract and use cases."""

from typing import Any

from sqlalchemy import Row

from chassis.api import Call
from chassis.paging import page
from duokua.cases.v1 import draft_service_pb2, task_pb2
from duokua.data import fill_struct
from services.cases.drafts import Drafts, materials_of
from services.cases.messages import case_message, form_of
from services.cases.service import Cases
from services.cases.standing_in import ref_message
from services.cases.timestamps import stamp
from services.cases.visibility import applicant_of, shown_to

pb = draft_service_pb2


class DraftApi:
    """What applicants keep for later."""

    service = draft_service_pb2.DESCRIPTOR.services_by_name["DraftService"]

    def __init__(self, cases: Cases, drafts: Drafts) -> None:
        self._cases = cases
        self._drafts = drafts

    def save_draft(self, call: Call, request: pb.SaveDraftRequest) -> pb.SaveDraftResponse:
        """Keep a draft, whatever is in it. Nothing of that is in the answer, which is stored for repeats."""
        person_id = applicant_of(call.caller)
        content = request.bundle_id, form_of(request.form), request.materials
        if request.draft_id:
            row = self._drafts.change(call.work, person_id, request.draft_id, request.version, *content)
        else:
            row = self._drafts.add(call.work, person_id, *content)
        return pb.SaveDraftResponse(draft=self._summary(call, row))

    def get_draft(self, call: Call, request: pb.GetDraftRequest) -> pb.GetDraftResponse:
        """A draft with all that is in it, and what is wrong with it."""
        row = self._drafts.find(call.work, applicant_of(call.caller), request.draft_id)
        answer = pb.GetDraftResponse(draft=self._summary(call, row))
        fill_struct(answer.draft.form, row.form, "form")
        answer.draft.materials.extend(materials_of(row))
        for fault in self._drafts.faults(call.work, row):
            answer.faults.append(task_pb2.FieldViolation(field=fault.field, description=fault.description))
        return answer

    def list_drafts(self, call: Call, request: pb.ListDraftsRequest) -> pb.ListDraftsResponse:
        """What the caller has kept."""
        asked = page(request.page_size, request.page_token)
        rows = self._drafts.list_drafts(call.work, applicant_of(call.caller), asked)
        kept, token = asked.cut(rows, lambda row: [row.draft_id])
        return pb.ListDraftsResponse(drafts=[self._summary(call, row) for row in kept], next_page_token=token)

    def submit_draft(self, call: Call, request: pb.SubmitDraftRequest) -> pb.SubmitDraftResponse:
        """Make a case of a draft. Its materials were looked into when they were uploaded."""
        caller = call.caller
        taken = self._drafts.submit(call.work, applicant_of(caller), caller.subject, request.draft_id, request.version)
        row = taken.row
        plan = self._cases.plans.of(call.work.connection, row.bundle_id, row.bundle_version).plan
        case = shown_to(caller, case_message(row, plan, self._cases.reader(call.work, plan)))
        by_licence = map(ref_message, taken.by_licence)
        return pb.SubmitDraftResponse(case=case, warnings=taken.warnings, by_licence=by_licence)

    def delete_draft(self, call: Call, request: pb.DeleteDraftRequest) -> pb.DeleteDraftResponse:
        """Forget a draft."""
        self._drafts.delete(call.work, applicant_of(call.caller), request.draft_id)
        return pb.DeleteDraftResponse()

    def _summary(self, call: Call, row: Row[Any]) -> pb.Draft:
        return pb.Draft(
            draft_id=row.draft_id,
            bundle_id=row.bundle_id,
            bundle_name=self._cases.plans.newest(call.work.connection, row.bundle_id).plan.name,
            version=row.version,
            created_at=stamp(row.created_at),
            changed_at=stamp(row.changed_at),
            expires_at=stamp(row.expires_at),
            case_id=row.case_id,
        )
