"""The gRPC face of identity: contracts to use cases and back."""

from google.protobuf.duration_pb2 import Duration

from chassis.api import Call, Caller, Servicer
from chassis.paging import page
from chassis.settings import Settings
from duokua.identity.v1 import directory_pb2
from duokua.identity.v1 import directory_service_pb2 as directory
from duokua.identity.v1 import token_service_pb2 as token
from services.identity import messages
from services.identity.bootstrap import prepare
from services.identity.domain.directory import Organ, Region
from services.identity.service import Identity
from services.identity.token_service import Tokens

__all__ = ["DirectoryApi", "TokenApi", "build", "prepare"]


class DirectoryApi:
    """duokua.identity.v1.DirectoryService."""

    service = directory.DESCRIPTOR.services_by_name["DirectoryService"]

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def register_regions(
        self, call: Call, request: directory.RegisterRegionsRequest
    ) -> directory.RegisterRegionsResponse:
        """Registers regions, parents first."""
        regions = [Region(message.code, message.name, message.parent_code) for message in request.regions]
        self._identity.register_regions(call.work, regions)
        return directory.RegisterRegionsResponse()

    def list_regions(self, call: Call, request: directory.ListRegionsRequest) -> directory.ListRegionsResponse:
        """Lists regions by code."""
        wanted = page(request.page_size, request.page_token)
        found = self._identity.list_regions(call.work, _after(wanted.after), wanted.fetch)
        rows, following = wanted.cut(found, key=lambda region: [region.code])
        return directory.ListRegionsResponse(
            regions=[messages.region(region) for region in rows], next_page_token=following
        )

    def register_organ(self, call: Call, request: directory.RegisterOrganRequest) -> directory.RegisterOrganResponse:
        """Registers or changes an organ."""
        organ = self._identity.register_organ(call.work, _draft(request.organ))
        return directory.RegisterOrganResponse(organ=messages.organ(organ))

    def get_organ(self, call: Call, request: directory.GetOrganRequest) -> directory.GetOrganResponse:
        """Gives an organ."""
        return directory.GetOrganResponse(organ=messages.organ(self._identity.get_organ(call.work, request.organ_id)))

    def list_organs(self, call: Call, request: directory.ListOrgansRequest) -> directory.ListOrgansResponse:
        """Lists organs in the order of their registration."""
        wanted = page(request.page_size, request.page_token)
        found = self._identity.list_organs(call.work, _after(wanted.after), wanted.fetch)
        rows, following = wanted.cut(found, key=lambda organ: [organ.organ_id])
        return directory.ListOrgansResponse(organs=[messages.organ(organ) for organ in rows], next_page_token=following)

    def register_person(self, call: Call, request: directory.RegisterPersonRequest) -> directory.RegisterPersonResponse:
        """Registers a person."""
        kind = messages.KINDS[request.kind]
        person = self._identity.register_person(
            call.work, kind, request.name, request.identity_number, request.assurance
        )
        return directory.RegisterPersonResponse(person=messages.person(person))

    def register_client(self, call: Call, request: directory.RegisterClientRequest) -> directory.RegisterClientResponse:
        """Registers a system that may call the platform."""
        role = messages.ROLES[request.role]
        client = self._identity.register_client(call.work, request.name, role, request.organ_id, request.public_jwk)
        return directory.RegisterClientResponse(client=messages.client(client))

    def list_clients(self, call: Call, request: directory.ListClientsRequest) -> directory.ListClientsResponse:
        """Lists clients by id."""
        wanted = page(request.page_size, request.page_token)
        found = self._identity.list_clients(call.work, _after(wanted.after), wanted.fetch)
        rows, following = wanted.cut(found, key=lambda client: [client.client_id])
        return directory.ListClientsResponse(
            clients=[messages.client(client) for client in rows], next_page_token=following
        )

    def replace_client_key(
        self, call: Call, request: directory.ReplaceClientKeyRequest
    ) -> directory.ReplaceClientKeyResponse:
        """Gives a client another key."""
        client = self._identity.replace_client_key(call.work, request.client_id, request.public_jwk)
        return directory.ReplaceClientKeyResponse(client=messages.client(client))

    def disable_client(self, call: Call, request: directory.DisableClientRequest) -> directory.DisableClientResponse:
        """Refuses further tokens to a client."""
        client = self._identity.disable_client(call.work, request.client_id)
        return directory.DisableClientResponse(client=messages.client(client))

    def grant_mandate(self, call: Call, request: directory.GrantMandateRequest) -> directory.GrantMandateResponse:
        """Lets a person act for another."""
        mandate = self._identity.grant_mandate(
            call.work,
            request.agent_person_id,
            request.principal_person_id,
            messages.moment(request.expires_at, "expires_at"),
            acting=_acting(call.caller),
            acting_for=call.caller.person_id,
        )
        return directory.GrantMandateResponse(mandate=messages.mandate(mandate))

    def revoke_mandate(self, call: Call, request: directory.RevokeMandateRequest) -> directory.RevokeMandateResponse:
        """Ends a mandate."""
        mandate = self._identity.revoke_mandate(call.work, request.mandate_id, acting=_acting(call.caller))
        return directory.RevokeMandateResponse(mandate=messages.mandate(mandate))


class TokenApi:
    """duokua.identity.v1.TokenService."""

    service = token.DESCRIPTOR.services_by_name["TokenService"]

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def issue_token(self, call: Call, request: token.IssueTokenRequest) -> token.IssueTokenResponse:
        """Issues an access token."""
        issued = self._tokens.issue(
            call.work,
            request.client_assertion,
            request.scope,
            subject_id=request.subject_person_id,
            principal_id=request.principal_person_id,
        )
        lifetime = Duration(seconds=int(issued.expires_in.total_seconds()))
        return token.IssueTokenResponse(access_token=issued.access_token, expires_in=lifetime, scope=issued.scope)

    def get_keys(self, call: Call, request: token.GetKeysRequest) -> token.GetKeysResponse:
        """Gives the keys that check tokens."""
        del request
        return token.GetKeysResponse(jwks=self._tokens.public_keys(call.work))

    def rotate_signing_key(self, call: Call, request: token.RotateSigningKeyRequest) -> token.RotateSigningKeyResponse:
        """Makes a new signing key."""
        del request
        return token.RotateSigningKeyResponse(key_id=self._tokens.rotate(call.work))


def build(settings: Settings) -> list[Servicer]:
    """The servicers of this service."""
    return [DirectoryApi(Identity.from_settings(settings)), TokenApi(Tokens.from_settings(settings))]


def _draft(message: directory_pb2.Organ) -> Organ:
    if message.organ_id:
        raise messages.refused("organ.organ_id", "should be empty: the platform gives it, and `uscc` names the organ")
    return Organ(
        organ_id="",
        name=message.name,
        uscc=message.uscc,
        region_code=message.region_code,
        level=messages.LEVELS[message.level],
        parent_organ_id=message.parent_organ_id,
    )


def _after(values: list[str | int] | None) -> str:
    return str(values[0]) if values else ""


def _acting(caller: Caller) -> str:
    """The person who uses the portal that calls; empty when a system calls on its own."""
    return caller.subject.removeprefix("person:") if caller.subject.startswith("person:") else ""
