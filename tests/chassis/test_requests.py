"""What makes a request the repeat of another one."""

from dataclasses import replace

import pytest

from chassis import requests
from chassis.api import Caller
from chassis.database import service_metadata
from chassis.problems import Invalid
from chassis.vault import Vault
from duokua.identity.v1 import directory_service_pb2
from tests.conftest import MakeDatabase

pb = directory_service_pb2
AGENT = Caller("person:agent", client_id="portal", person_id="one")
VAULT = Vault(bytes(32))


@pytest.mark.parametrize("change", [{"person_id": "other"}, {"client_id": "another portal"}, {"organ_id": "o"}])
def test_the_same_words_for_somebody_else_are_no_repeat(make_database: MakeDatabase, change: dict[str, str]) -> None:
    database = make_database(service_metadata())
    request = pb.RevokeMandateRequest(request_id="r", mandate_id="m")
    other = replace(AGENT, **change)  # type: ignore[arg-type] # only its texts change
    with database.begin() as work:
        print_ = requests.fingerprint(VAULT, AGENT, request)
        requests.remember(work, AGENT, "m", request, print_, pb.RevokeMandateResponse())
    with database.read() as work:
        again = requests.fingerprint(VAULT, replace(AGENT, expires_at=1.0), request)
        assert requests.first_answer(work, AGENT, "m", request, again) == b""
        with pytest.raises(Invalid, match="REQUEST_ID_REUSED"):
            requests.first_answer(work, other, "m", request, requests.fingerprint(VAULT, other, request))
