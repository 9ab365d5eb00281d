"""ApplicationService: what portals ask before there is a case."""

import json

from chassis.api import Call
from duokua.cases.v1 import application_service_pb2
from services.cases.applications import look_over
from services.cases.asking import ask, material_needs, step_needs
from services.cases.held_licences import held_by
from services.cases.material_checks import intended_faults
from services.cases.messages import form_of
from services.cases.service import Cases
from services.cases.standing_in import ref_message

pb = application_service_pb2


class ApplicationApi:
    """Forms, and whether an application would be taken. Nothing is kept of what is asked."""

    service = pb.DESCRIPTOR.services_by_name["ApplicationService"]

    def __init__(self, cases: Cases) -> None:
        self._cases = cases

    def get_form(self, call: Call, request: pb.GetFormRequest) -> pb.GetFormResponse:
        """The form of a bundle, with the answers so far."""
        published = self._cases.plans.newest(call.work.connection, request.bundle_id)
        asked = ask(published, form_of(request.answers))
        held = held_by(call.work, call.caller.person_id, published)
        return pb.GetFormResponse(
            bundle_id=published.plan.bundle_id,
            version=published.plan.version,
            name=published.plan.name,
            schema=json.dumps(asked.schema, ensure_ascii=False, separators=(",", ":")),
            open_fields=asked.open_fields,
            steps=step_needs(published, asked),
            materials=material_needs(published, asked, held),
        )

    def check_application(self, call: Call, request: pb.CheckApplicationRequest) -> pb.CheckApplicationResponse:
        """All that is to be said about an application."""
        published = self._cases.plans.newest(call.work.connection, request.bundle_id)
        held = held_by(call.work, call.caller.person_id, published)
        kinds = [each.kind for each in request.materials]
        looked = look_over(published, form_of(request.form), kinds, call.work.now, held)
        faults = [*looked.faults, *intended_faults(published.bundle.materials, request.materials)]
        findings = [pb.Finding(refuses=True, fields=[each.field], message=each.description) for each in faults]
        findings += looked.findings
        return pb.CheckApplicationResponse(
            bundle_version=published.plan.version,
            acceptable=not any(each.refuses for each in findings),
            findings=findings,
            by_licence=map(ref_message, looked.by_licence),
        )
