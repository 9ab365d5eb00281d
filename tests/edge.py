"""Real api processes inside this one, for tests of the edges: gRPC over TLS on the loopback, real tokens, the SDK."""

import asyncio
import json
import threading
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any, Self

import grpc
from stdnum.cn import uscc

from chassis.api_process import ApiProcess
from chassis.clock import new_id
from chassis.context import open_database
from chassis.database import Database
from chassis.migrate import upgrade
from chassis.settings import Settings
from cli.connection import operator_client_id
from cli.initialise import initialise
from duokua.client import Platform, Session
from duokua.identity.v1 import directory_pb2, directory_service_pb2
from duokua.keys import ClientKey
from services.identity.domain import tokens as token_rules
from services.identity.token_service import Tokens
from tests.servers import process

directory = directory_service_pb2
SECONDS = 20.0


class Edge:
    """The api of some services (identity is always one) in a thread, and clients of all roles.

    `database_url` holds `{service}`; without it everything is embedded, in `folder`.
    """

    def __init__(self, folder: Path, *services: str, **settings: Any) -> None:
        port, health_port = process.free_ports(2)
        self.settings = Settings(
            data_dir=folder, listen=f"localhost:{port}", health_listen=f"127.0.0.1:{health_port}", **settings
        )
        self._services = ("identity", *services)
        self._platforms: list[Platform] = []
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process: ApiProcess | None = None
        self._failure: BaseException | None = None
        initialise(self.settings.secrets_folder)
        for service in self._services:
            database = open_database(self.settings, service)
            upgrade(database)
            database.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        for platform in self._platforms:
            platform.close()
        self.stop()

    # The process

    def start(self) -> None:
        """Serve until `stop`."""
        self._thread = threading.Thread(target=self._run, name="edge", daemon=True)
        self._thread.start()
        with self.channel() as channel:
            ready = grpc.channel_ready_future(channel)
            process.wait_until(
                lambda: self._failure is not None or ready.done(),
                seconds=SECONDS,
                what="the api process does not serve",
            )
        if self._failure:
            raise self._failure

    def stop(self) -> None:
        """End the process in good order."""
        self.begin_to_stop()
        if self._thread is not None:
            self._thread.join(SECONDS)
            assert not self._thread.is_alive(), "the api process does not end"
            self._thread = None
        if self._failure:
            raise self._failure

    def begin_to_stop(self) -> None:
        """Tell the process to end."""
        if self._loop is not None and self._process is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._process.stop)

    def _run(self) -> None:
        async def serve() -> None:
            self._loop = asyncio.get_running_loop()
            self._process = ApiProcess(self.settings, self._services)
            await self._process.serve()

        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 - told by whoever waits for the thread
            self._failure = error

    def database(self, service: str) -> Database:
        """The running process's own database of a service: what is woken in it wakes the process."""
        assert self._process is not None
        return self._process._context.database(service)

    # Who calls

    @property
    def operator(self) -> Platform:
        """The first operator."""
        key = ClientKey.load(self.settings.secrets_folder / "operator.jwk")
        return self.platform(operator_client_id(key), key)

    def platform(self, client_id: str, key: ClientKey) -> Platform:
        """The SDK's client."""
        root = self.settings.secrets_folder / "tls-root.crt"
        made = Platform(self.settings.listen, client_id, key, root, self.settings.issuer, timeout=SECONDS)
        self._platforms.append(made)
        return made

    def channel(self) -> grpc.Channel:
        """A bare channel: no token, no deadline, no repeats."""
        root = (self.settings.secrets_folder / "tls-root.crt").read_bytes()
        return grpc.secure_channel(self.settings.listen, grpc.ssl_channel_credentials(root))

    def client(self, role: "directory_pb2.ClientRole.ValueType", organ_id: str = "") -> Platform:
        """A newly registered client."""
        key = ClientKey.generate()
        request = directory.RegisterClientRequest(
            name="系统", role=role, organ_id=organ_id, public_jwk=key.public_jwk, request_id=new_id()
        )
        return self.platform(self.operator.directory.RegisterClient(request).client.client_id, key)

    def organ(self, number: int) -> str:
        """The id of a newly registered organ."""
        region = directory_pb2.Region(code="330106", name="西湖区")
        self.operator.directory.RegisterRegions(directory.RegisterRegionsRequest(regions=[region]))
        organ = directory_pb2.Organ(
            name=f"第{number}局", uscc=a_uscc(number), region_code="330106", level=directory_pb2.ORGAN_LEVEL_COUNTY
        )
        return self.operator.directory.RegisterOrgan(directory.RegisterOrganRequest(organ=organ)).organ.organ_id

    def person(self, portal: Platform, number: str = "330106199003071236") -> str:
        """The id of a newly registered natural person."""
        request = directory.RegisterPersonRequest(
            kind=directory_pb2.PERSON_KIND_NATURAL, name="李雷", identity_number=number, assurance=3
        )
        return portal.directory.RegisterPerson(request).person.person_id

    def forged(self, platform: Session, **changes: Any) -> str:
        """The caller's token with other claims (None leaves one out), signed by the platform's own key."""
        payload = claims_of(platform.token_source.get())
        claims = {name: value for name, value in {**payload, **changes}.items() if value is not None}
        with self.database("identity").begin() as work:
            key_id, key = Tokens.from_settings(self.settings)._signing_key(work)
        token: str = token_rules.sign(claims, key, key_id)
        return token


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a token, unchecked."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def a_uscc(number: int) -> str:
    """A unified social credit code with the right check character, of nobody."""
    body = f"11330106{number:09d}"
    return f"{body}{uscc.calc_check_digit(body)}"
