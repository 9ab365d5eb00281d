"""First answers are kept for a month, and then forgotten."""

from chassis import requests
from chassis.api import Caller
from chassis.database import service_metadata
from chassis.testing import ManualClock
from duokua.identity.v1 import directory_service_pb2
from tests.conftest import MakeDatabase


def test_answers_older_than_a_month_are_forgotten_and_younger_ones_kept(make_database: MakeDatabase) -> None:
    clock = ManualClock()
    database = make_database(service_metadata(), clock=clock)
    caller = Caller("client:a")
    answer = directory_service_pb2.RegisterRegionsResponse()

    def ask(request_id: str) -> directory_service_pb2.RegisterRegionsRequest:
        return directory_service_pb2.RegisterRegionsRequest(request_id=request_id)

    for request_id in ("old", "young"):
        with database.begin() as work:
            requests.remember(work, caller, "m", ask(request_id), "print", answer)
        clock.advance(days=20)
    with database.begin() as work:
        assert requests.prune(work) is False
    with database.read() as work:
        assert requests.first_answer(work, caller, "m", ask("old"), "print") is None
        assert requests.first_answer(work, caller, "m", ask("young"), "print") == b""
