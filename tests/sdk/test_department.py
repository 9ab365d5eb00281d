import asyncio
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import grpc
import pytest

from duokua import (
    Department,
    DuokuaError,
    LeaseLost,
    Refuse,
    RequestCorrection,
    Retry,
    Return,
    Suspend,
    Task,
    from_struct,
    to_struct,
)
from duokua.cases.v1 import case_pb2, task_pb2
from tests.sdk.fake_platform import MATTER, TIMEOUT, FakePlatform, a_task, client_of, not_taken, taken, working


@pytest.fixture
def fake() -> Iterator[FakePlatform]:
    with FakePlatform() as platform:
        yield platform


def test_a_result_completes_its_task(fake: FakePlatform) -> None:
    department = Department(client_of(fake))
    seen: list[Task] = []

    @department.task(MATTER)
    def food_licence(task: Task) -> dict[str, object]:
        seen.append(task)
        return {"licence_number": "JY1", "pages": 2, "kinds": ["hot", None, True], "area": {"m2": 50.5}}

    with working(department):
        stream = fake.stream()
        stream.send(a_task("t1", form={"shop": "面馆", "seats": 40}))
        answer = fake.answer("complete")
    assert list(stream.hello.catalog_codes) == [MATTER]
    assert stream.hello.max_tasks == 8
    assert from_struct(answer.complete.result) == {
        "licence_number": "JY1",
        "pages": 2,
        "kinds": ["hot", None, True],
        "area": {"m2": 50.5},
    }
    assert (answer.task_id, answer.lease) == ("t1", "lease of t1")
    assert seen[0].form == {"shop": "面馆", "seats": 40}
    assert (seen[0].kind, seen[0].catalog_code, seen[0].attempt) == ("handle", MATTER, 1)


def test_a_handler_sees_what_its_matter_takes_of_earlier_results(fake: FakePlatform) -> None:
    department = Department(client_of(fake))

    @department.task(MATTER)
    def card(task: Task) -> dict[str, object]:
        return {"given": task.inputs}

    with working(department):
        message = a_task("t1")
        message.inputs.CopyFrom(to_struct({"id_number": "33", "children": 2}))
        fake.stream().send(message)
        answer = fake.answer("complete")
    assert from_struct(answer.complete.result) == {"given": {"id_number": "33", "children": 2}}


def test_an_async_handler_is_awaited_on_the_loop(fake: FakePlatform) -> None:
    department = Department(client_of(fake))

    @department.task(MATTER)
    async def food_licence(task: Task) -> dict[str, object]:
        await asyncio.to_thread(task.accept)
        return {"done": task.task_id}

    with working(department):
        fake.stream().send(a_task("t1"))
        fake.answer("accept")
        assert from_struct(fake.answer("complete").complete.result) == {"done": "t1"}


@pytest.mark.parametrize(
    ("raised", "verb", "reason"),
    [
        (Refuse("面积不足"), "refuse", "面积不足"),
        (Return("not our district"), "return_task", "not our district"),
        (RequestCorrection({"shop.area": "is 120"}, reason="asked before"), "request_correction", "asked before"),
        (Suspend("hearing", "the neighbours are heard"), "suspend", "the neighbours are heard"),
        (Retry("the register is down", after=timedelta(seconds=30)), "fail", "the register is down"),
        (KeyError("shop"), "fail", "KeyError: 'shop'"),
        (RuntimeError("x" * 1000), "fail", f"RuntimeError: {'x' * 486}"),
        (SystemExit(1), "fail", "SystemExit: 1"),
    ],
)
def test_what_a_handler_raises_becomes_its_answer(
    fake: FakePlatform, raised: BaseException, verb: str, reason: str
) -> None:
    department = Department(client_of(fake))

    @department.task(MATTER)
    def food_licence(_: Task) -> None:
        raise raised

    with working(department):
        fake.stream().send(a_task("t1"))
        answer = fake.answer(verb)
    assert getattr(answer, verb).reason == reason
    if isinstance(raised, Retry):
        assert answer.fail.retry_after.ToTimedelta() == timedelta(seconds=30)
    elif verb == "fail":
        assert not answer.fail.HasField("retry_after")


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ({"at": datetime(2026, 1, 1)}, "TypeError: the result.at is of type datetime"),  # noqa: DTZ001
        ({"number": 2**60}, "ValueError: the result.number is 1152921504606846976"),
        (["a"], "TypeError: the result is of type list; it must be a dict"),
        ({"text": "x" * 70_000}, "ValueError: the result has 70"),
    ],
)
def test_a_result_that_cannot_be_sent_fails_and_says_where(fake: FakePlatform, result: object, reason: str) -> None:
    department = Department(client_of(fake))

    @department.task(MATTER)
    def food_licence(_: Task) -> object:
        return result

    with working(department):
        fake.stream().send(a_task("t1"))
        assert fake.answer("fail").fail.reason.startswith(reason)


def test_an_undo_task_goes_to_the_undo_handler(fake: FakePlatform) -> None:
    department = Department(client_of(fake))
    undone: list[tuple[str, dict[str, object]]] = []

    @department.task(MATTER)
    def food_licence(_: Task) -> dict[str, object]:
        return {}

    @food_licence.undo
    def withdraw(task: Task) -> None:
        assert task.is_undo
        undone.append((task.handled_task_id, task.handled_result))

    with working(department):
        result = to_struct({"licence_number": "JY1"})
        fake.stream().send(a_task("u1", undo=True, handled_task_id="t1", handled_result=result))
        fake.answer("complete")
    assert undone == [("t1", {"licence_number": "JY1"})]


def test_an_undo_task_without_an_undo_handler_fails_and_says_so(fake: FakePlatform) -> None:
    department = Department(client_of(fake))
    department.task(MATTER)(lambda _: {})
    with working(department):
        fake.stream().send(a_task("u1", undo=True))
        assert f"cannot undo matter {MATTER}" in fake.answer("fail").fail.reason


def a_follow_up() -> task_pb2.Task:
    task = a_task("f1", rating=case_pb2.Rating(level=5, comment="太慢"))
    task.kind = task_pb2.TASK_KIND_FOLLOW_UP
    return task


def test_a_bad_rating_goes_to_the_follow_up_handler_and_never_to_the_matters_own(fake: FakePlatform) -> None:
    department = Department(client_of(fake))

    @department.task(MATTER)
    def food_licence(_: Task) -> dict[str, object]:
        return {"licence_number": "a second one"}

    @food_licence.follow_up
    def answer(task: Task) -> dict[str, object]:
        assert (task.is_follow_up, task.is_undo, task.kind) == (True, False, "follow_up")
        return {"done": f"looked into: {task.message.rating.comment}"}

    with working(department):
        fake.stream().send(a_follow_up())
        assert from_struct(fake.answer("complete").complete.result) == {"done": "looked into: 太慢"}


def test_a_follow_up_without_a_handler_fails_and_says_so(fake: FakePlatform) -> None:
    department = Department(client_of(fake))
    department.task(MATTER)(lambda _: {"licence_number": "a second one"})
    with working(department):
        fake.stream().send(a_follow_up())
        assert f"answers no ratings of matter {MATTER}" in fake.answer("fail").fail.reason


def test_a_follow_up_cannot_be_refused(fake: FakePlatform) -> None:
    department = Department(client_of(fake))

    def refuse(_: Task) -> None:
        raise Refuse("no")

    department.task(MATTER)(lambda _: {}).follow_up(refuse)
    with working(department):
        fake.stream().send(a_follow_up())
        assert fake.answer("fail").fail.reason == "Refuse is not allowed on a follow-up: no"


def test_corrections_name_each_field_and_material(fake: FakePlatform) -> None:
    department = Department(client_of(fake))

    @department.task(MATTER)
    def food_licence(task: Task) -> None:
        assert task.corrections == 1
        raise RequestCorrection({"shop.area": "与图纸不符"}, {"lease": "看不清"})

    with working(department):
        fake.stream().send(a_task("t1", corrections=1))
        asked = fake.answer("request_correction").request_correction
    assert [(item.field, item.material, item.reason) for item in asked.items] == [
        ("shop.area", "", "与图纸不符"),
        ("", "lease", "看不清"),
    ]


def test_a_special_procedure_is_begun_and_said_to_be_over(fake: FakePlatform) -> None:
    department = Department(client_of(fake))

    @department.task(MATTER)
    def food_licence(_: Task) -> None:
        raise Suspend("publicity", "公示七日")

    with working(department):
        fake.stream().send(a_task("t1"))
        assert fake.answer("suspend").suspend.kind == case_pb2.PROCEDURE_KIND_PUBLICITY
    for note in ("无异议", "无异议", "有异议"):
        department.resume("t1", note)
    first, second, other = (request.answer for method, request, _ in fake.calls if method == "AnswerTask")
    assert first == second
    assert other.request_id != first.request_id, "another note is another answer"
    assert (first.task_id, first.lease, first.resume.note) == ("t1", "", "无异议")


@pytest.mark.parametrize(
    "wrong",
    [
        RequestCorrection,
        lambda: RequestCorrection({"shop": ""}),
        lambda: RequestCorrection({"shop": "x" * 501}),
        lambda: RequestCorrection({f"field{number}": "wrong" for number in range(101)}),
        lambda: RequestCorrection({"shop": "wrong"}, reason="x" * 1001),
        lambda: Suspend("holiday", "we are away"),  # type: ignore[arg-type]
        lambda: Suspend("hearing", " "),
    ],
)
def test_what_the_platform_would_not_take_is_told_where_it_is_made(wrong: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        wrong()


@pytest.mark.parametrize("raised", [RequestCorrection({"shop": "wrong"}), Suspend("hearing", "neighbours")])
def test_an_undo_task_is_neither_corrected_nor_suspended(fake: FakePlatform, raised: Exception) -> None:
    department = Department(client_of(fake))

    @department.task(MATTER)
    def food_licence(_: Task) -> None:
        return

    @food_licence.undo
    def withdraw(_: Task) -> None:
        raise raised

    with working(department):
        fake.stream().send(a_task("u1", undo=True))
        assert "is not allowed on an undo task" in fake.answer("fail").fail.reason


def test_an_undo_task_cannot_be_refused(fake: FakePlatform) -> None:
    department = Department(client_of(fake))

    @department.task(MATTER)
    def food_licence(_: Task) -> None:
        return

    @food_licence.undo
    def withdraw(_: Task) -> None:
        raise Refuse("no")

    with working(department):
        fake.stream().send(a_task("u1", undo=True))
        assert fake.answer("fail").fail.reason == "Refuse is not allowed on an undo task: no"


def test_accept_waits_for_its_outcome(fake: FakePlatform) -> None:
    department = Department(client_of(fake))
    fake.judge = lambda answer: None if answer.WhichOneof("answer") == "accept" else taken(answer)
    accepted = threading.Event()

    @department.task(MATTER)
    def food_licence(task: Task) -> None:
        task.accept()
        accepted.set()
        task.accept()

    with working(department):
        stream = fake.stream()
        stream.send(a_task("t1"))
        answer = fake.answer("accept")
        assert not accepted.is_set()
        stream.outcomes(taken(answer))
        fake.answer("complete")
    assert stream.verbs() == [("t1", "accept"), ("t1", "complete")]


def test_accept_tells_the_handler_that_its_lease_is_lost(fake: FakePlatform) -> None:
    department = Department(client_of(fake))
    fake.judge = lambda answer: not_taken(answer, grpc.StatusCode.FAILED_PRECONDITION, "STALE_LEASE")
    lost: list[LeaseLost] = []
    ended = threading.Event()

    @department.task(MATTER)
    def food_licence(task: Task) -> None:
        try:
            task.accept()
        except LeaseLost as error:
            lost.append(error)
            assert task.cancelled.is_set()
            raise
        finally:
            ended.set()

    with working(department):
        fake.stream().send(a_task("t1"))
        assert ended.wait(TIMEOUT)
    assert lost[0].reason == "STALE_LEASE"
    assert fake.stream().verbs() == [("t1", "accept")]


def test_an_accept_that_is_not_taken_fails_the_task(fake: FakePlatform) -> None:
    department = Department(client_of(fake))
    fake.judge = lambda answer: (
        not_taken(answer, grpc.StatusCode.INVALID_ARGUMENT, "BAD_ANSWER")
        if answer.WhichOneof("answer") == "accept"
        else taken(answer)
    )

    @department.task(MATTER)
    def food_licence(task: Task) -> None:
        with pytest.raises(DuokuaError, match="BAD_ANSWER"):
            task.accept()
        task.accept()

    with working(department):
        fake.stream().send(a_task("t1"))
        assert fake.answer("fail").fail.reason.startswith("InvalidArgument: INVALID_ARGUMENT BAD_ANSWER")


def test_accept_on_the_event_loop_is_an_error_that_says_what_to_do(fake: FakePlatform) -> None:
    department = Department(client_of(fake))

    @department.task(MATTER)
    async def food_licence(task: Task) -> None:
        task.accept()

    with working(department):
        fake.stream().send(a_task("t1"))
        assert "asyncio.to_thread(task.accept)" in fake.answer("fail").fail.reason


def test_never_more_handlers_run_than_asked_for(fake: FakePlatform) -> None:
    department = Department(client_of(fake), max_tasks=3)
    lock, running, most = threading.Lock(), 0, 0
    full, go_on = threading.Event(), threading.Event()

    @department.task(MATTER)
    def food_licence(_: Task) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == 3:
                full.set()
        assert go_on.wait(TIMEOUT)
        with lock:
            running -= 1

    with working(department):
        stream = fake.stream()
        assert stream.hello.max_tasks == 3
        # A platform that sends more than it was asked for is held off, too.
        stream.send(*(a_task(f"t{number}") for number in range(20)))
        assert full.wait(TIMEOUT)
        go_on.set()
        fake.answer("complete", number=20)
    assert most == 3


def test_answers_that_are_ready_together_go_together(fake: FakePlatform) -> None:
    department = Department(client_of(fake), max_tasks=200)

    @department.task(MATTER)
    async def food_licence(_: Task) -> None:
        return

    with working(department):
        fake.stream().send(*(a_task(f"t{number}") for number in range(200)))
        fake.answer("complete", number=200)
    assert fake.stream().batches <= 3


def test_a_handler_fetches_the_content_of_a_material(fake: FakePlatform) -> None:
    department = Department(client_of(fake))

    @department.task(MATTER)
    def food_licence(task: Task) -> dict[str, object]:
        return {"content": task.content(task.materials[0]).decode()}

    with working(department):
        fake.stream().send(a_task("t1", materials=[case_pb2.MaterialRef(kind="plan", sha256="ab")]))
        assert from_struct(fake.answer("complete").complete.result) == {"content": "content of ab"}


def test_an_answer_that_is_never_taken_becomes_a_failure(fake: FakePlatform) -> None:
    department = Department(client_of(fake))
    department.task(MATTER)(lambda _: {"bad": True})
    fake.judge = lambda answer: (
        not_taken(answer, grpc.StatusCode.INVALID_ARGUMENT, "BAD_RESULT")
        if answer.WhichOneof("answer") == "complete"
        else taken(answer)
    )
    with working(department):
        fake.stream().send(a_task("t1"))
        assert "BAD_RESULT" in fake.answer("fail").fail.reason


def test_handlers_are_registered_once_and_before_the_run(fake: FakePlatform) -> None:
    platform = client_of(fake)
    department = Department(platform)
    with pytest.raises(RuntimeError, match="no handler is registered"):
        department.run()
    handler = department.task(MATTER)(lambda _: {})
    with pytest.raises(ValueError, match=f"matter {MATTER} has its handler already"):
        department.task(MATTER)(lambda _: {})
    handler.undo(lambda _: None)
    with pytest.raises(ValueError, match="has its undo handler already"):
        handler.undo(lambda _: None)
    handler.follow_up(lambda _: None)
    with pytest.raises(ValueError, match="has its follow-up handler already"):
        handler.follow_up(lambda _: None)
    with pytest.raises(ValueError, match="name the matters"):
        department.task()
    with pytest.raises(ValueError, match="max_tasks is 0"):
        Department(platform, max_tasks=0)
    with working(department):
        fake.stream()
        with pytest.raises(RuntimeError, match="works already"):
            department.task("other")


@pytest.mark.parametrize("reason", ["", "  ", "x" * 1001])
def test_a_reason_is_there_and_not_too_long(reason: str) -> None:
    for kind in (Refuse, Return, Retry):
        with pytest.raises(ValueError, match="the reason"):
            kind(reason)
