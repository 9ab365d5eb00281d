"""The gRPC face of licences: contract to use cases and back."""

from chassis.api import Call, Caller, Servicer
from chassis.clock import day_of
from chassis.paging import page
from chassis.problems import Invalid, Violation
from chassis.settings import Settings
from duokua.licences.v1 import licence_pb2
from duokua.licences.v1 import licence_service_pb2 as pb
from services.licences import store, types
from services.licences.accesses import (
    Action,
    Look,
    check_purpose,
    may_change,
    may_read,
    may_read_document,
    note,
    note_all,
)
from services.licences.documents import documents_of
from services.licences.domain.licence import Licence
from services.licences.domain.life import Act
from services.licences.importing import Imports, Row
from services.licences.messages import (
    change_message,
    document_message,
    ending_of,
    holder_kind_of,
    licence_message,
    plain,
    type_message,
    type_of,
    verified_message,
)
from services.licences.service import Licences, Order, licence_not_found
from services.licences.sharing import SharedLicences
from services.licences.sharing_api import SharingApi
from services.licences.verifying import verify

_ABOUT_COPIES = "查询所申请副本的办理情况"
"""Why an organ looks that says nothing: it asks how far the copies are that it had made."""


class LicenceApi:
    """duokua.licences.v1.LicenceService."""

    service = pb.DESCRIPTOR.services_by_name["LicenceService"]
    # What licences say is encrypted at rest, and no answer that is kept for a repeat may have it in the clear.
    unstored = frozenset({"get_licence", "list_licences", "verify_licence"})

    def __init__(self, licences: Licences, shared: SharedLicences, imports: Imports) -> None:
        self._licences = licences
        self._shared = shared
        self._imports = imports

    def define_type(self, call: Call, request: pb.DefineTypeRequest) -> pb.DefineTypeResponse:
        """Defines a type, or changes it."""
        return pb.DefineTypeResponse(type=type_message(types.define(call.work, type_of(request.type))))

    def get_type(self, call: Call, request: pb.GetTypeRequest) -> pb.GetTypeResponse:
        """Gives a type."""
        return pb.GetTypeResponse(type=type_message(types.type_of(call.work, request.type)))

    def list_types(self, call: Call, request: pb.ListTypesRequest) -> pb.ListTypesResponse:
        """Lists types by code."""
        wanted = page(request.page_size, request.page_token)
        after = str(wanted.after[0]) if wanted.after else ""
        found = types.list_types(call.work, after, wanted.fetch)
        found, token = wanted.cut(found, key=lambda each: [each.type_code])
        return pb.ListTypesResponse(types=[type_message(each) for each in found], next_page_token=token)

    def issue_licence(self, call: Call, request: pb.IssueLicenceRequest) -> pb.IssueLicenceResponse:
        """Issues a licence."""
        issuer_organ_id = _issuer(call.caller, request.issuer_organ_id)
        of = types.type_of(call.work, request.type)
        order = Order(
            issuer_organ_id,
            request.holder_person_id,
            plain(request.data),
            request.valid_from,
            request.valid_until,
            request.serial,
        )
        made = self._licences.issue(call.work, of, order, call.caller.subject)
        return pb.IssueLicenceResponse(licence=licence_message(made, of))

    def renew_licence(self, call: Call, request: pb.RenewLicenceRequest) -> pb.RenewLicenceResponse:
        """Issues the next version."""
        before = self._to_change(call, request.licence_id)
        days = (request.valid_from, request.valid_until)
        made = self._licences.renew(call.work, before, plain(request.data), days, call.caller.subject)
        return pb.RenewLicenceResponse(licence=self._told(call, made))

    def hold_licence(self, call: Call, request: pb.HoldLicenceRequest) -> pb.HoldLicenceResponse:
        """Takes a licence out of use for a while."""
        licence = self._to_change(call, request.licence_id)
        changed = self._licences.change(call.work, licence, Act.HELD, call.caller.subject, request.reason)
        return pb.HoldLicenceResponse(licence=self._told(call, changed))

    def release_licence(self, call: Call, request: pb.ReleaseLicenceRequest) -> pb.ReleaseLicenceResponse:
        """Gives it back."""
        licence = self._to_change(call, request.licence_id)
        changed = self._licences.change(call.work, licence, Act.RELEASED, call.caller.subject, request.reason)
        return pb.ReleaseLicenceResponse(licence=self._told(call, changed))

    def end_licence(self, call: Call, request: pb.EndLicenceRequest) -> pb.EndLicenceResponse:
        """Ends a licence for good."""
        ending = ending_of(request.ending)
        licence = self._to_change(call, request.licence_id)
        changed = self._licences.end(call.work, licence, ending, call.caller.subject, request.reason)
        return pb.EndLicenceResponse(licence=self._told(call, changed))

    def get_licence(self, call: Call, request: pb.GetLicenceRequest) -> pb.GetLicenceResponse:
        """Gives a licence with its history."""
        licence = store.by_id(call.work.connection, request.licence_id)
        if licence is None:
            raise licence_not_found(request.licence_id)
        readable = [
            document_message(each)
            for each in documents_of(call.work, licence.licence_id)
            if may_read_document(call.caller, licence, each.reader_organ_id)
        ]
        of, today = types.type_of(call.work, licence.type_code), licence.on(day_of(call.work.now))
        if not may_read(call.caller, licence):
            if not readable:
                raise licence_not_found(request.licence_id)
            # Where the licence stands today is told as well, so this is a look, though the organ need not say for what.
            purpose = request.purpose.strip() or _ABOUT_COPIES
            note(call.work, call.caller, licence, Look(Action.READ, purpose, request.request_id))
            return pb.GetLicenceResponse(licence=verified_message(today, of, None), documents=readable)
        note(call.work, call.caller, licence, Look(Action.READ, request.purpose, request.request_id))
        told = licence_message(today, of, self._licences.data(call.work, licence))
        history = store.changes_of(call.work.connection, licence.licence_id)
        return pb.GetLicenceResponse(
            licence=told, changes=[change_message(each) for each in history], documents=readable
        )

    def request_document(self, call: Call, request: pb.RequestDocumentRequest) -> pb.RequestDocumentResponse:
        """Has a licence made into a sealed document."""
        made = self._shared.document(call.work, call.caller, request.licence_id, request.use, request.request_id)
        return pb.RequestDocumentResponse(document=document_message(made))

    def import_licences(self, call: Call, request: pb.ImportLicencesRequest) -> pb.ImportLicencesResponse:
        """Takes in licences that were issued before."""
        rows = [_row(each) for each in request.rows]
        issuer = _issuer(call.caller, request.issuer_organ_id)
        done = self._imports.take(call.work, request.type, issuer, rows, call.caller.subject, dry_run=request.dry_run)
        faults = [pb.RowFault(row=row, field=fault.field, message=fault.description) for row, fault in done.faults]
        return pb.ImportLicencesResponse(
            faults=faults, created=done.created, unchanged=done.unchanged, written=done.written
        )

    def list_licences(self, call: Call, request: pb.ListLicencesRequest) -> pb.ListLicencesResponse:
        """Lists the caller's own licences, or for an operator those of a holder."""
        operates = call.caller.may("licences.read_all")
        if operates and request.holder_person_id:
            check_purpose(request.purpose, "purpose")
        holder, issuer = _own(call.caller, request.holder_person_id)
        code = types.type_of(call.work, request.type).type_code if request.type else ""
        today = day_of(call.work.now)
        wanted = store.Wanted(holder, issuer, code, today if request.valid_only else None)
        asked = page(request.page_size, request.page_token)
        before = str(asked.after[0]) if asked.after else ""
        found, token = asked.cut(
            store.listed(call.work.connection, wanted, before, asked.fetch), key=lambda each: [each.licence_id]
        )
        if operates:
            look = Look(Action.LISTED, request.purpose, request.request_id)
            note_all(call.work, call.caller, [(each, look) for each in found])
        known = types.types_by_code(call.work, [each.type_code for each in found])
        told = [licence_message(each.on(today), known[each.type_code]) for each in found]
        return pb.ListLicencesResponse(licences=told, next_page_token=token)

    def verify_licence(self, call: Call, request: pb.VerifyLicenceRequest) -> pb.VerifyLicenceResponse:
        """Says whether a licence is good."""
        found = verify(call.work, self._licences, request.identifier, request.code)
        note(call.work, call.caller, found.licence, Look(Action.VERIFIED, "核验", request.request_id))
        told = verified_message(found.licence, found.of, found.data)
        return pb.VerifyLicenceResponse(
            valid=found.valid, explanation=found.explanation, licence=told, annotation=found.annotation
        )

    def _to_change(self, call: Call, licence_id: str) -> Licence:
        licence = store.by_id(call.work.connection, licence_id)
        if licence is None or not may_change(call.caller, licence):
            raise licence_not_found(licence_id)
        return self._licences.locked(call.work, licence_id)

    def _told(self, call: Call, licence: Licence) -> licence_pb2.Licence:
        """A licence without its data: the answer to a write is kept for a repeat."""
        return licence_message(licence, types.type_of(call.work, licence.type_code))


def _issuer(caller: Caller, named: str) -> str:
    """The organ that issues: a department's own, or the one that an operator names."""
    if caller.organ_id:
        if named not in ("", caller.organ_id):
            fault = Violation("issuer_organ_id", "leave it empty: a department's system issues for its own organ")
            raise Invalid("BAD_ISSUER", "another organ's licences are its own", [fault])
        return caller.organ_id
    if not named:
        raise Invalid("BAD_ISSUER", "nobody says who issues it", [Violation("issuer_organ_id", "name the organ")])
    return named


def _own(caller: Caller, named: str) -> tuple[str, str]:
    """The holder and the issuer whose licences a caller may list."""
    if caller.may("licences.read_all"):
        if not named:
            fault = Violation("holder_person_id", "name whose licences; nobody lists those of everybody")
            raise Invalid("HOLDER_NEEDED", "nobody says whose licences", [fault])
        return named, ""
    if named not in ("", caller.person_id):
        fault = Violation("holder_person_id", "leave it empty: others' licences are looked up with a purpose")
        raise Invalid("BAD_HOLDER", "the list has the caller's own licences", [fault])
    if not (caller.person_id or caller.organ_id):
        fault = Violation("holder_person_id", "act for a person")
        raise Invalid("HOLDER_NEEDED", "the caller acts for nobody", [fault])
    return caller.person_id, "" if caller.person_id else caller.organ_id


def _row(message: pb.LicenceRow) -> Row:
    return Row(
        row=message.row,
        serial=message.serial,
        version=message.version,
        holder_name=message.holder_name,
        holder_kind=holder_kind_of(message.holder_kind),
        holder_number=message.holder_number,
        valid_from=message.valid_from,
        valid_until=message.valid_until,
        data=plain(message.data),
        issued_on=message.issued_on,
    )


def build(settings: Settings) -> list[Servicer]:
    """The servicers of this service."""
    shared = SharedLicences.from_settings(settings)
    licences = LicenceApi(Licences.from_settings(settings), shared, Imports.from_settings(settings))
    return [licences, SharingApi(shared)]
