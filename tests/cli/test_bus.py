"""`duokua bus` against an api process over gRPC: what operators see, and do."""

import contextlib
import io
import json
import os
import pty
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import structlog
from sqlalchemy import select
from typer.testing import CliRunner

from chassis.bus import dead_letters
from chassis.bus.broker import Failure
from chassis.bus.events import Envelope
from chassis.clock import new_id
from chassis.database import service_metadata
from cli.main import app
from duokua.cases.v1 import events_pb2
from duokua.errors import NotFound
from tests.docs.pages import ROOT
from tests.edge import Edge

TYPE = events_pb2.CaseSubmitted.DESCRIPTOR.full_name
BODY = events_pb2.CaseSubmitted(case=events_pb2.CaseRef(case_id="c1")).SerializeToString()
tables = service_metadata().tables
SENT = dead_letters.Direction.SENT


@dataclass(frozen=True, slots=True)
class Done:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str
    error: BaseException | None

    @property
    def rows(self) -> list[list[str]]:
        """The lines of a table, without its titles."""
        return [line.split("\t") for line in self.out.splitlines()[1:]]


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator at a process with identity, cases and routing; the other services are away."""

    edge: Edge
    environment: dict[str, str]
    log: io.StringIO

    def run(self, arguments: str, *more: str) -> Done:
        done = CliRunner(env=self.environment).invoke(app, ["bus", *arguments.split(), *more])
        error = None if isinstance(done.exception, SystemExit) else done.exception
        return Done(done.exit_code, done.stdout, done.stderr, error)

    def json(self, arguments: str, *more: str) -> Any:
        return json.loads(self.run(arguments, "--json", *more).out)

    def park(self, service: str = "cases", **given: Any) -> str:
        """Parks an event; gives the letter's id."""
        failure = Failure(given.pop("reason", "HANDLER_FAILED"), "KeyError: \x1b[31m'x'", "Traceback\n  KeyError: 'x'")
        direction = given.pop("direction", dead_letters.Direction.RECEIVED)
        values = {"id": new_id(), "type": TYPE, "source": "/services/cases", "subject": "c1", "attempts": 10, **given}
        values = {"time": "2026-03-02T01:00:00.000Z", "body": BODY, **values}
        envelope = Envelope(**values)
        with self.edge.database(service).begin() as work:
            dead_letters.park(work, envelope, failure, direction)
        return dead_letters.letter_id(envelope)

    def parked(self, service: str = "cases") -> set[str]:
        with self.edge.database(service).read() as work:
            return set(work.connection.execute(select(dead_letters.letters.c.letter_id)).scalars())

    @contextlib.contextmanager
    def worker(self, fails: str = "") -> Iterator[None]:
        """Ends replays as a worker does; that of `fails` by giving it up again."""
        stop = threading.Event()

        def work_on() -> None:
            letters = dead_letters.letters
            while not stop.wait(0.02):
                with self.edge.database("cases").begin() as work:
                    asked = select(letters).where(letters.c.replay_requested_at.is_not(None))
                    for row in work.connection.execute(asked).all():
                        if row.letter_id == fails:
                            dead_letters.note_attempt(work, row, Failure("STILL_BROKEN", "it is still broken"))
                        else:
                            dead_letters.forget(work, [row.letter_id])

        thread = threading.Thread(target=work_on)
        thread.start()
        yield
        stop.set()
        thread.join()


@pytest.fixture(scope="module")
def at_the_edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    folder, log = tmp_path_factory.mktemp("bus"), io.StringIO()
    # The process is in this one: its log must not come between what commands print.
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(log))
    with Edge(folder, "cases", "routing") as edge, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = f"127.0.0.1:{closed.getsockname()[1]}"
        here = edge.settings.listen
        places = {"identity": here, "cases": here, "routing": here, "matters": away, "eseal": away}
        endpoints = ",".join(f"{service}={place}" for service, place in places.items())
        environment = {"DUOKUA_DATA_DIR": str(folder), "DUOKUA_ENDPOINTS": endpoints, "COLUMNS": "200"}
        yield Operator(edge, environment, log)
    structlog.reset_defaults()


@pytest.fixture
def operator(at_the_edge: Operator) -> Operator:
    """The operator, with nothing on the bus."""
    for service in ("cases", "routing"):
        with at_the_edge.edge.database(service).begin() as work:
            for name in ("outbox", "dead_letters", "repairs"):
                work.connection.execute(tables[name].delete())
    return at_the_edge


# Status


def test_a_status_has_a_row_for_each_service_and_hides_none_behind_one_that_is_away(operator: Operator) -> None:
    with operator.edge.database("cases").begin() as work:
        work.emit(events_pb2.CaseSubmitted(), subject="c1")
    done = operator.run("status")
    rows = {row[0]: row[1:] for row in done.rows}
    assert done.status == 0
    assert list(rows) == ["identity", "matters", "routing", "cases", "eseal", "notify", "licences"]
    assert rows["routing"] == ["0", "-", "0", "-", "-", "0", "0", "none"]
    assert rows["cases"][0] == "1"
    assert re.fullmatch(r"\d+s", rows["cases"][1])
    for service in ("matters", "eseal"):
        assert rows[service][:-1] == ["?"] * 7
        assert re.match("its api gives no answer: UNAVAILABLE: GetBusStatus at 127.0.0.1", rows[service][-1])
    assert "no address is given for the service 'notify'" in rows["notify"][-1]


def test_a_check_ends_with_status_1_only_where_something_needs_an_operator(operator: Operator) -> None:
    operator.park("cases")
    assert operator.run("status cases").status == 0
    assert operator.run("status routing --check").status == 0
    checked = operator.run("status routing cases --check")
    assert (checked.status, len(checked.rows)) == (1, 2)
    assert "1 dead letter" in checked.rows[1][-1]
    assert operator.run("status eseal --check").status == 1


def test_a_status_as_json_has_everything(operator: Operator) -> None:
    operator.park("cases")
    cases, eseal = operator.json("status cases eseal")
    assert (cases["service"], cases["status"]["dead_letters"], len(cases["troubles"])) == ("cases", 1, 1)
    assert cases["status"]["broker"] == "BROKER_STATE_EMBEDDED"
    assert (eseal["status"], len(eseal["troubles"])) == (None, 1)


# List and show


def test_dead_letters_are_listed_with_why(operator: Operator) -> None:
    one, two = operator.park("cases"), operator.park("routing", reason="UNDECODABLE_EVENT")
    done = operator.run("dead list cases routing")
    assert [(row[0], row[1], row[6], row[7]) for row in done.rows] == [
        ("cases", one, "parked", "HANDLER_FAILED"),
        ("routing", two, "parked", "UNDECODABLE_EVENT"),
    ]
    assert (done.status, done.err) == (0, "")
    assert "\x1b" not in done.out


def test_a_list_is_narrowed_by_reason_and_type(operator: Operator) -> None:
    operator.park()
    unread, other = operator.park(reason="UNDECODABLE_EVENT"), operator.park(type="some.Other")
    assert [each["letter_id"] for each in operator.json("dead list cases --with-reason UNDECODABLE_EVENT")] == [unread]
    assert [each["letter_id"] for each in operator.json("dead list cases --type some.Other")] == [other]


def test_a_list_tells_who_gave_no_answer_and_ends_with_status_1(operator: Operator) -> None:
    done = operator.run("dead list")
    assert (done.status, done.out) == (1, "there are no dead letters at identity, routing, cases\n")
    assert [line.split()[0] for line in done.err.splitlines()] == ["matters", "eseal", "notify", "licences"]
    letter_id = operator.park()
    assert [each["letter_id"] for each in operator.json("dead list")] == [letter_id]
    assert operator.run("dead list cases").status == 0


def test_a_letter_is_shown_with_its_stack_and_its_event_as_json(operator: Operator) -> None:
    letter_id = operator.park(traceparent="00-ab-cd-01")
    done = operator.run("dead show cases", letter_id)
    assert done.status == 0
    for told in (f"letter: {letter_id}", f"event: {TYPE}", "reason: HANDLER_FAILED", "traceparent: 00-ab-cd-01"):
        assert f"{told}\n" in done.out
    assert "stack:\nTraceback\n  KeyError: 'x'\n" in done.out
    assert "\x1b" not in done.out
    shown = json.loads(done.out.partition("bytes):\n")[2])
    assert shown["case"]["case_id"] == "c1"
    assert operator.json("dead show cases", letter_id)["event"] == shown


@pytest.mark.parametrize(("type_", "body"), [("some.Unknown", b"hello"), (TYPE, b"\xff\xfe"), ("", b"hello")])
def test_a_body_that_cannot_be_read_is_shown_in_base64(operator: Operator, type_: str, body: bytes) -> None:
    letter_id = operator.park(type=type_, body=body)
    done = operator.run("dead show cases", letter_id)
    encoded = {b"hello": "aGVsbG8=", b"\xff\xfe": "//4="}[body]
    assert (done.status, done.out.splitlines()[-1]) == (0, encoded)
    shown = operator.json("dead show cases", letter_id)
    assert (shown["event"], shown["body"]) == (None, encoded)


# Replay


def test_named_letters_are_replayed_and_nothing_else(operator: Operator) -> None:
    one, two, _ = operator.park(), operator.park(), operator.park()
    done = operator.run("dead replay cases --reason fixed", one, two)
    assert (done.status, done.out) == (0, "2 dead letters of cases to be handled once more\n")
    asked = {row[1] for row in operator.run("dead list cases").rows if row[6] == "to be replayed"}
    assert asked == {one, two}
    assert {(row[4], row[3], row[6]) for row in operator.run("repairs cases").rows} == {
        (one, "replay", "fixed"),
        (two, "replay", "fixed"),
    }


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [("--all", {0, 1, 2}), ("--with-reason BAD", {1}), (f"--type {TYPE}", {0, 1}), ("--with-reason NONE", set())],
)
def test_letters_are_chosen_by_what_they_are(operator: Operator, choice: str, chosen: set[int]) -> None:
    ids = [operator.park(), operator.park(reason="BAD"), operator.park(type="some.Other")]
    operator.park("routing", reason="BAD")
    assert set(operator.json(f"dead replay cases --reason fixed {choice}")["replayed"]) == {
        ids[each] for each in chosen
    }


@pytest.mark.parametrize("choice", ["", "--all LETTER", "--all --type a.B", "--type a.B LETTER"])
@pytest.mark.parametrize("command", ["replay", "discard"])
def test_letters_are_named_or_chosen(operator: Operator, command: str, choice: str) -> None:
    operator.park()
    done = operator.run(f"dead {command} cases --reason why {choice}")
    assert done.status == 2
    assert "name letters, or say --all" in " ".join(re.sub("[│\n]", " ", done.err).split())
    assert operator.run("repairs cases").out == "nothing was repaired\n"


@pytest.mark.parametrize("command", ["replay", "discard"])
def test_a_repair_needs_its_reason(operator: Operator, command: str) -> None:
    assert operator.run(f"dead {command} cases --all").status == 2


def test_a_letter_that_is_missing_is_an_error_and_nothing_is_replayed(operator: Operator) -> None:
    letter_id = operator.park()
    done = operator.run("dead replay cases --reason fixed", letter_id, "missing")
    assert (done.status, type(done.error)) == (1, NotFound)
    assert operator.json("status cases")[0]["status"]["replays_pending"] == 0


def test_a_replay_that_is_waited_for_ends_well(operator: Operator) -> None:
    operator.park()
    with operator.worker():
        done = operator.run("dead replay cases --reason fixed --all --wait")
    assert (done.status, done.out) == (
        0,
        "1 dead letter of cases to be handled once more\n1 event handled\n",
    )


def test_a_replay_that_is_waited_for_tells_what_was_given_up_again(operator: Operator) -> None:
    good, bad = operator.park(), operator.park()
    with operator.worker(fails=bad):
        done = operator.run("dead replay cases --reason fixed --all --wait")
        again = operator.run("dead replay cases --reason fixed --all --wait --json")
    assert done.status == again.status == 1
    assert "1 event handled\n1 event given up again:\n" in done.out
    assert "it is still broken" in done.out
    assert good not in done.out
    outcome = json.loads(again.out)["outcome"]
    assert [(each["letter_id"], each["reason"]) for each in outcome["failed"]] == [(bad, "STILL_BROKEN")]


def test_a_replay_without_a_worker_is_waited_for_no_longer_than_asked(operator: Operator) -> None:
    letter_id = operator.park()
    done = operator.run("dead replay cases --reason fixed --all --wait --seconds 0")
    assert done.status == 1
    assert done.out.endswith(f"1 event not handled yet (does the worker run?):\n{letter_id}\n")


def test_what_no_queue_took_goes_back_to_the_outbox(operator: Operator) -> None:
    operator.park(direction=SENT, reason="UNROUTABLE")
    done = operator.run("dead replay cases --reason deployed --with-reason UNROUTABLE --wait")
    assert (done.status, done.out) == (0, "1 dead letter of cases back in the outbox, to be sent once more\n")
    assert operator.json("status cases")[0]["status"]["outbox"]["events"] == 1


# Discard, and the record


def test_letters_are_discarded_for_good(operator: Operator) -> None:
    one, two = operator.park(), operator.park()
    assert operator.json("dead discard cases --reason useless", one)["discarded"] == [one]
    assert operator.parked() == {two}
    done = operator.run("dead discard cases --all --reason useless")
    assert (done.status, done.out) == (0, "1 dead letter of cases discarded\n")
    assert operator.parked() == set()


def test_the_record_has_who_did_what_and_why_newest_first(operator: Operator) -> None:
    one, two = operator.park(), operator.park("routing")
    operator.run("dead replay cases --reason fixed", one)
    operator.run("dead discard routing --reason", "no use to anybody", two)
    rows = operator.run("repairs cases routing").rows
    who = f"client:{operator.edge.operator.client_id}"
    assert [row[1:] for row in rows] == [
        ["routing", who, "discard", two, TYPE, "no use to anybody"],
        ["cases", who, "replay", one, TYPE, "fixed"],
    ]
    assert [each["letter_id"] for each in operator.json("repairs cases routing --last 1")] == [two, one]
    logged = [line for line in operator.log.getvalue().splitlines() if "dead_letters_discarded" in line]
    assert who in logged[-1]


def on_a_terminal(operator: Operator, arguments: str, answer: str) -> tuple[int, str]:
    """Runs a command whose input is a terminal, and answers what it asks."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "cli.main", "bus", *arguments.split()]
    environment = {**os.environ, **operator.environment, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, env=environment, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        os.write(ours, answer.encode())
        out, err = running.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    return running.returncode, out + err


def test_a_discard_on_a_terminal_is_asked_about(operator: Operator) -> None:
    letter_id = operator.park()
    status, told = on_a_terminal(operator, "dead discard cases --all --reason useless", "n\n")
    assert status == 1
    assert "Discard 1 dead letter of cases for good?" in told
    assert operator.parked() == {letter_id}
    assert on_a_terminal(operator, "dead discard cases --all --reason useless", "y\n")[0] == 0
    assert operator.parked() == set()


def test_a_discard_on_a_terminal_can_be_confirmed_beforehand(operator: Operator) -> None:
    operator.park()
    status, told = on_a_terminal(operator, "dead discard cases --all --reason useless --yes", "")
    assert (status, told) == (0, "1 dead letter of cases discarded\n")
