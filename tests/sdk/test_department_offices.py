"""What a handler says to other offices and inside its own: passing upward, handing over, taking longer."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import grpc
import pytest

from duokua import Department, DuokuaError, LeaseLost, PassUp, Task, from_struct, to_struct
from duokua.cases.v1 import case_pb2
from tests.sdk.fake_platform import MATTER, FakePlatform, a_task, client_of, not_taken, taken, working


@pytest.fixture
def fake() -> Iterator[FakePlatform]:
    with FakePlatform() as platform:
        yield platform


def test_a_handler_passes_a_task_upward_with_its_opinion(fake: FakePlatform) -> None:
    department = Department(client_of(fake))

    @department.task(MATTER)
    def food_licence(_task: Task) -> None:
        raise PassUp({"agreed": True, "area": {"m2": 900}}, "超出本级权限")

    with working(department):
        fake.stream().send(a_task("t1"))
        answer = fake.answer("pass_up")
    assert from_struct(answer.pass_up.opinion) == {"agreed": True, "area": {"m2": 900}}
    assert answer.pass_up.reason == "超出本级权限"


def test_the_office_above_sees_the_opinions_and_a_section_that_it_is_its_turn(fake: FakePlatform) -> None:
    department = Department(client_of(fake))
    seen: list[Task] = []

    @department.task(MATTER)
    def food_licence(task: Task) -> None:
        seen.append(task)

    review = case_pb2.Review(organ_id="county", opinion=to_struct({"agreed": True}))
    with working(department):
        fake.stream().send(a_task("t1", handler="审批二科", reviews=[review]))
        fake.answer("complete")
    assert seen[0].handler == "审批二科"
    assert [(each.organ_id, from_struct(each.opinion)) for each in seen[0].reviews] == [("county", {"agreed": True})]


@pytest.mark.parametrize(
    ("opinion", "told"),
    [({"x": object()}, "opinion"), ({"x": "y" * 70_000}, "the opinion has 70")],
    ids=["not data", "too large"],
)
def test_an_opinion_that_cannot_be_sent_is_a_failure_that_says_so(
    fake: FakePlatform, opinion: dict[str, object], told: str
) -> None:
    department = Department(client_of(fake))

    @department.task(MATTER)
    def food_licence(_task: Task) -> None:
        raise PassUp(opinion, "above our limit")

    with working(department):
        fake.stream().send(a_task("t1"))
        assert told in fake.answer("fail").fail.reason


def test_an_undo_cannot_be_passed_upward(fake: FakePlatform) -> None:
    department = Department(client_of(fake))

    @department.task(MATTER)
    def food_licence(_task: Task) -> None:
        raise AssertionError

    @food_licence.undo
    def revoke(_task: Task) -> None:
        raise PassUp({}, "above our limit")

    with working(department):
        fake.stream().send(a_task("t1", undo=True))
        assert "PassUp is not allowed on an undo task" in fake.answer("fail").fail.reason


def test_a_task_that_is_handed_over_or_takes_longer_stays_and_goes_on_once_that_is_noted(fake: FakePlatform) -> None:
    department = Department(client_of(fake))
    fake.judge = lambda answer: None if answer.WhichOneof("answer") == "hand_over" else taken(answer)
    noted = threading.Event()

    @department.task(MATTER)
    def food_licence(task: Task) -> None:
        task.hand_over("审批二科", "分工")
        noted.set()
        task.extend_limit(5, "案情复杂", "张局长")

    with working(department):
        stream = fake.stream()
        stream.send(a_task("t1"))
        over = fake.answer("hand_over")
        assert not noted.is_set()
        stream.outcomes(taken(over))
        more = fake.answer("extend_limit").extend_limit
        fake.answer("complete")
    assert (over.hand_over.handler, over.hand_over.reason) == ("审批二科", "分工")
    assert (more.amount, more.reason, more.authority) == (5, "案情复杂", "张局长")
    assert [verb for _, verb in stream.verbs()] == ["hand_over", "extend_limit", "complete"]


def test_a_handler_says_when_the_joint_visit_is_and_that_it_was_there(fake: FakePlatform) -> None:
    department = Department(client_of(fake))
    nine = datetime(2026, 3, 2, 9, tzinfo=UTC)

    @department.task(MATTER)
    def food_licence(task: Task) -> None:
        assert task.visit is not None
        assert task.visit.name == "联合踏勘"
        task.accept()
        task.schedule_visit(nine, "某路1号")
        task.attend_visit("与图纸相符")

    joint = a_task("t1")
    joint.visit.name = "联合踏勘"
    with working(department):
        stream = fake.stream()
        stream.send(joint)
        scheduled = fake.answer("schedule_visit").schedule_visit
        attended = fake.answer("attend_visit").attend_visit
        fake.answer("complete")
    assert (scheduled.at.ToDatetime(UTC), scheduled.place) == (nine, "某路1号")
    assert attended.finding == "与图纸相符"
    assert [verb for _, verb in stream.verbs()] == ["accept", "schedule_visit", "attend_visit", "complete"]


def test_a_task_without_a_joint_visit_says_so() -> None:
    assert Task(a_task("t1"), lambda *_: None, lambda: None).visit is None  # type: ignore[arg-type] # unused


def test_the_same_said_twice_is_two_requests_and_said_again_after_a_crash_the_same_two(fake: FakePlatform) -> None:
    def run() -> list[str]:
        department = Department(client_of(fake))

        @department.task(MATTER)
        def food_licence(task: Task) -> None:
            task.hand_over("审批二科")
            task.hand_over("审批二科")

        before = len(fake.streams)
        with working(department):
            stream = fake.stream(before + 1)
            stream.send(a_task("t1", lease=f"lease {before}"))
            fake.answer("complete", stream=before + 1)
        return [answer.request_id for answer in stream.answers_of("hand_over")]

    first = run()
    assert len(set(first)) == 2
    assert run() == first


def test_what_the_platform_does_not_take_is_the_handlers_to_settle(fake: FakePlatform) -> None:
    department = Department(client_of(fake))
    fake.judge = lambda answer: (
        not_taken(answer, grpc.StatusCode.FAILED_PRECONDITION, "EXTENSION_TOO_LONG")
        if answer.WhichOneof("answer") == "extend_limit"
        else taken(answer)
    )

    @department.task(MATTER)
    def food_licence(task: Task) -> None:
        with pytest.raises(DuokuaError, match="EXTENSION_TOO_LONG"):
            task.extend_limit(500, "案情复杂", "张局长")

    with working(department):
        stream = fake.stream()
        stream.send(a_task("t1"))
        fake.answer("complete")
    assert [verb for _, verb in stream.verbs()] == ["extend_limit", "complete"]


def test_a_handler_learns_that_its_lease_is_lost_from_what_it_says(fake: FakePlatform) -> None:
    department = Department(client_of(fake))
    fake.judge = lambda answer: not_taken(answer, grpc.StatusCode.FAILED_PRECONDITION, "STALE_LEASE")
    lost: list[LeaseLost] = []
    ended = threading.Event()

    @department.task(MATTER)
    def food_licence(task: Task) -> None:
        try:
            task.hand_over("审批二科")
        except LeaseLost as error:
            lost.append(error)
            raise
        finally:
            ended.set()

    with working(department):
        fake.stream().send(a_task("t1"))
        assert ended.wait(20)
    assert lost[0].reason == "STALE_LEASE"


def test_handing_over_on_the_event_loop_is_an_error_that_says_what_to_do(fake: FakePlatform) -> None:
    department = Department(client_of(fake))

    @department.task(MATTER)
    async def food_licence(task: Task) -> None:
        task.hand_over("审批二科")

    with working(department):
        fake.stream().send(a_task("t1"))
        assert "asyncio.to_thread(task.hand_over)" in fake.answer("fail").fail.reason


@pytest.mark.parametrize(
    "wrong",
    [
        lambda _task: PassUp({}, " "),
        lambda _task: PassUp({}, "x" * 1001),
        lambda task: task.hand_over(""),
        lambda task: task.hand_over("x" * 201),
        lambda task: task.hand_over("section two", "x" * 1001),
        lambda task: task.extend_limit(0, "reason", "authority"),
        lambda task: task.extend_limit(5, "", "authority"),
        lambda task: task.extend_limit(5, "reason", " "),
        lambda task: task.schedule_visit(datetime(2026, 3, 2, 9), "there"),  # noqa: DTZ001 - what it is about
        lambda task: task.schedule_visit(datetime(2026, 3, 2, 9, tzinfo=UTC), ""),
    ],
)
def test_what_the_contract_does_not_take_is_refused_before_it_is_sent(wrong: Callable[[Task], object]) -> None:
    def never(*_: object) -> None:
        raise AssertionError("it was sent")

    with pytest.raises(ValueError, match=r"empty|characters|amount|time zone"):
        wrong(Task(a_task("t1"), never, lambda: None))  # type: ignore[arg-type] # nothing is fetched
