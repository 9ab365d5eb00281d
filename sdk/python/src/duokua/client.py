"""The platform as a client sees it: one typed stub for each service."""

import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Final, Self

import grpc
import grpc.aio

from duokua import transfer
from duokua.cases.v1.application_service_pb2_grpc import ApplicationServiceStub
from duokua.cases.v1.calendar_service_pb2_grpc import CalendarServiceStub
from duokua.cases.v1.case_service_pb2_grpc import CaseServiceStub
from duokua.cases.v1.draft_service_pb2_grpc import DraftServiceStub
from duokua.cases.v1.log_service_pb2_grpc import LogServiceStub
from duokua.cases.v1.material_service_pb2 import DownloadMaterialRequest, Upload
from duokua.cases.v1.material_service_pb2_grpc import MaterialServiceStub
from duokua.cases.v1.operations_service_pb2_grpc import OperationsServiceStub
from duokua.cases.v1.record_service_pb2_grpc import RecordServiceStub
from duokua.cases.v1.supervision_service_pb2_grpc import SupervisionServiceStub
from duokua.cases.v1.task_service_pb2_grpc import TaskServiceStub
from duokua.endpoints import Endpoints, channel_options
from duokua.eseal.v1.seal_register_service_pb2_grpc import SealRegisterServiceStub
from duokua.eseal.v1.seal_service_pb2_grpc import SealServiceStub
from duokua.identity.v1.directory_service_pb2_grpc import DirectoryServiceStub
from duokua.identity.v1.token_service_pb2_grpc import TokenServiceStub
from duokua.interceptors import CallInterceptor
from duokua.keys import ClientKey
from duokua.licences.v1.licence_service_pb2_grpc import LicenceServiceStub
from duokua.licences.v1.sharing_service_pb2_grpc import SharingServiceStub
from duokua.matters.v1.catalogue_service_pb2_grpc import CatalogueServiceStub
from duokua.matters.v1.matter_service_pb2_grpc import MatterServiceStub
from duokua.matters.v1.scenario_service_pb2_grpc import ScenarioServiceStub
from duokua.notify.v1.notify_service_pb2_grpc import NotifyServiceStub
from duokua.operations.v1.bus_service_pb2_grpc import BusServiceStub
from duokua.routing.v1.routing_service_pb2_grpc import RoutingServiceStub
from duokua.tokens import TokenSource
from duokua.transfer import Progress

# Persons acted for, whose tokens are kept; the one not used for longest is forgotten first.
_MOST_PERSONS: Final = 10_000


class Connections:
    """The channels to the services: one an address, made on first use, shared by everything that calls."""

    def __init__(self, endpoints: Endpoints, root_certificate: bytes | None, *, insecure: bool, wait: bool) -> None:
        self.endpoints = endpoints
        self._credentials = None if insecure else grpc.ssl_channel_credentials(root_certificate)
        self._options = channel_options(wait_for_ready=wait)
        self._channels: dict[str, grpc.Channel] = {}
        self._lock = threading.Lock()

    def channel(self, service: str) -> grpc.Channel:
        """Give the channel to a service."""
        address = self.endpoints.address(service)
        with self._lock:
            if address not in self._channels:
                self._channels[address] = (
                    grpc.insecure_channel(address, self._options)
                    if self._credentials is None
                    else grpc.secure_channel(address, self._credentials, self._options)
                )
            return self._channels[address]

    def async_channel(self, service: str) -> grpc.aio.Channel:
        """Make a channel for the running event loop; the caller closes it."""
        address = self.endpoints.address(service)
        if self._credentials is None:
            return grpc.aio.insecure_channel(address, self._options)
        return grpc.aio.secure_channel(address, self._credentials, self._options)

    def close(self) -> None:
        """Close every channel; calls under way fail."""
        with self._lock:
            channels, self._channels = self._channels, {}
        for channel in channels.values():
            channel.close()


class Session:
    """The services as one caller sees them: every call carries the token of `token_source`.

    A method of a stub raises `DuokuaError`; a `request_id` that is left empty is filled in, so that a write that met
    an unreachable platform is safely tried again.
    """

    def __init__(self, connections: Connections, token_source: TokenSource, timeout: float) -> None:
        self.connections = connections
        self.token_source = token_source
        self.timeout = timeout

    @cached_property
    def cases(self) -> CaseServiceStub:
        """Cases of applicants."""
        return CaseServiceStub(self._channel("cases"))

    @cached_property
    def tasks(self) -> TaskServiceStub:
        """Tasks of departments, one call at a time; see `duokua.Department` for the stream."""
        return TaskServiceStub(self._channel("cases"))

    @cached_property
    def materials(self) -> MaterialServiceStub:
        """Materials in and out in chunks."""
        return MaterialServiceStub(self._channel("cases"))

    def upload(
        self,
        source: str | os.PathLike[str] | BinaryIO,
        media_type: str = "",
        progress: Progress | None = None,
    ) -> Upload:
        """Give a file to the platform, so that an application may name it by its `sha256`; see `duokua.transfer`."""
        return transfer.upload(self, source, media_type, progress)

    def download(
        self,
        case_id: str,
        sha256: str,
        to: str | os.PathLike[str] | BinaryIO,
        progress: Progress | None = None,
    ) -> None:
        """Write a material of one's own case to a path or a file; see `duokua.transfer`."""
        transfer.download(self, DownloadMaterialRequest(case_id=case_id, sha256=sha256), to, progress)

    @cached_property
    def operations(self) -> OperationsServiceStub:
        """Incidents, for operators."""
        return OperationsServiceStub(self._channel("cases"))

    @cached_property
    def log(self) -> LogServiceStub:
        """The log of all histories: proofs, tree heads, and for operators replay and audit."""
        return LogServiceStub(self._channel("cases"))

    @cached_property
    def supervision(self) -> SupervisionServiceStub:
        """Reminding offices, for operators and lead organs."""
        return SupervisionServiceStub(self._channel("cases"))

    @cached_property
    def applications(self) -> ApplicationServiceStub:
        """Forms, and whether an application would be taken, for portals."""
        return ApplicationServiceStub(self._channel("cases"))

    @cached_property
    def drafts(self) -> DraftServiceStub:
        """Applications that are not handed in yet, for portals."""
        return DraftServiceStub(self._channel("cases"))

    @cached_property
    def records(self) -> RecordServiceStub:
        """Exchange records of cases."""
        return RecordServiceStub(self._channel("cases"))

    @cached_property
    def calendar(self) -> CalendarServiceStub:
        """The working days that time limits are counted in, for operators."""
        return CalendarServiceStub(self._channel("cases"))

    @cached_property
    def matters(self) -> MatterServiceStub:
        """The catalogue of matters, bundles, and scenarios."""
        return MatterServiceStub(self._channel("matters"))

    @cached_property
    def catalogue(self) -> CatalogueServiceStub:
        """The catalogue of matters: items, implementations and their versions."""
        return CatalogueServiceStub(self._channel("matters"))

    @cached_property
    def scenarios(self) -> ScenarioServiceStub:
        """Installed scenario packages, and the publishers who are trusted."""
        return ScenarioServiceStub(self._channel("matters"))

    @cached_property
    def directory(self) -> DirectoryServiceStub:
        """Regions, organs, persons, clients and mandates."""
        return DirectoryServiceStub(self._channel("identity"))

    @cached_property
    def tokens(self) -> TokenServiceStub:
        """Tokens and the keys that check them; this session asks for its own token by itself."""
        return TokenServiceStub(self._channel("identity"))

    @cached_property
    def routing(self) -> RoutingServiceStub:
        """Which office handles what."""
        return RoutingServiceStub(self._channel("routing"))

    @cached_property
    def seals(self) -> SealServiceStub:
        """Sealed documents, and whether one is genuine."""
        return SealServiceStub(self._channel("eseal"))

    @cached_property
    def seal_register(self) -> SealRegisterServiceStub:
        """Seals, from their application to their end."""
        return SealRegisterServiceStub(self._channel("eseal"))

    @cached_property
    def licences(self) -> LicenceServiceStub:
        """Licences (电子证照) and their types."""
        return LicenceServiceStub(self._channel("licences"))

    @cached_property
    def sharing(self) -> SharingServiceStub:
        """Licences before other organs: consent, looking up, and who looked."""
        return SharingServiceStub(self._channel("licences"))

    @cached_property
    def notify(self) -> NotifyServiceStub:
        """Messages and webhooks."""
        return NotifyServiceStub(self._channel("notify"))

    def bus(self, service: str) -> BusServiceStub:
        """What waits on the bus for a service, and its dead letters, for operators.

        `service` is one of identity, matters, routing, cases, eseal, notify, licences; the requests name it too.
        Raises ValueError when its address was not given.
        """
        return BusServiceStub(self._channel(service))

    def _channel(self, service: str) -> grpc.Channel:
        address = self.connections.endpoints.address(service)
        interceptor = CallInterceptor(self.token_source, timeout=self.timeout, address=address)
        return grpc.intercept_channel(self.connections.channel(service), interceptor)


class Platform(Session):
    """The platform, for one registered client.

    `addresses` is one "host:port" for all services, a mapping of service (identity, matters, routing, cases, eseal,
    notify, licences) to "host:port", or the text of either. `root_certificate` is the PEM, or the path of it, that the
    platform's certificate is checked with; without it, the roots that gRPC brings. `insecure` leaves out TLS, and is
    taken for addresses of this machine only. `timeout` is the deadline of a call that sets none, in seconds. With
    `wait_for_ready` a call waits for a platform that cannot be reached, up to its deadline, instead of failing after
    a few tries. Nothing is sent before the first call. Close it, or use it in a `with` statement.
    """

    def __init__(
        self,
        addresses: str | Mapping[str, str],
        client_id: str,
        key: ClientKey,
        root_certificate: str | os.PathLike[str] | bytes | None = None,
        issuer: str = "duokua",
        *,
        insecure: bool = False,
        timeout: float = 30.0,
        wait_for_ready: bool = False,
    ) -> None:
        endpoints = Endpoints(addresses)
        if insecure:
            endpoints.require_loopback()
        self.client_id = client_id
        self._key = key
        self._issuer = issuer
        self._persons: OrderedDict[tuple[str, str], TokenSource] = OrderedDict()
        self._persons_lock = threading.Lock()
        connections = Connections(endpoints, _pem(root_certificate), insecure=insecure, wait=wait_for_ready)
        self.connections = connections
        self.timeout = timeout
        super().__init__(connections, self._token_source(), timeout)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Make the platform that the environment names.

        DUOKUA_ENDPOINTS, DUOKUA_CLIENT_ID and DUOKUA_KEY_FILE must be set; DUOKUA_ROOT_CERT (a path),
        DUOKUA_ISSUER and DUOKUA_INSECURE (1: no TLS, on this machine only) may be. Raises ValueError naming what is
        missing or wrong.
        """
        values = os.environ if environ is None else environ
        needed = ("DUOKUA_ENDPOINTS", "DUOKUA_CLIENT_ID", "DUOKUA_KEY_FILE")
        missing = [name for name in needed if not values.get(name)]
        if missing:
            raise ValueError(f"set {', '.join(missing)} in the environment to reach the platform")
        insecure = values.get("DUOKUA_INSECURE", "")
        if insecure not in ("", "0", "1"):
            raise ValueError(f"DUOKUA_INSECURE is {insecure!r}; it must be 0 or 1")
        try:
            return cls(
                values["DUOKUA_ENDPOINTS"],
                values["DUOKUA_CLIENT_ID"],
                ClientKey.load(values["DUOKUA_KEY_FILE"]),
                values.get("DUOKUA_ROOT_CERT") or None,
                values.get("DUOKUA_ISSUER") or "duokua",
                insecure=insecure == "1",
            )
        except OSError as cause:
            raise ValueError(f"DUOKUA_KEY_FILE or DUOKUA_ROOT_CERT cannot be read: {cause}") from cause

    def acting_for(self, person_id: str, principal: str | None = None) -> Session:
        """Give the services as a person sees them, who is using this client (a portal).

        With `principal` the person acts for that other person, under a mandate. Calls raise NotFound for a person
        whom the platform does not know, and PermissionDenied with reason NO_MANDATE.
        """
        person = (person_id, principal or "")
        with self._persons_lock:
            source = self._persons.get(person) or self._token_source(*person)
            self._persons[person] = source
            self._persons.move_to_end(person)
            if len(self._persons) > _MOST_PERSONS:
                self._persons.popitem(last=False)
        return Session(self.connections, source, self.timeout)

    def close(self) -> None:
        """Close the connections; calls under way fail."""
        self.connections.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _token_source(self, person_id: str = "", principal: str = "") -> TokenSource:
        return TokenSource(
            lambda request, timeout=None: self._bare_tokens.IssueToken(request, timeout=timeout),
            lambda: self._key.assertion(self.client_id, self._issuer),
            where=self.connections.endpoints.address("identity"),
            subject_person_id=person_id,
            principal_person_id=principal,
        )

    @cached_property
    def _bare_tokens(self) -> TokenServiceStub:
        return TokenServiceStub(self.connections.channel("identity"))


def _pem(certificate: str | os.PathLike[str] | bytes | None) -> bytes | None:
    pem = certificate if isinstance(certificate, bytes) or certificate is None else Path(certificate).read_bytes()
    if pem is not None and b"-----BEGIN CERTIFICATE-----" not in pem:
        name = "the root certificate" if isinstance(certificate, bytes) else f"{certificate}"
        raise ValueError(f"{name} holds no certificate in PEM form")
    return pem
