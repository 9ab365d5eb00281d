"""What a client meets when the platform, and not its request, is in trouble."""

import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from sqlalchemy import event

from chassis.rpc import LARGEST_ON_LOOP
from duokua import errors
from duokua.identity.v1 import directory_pb2, directory_service_pb2
from duokua.identity.v1.directory_service_pb2_grpc import DirectoryServiceStub
from services.identity.api import DirectoryApi
from tests.edge import Edge
from tests.servers import PostgresServer
from tests.servers.process import wait_until

pb = directory_service_pb2
LIST = pb.ListOrgansRequest()


def bearer(edge: Edge) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {edge.operator.token_source.get()}"),)


def failure(call: Any, *arguments: Any, **options: Any) -> tuple[grpc.StatusCode, list[str]]:
    """The code of a failed call, and the reasons of its ErrorInfos."""
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **options)
    error: Any = caught.value
    details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin")
    status = status_pb2.Status.FromString(details) if details else status_pb2.Status()
    reasons = []
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            reasons.append(info.reason)
    return error.code(), reasons


def test_a_database_that_is_away_makes_the_service_unavailable_until_it_is_back(tmp_path: Path) -> None:
    with PostgresServer() as server:
        server.create_database("duokua_identity")
        url = server.url("duokua_{service}")
        with Edge(tmp_path, database_url=url) as edge, edge.channel() as channel:
            directory, metadata = DirectoryServiceStub(channel), bearer(edge)
            health: Any = health_pb2_grpc.HealthStub(channel)
            directory.ListOrgans(LIST, metadata=metadata, timeout=20)
            assert health.Check(health_pb2.HealthCheckRequest()).status == health_pb2.HealthCheckResponse.SERVING
            server.stop()
            away = (grpc.StatusCode.UNAVAILABLE, ["DATABASE_UNAVAILABLE"])
            write = pb.RegisterRegionsRequest(
                request_id="r1", regions=[directory_pb2.Region(code="330106", name="西湖区")]
            )
            for _ in range(3):
                assert failure(directory.ListOrgans, LIST, metadata=metadata, timeout=20) == away
                assert failure(directory.RegisterRegions, write, metadata=metadata, timeout=20) == away
            assert health.Check(health_pb2.HealthCheckRequest()).status == health_pb2.HealthCheckResponse.NOT_SERVING
            server.start()

            def answers() -> bool:
                try:
                    directory.RegisterRegions(write, metadata=metadata, timeout=20)
                except grpc.RpcError:
                    return False
                return True

            wait_until(answers, seconds=20, what="the service does not come back")
            found = directory.ListRegions(pb.ListRegionsRequest(), metadata=metadata, timeout=20)
            assert [region.code for region in found.regions] == ["330106"]


def test_trouble_of_any_kind_has_one_reason_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Edge(tmp_path) as edge, edge.channel() as channel:
        directory, metadata = DirectoryServiceStub(channel), bearer(edge)
        regions = [directory_pb2.Region(code="330106", name="西湖区")]
        request = pb.RegisterRegionsRequest(request_id="r1", regions=regions)
        original = DirectoryApi.register_regions

        def breaking(self: DirectoryApi, call: Any, request: Any) -> Any:
            original(self, call, request)
            raise ZeroDivisionError

        monkeypatch.setattr(DirectoryApi, "register_regions", breaking)
        edge.stop()
        edge.start()
        code, reasons = failure(directory.RegisterRegions, request, metadata=metadata, timeout=20)
        assert (code, reasons) == (grpc.StatusCode.INTERNAL, ["INTERNAL"])
        monkeypatch.undo()
        edge.stop()
        edge.start()
        assert not directory.ListRegions(pb.ListRegionsRequest(), metadata=metadata, timeout=20).regions
        directory.RegisterRegions(request, metadata=metadata, timeout=20)


def test_a_call_that_takes_too_long_ends_at_its_deadline(tmp_path: Path) -> None:
    with Edge(tmp_path) as edge, edge.channel() as channel:
        directory, metadata = DirectoryServiceStub(channel), bearer(edge)
        engine = edge.database("identity").engine
        go_on = threading.Event()

        def hold(*_: object) -> None:
            go_on.wait(20)

        event.listen(engine, "before_cursor_execute", hold)
        try:
            code, _ = failure(directory.ListOrgans, LIST, metadata=metadata, timeout=0.5)
            assert code is grpc.StatusCode.DEADLINE_EXCEEDED
        finally:
            event.remove(engine, "before_cursor_execute", hold)
            go_on.set()
        directory.ListOrgans(LIST, metadata=metadata, timeout=20)


def test_a_client_that_knows_another_root_does_not_talk(tmp_path: Path) -> None:
    with Edge(tmp_path / "ours") as edge:
        other = Edge(tmp_path / "theirs")
        root = (other.settings.secrets_folder / "tls-root.crt").read_bytes()
        with grpc.secure_channel(edge.settings.listen, grpc.ssl_channel_credentials(root)) as channel:
            assert failure(DirectoryServiceStub(channel).ListOrgans, LIST, timeout=5)[0] is grpc.StatusCode.UNAVAILABLE
        with grpc.insecure_channel(edge.settings.listen) as channel:
            assert failure(DirectoryServiceStub(channel).ListOrgans, LIST, timeout=5)[0] is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("size", [64 * 1024 + 1, 6_000_000])
def test_a_request_that_is_too_long_is_refused_unread(tmp_path: Path, size: int) -> None:
    with Edge(tmp_path) as edge, edge.channel() as channel:
        get_keys: Any = channel.unary_unary("/duokua.identity.v1.TokenService/GetKeys")
        assert get_keys(b"", timeout=20)
        began = time.perf_counter()
        too_long: bytes = (b"\xf8\x3f\x01" * (size // 3 + 1))[:size]
        refused = failure(get_keys, too_long, timeout=20)
        assert refused == (grpc.StatusCode.INVALID_ARGUMENT, ["REQUEST_TOO_LARGE"])
        assert time.perf_counter() - began < 5


def test_a_long_request_is_read_where_it_is_allowed_and_holds_nobody_up(tmp_path: Path) -> None:
    with Edge(tmp_path) as edge, edge.channel() as channel:
        metadata = bearer(edge)
        register: Any = channel.unary_unary("/duokua.identity.v1.DirectoryService/RegisterRegions")
        regions = [directory_pb2.Region(code=f"{number:06d}", name="区" * 100) for number in range(1000)]
        allowed = pb.RegisterRegionsRequest(request_id="r1", regions=regions).SerializeToString()
        assert len(allowed) > LARGEST_ON_LOOP
        register(allowed, metadata=metadata, timeout=20)
        many = pb.RegisterRegionsRequest(request_id="r2", regions=[directory_pb2.Region()] * 500_000)
        for faulty in (many.SerializeToString(), b"\xf8\x3f\x01" * 300_000, b"\xff" * 300_000):
            code, reasons = failure(register, faulty, metadata=metadata, timeout=20)
            assert (code, reasons) == (grpc.StatusCode.INVALID_ARGUMENT, ["BAD_REQUEST"])


def test_a_process_tells_what_it_serves_and_how_it_is(tmp_path: Path) -> None:
    with Edge(tmp_path) as edge, edge.channel() as channel:
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        reflection: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
        answers = reflection.ServerReflectionInfo(iter([request]))
        names = {service.name for service in next(answers).list_services_response.service}
        assert {"duokua.identity.v1.DirectoryService", "duokua.identity.v1.TokenService"} <= names
        with urllib.request.urlopen(f"http://{edge.settings.health_listen}/ready", timeout=10) as answer:
            assert answer.read() == b"ready\n"
        edge.operator.directory.ListOrgans(LIST)
        with urllib.request.urlopen(f"http://{edge.settings.health_listen}/metrics", timeout=10) as answer:
            metrics = answer.read().decode()
        counted = 'duokua_rpc_requests_total{code="OK",method="duokua.identity.v1.DirectoryService.ListOrgans"}'
        assert counted in metrics


def test_a_process_that_was_stopped_starts_again_with_all_it_knew(tmp_path: Path) -> None:
    with Edge(tmp_path) as edge:
        organ_id = edge.organ(1)
        edge.stop()
        edge.start()
        found = edge.operator.directory.GetOrgan(pb.GetOrganRequest(organ_id=organ_id)).organ
        assert found.organ_id == organ_id
        with pytest.raises(errors.NotFound, match="ORGAN_NOT_FOUND"):
            edge.operator.directory.GetOrgan(pb.GetOrganRequest(organ_id="nothing"))
