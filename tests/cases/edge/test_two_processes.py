"""Two api processes on one PostgreSQL: their offices answer for one case at the same moment."""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Barrier
from typing import Self

import grpc
import pytest

from chassis.clock import new_id
from cli.history import first_broken
from duokua import errors
from duokua.cases.v1 import case_service_pb2, log_service_pb2, operations_service_pb2, task_pb2
from duokua.client import Platform
from duokua.identity.v1 import directory_pb2, directory_service_pb2
from duokua.keys import ClientKey
from tests.cases.offices import Offices, an_answer, answering, offices, pulled
from tests.servers import PostgresServer, process

ROUNDS = 8
SECONDS = 30.0
Answering = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Pair:
    """A town, and each of its two offices as a client of either process."""

    town: Offices
    food: tuple[Platform, Platform]
    sign: tuple[Platform, Platform]

    def opened(self) -> tuple[str, task_pb2.Task, task_pb2.Task]:
        """A case whose tasks of food and sign are leased, one from each process."""
        (case_id,) = self.town.opened()
        (food,) = pulled(self.food[0], 1, wait=10)
        (sign,) = pulled(self.sign[1], 1, wait=10)
        assert food.case_id == sign.case_id == case_id
        return case_id, food, sign

    def kinds(self, case_id: str) -> list[str]:
        """The history, which holds: its chain is whole, and it leads to what is stored."""
        request = case_service_pb2.GetHistoryRequest(case_id=case_id, page_size=1000)
        entries = self.town.operator.cases.GetHistory(request).entries
        assert first_broken(case_id, entries) is None
        assert len(entries) == self.town.row(case_id).version
        replayed = self.town.operator.log.ReplayCase(log_service_pb2.ReplayCaseRequest(case_id=case_id))
        assert not replayed.HasField("difference")
        return [entry.kind for entry in entries]


@pytest.fixture(scope="module")
def pair(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("edge")
    prefix = postgres_server.create_database()
    names = [postgres_server.create_database(f"{prefix}_{service}") for service in ("identity", "cases")]
    with offices(folder, database_url=postgres_server.url(f"{prefix}_{{service}}")) as town:
        port, health_port = process.free_ports(2)
        settings = town.edge.settings.model_copy(
            update={"listen": f"localhost:{port}", "health_listen": f"127.0.0.1:{health_port}"}
        )
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "DUOKUA_DATA_DIR": str(settings.data_dir.absolute()),
            "DUOKUA_DATABASE_URL": settings.database_url,
            "DUOKUA_LISTEN": settings.listen,
            "DUOKUA_HEALTH_LISTEN": settings.health_listen,
        }
        log = folder / "second.log"
        command = [sys.executable, "-m", "chassis.api_process", "identity", "cases"]
        second = process.spawn(command, environment=environment, log=log, stop_signal="KILL")
        try:
            root = settings.secrets_folder / "tls-root.crt"
            with grpc.secure_channel(settings.listen, grpc.ssl_channel_credentials(root.read_bytes())) as channel:
                process.wait_ready(second, grpc.channel_ready_future(channel).done, seconds=SECONDS, log=log)
            with ClientsOfBoth(town, settings.listen, root) as clients:
                yield Pair(town, clients.of(town.food_organ), clients.of(town.sign_organ))
        finally:
            process.stop(second, seconds=SECONDS)
    for name in (prefix, *names):
        postgres_server.drop_database(name)


class ClientsOfBoth:
    """Clients that each speak with both processes, closed in the end."""

    def __init__(self, town: Offices, second: str, root: Path) -> None:
        self._town = town
        self._second = second
        self._root = root
        self._open: list[Platform] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for platform in self._open:
            platform.close()

    def of(self, organ_id: str) -> tuple[Platform, Platform]:
        """An office's system, as a client of the first process and of the second."""
        key = ClientKey.generate()
        request = directory_service_pb2.RegisterClientRequest(
            name="系统",
            role=directory_pb2.CLIENT_ROLE_DEPARTMENT,
            organ_id=organ_id,
            public_jwk=key.public_jwk,
            request_id=new_id(),
        )
        client_id = self._town.operator.directory.RegisterClient(request).client.client_id
        issuer = self._town.edge.settings.issuer
        other = Platform(self._second, client_id, key, self._root, issuer, timeout=SECONDS)
        self._open.append(other)
        return self._town.edge.platform(client_id, key), other


def saying(platform: Platform, answer: task_pb2.TaskAnswer) -> Answering:
    """Say it; gives the reason of a refusal, or nothing."""

    def say() -> str:
        try:
            platform.tasks.AnswerTask(answering(answer))
        except errors.DuokuaError as error:
            return error.reason
        return ""

    return say


def at_once(*acts: Answering) -> list[str]:
    """What becomes of each; none begins before all are ready to."""
    barrier = Barrier(len(acts), timeout=SECONDS)

    def act(begin: Answering) -> str:
        barrier.wait()
        return begin()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(act, acts))


def test_two_offices_answer_by_two_processes_and_both_count(pair: Pair) -> None:
    for _ in range(ROUNDS):
        case_id, food, sign = pair.opened()
        done = at_once(saying(pair.food[0], an_answer(food)), saying(pair.sign[1], an_answer(sign)))
        assert done == ["", ""]
        statuses = pair.town.statuses(case_id)
        assert (statuses["food"], statuses["sign"], statuses["deliver"]) == ("completed", "completed", "offered")
        assert pair.kinds(case_id).count("completed") == 3


def test_one_answer_said_to_both_processes_is_taken_once(pair: Pair) -> None:
    for _ in range(ROUNDS):
        case_id, food, _ = pair.opened()
        answer = an_answer(food)
        assert at_once(*(saying(platform, answer) for platform in pair.food)) == ["", ""]
        assert pair.kinds(case_id).count("completed") == 2


def test_of_two_contents_under_one_request_id_one_is_taken_and_the_other_named(pair: Pair) -> None:
    for _ in range(ROUNDS):
        case_id, food, _ = pair.opened()
        answers = [an_answer(food, request_id=f"r {case_id}") for _ in pair.food]
        for number, answer in enumerate(answers):
            answer.complete.result["permit"] = f"P{number}"
        told = at_once(*(saying(platform, said) for platform, said in zip(pair.food, answers, strict=True)))
        assert sorted(told) == ["", "REQUEST_ID_REUSED"]
        result = pair.town.case(case_id).steps["food"].result
        assert result == {"permit": f"P{told.index('')}"}, "the one that was taken stands"


def test_a_refusal_and_an_act_that_cross_between_two_processes_leave_nothing_that_stands(pair: Pair) -> None:
    for _ in range(ROUNDS):
        case_id, food, sign = pair.opened()
        told = at_once(saying(pair.food[0], an_answer(food)), saying(pair.sign[1], an_answer(sign, "refuse")))
        assert told == ["", ""], "whichever came first, the act is known and will be undone"
        assert pair.town.statuses(case_id)["food"] == "undoing"
        (undo,) = pulled(pair.food[1], 1, wait=10)
        assert (undo.kind, undo.handled_task_id) == (task_pb2.TASK_KIND_UNDO, food.task_id)
        assert saying(pair.food[1], an_answer(undo))() == ""
        pair.kinds(case_id)


def test_an_operator_and_an_office_who_settle_a_step_by_two_processes_at_once_settle_it_one_way(pair: Pair) -> None:
    for _ in range(ROUNDS):
        case_id, food, _ = pair.opened()
        skip = operations_service_pb2.DecideStepRequest(
            request_id=new_id(),
            case_id=case_id,
            step_id="food",
            decision=operations_service_pb2.Decision(skip=operations_service_pb2.Skip()),
            reason="不需要",
        )

        def decide(request: operations_service_pb2.DecideStepRequest = skip) -> str:
            try:
                pair.town.operator.operations.DecideStep(request)
            except errors.DuokuaError as error:
                return error.reason
            return ""

        told = at_once(decide, saying(pair.food[1], an_answer(food)))
        assert told in (["", "TASK_SETTLED"], ["STEP_SETTLED", ""])
        status = pair.town.statuses(case_id)["food"]
        assert status == ("skipped" if told[0] == "" else "completed")
        assert pair.town.row(case_id).status == "running"
        pair.kinds(case_id)
