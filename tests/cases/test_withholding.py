"""Who sees what of a history: whatever is withheld, the chain and the proof hold."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from chassis.api import Caller
from chassis.database import Database
from chassis.problems import NotFound
from chassis.testing import ManualClock
from cli.case_proof import CaseProof, faults_of, withheld
from cli.history import first_broken
from duokua.cases.v1 import case_pb2, case_service_pb2
from services.cases.api import CaseApi
from services.cases.inspection.inspectors import Inspectors
from tests.cases.builders import completing, handing_over, passing_up, taken
from tests.cases.logs import OPERATOR, Desk, LoggedTown, public

APPLICANT = Caller("client:portal", person_id="p1")
SECRETS = ("审批二科", "score", "client:a")
"""Who handles a step, an opinion, and whose system it was."""


@pytest.fixture
def logged(database: Database, clock: ManualClock, tmp_path: Path) -> LoggedTown:
    return LoggedTown(database, clock, tmp_path)


@pytest.fixture
def case_id(logged: LoggedTown) -> str:
    """A case in which an office handed over, passed upward, and another one completed."""
    town = logged.town
    case_id = town.running()
    food = town.one("food")
    taken(town.answer(handing_over(food, "审批二科")))
    taken(town.answer(passing_up(food, score=7)))
    town.route(case_id, food="city")
    taken(town.answer(completing(town.one("city"))))
    logged.add()
    return case_id


def seen(logged: LoggedTown, case_id: str, caller: Caller) -> Sequence[case_pb2.HistoryEntry]:
    desk = Desk(CaseApi(logged.town.cases, Inspectors()), logged.database, caller)
    answer: case_service_pb2.GetHistoryResponse = desk.GetHistory(case_service_pb2.GetHistoryRequest(case_id=case_id))
    return answer.entries


def office(organ_id: str) -> Caller:
    return Caller("client:office", organ_id=organ_id)


def test_an_applicant_sees_what_happened_and_nothing_internal(logged: LoggedTown, case_id: str) -> None:
    everything, shown = seen(logged, case_id, OPERATOR), seen(logged, case_id, APPLICANT)
    assert [each.kind for each in shown] == [each.kind for each in everything]
    assert (first_broken(case_id, everything), first_broken(case_id, shown)) == (None, None)
    told = " ".join(str(each.actor) + each.SerializeToString().decode("utf-8", "replace") for each in shown)
    all_of_it = " ".join(each.SerializeToString().decode("utf-8", "replace") for each in everything)
    for secret in SECRETS:
        assert secret in all_of_it
        assert secret not in told
    assert [each.actor for each in shown][:2] == ["person:p1", "platform"]
    assert not any(each.internal.salt or each.internal.actor or each.internal.input.fields for each in shown)


def test_the_organ_that_leads_sees_everything(logged: LoggedTown, case_id: str) -> None:
    row = logged.town.row(case_id)
    with logged.database.read() as work:
        lead = logged.town.cases.plans.of(work.connection, row.bundle_id, row.bundle_version).plan.lead.organ_id
    assert seen(logged, case_id, office(lead)) == seen(logged, case_id, OPERATOR)


def test_an_office_sees_its_own_tasks_and_of_the_rest_that_it_is_there(logged: LoggedTown, case_id: str) -> None:
    shown, everything = seen(logged, case_id, office("food")), seen(logged, case_id, OPERATOR)
    assert first_broken(case_id, shown) is None
    own = [each.sequence for each in shown if each.salt]
    assert [everything[each - 1].kind for each in own] == ["handed_over", "passed_up"]
    for each in shown:
        if each.sequence in own:
            assert each == everything[each.sequence - 1]
        else:
            assert (each.kind, each.actor, bool(each.input.fields), each.internal.salt) == ("", "", False, b"")


def test_an_office_without_a_task_finds_no_case(logged: LoggedTown, case_id: str) -> None:
    for caller in (office("elsewhere"), Caller("client:x"), Caller("client:portal", person_id="p2")):
        with pytest.raises(NotFound, match="CASE_NOT_FOUND"):
            seen(logged, case_id, caller)


@pytest.mark.parametrize(("caller", "open_parts"), [(APPLICANT, 0), (office("city"), 6)])
def test_a_proof_for_who_sees_a_part_holds(logged: LoggedTown, case_id: str, caller: Caller, open_parts: int) -> None:
    proof = CaseProof.model_validate(logged.proof(case_id, caller))
    assert faults_of(proof, public()) == []
    entries = len(proof.entries)
    assert withheld(proof) == {"open": open_parts, "internal": entries if caller is APPLICANT else open_parts}


def test_the_same_said_twice_commits_to_something_else(logged: LoggedTown) -> None:
    """Nobody can tell by comparing whether two entries that are withheld say the same."""
    one, other = (seen(logged, logged.town.submit(), OPERATOR)[0] for _ in range(2))
    assert one.internal.input == other.internal.input
    assert one.internal.commitment != other.internal.commitment
    assert len({one.salt, one.internal.salt, other.salt, other.internal.salt}) == 4
