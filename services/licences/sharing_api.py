"""The gRPC face of sharing: contract to use cases and back."""

from datetime import UTC
from typing import Any

from chassis.api import Call, Caller
from chassis.clock import to_milliseconds
from chassis.paging import page
from chassis.problems import Invalid, Violation
from duokua.licences.v1 import sharing_service_pb2 as pb
from services.licences.domain.sharing import Grant
from services.licences.messages import licence_message, timestamp
from services.licences.sharing import SharedLicences, Wanted


class SharingApi:
    """duokua.licences.v1.SharingService."""

    service = pb.DESCRIPTOR.services_by_name["SharingService"]
    # What licences say is encrypted at rest, and no answer that is kept for a repeat may have it in the clear.
    unstored = frozenset({"look_up_licences"})

    def __init__(self, shared: SharedLicences) -> None:
        self._shared = shared

    def grant_access(self, call: Call, request: pb.GrantAccessRequest) -> pb.GrantAccessResponse:
        """Lets an organ look up the caller's licences of a type."""
        try:
            expires_at = to_milliseconds(request.expires_at.ToDatetime(UTC))
        except (ValueError, OverflowError):
            fault = Violation("expires_at", "must be a time between the years 1 and 9999")
            raise Invalid("BAD_GRANT", "consent is for a while", [fault]) from None
        wanted = (request.purpose, expires_at)
        holder, by = _holder(call.caller), call.caller.subject
        made = self._shared.grant(call.work, holder, request.organ_id, request.type, wanted, by)
        return pb.GrantAccessResponse(grant=_grant(made))

    def withdraw_access(self, call: Call, request: pb.WithdrawAccessRequest) -> pb.WithdrawAccessResponse:
        """Takes the consent back."""
        made = self._shared.withdraw(call.work, _holder(call.caller), request.grant_id, call.caller.subject)
        return pb.WithdrawAccessResponse(grant=_grant(made))

    def list_grants(self, call: Call, request: pb.ListGrantsRequest) -> pb.ListGrantsResponse:
        """Lists consents."""
        if not call.caller.organ_id:
            _holder(call.caller)
        asked = page(request.page_size, request.page_token)
        before = str(asked.after[0]) if asked.after else ""
        found = self._shared.grants(call.work, call.caller, before, asked.fetch)
        found, token = asked.cut(found, key=lambda each: [each.grant_id])
        return pb.ListGrantsResponse(grants=[_grant(each) for each in found], next_page_token=token)

    def look_up_licences(self, call: Call, request: pb.LookUpLicencesRequest) -> pb.LookUpLicencesResponse:
        """Gives what the caller's organ may see of somebody's licences."""
        if not call.caller.organ_id:
            raise Invalid("ORGAN_NEEDED", "licences are looked up by organs; the caller works for none")
        wanted = Wanted(
            request.type, request.holder_person_id, request.holder_number, request.purpose, request.request_id
        )
        found = self._shared.look_up(call.work, call.caller, wanted)
        told = [licence_message(licence, found.of, data) for licence, data in found.licences]
        return pb.LookUpLicencesResponse(licences=told, consent_needed=found.consent_needed, more=found.more)

    def list_accesses(self, call: Call, request: pb.ListAccessesRequest) -> pb.ListAccessesResponse:
        """Lists who looked."""
        everybody = call.caller.may("licences.read_all") and bool(request.licence_id)
        holder = "" if everybody else _holder(call.caller)
        asked = page(request.page_size, request.page_token)
        before = str(asked.after[0]) if asked.after else ""
        rows = self._shared.accesses(call.work, holder, request.licence_id, before, asked.fetch)
        rows, token = asked.cut(rows, key=lambda row: [row.access_id])
        return pb.ListAccessesResponse(accesses=[_access(row) for row in rows], next_page_token=token)


def _holder(caller: Caller) -> str:
    if not caller.person_id:
        raise Invalid("HOLDER_NEEDED", "this is for holders of licences; the caller acts for nobody")
    return caller.person_id


def _grant(grant: Grant) -> pb.Grant:
    return pb.Grant(
        grant_id=grant.grant_id,
        holder_person_id=grant.holder_person_id,
        organ_id=grant.organ_id,
        type_code=grant.type_code,
        purpose=grant.purpose,
        granted_at=timestamp(grant.granted_at),
        expires_at=timestamp(grant.expires_at),
        withdrawn_at=timestamp(grant.withdrawn_at) if grant.withdrawn_at else None,
        granted_by=grant.granted_by,
        withdrawn_by=grant.withdrawn_by,
    )


def _access(row: Any) -> pb.Access:
    return pb.Access(
        access_id=row.access_id,
        licence_id=row.licence_id,
        identifier=row.identifier or "",
        none_of_type=row.none_of_type,
        at=timestamp(row.at),
        subject=row.subject,
        organ_id=row.organ_id,
        organ_name=row.organ_name or "",
        action=row.action,
        purpose=row.purpose,
        grant_id=row.grant_id,
    )
