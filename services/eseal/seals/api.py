"""The gRPC face of the register of seals: contract to use cases and back."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from chassis.api import Call, Caller
from chassis.paging import page
from chassis.problems import Invalid, Violation
from duokua.eseal.v1 import seal_pb2
from duokua.eseal.v1 import seal_register_service_pb2 as pb
from services.eseal.domain.seal import ALL, MOST_YEARS, Kind, State, Suite
from services.eseal.messages import act_message, authority_message, seal_message, use_message
from services.eseal.seals import store
from services.eseal.seals.application import DEFAULT_WIDTH_MM, Application
from services.eseal.seals.register import Actor, Register


class RegisterApi:
    """duokua.eseal.v1.SealRegisterService."""

    service = pb.DESCRIPTOR.services_by_name["SealRegisterService"]

    def __init__(self, register: Register) -> None:
        self._register = register

    def apply_for_seal(self, call: Call, request: pb.ApplyForSealRequest) -> pb.ApplyForSealResponse:
        """Takes an application."""
        seal = self._register.apply(call.work, _actor(call.caller), _application(request))
        return pb.ApplyForSealResponse(seal=seal_message(seal))

    def approve_seal(self, call: Call, request: pb.ApproveSealRequest) -> pb.ApproveSealResponse:
        """Approves an application, and makes the seal."""
        seal = self._register.approve(
            call.work, _actor(call.caller), request.seal_id, request.reason, hold=request.hold
        )
        return pb.ApproveSealResponse(seal=seal_message(seal))

    def get_certificate_request(
        self, call: Call, request: pb.GetCertificateRequestRequest
    ) -> pb.GetCertificateRequestResponse:
        """Gives the request for a certificate from outside."""
        made = self._register.certificate_request(call.work, _actor(call.caller), request.seal_id)
        return pb.GetCertificateRequestResponse(request_pem=made)

    def import_certificate(self, call: Call, request: pb.ImportCertificateRequest) -> pb.ImportCertificateResponse:
        """Makes a seal with a certificate from outside."""
        seal = self._register.import_certificate(
            call.work,
            _actor(call.caller),
            request.seal_id,
            request.certificate_pem,
            request.chain_pem,
            hold=request.hold,
        )
        return pb.ImportCertificateResponse(seal=seal_message(seal))

    def reject_seal(self, call: Call, request: pb.RejectSealRequest) -> pb.RejectSealResponse:
        """Turns an application down."""
        seal = self._register.reject(call.work, _actor(call.caller), request.seal_id, request.reason)
        return pb.RejectSealResponse(seal=seal_message(seal))

    def activate_seal(self, call: Call, request: pb.ActivateSealRequest) -> pb.ActivateSealResponse:
        """Puts a seal into use."""
        seal = self._register.activate(call.work, _actor(call.caller), request.seal_id, request.reason)
        return pb.ActivateSealResponse(seal=seal_message(seal))

    def suspend_seal(self, call: Call, request: pb.SuspendSealRequest) -> pb.SuspendSealResponse:
        """Stops the use of a seal."""
        seal = self._register.suspend(call.work, _actor(call.caller), request.seal_id, request.reason)
        return pb.SuspendSealResponse(seal=seal_message(seal))

    def resume_seal(self, call: Call, request: pb.ResumeSealRequest) -> pb.ResumeSealResponse:
        """Lets a seal be used again."""
        seal = self._register.resume(call.work, _actor(call.caller), request.seal_id, request.reason)
        return pb.ResumeSealResponse(seal=seal_message(seal))

    def revoke_seal(self, call: Call, request: pb.RevokeSealRequest) -> pb.RevokeSealResponse:
        """Ends the use of a seal."""
        seal = self._register.revoke(call.work, _actor(call.caller), request.seal_id, request.reason)
        return pb.RevokeSealResponse(seal=seal_message(seal))

    def get_seal(self, call: Call, request: pb.GetSealRequest) -> pb.GetSealResponse:
        """Gives a seal with its picture and history."""
        seal = self._register.seal(call.work, _actor(call.caller), request.seal_id)
        picture = self._register.picture(call.work, seal)
        return pb.GetSealResponse(
            seal=seal_message(seal),
            picture=picture.png,
            picture_width_mm=picture.width_mm,
            picture_height_mm=picture.height_mm,
            history=[act_message(entry) for entry in self._register.history(call.work, seal)],
        )

    def list_seals(self, call: Call, request: pb.ListSealsRequest) -> pb.ListSealsResponse:
        """Lists seals, the oldest first."""
        wanted = page(request.page_size, request.page_token)
        after = str(wanted.after[0]) if wanted.after else ""
        state = State(_told(seal_pb2.SealState.Name(request.state), "SEAL_STATE_")) if request.state else None
        found = self._register.list_seals(
            call.work, _actor(call.caller), after, wanted.fetch, organ_id=request.organ_id, state=state
        )
        seals, token = wanted.cut(found, key=lambda seal: [seal.seal_id])
        return pb.ListSealsResponse(seals=[seal_message(seal) for seal in seals], next_page_token=token)

    def list_seal_uses(self, call: Call, request: pb.ListSealUsesRequest) -> pb.ListSealUsesResponse:
        """Lists uses and refused attempts, and counts them."""
        wanted = page(request.page_size, request.page_token)
        after = str(wanted.after[0]) if wanted.after else ""
        own = call.caller.organ_id
        if own and request.organ_id not in ("", own):
            return pb.ListSealUsesResponse()
        if request.seal_id:
            self._register.seal(call.work, _actor(call.caller), request.seal_id)
        asked = store.UseFilter(
            seal_id=request.seal_id,
            organ_id=own or request.organ_id,
            since=_moment(request, "since"),
            until=_moment(request, "until"),
            refused_only=request.refused_only,
        )
        if asked.since and asked.until and asked.until <= asked.since:
            fault = Violation("until", "it has to be later than since, or there is nothing between them")
            raise Invalid("BAD_REQUEST", "until is not later than since", [fault])
        found = store.list_uses(call.work.connection, asked, after, wanted.fetch)
        uses, token = wanted.cut(found, key=lambda use: [use.use_id])
        used, refused = store.count_uses(call.work.connection, asked)
        return pb.ListSealUsesResponse(
            uses=[use_message(use) for use in uses], next_page_token=token, used_count=used, refused_count=refused
        )

    def rotate_authority(self, call: Call, request: pb.RotateAuthorityRequest) -> pb.RotateAuthorityResponse:
        """Has authorities followed by new ones."""
        suite = Suite(_told(seal_pb2.Suite.Name(request.suite or seal_pb2.SUITE_INTERNATIONAL), "SUITE_"))
        self._register.rotate_authority(call.work, suite, root=request.root)
        return pb.RotateAuthorityResponse(authorities=map(authority_message, self._register.authorities(call.work)))

    def get_authorities(self, call: Call, request: pb.GetAuthoritiesRequest) -> pb.GetAuthoritiesResponse:
        """Gives the authorities, the oldest first."""
        del request
        return pb.GetAuthoritiesResponse(authorities=map(authority_message, self._register.authorities(call.work)))

    def set_suite(self, call: Call, request: pb.SetSuiteRequest) -> pb.SetSuiteResponse:
        """Says which algorithms new seals of an organ have."""
        suite = Suite(_told(seal_pb2.Suite.Name(request.suite), "SUITE_"))
        self._register.set_suite(call.work, request.organ_id, suite)
        return pb.SetSuiteResponse()


def _actor(caller: Caller) -> Actor:
    return Actor(caller.subject, caller.organ_id)


def _application(request: pb.ApplyForSealRequest) -> Application:
    kind = Kind(_told(seal_pb2.SealCategory.Name(request.kind or seal_pb2.SEAL_CATEGORY_ORGAN), "SEAL_CATEGORY_"))
    usual = (ALL,) if kind is Kind.ORGAN else ()
    return Application(
        organ_id=request.organ_id,
        reason=request.reason,
        kind=kind,
        name=request.name,
        matters=tuple(dict.fromkeys(request.matters)) or usual,
        served_organs=tuple(dict.fromkeys(request.served_organ_ids)),
        picture=request.picture,
        width_mm=request.picture_width_mm or DEFAULT_WIDTH_MM,
        years=request.years or MOST_YEARS,
        outside=request.outside,
        replaces=request.replaces_seal_id,
    )


def _told(name: str, prefix: str) -> str:
    return name.removeprefix(prefix)


def _moment(request: pb.ListSealUsesRequest, field: str) -> datetime | None:
    if not request.HasField(field):  # type: ignore[arg-type] # one of its two moments
        return None
    moment: Timestamp = getattr(request, field)
    return moment.ToDatetime(tzinfo=UTC)
