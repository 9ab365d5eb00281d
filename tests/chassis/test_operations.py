"""BusService over real gRPC, on both databases: what waits, and what operators do about dead letters."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from chassis.bus import dead_letters, inbox
from chassis.bus.broker import Failure
from chassis.bus.events import Envelope
from chassis.clock import new_id
from chassis.database import service_metadata
from chassis.paging import next_token
from duokua import errors
from duokua.cases.v1 import events_pb2
from duokua.client import Platform
from duokua.identity.v1 import directory_pb2
from duokua.operations.v1 import bus_service_pb2
from tests.edge import Edge
from tests.servers import PostgresServer

pb = bus_service_pb2
tables = service_metadata().tables
SENT = dead_letters.Direction.SENT
BODY = events_pb2.CaseSubmitted(case=events_pb2.CaseRef(case_id="c1")).SerializeToString()
TYPE = events_pb2.CaseSubmitted.DESCRIPTOR.full_name
MANY = ["l"] * 1001
READS: list[tuple[str, Any]] = [
    ("GetBusStatus", pb.GetBusStatusRequest()),
    ("ListDeadLetters", pb.ListDeadLettersRequest()),
    ("GetDeadLetter", pb.GetDeadLetterRequest(letter_id="l")),
    ("ListRepairs", pb.ListRepairsRequest()),
]
WRITES: list[tuple[str, Any]] = [
    ("ReplayDeadLetters", pb.ReplayDeadLettersRequest(letter_ids=["l"], reason="why")),
    ("DiscardDeadLetters", pb.DiscardDeadLettersRequest(letter_ids=["l"], reason="why")),
]
EVERY_RPC = READS + WRITES


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def whole_edge(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    """An api process with identity, cases and routing."""
    folder, services = tmp_path_factory.mktemp("operations"), ("cases", "routing")
    if request.param == "sqlite":
        with Edge(folder, *services) as edge:
            yield edge
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    prefix = server.create_database()
    names = [server.create_database(f"{prefix}_{service}") for service in ("identity", *services)]
    with Edge(folder, *services, database_url=server.url(f"{prefix}_{{service}}")) as edge:
        yield edge
    for name in [*names, prefix]:
        server.drop_database(name)


@pytest.fixture
def edge(whole_edge: Edge) -> Edge:
    """The process, with nothing on its bus."""
    for service in ("cases", "routing"):
        with whole_edge.database(service).begin() as work:
            for name in ("outbox", "inbox", "dead_letters", "repairs", "requests"):
                work.connection.execute(tables[name].delete())
    return whole_edge


def park(edge: Edge, service: str = "cases", **given: Any) -> str:
    """Parks an event; gives the letter's id."""
    reason = given.pop("reason", "HANDLER_FAILED")
    direction = given.pop("direction", dead_letters.Direction.RECEIVED)
    values = {"id": new_id(), "type": TYPE, "source": "/services/notify", "subject": "c1", "attempts": 10, **given}
    values = {"time": "2026-03-02T01:00:00.000Z", "body": BODY, **values}
    envelope = Envelope(**values)
    with edge.database(service).begin() as work:
        dead_letters.park(work, envelope, Failure(reason, f"{reason}: it did not work", "Traceback: here"), direction)
    return dead_letters.letter_id(envelope)


def count(edge: Edge, table: str, service: str = "cases") -> int:
    with edge.database(service).read() as work:
        return work.connection.execute(select(func.count()).select_from(tables[table])).scalar_one()


def listed(platform: Platform, service: str = "cases", **given: Any) -> list[str]:
    """The ids of all pages."""
    found: list[str] = []
    request = pb.ListDeadLettersRequest(service=service, **given)
    while True:
        answer = platform.bus(service).ListDeadLetters(request)
        found += [letter.letter_id for letter in answer.dead_letters]
        if not answer.next_page_token:
            return found
        request.page_token = answer.next_page_token


def status(edge: Edge, service: str = "cases") -> pb.BusStatus:
    return edge.operator.bus(service).GetBusStatus(pb.GetBusStatusRequest(service=service)).status


def test_an_idle_service_has_nothing_that_waits(edge: Edge) -> None:
    found = status(edge)
    assert (found.service, found.outbox.events, found.dead_letters, found.replays_pending) == ("cases", 0, 0, 0)
    assert found.outbox.high_water == edge.settings.outbox_limit
    assert abs(found.at.ToDatetime(UTC) - datetime.now(UTC)) < timedelta(minutes=1)
    absent = ("last_handled_at", "oldest_dead_letter_at", "oldest_replay_requested_at")
    assert not any(found.HasField(name) for name in absent)  # type: ignore[arg-type] # names of fields
    assert not found.outbox.HasField("oldest_at")


def test_an_embedded_broker_has_no_queues_and_says_where_they_are(edge: Edge) -> None:
    found = status(edge)
    assert (found.broker, list(found.queues)) == (pb.BROKER_STATE_EMBEDDED, [])
    assert "worker process" in found.queues_unknown


def test_a_status_counts_the_outbox_and_tells_what_no_queue_takes(edge: Edge) -> None:
    database, submitted, undone = edge.database("cases"), events_pb2.CaseSubmitted(), events_pb2.CaseUndone()
    with database.begin() as work:
        first = work.now
        for occurrence in (submitted, undone, undone):
            work.emit(occurrence, subject="c1")
    with database.begin() as work:
        held = tables["outbox"].c.type == events_pb2.CaseUndone.DESCRIPTOR.full_name
        work.connection.execute(update(tables["outbox"]).where(held).values(held_since=first))
        work.emit(undone, subject="c2")
    outbox = status(edge).outbox
    assert (outbox.events, outbox.oldest_at.ToDatetime(UTC)) == (4, first)
    assert [(each.event_type, each.events, each.since.ToDatetime(UTC)) for each in outbox.held] == [
        (events_pb2.CaseUndone.DESCRIPTOR.full_name, 2, first)
    ]
    assert status(edge, "routing").outbox.events == 0


def test_a_status_tells_of_dead_letters_and_of_the_last_event(edge: Edge) -> None:
    first, _ = park(edge), park(edge)
    with edge.database("cases").begin() as work:
        inbox.remember(work, [new_id()])
        handled_at = work.now
    with edge.database("cases").read() as work:
        parked_at = dead_letters.find(work, first).parked_at
    request = pb.ReplayDeadLettersRequest(service="cases", letter_ids=[first], reason="fixed")
    edge.operator.bus("cases").ReplayDeadLetters(request)
    with edge.database("cases").read() as work:
        asked_at = dead_letters.find(work, first).replay_requested_at
    found = status(edge)
    assert (found.dead_letters, found.replays_pending) == (2, 1)
    assert found.oldest_replay_requested_at.ToDatetime(UTC) == asked_at
    assert found.oldest_dead_letter_at.ToDatetime(UTC) == parked_at
    assert found.last_handled_at.ToDatetime(UTC) == handled_at


@pytest.mark.parametrize(("rpc", "request_"), EVERY_RPC)
@pytest.mark.parametrize("service", ["notify", "nothing", "CASES"])
def test_a_service_that_is_not_served_here_is_not_found(edge: Edge, rpc: str, request_: Any, service: str) -> None:
    asked = type(request_)()
    asked.CopyFrom(request_)
    asked.service = service
    with pytest.raises(errors.NotFound, match="SERVICE_NOT_HERE") as refused:
        getattr(edge.operator.bus("cases"), rpc)(asked)
    assert refused.value.metadata == {"service": service, "hosted": "identity cases routing"}


@pytest.mark.parametrize(("rpc", "request_"), EVERY_RPC)
def test_a_request_has_to_name_the_service(edge: Edge, rpc: str, request_: Any) -> None:
    with pytest.raises(errors.InvalidArgument) as refused:
        getattr(edge.operator.bus("cases"), rpc)(request_)
    assert [(each.field, each.description) for each in refused.value.violations] == [("service", "required")]


@pytest.mark.parametrize(("rpc", "request_"), EVERY_RPC)
def test_only_operators_see_and_repair_the_bus(edge: Edge, rpc: str, request_: Any) -> None:
    asked = type(request_)()
    asked.CopyFrom(request_)
    asked.service = "cases"
    park(edge)
    department = edge.client(directory_pb2.CLIENT_ROLE_DEPARTMENT, edge.organ(1))
    for platform in (department, edge.client(directory_pb2.CLIENT_ROLE_PORTAL)):
        with pytest.raises(errors.PermissionDenied, match="PERMISSION_MISSING"):
            getattr(platform.bus("cases"), rpc)(asked)
    assert (count(edge, "dead_letters"), count(edge, "repairs")) == (1, 0)


@pytest.mark.parametrize(
    ("rpc", "request_", "field"),
    [
        ("GetDeadLetter", pb.GetDeadLetterRequest(service="cases"), "letter_id"),
        ("ReplayDeadLetters", pb.ReplayDeadLettersRequest(service="cases", reason="why"), "letter_ids"),
        ("ReplayDeadLetters", pb.ReplayDeadLettersRequest(service="cases", letter_ids=["l"]), "reason"),
        (
            "ReplayDeadLetters",
            pb.ReplayDeadLettersRequest(service="cases", letter_ids=["l"] * 1001, reason="x"),
            "letter_ids",
        ),
        ("DiscardDeadLetters", pb.DiscardDeadLettersRequest(service="cases", letter_ids=["l"]), "reason"),
        ("DiscardDeadLetters", pb.DiscardDeadLettersRequest(service="cases", reason="why"), "letter_ids"),
        ("ListDeadLetters", pb.ListDeadLettersRequest(service="cases", page_token="x"), "page_token"),
        ("ListRepairs", pb.ListRepairsRequest(service="cases", page_token="x"), "page_token"),
    ],
)
def test_bad_input_names_the_field(edge: Edge, rpc: str, request_: Any, field: str) -> None:
    with pytest.raises(errors.InvalidArgument) as refused:
        getattr(edge.operator.bus("cases"), rpc)(request_)
    assert [each.field for each in refused.value.violations] == [field]


@pytest.mark.parametrize("verb", ["Replay", "Discard"])
@pytest.mark.parametrize("blank", ["   ", "\n\t", "\u3000"])
def test_blanks_are_no_reason_for_the_record(edge: Edge, verb: str, blank: str) -> None:
    letter_id = park(edge)
    request_type = {"Replay": pb.ReplayDeadLettersRequest, "Discard": pb.DiscardDeadLettersRequest}[verb]
    request = request_type(service="cases", letter_ids=[letter_id], reason=blank)
    with pytest.raises(errors.InvalidArgument) as refused:
        getattr(edge.operator.bus("cases"), f"{verb}DeadLetters")(request)
    assert [each.field for each in refused.value.violations] == ["reason"]
    assert (listed(edge.operator), count(edge, "repairs"), status(edge).replays_pending) == ([letter_id], 0, 0)


@pytest.mark.parametrize("time", ["", "soon", "2026-13-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_made_up_page_is_refused(edge: Edge, time: str) -> None:
    request = pb.ListDeadLettersRequest(service="cases", page_token=next_token([time, "l"]))
    with pytest.raises(errors.InvalidArgument, match="BAD_PAGE_TOKEN"):
        edge.operator.bus("cases").ListDeadLetters(request)


def test_dead_letters_are_listed_by_pages_in_the_order_of_their_parking(edge: Edge) -> None:
    ids = [park(edge) for _ in range(5)]
    with edge.database("cases").begin() as work:  # two of them at one and the same time, after the others
        same = dead_letters.letters.c.letter_id.in_(ids[1:3])
        later = work.now + timedelta(seconds=1)
        work.connection.execute(update(dead_letters.letters).where(same).values(parked_at=later))
    expected = [ids[0], *ids[3:], *sorted(ids[1:3])]
    assert listed(edge.operator, page_size=2) == listed(edge.operator) == expected
    assert listed(edge.operator, "routing") == []


def test_a_list_is_narrowed_by_reason_type_and_id(edge: Edge) -> None:
    one, two, three = park(edge), park(edge, reason="UNDECODABLE_EVENT"), park(edge, type="some.Other")
    operator = edge.operator
    assert listed(operator, reason="UNDECODABLE_EVENT") == [two]
    assert listed(operator, event_type="some.Other", page_size=1) == [three]
    assert listed(operator, letter_ids=[three, one, "gone"], page_size=1) == [one, three]
    assert listed(operator, reason="NOTHING") == listed(operator, letter_ids=["gone"]) == []


def test_a_list_has_everything_but_bodies_and_stacks(edge: Edge) -> None:
    letter_id = park(edge, traceparent="00-aa-bb-01")
    [letter] = edge.operator.bus("cases").ListDeadLetters(pb.ListDeadLettersRequest(service="cases")).dead_letters
    assert (letter.service, letter.letter_id, letter.event_id) == ("cases", letter_id, letter_id)
    assert (letter.event_type, letter.source, letter.subject) == (TYPE, "/services/notify", "c1")
    assert (letter.direction, letter.attempts, letter.time) == (pb.DIRECTION_RECEIVED, 10, "2026-03-02T01:00:00.000Z")
    assert (letter.reason, letter.message) == ("HANDLER_FAILED", "HANDLER_FAILED: it did not work")
    assert (letter.body_bytes, letter.body, letter.stack) == (len(BODY), b"", "")
    assert letter.traceparent == "00-aa-bb-01"
    assert not letter.HasField("replay_requested_at")


def test_a_dead_letter_is_shown_whole_whatever_it_is(edge: Edge) -> None:
    body = bytes(range(256)) * 40
    letter_id = park(edge, id="no proper\0id", type="", subject="\ud800", body=body, time="yesterday")
    request = pb.GetDeadLetterRequest(service="cases", letter_id=letter_id)
    letter = edge.operator.bus("cases").GetDeadLetter(request).dead_letter
    assert (letter.body, letter.body_bytes, letter.stack) == (body, len(body), "Traceback: here")
    assert (letter.letter_id, letter.event_id) == (letter_id, "no proper\N{REPLACEMENT CHARACTER}id")


def test_a_dead_letter_that_is_not_there_is_not_found(edge: Edge) -> None:
    park(edge, "routing")
    with pytest.raises(errors.NotFound, match="DEAD_LETTER_NOT_FOUND") as refused:
        edge.operator.bus("cases").GetDeadLetter(pb.GetDeadLetterRequest(service="cases", letter_id="l"))
    assert refused.value.metadata == {"letter_id": "l"}


def test_a_replay_waits_for_the_worker_and_is_recorded(edge: Edge) -> None:
    one, two, other = park(edge), park(edge), park(edge)
    request = pb.ReplayDeadLettersRequest(service="cases", letter_ids=[two, one, two], reason="the office is back")
    answer = edge.operator.bus("cases").ReplayDeadLetters(request)
    assert [letter.letter_id for letter in answer.dead_letters] == sorted([one, two])
    assert not any(letter.message or letter.body or letter.stack for letter in answer.dead_letters)
    rows = edge.operator.bus("cases").ListDeadLetters(pb.ListDeadLettersRequest(service="cases")).dead_letters
    asked = {letter.letter_id for letter in rows if letter.HasField("replay_requested_at")}
    assert (asked, len(rows)) == ({one, two}, 3)
    repairs = edge.operator.bus("cases").ListRepairs(pb.ListRepairsRequest(service="cases")).repairs
    assert {(repair.letter_id, repair.action, repair.reason) for repair in repairs} == {
        (one, pb.REPAIR_ACTION_REPLAY, "the office is back"),
        (two, pb.REPAIR_ACTION_REPLAY, "the office is back"),
    }
    assert {repair.actor for repair in repairs} == {f"client:{edge.operator.client_id}"}
    assert {(repair.service, repair.event_type, repair.subject) for repair in repairs} == {("cases", TYPE, "c1")}
    assert other not in {repair.letter_id for repair in repairs}


def test_a_replay_of_what_no_queue_took_goes_back_to_the_outbox(edge: Edge) -> None:
    letter_id = park(edge, direction=SENT, reason="UNROUTABLE")
    [letter] = edge.operator.bus("cases").ListDeadLetters(pb.ListDeadLettersRequest(service="cases")).dead_letters
    assert letter.direction == pb.DIRECTION_SENT
    request = pb.ReplayDeadLettersRequest(service="cases", letter_ids=[letter_id], reason="notify is deployed")
    edge.operator.bus("cases").ReplayDeadLetters(request)
    with edge.database("cases").read() as work:
        row = work.connection.execute(select(tables["outbox"])).one()
    assert (row.id, row.type, row.subject, bytes(row.body)) == (letter_id, TYPE, "c1", BODY)
    assert (row.created_at, row.held_since) == (datetime(2026, 3, 2, 1, tzinfo=UTC), None)
    assert count(edge, "dead_letters") == 0


def test_a_discard_is_for_good_and_recorded(edge: Edge) -> None:
    one, two = park(edge), park(edge)
    request = pb.DiscardDeadLettersRequest(service="cases", letter_ids=[one], reason="sent twice by hand")
    answer = edge.operator.bus("cases").DiscardDeadLetters(request)
    assert [(letter.letter_id, letter.reason) for letter in answer.dead_letters] == [(one, "HANDLER_FAILED")]
    assert listed(edge.operator) == [two]
    with edge.database("cases").begin() as work:
        assert inbox.remember(work, [one]) == set(), "a copy that comes late has no effect"
    [repair] = edge.operator.bus("cases").ListRepairs(pb.ListRepairsRequest(service="cases")).repairs
    assert (repair.action, repair.letter_id, repair.reason) == (pb.REPAIR_ACTION_DISCARD, one, "sent twice by hand")


@pytest.mark.parametrize("verb", ["Replay", "Discard"])
def test_one_letter_that_is_missing_stops_all(edge: Edge, verb: str) -> None:
    letter_id, missing = park(edge), new_id()
    request_type = {"Replay": pb.ReplayDeadLettersRequest, "Discard": pb.DiscardDeadLettersRequest}[verb]
    request = request_type(service="cases", letter_ids=[letter_id, missing], reason="why")
    with pytest.raises(errors.NotFound, match="DEAD_LETTER_NOT_FOUND") as refused:
        getattr(edge.operator.bus("cases"), f"{verb}DeadLetters")(request)
    assert refused.value.metadata == {"letter_id": missing}
    assert (listed(edge.operator), count(edge, "repairs"), status(edge).replays_pending) == ([letter_id], 0, 0)


def test_a_repeated_request_gets_the_first_answer_and_does_nothing_more(edge: Edge) -> None:
    letter_id = park(edge)
    request = pb.DiscardDeadLettersRequest(
        request_id="r1", service="cases", letter_ids=[letter_id], reason="not needed any more"
    )
    bus = edge.operator.bus("cases")
    first = bus.DiscardDeadLetters(request)
    park(edge, id=letter_id)
    assert bus.DiscardDeadLetters(request) == first
    assert (count(edge, "repairs"), listed(edge.operator)) == (1, [letter_id])
    request.reason = "something else"
    with pytest.raises(errors.InvalidArgument, match="REQUEST_ID_REUSED"):
        bus.DiscardDeadLetters(request)


def test_a_request_is_remembered_where_its_effect_is(edge: Edge) -> None:
    here, there = park(edge), park(edge, "routing")
    for service, letter_id in (("cases", here), ("routing", there)):
        request = pb.ReplayDeadLettersRequest(request_id="r1", service=service, letter_ids=[letter_id], reason="again")
        edge.operator.bus(service).ReplayDeadLetters(request)
    assert [count(edge, "requests", service) for service in ("cases", "routing")] == [1, 1]
    assert [count(edge, "repairs", service) for service in ("cases", "routing")] == [1, 1]


def test_repairs_are_listed_by_pages_the_newest_first(edge: Edge) -> None:
    ids = [park(edge) for _ in range(3)]
    bus = edge.operator.bus("cases")
    for letter_id in ids:
        bus.DiscardDeadLetters(pb.DiscardDeadLettersRequest(service="cases", letter_ids=[letter_id], reason="old"))
    first = bus.ListRepairs(pb.ListRepairsRequest(service="cases", page_size=2))
    second = bus.ListRepairs(pb.ListRepairsRequest(service="cases", page_size=2, page_token=first.next_page_token))
    assert [repair.letter_id for repair in (*first.repairs, *second.repairs)] == ids[::-1]
    assert second.next_page_token == ""
