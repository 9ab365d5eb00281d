import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from duokua import Department, DuokuaError, Task, from_struct
from duokua.cases.v1 import task_pb2
from tests.sdk.fake_platform import (
    KEY,
    MATTER,
    TIMEOUT,
    FakePlatform,
    Judge,
    a_task,
    client_of,
    not_taken,
    rich_status,
    taken,
    working,
)


@pytest.fixture
def fake() -> Iterator[FakePlatform]:
    with FakePlatform() as platform:
        yield platform


class Gate:
    """A handler that says when it is entered, and goes on when it is let."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.entered = threading.Semaphore(0)
        self.open = threading.Event()

    def __call__(self, task: Task) -> dict[str, object]:
        self.tasks.append(task)
        self.entered.release()
        assert self.open.wait(TIMEOUT)
        return {"done": task.task_id}

    def wait(self) -> Task:
        assert self.entered.acquire(timeout=TIMEOUT), "no task came to the handler"
        return self.tasks[-1]


@contextmanager
def logged(text: str) -> Iterator[threading.Event]:
    """Give an event that is set once the department logs a message that begins so."""
    seen = threading.Event()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.getMessage().startswith(text):
                seen.set()

    logger, listener = logging.getLogger("duokua.department"), Listener()
    level = logger.level
    logger.addHandler(listener)
    logger.setLevel(logging.INFO)
    try:
        yield seen
    finally:
        logger.removeHandler(listener)
        logger.setLevel(level)


def silent(*verbs: str) -> Judge:
    return lambda answer: None if answer.WhichOneof("answer") in verbs else taken(answer)


def judged(verb: str, code: grpc.StatusCode, reason: str) -> Judge:
    return lambda answer: not_taken(answer, code, reason) if answer.WhichOneof("answer") == verb else taken(answer)


def test_a_handler_goes_on_while_the_platform_is_down_and_answers_afterwards(fake: FakePlatform) -> None:
    department = Department(client_of(fake))
    gate = Gate()
    department.task(MATTER)(gate)
    with working(department):
        fake.stream().send(a_task("t1"))
        gate.wait()
        fake.kill()
        gate.open.set()
        fake.start()
        answer = fake.answer("complete", stream=2)
    assert (answer.task_id, answer.lease) == ("t1", "lease of t1")
    assert len(gate.tasks) == 1


def test_an_answer_without_outcome_is_sent_again_as_the_same_answer(fake: FakePlatform) -> None:
    department = Department(client_of(fake))
    department.task(MATTER)(lambda task: {"done": task.task_id})
    fake.judge = silent("complete")
    with working(department):
        fake.stream().send(a_task("t1"))
        first = fake.answer("complete")
        fake.kill()
        fake.judge = taken
        fake.start()
        second = fake.answer("complete", stream=2)
    assert first == second
    assert fake.streams[1].verbs() == [("t1", "complete")]


def test_a_task_that_comes_again_under_its_lease_is_not_begun_twice(fake: FakePlatform) -> None:
    department = Department(client_of(fake))
    gate = Gate()
    department.task(MATTER)(gate)
    task = a_task("t1")
    with working(department):
        fake.stream().send(task)
        gate.wait()
        fake.kill()
        fake.start()
        fake.stream(2).send(task, a_task("t2"))
        gate.wait()
        gate.open.set()
        fake.answers("complete", 2)
    assert [task.task_id for task in gate.tasks] == ["t1", "t2"]


def test_a_task_that_is_leased_to_us_anew_goes_on_under_the_new_lease(fake: FakePlatform) -> None:
    department = Department(client_of(fake))
    gate = Gate()
    department.task(MATTER)(gate)
    with working(department):
        fake.stream().send(a_task("t1", lease="old"))
        gate.wait()
        fake.kill()
        fake.start()
        fake.stream(2).send(a_task("t1", lease="new"), a_task("t2"))
        gate.wait()
        gate.open.set()
        answers = fake.answers("complete", 2)
    assert sorted((answer.task_id, answer.lease) for answer in answers) == [("t1", "new"), ("t2", "lease of t2")]
    assert [task.task_id for task in gate.tasks] == ["t1", "t2"]


def test_handlers_that_run_on_count_when_a_new_stream_is_opened(fake: FakePlatform) -> None:
    department = Department(client_of(fake), max_tasks=4)
    gate = Gate()
    department.task(MATTER)(gate)
    with working(department):
        fake.stream().send(a_task("t1"), a_task("t2"), a_task("t3"))
        for _ in range(3):
            gate.wait()
        fake.kill()
        fake.start()
        assert fake.stream(2).hello.max_tasks == 1
        gate.open.set()
        # Once they have ended, there is room again, and the platform is told so by another stream.
        assert fake.stream(3).hello.max_tasks == 4
    assert sorted(fake.streams[1].verbs()) == [("t1", "complete"), ("t2", "complete"), ("t3", "complete")]
    assert fake.streams[1].half_closed


def test_a_lease_is_extended_while_its_handler_runs(fake: FakePlatform) -> None:
    department = Department(client_of(fake))
    gate = Gate()
    department.task(MATTER)(gate)

    def short_extension(answer: task_pb2.TaskAnswer) -> task_pb2.AnswerOutcome:
        outcome = taken(answer)
        outcome.lease_expires_at.FromNanoseconds(time.time_ns() + 10**9)
        return outcome

    fake.judge = short_extension
    with working(department):
        began = time.monotonic()
        fake.stream().send(a_task("t1", seconds=1))
        extensions = [fake.answer("extend", number) for number in (1, 2)]
        took = time.monotonic() - began
        gate.open.set()
        fake.answer("complete")
    assert 0.9 < took < 5, "each extension comes at half of the lease"
    assert {answer.lease for answer in extensions} == {"lease of t1"}
    assert len({answer.request_id for answer in extensions}) == 2


def test_a_task_that_is_answered_at_once_costs_no_extension(fake: FakePlatform) -> None:
    department = Department(client_of(fake))
    department.task(MATTER)(lambda _: {})
    slow = Gate()
    department.task("slow")(slow)
    with working(department):
        fake.stream().send(a_task("t1", seconds=0.5), a_task("t2", seconds=1, catalog_code="slow"))
        assert fake.answer("extend").task_id == "t2"
        slow.open.set()


def test_a_lost_lease_sets_cancelled_and_drops_the_answer(fake: FakePlatform, caplog: pytest.LogCaptureFixture) -> None:
    department = Department(client_of(fake))
    gate = Gate()
    department.task(MATTER)(gate)
    fake.judge = judged("extend", grpc.StatusCode.FAILED_PRECONDITION, "STALE_LEASE")
    with caplog.at_level(logging.WARNING, "duokua.department"), working(department):
        fake.stream().send(a_task("t1", seconds=0.5))
        assert gate.wait().cancelled.wait(TIMEOUT)
        gate.open.set()
        fake.stream().send(a_task("t2"))
        fake.answer("complete")
    assert [answer.task_id for answer in fake.stream().answers_of("complete")] == ["t2"]
    assert "the answer to <Task t1 handle" in caplog.text


def test_an_act_of_a_task_that_was_taken_back_is_told_all_the_same(fake: FakePlatform) -> None:
    department = Department(client_of(fake))
    gate = Gate()
    department.task(MATTER)(gate)
    fake.judge = judged("extend", grpc.StatusCode.FAILED_PRECONDITION, "CASE_UNDOING")
    with working(department):
        fake.stream().send(a_task("t1", seconds=0.5))
        assert gate.wait().cancelled.wait(TIMEOUT)
        gate.open.set()
        assert fake.answer("complete").task_id == "t1"
    assert fake.stream().verbs() == [("t1", "extend"), ("t1", "complete")]


@pytest.mark.parametrize("reason", ["STALE_LEASE", "TASK_SETTLED", "CASE_ENDED"])
def test_an_answer_that_comes_too_late_is_dropped(
    fake: FakePlatform, caplog: pytest.LogCaptureFixture, reason: str
) -> None:
    department = Department(client_of(fake))
    department.task(MATTER)(lambda _: {})
    fake.judge = judged("complete", grpc.StatusCode.FAILED_PRECONDITION, reason)
    with caplog.at_level(logging.WARNING, "duokua.department"), working(department):
        fake.stream().send(a_task("t1"))
        fake.answer("complete")
    assert fake.stream().verbs() == [("t1", "complete")]
    assert f"is lost, what we say of it is dropped: FAILED_PRECONDITION {reason}" in caplog.text


def test_an_answer_that_the_platform_cannot_take_now_is_sent_again(fake: FakePlatform) -> None:
    department = Department(client_of(fake))
    department.task(MATTER)(lambda _: {})
    refused: list[str] = []

    def once(answer: task_pb2.TaskAnswer) -> task_pb2.AnswerOutcome:
        if refused:
            return taken(answer)
        refused.append(answer.request_id)
        return not_taken(answer, grpc.StatusCode.UNAVAILABLE, "DATABASE_DOWN")

    fake.judge = once
    with working(department):
        fake.stream().send(a_task("t1"))
        assert fake.answer("complete", number=2).request_id == refused[0]


def test_an_answer_waits_as_long_as_the_platform_asks_also_on_a_new_stream(fake: FakePlatform) -> None:
    department = Department(client_of(fake))
    department.task(MATTER)(lambda _: {})
    came: list[float] = []

    def full(answer: task_pb2.TaskAnswer) -> task_pb2.AnswerOutcome:
        came.append(time.monotonic())
        if len(came) > 1:
            return taken(answer)
        outcome = not_taken(answer, grpc.StatusCode.RESOURCE_EXHAUSTED, "OUTBOX_FULL")
        outcome.problem.retry_after.FromMilliseconds(1500)
        return outcome

    fake.judge = full
    with working(department):
        fake.stream().send(a_task("t1"))
        first = fake.answer("complete")
        fake.stream().respond(None)
        second = fake.answer("complete", stream=2)
    assert second.request_id == first.request_id
    assert came[1] - came[0] >= 1.4


def test_a_stream_is_not_dialled_again_sooner_than_the_platform_asks(fake: FakePlatform) -> None:
    fake.hellos_put_off = [rich_status(grpc.StatusCode.RESOURCE_EXHAUSTED, "BUSY", "too many", retry_after_ms=800)]
    department = Department(client_of(fake))
    department.task(MATTER)(lambda _: {})
    with working(department):
        fake.stream()
    first, second = fake.hello_times
    assert second - first >= 0.75


def test_goodbye_flushes_and_dials_again(fake: FakePlatform) -> None:
    department = Department(client_of(fake))
    gate = Gate()
    department.task(MATTER)(gate)
    department.task("quick")(lambda _: {})
    fake.judge = silent("complete")
    with working(department):
        first = fake.stream()
        first.send(a_task("t1"), a_task("t2", catalog_code="quick"))
        gate.wait()
        answer = fake.answer("complete")
        first.goodbye()
        # While an outcome is owed the stream stays open: an answer after the goodbye still comes on it.
        first.send(a_task("t3", catalog_code="quick"))
        first.outcomes(taken(fake.answer("complete", number=2)), taken(answer))
        fake.judge = taken
        fake.stream(2)
        assert first.half_closed
        gate.open.set()
        assert fake.answer("complete", stream=2).task_id == "t1"
    assert first.verbs() == [("t2", "complete"), ("t3", "complete")]


def test_a_stop_lets_handlers_finish(fake: FakePlatform) -> None:
    department = Department(client_of(fake))
    gate = Gate()
    department.task(MATTER)(gate)
    with logged("stopping") as stopping, working(department) as thread:
        stream = fake.stream()
        stream.send(a_task("t1"))
        gate.wait()
        department.stop()
        assert stopping.wait(TIMEOUT)
        # What comes after the stop is not begun, and is given back at the end.
        stream.send(a_task("t2"))
        gate.open.set()
        thread.join(TIMEOUT)
        assert not thread.is_alive()
    assert stream.half_closed
    assert from_struct(fake.answer("complete").complete.result) == {"done": "t1"}
    assert [task.task_id for task in gate.tasks] == ["t1"]
    # t2 may reach us after we have left: then its lease runs out by itself.
    assert stream.verbs() in ([("t1", "complete")], [("t1", "complete"), ("t2", "release")])


def test_a_stop_gives_back_what_is_not_finished_in_time(fake: FakePlatform) -> None:
    department = Department(client_of(fake), max_tasks=1, grace=0.2)
    gate = Gate()
    department.task(MATTER)(gate)
    with working(department) as thread:
        fake.stream().send(a_task("t1"), a_task("t2"))
        task = gate.wait()
        department.stop()
        answers = [fake.answer("release", number) for number in (1, 2)]
        thread.join(TIMEOUT)
        assert not thread.is_alive()
        assert task.cancelled.is_set()
        gate.open.set()
    assert sorted(answer.task_id for answer in answers) == ["t1", "t2"]
    assert fake.stream().answers_of("complete") == []


def test_a_second_stop_cuts_the_grace_short(fake: FakePlatform) -> None:
    department = Department(client_of(fake), grace=1000)
    gate = Gate()
    department.task(MATTER)(gate)
    with working(department) as thread:
        fake.stream().send(a_task("t1"))
        gate.wait()
        department.stop()
        department.stop()
        fake.answer("release")
        thread.join(TIMEOUT)
        assert not thread.is_alive()
        gate.open.set()


def test_an_async_handler_is_cancelled_when_the_grace_is_over(fake: FakePlatform) -> None:
    department = Department(client_of(fake), grace=0)
    began, ended = threading.Event(), threading.Event()

    @department.task(MATTER)
    async def food_licence(_: Task) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with working(department):
        fake.stream().send(a_task("t1"))
        assert began.wait(TIMEOUT)
        department.stop()
        fake.answer("release")
        assert ended.wait(TIMEOUT)


def test_a_stop_while_it_dials_is_no_fault(fake: FakePlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    department = Department(client_of(fake))
    department.task(MATTER)(lambda _: {})
    source = department.platform.token_source
    get = source.get

    def get_and_stop() -> str:
        department.stop()
        return get()

    monkeypatch.setattr(source, "get", get_and_stop)
    department.run()
    department.platform.close()


def test_a_department_waits_for_a_platform_that_is_not_there_yet(fake: FakePlatform) -> None:
    fake.kill()
    department = Department(client_of(fake))
    department.task(MATTER)(lambda _: {})
    with working(department):
        fake.start()
        fake.stream().send(a_task("t1"))
        fake.answer("complete")


def test_a_token_that_is_not_taken_is_replaced(fake: FakePlatform) -> None:
    fake.bad_tokens = {"token 1"}
    department = Department(client_of(fake))
    department.task(MATTER)(lambda _: {})
    with working(department):
        fake.stream()
    assert len(fake.token_requests) == 2


def test_a_department_that_is_not_let_in_goes_on_trying_and_says_so(
    fake: FakePlatform, caplog: pytest.LogCaptureFixture
) -> None:
    fake.bad_tokens = {f"token {number}" for number in range(1, 4)}
    department = Department(client_of(fake))
    department.task(MATTER)(lambda _: {})
    with caplog.at_level(logging.ERROR, "duokua.department"), working(department):
        fake.stream()
    assert "the platform does not let us in, we go on trying: UNAUTHENTICATED" in caplog.text
    assert f"Work at {fake.address}" in caplog.text


def test_a_bad_hello_ends_the_run(fake: FakePlatform) -> None:
    fake.hello_refusal = grpc.StatusCode.INVALID_ARGUMENT
    department = Department(client_of(fake))
    department.task(MATTER)(lambda _: {})
    with pytest.raises(DuokuaError, match="the hello is bad"):
        department.run()
    department.platform.close()


def test_a_department_in_ten_lines_stops_on_sigterm(fake: FakePlatform, tmp_path: Path) -> None:
    KEY.save(tmp_path / "key.json")
    program = tmp_path / "food_office.py"
    program.write_text(
        "from duokua import Department\n"
        "department = Department.from_env()\n"
        f"@department.task('{MATTER}')\n"
        "def food_licence(task):\n"
        "    return {'licence_number': 'JY' + task.task_id}\n"
        "department.run()\n"
        "print('stopped in good order')\n"
    )
    environ = {
        **os.environ,
        "DUOKUA_ENDPOINTS": fake.address,
        "DUOKUA_CLIENT_ID": "food-office",
        "DUOKUA_KEY_FILE": str(tmp_path / "key.json"),
        "DUOKUA_INSECURE": "1",
    }
    with subprocess.Popen([sys.executable, program], env=environ, stdout=subprocess.PIPE, text=True) as process:
        fake.stream().send(a_task("1"))
        assert from_struct(fake.answer("complete").complete.result) == {"licence_number": "JY1"}
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, output) == (0, "stopped in good order\n")
