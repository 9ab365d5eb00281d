"""The service as a client meets it: over gRPC, in an api process of its own, from the first operator's key on."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import grpc.aio
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from joserfc.jwk import Key

from chassis.api_process import ApiProcess
from chassis.clock import SystemClock, new_id
from chassis.context import open_database
from chassis.migrate import upgrade
from chassis.settings import Settings
from chassis.vault import make_key
from duokua import errors
from duokua.identity.v1 import directory_pb2, directory_service_pb2, token_service_pb2
from duokua.identity.v1.directory_service_pb2_grpc import DirectoryServiceStub
from duokua.identity.v1.token_service_pb2_grpc import TokenServiceStub
from services.identity.domain.keys import operator_client_id
from tests.identity.builders import HAN_MEIMEI, LI_LEI, OFFICE_USCC, assertion, key, public

OPERATOR = key()


class Platform:
    """A client's view of a running identity service."""

    def __init__(self, channel: grpc.aio.Channel, issuer: str) -> None:
        self.directory = DirectoryServiceStub(channel)
        self.tokens = TokenServiceStub(channel)
        self._issuer = issuer

    def assertion(self, client_id: str = "", by: Key = OPERATOR) -> str:
        now = SystemClock().now()
        return assertion(client_id or operator_client_id(OPERATOR), by, now, aud=self._issuer)

    async def metadata(
        self, client_id: str = "", by: Key = OPERATOR, *, subject: str = "", scope: tuple[str, ...] = ()
    ) -> list[tuple[str, str]]:
        request = token_service_pb2.IssueTokenRequest(
            client_assertion=self.assertion(client_id, by), subject_person_id=subject, scope=scope
        )
        answer = await self.tokens.IssueToken(request)
        return [("authorization", f"Bearer {answer.access_token}")]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        health_port = found.getsockname()[1]
    made = Settings(data_dir=tmp_path, listen=f"127.0.0.1:{port}", health_listen=f"127.0.0.1:{health_port}")
    made.secrets_folder.mkdir()
    (made.secrets_folder / "vault.key").write_bytes(make_key())
    (made.secrets_folder / "operator.pub.jwk").write_text(public(OPERATOR))
    database = open_database(made, "identity")
    upgrade(database)
    database.close()
    return made


def served(settings: Settings, story: Callable[[Platform], Awaitable[None]]) -> None:
    """Run a story against an api process that is up."""

    async def run() -> None:
        process = ApiProcess(settings, ["identity"])
        running = asyncio.create_task(process.run())
        try:
            async with grpc.aio.insecure_channel(settings.listen) as channel:
                await asyncio.wait_for(channel.channel_ready(), 20)
                await story(Platform(channel, settings.issuer))
        finally:
            process._stopping.set()
            await asyncio.wait_for(running, 20)

    asyncio.run(run())


def organ_request(uscc: str = OFFICE_USCC, organ_id: str = "") -> directory_service_pb2.RegisterOrganRequest:
    organ = directory_pb2.Organ(
        organ_id=organ_id,
        name="西湖区市场监督管理局",
        uscc=uscc,
        region_code="330106",
        level=directory_pb2.ORGAN_LEVEL_COUNTY,
    )
    return directory_service_pb2.RegisterOrganRequest(request_id=new_id(), organ=organ)


async def registered_regions(platform: Platform, by: list[tuple[str, str]]) -> None:
    regions = [
        directory_pb2.Region(code="330000", name="浙江省"),
        directory_pb2.Region(code="330106", name="西湖区", parent_code="330000"),
    ]
    request = directory_service_pb2.RegisterRegionsRequest(request_id=new_id(), regions=regions)
    await platform.directory.RegisterRegions(request, metadata=by)


async def refused(call: Awaitable[object]) -> tuple[grpc.StatusCode, str, list[str]]:
    """The code, the reason and the fields with which a call is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    error = errors.from_rpc(caught.value, "identity")
    return error.code, error.reason, [violation.field for violation in error.violations]


def test_the_first_operator_fills_the_directory(settings: Settings) -> None:
    async def story(platform: Platform) -> None:
        by = await platform.metadata()
        await registered_regions(platform, by)
        made = (await platform.directory.RegisterOrgan(organ_request(), metadata=by)).organ
        page = directory_service_pb2.ListRegionsRequest(page_size=1)
        first = await platform.directory.ListRegions(page, metadata=by)
        page.page_token = first.next_page_token
        second = await platform.directory.ListRegions(page, metadata=by)
        assert [region.code for region in (*first.regions, *second.regions)] == ["330000", "330106"]
        assert second.next_page_token == ""
        found = await platform.directory.GetOrgan(
            directory_service_pb2.GetOrganRequest(organ_id=made.organ_id), metadata=by
        )
        assert found.organ == made
        organs = await platform.directory.ListOrgans(directory_service_pb2.ListOrgansRequest(), metadata=by)
        assert list(organs.organs) == [made]
        of = key()
        request = directory_service_pb2.RegisterClientRequest(
            request_id=new_id(),
            name="食品许可系统",
            role=directory_pb2.CLIENT_ROLE_DEPARTMENT,
            organ_id=made.organ_id,
            public_jwk=public(of),
        )
        department = (await platform.directory.RegisterClient(request, metadata=by)).client
        again = (await platform.directory.RegisterClient(request, metadata=by)).client
        assert department == again
        clients = await platform.directory.ListClients(directory_service_pb2.ListClientsRequest(), metadata=by)
        assert {client.client_id for client in clients.clients} == {
            department.client_id,
            operator_client_id(OPERATOR),
        }
        theirs = await platform.metadata(department.client_id, of)
        denied = await refused(platform.directory.RegisterOrgan(organ_request(), metadata=theirs))
        assert denied[0] is grpc.StatusCode.PERMISSION_DENIED

    served(settings, story)


def test_a_portal_acts_for_a_person_who_gives_leave_to_another(settings: Settings) -> None:
    async def story(platform: Platform) -> None:
        operator, of = await platform.metadata(), key()
        request = directory_service_pb2.RegisterClientRequest(
            request_id=new_id(), name="浙里办", role=directory_pb2.CLIENT_ROLE_PORTAL, public_jwk=public(of)
        )
        portal = (await platform.directory.RegisterClient(request, metadata=operator)).client
        by = await platform.metadata(portal.client_id, of)

        async def person(number: str) -> directory_pb2.Person:
            wanted = directory_service_pb2.RegisterPersonRequest(
                request_id=new_id(), kind=directory_pb2.PERSON_KIND_NATURAL, name="某人", identity_number=number
            )
            return (await platform.directory.RegisterPerson(wanted, metadata=by)).person

        me, agent = await person(LI_LEI), await person(HAN_MEIMEI)
        assert me.masked_number == "330***********1236"
        until = Timestamp()
        until.FromDatetime(SystemClock().now() + timedelta(days=1))
        grant = directory_service_pb2.GrantMandateRequest(
            request_id=new_id(),
            agent_person_id=agent.person_id,
            principal_person_id=me.person_id,
            expires_at=until,
        )
        others = await platform.metadata(portal.client_id, of, subject=agent.person_id)
        denied = await refused(platform.directory.GrantMandate(grant, metadata=others))
        assert denied[:2] == (grpc.StatusCode.PERMISSION_DENIED, "NOT_YOUR_MANDATE")
        mine = await platform.metadata(portal.client_id, of, subject=me.person_id)
        mandate = (await platform.directory.GrantMandate(grant, metadata=mine)).mandate
        assert (mandate.expires_at, mandate.revoked) == (until, False)
        revoke = directory_service_pb2.RevokeMandateRequest(request_id=new_id(), mandate_id=mandate.mandate_id)
        assert (await platform.directory.RevokeMandate(revoke, metadata=others)).mandate.revoked

    served(settings, story)


def test_refusals_name_the_reason_and_the_fields(settings: Settings) -> None:
    async def story(platform: Platform) -> None:
        by = await platform.metadata()
        await registered_regions(platform, by)
        register = platform.directory.RegisterOrgan
        wrong = organ_request(uscc=OFFICE_USCC[:-1] + "9")
        expected = (grpc.StatusCode.INVALID_ARGUMENT, "BAD_USCC", ["organ.uscc"])
        assert await refused(register(wrong, metadata=by)) == expected
        assert (await refused(register(organ_request(organ_id="mine"), metadata=by)))[2] == ["organ.organ_id"]
        assert (await refused(register(organ_request())))[0] is grpc.StatusCode.UNAUTHENTICATED
        used = token_service_pb2.IssueTokenRequest(client_assertion=platform.assertion())
        await platform.tokens.IssueToken(used)
        replay = await refused(platform.tokens.IssueToken(used))
        assert replay == (grpc.StatusCode.UNAUTHENTICATED, "INVALID_CLIENT", [])
        used.client_assertion, used.scope[:] = platform.assertion(), ["tasks.work"]
        beyond = await refused(platform.tokens.IssueToken(used))
        assert beyond == (grpc.StatusCode.PERMISSION_DENIED, "INVALID_SCOPE", [])

    served(settings, story)


def test_a_token_stays_good_when_the_signing_key_is_rotated(settings: Settings) -> None:
    async def story(platform: Platform) -> None:
        before = await platform.metadata()
        request = token_service_pb2.RotateSigningKeyRequest(request_id=new_id())
        rotated = (await platform.tokens.RotateSigningKey(request, metadata=before)).key_id
        keys = await platform.tokens.GetKeys(token_service_pb2.GetKeysRequest())
        assert rotated in keys.jwks
        await platform.directory.ListOrgans(directory_service_pb2.ListOrgansRequest(), metadata=before)

    served(settings, story)


def test_a_disabled_client_gets_no_further_token(settings: Settings) -> None:
    async def story(platform: Platform) -> None:
        by = await platform.metadata()
        client_id = operator_client_id(OPERATOR)
        after = key()
        replace = directory_service_pb2.ReplaceClientKeyRequest(
            request_id=new_id(), client_id=client_id, public_jwk=public(after)
        )
        assert not (await platform.directory.ReplaceClientKey(replace, metadata=by)).client.disabled
        assert await platform.metadata(client_id, after)
        disable = directory_service_pb2.DisableClientRequest(request_id=new_id(), client_id=client_id)
        assert (await platform.directory.DisableClient(disable, metadata=by)).client.disabled
        request = token_service_pb2.IssueTokenRequest(client_assertion=platform.assertion(client_id, after))
        assert (await refused(platform.tokens.IssueToken(request)))[1] == "INVALID_CLIENT"

    served(settings, story)
