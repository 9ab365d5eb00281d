"""The stream of work: tasks and outcomes out, answers in."""

from duokua.cases.v1 import task_pb2, task_service_pb2
from tests.cases.offices import Offices, an_answer, pulled
from tests.cases.streams import Stream, leased, taken_by

pb = task_service_pb2


def test_the_backlog_comes_first_and_then_what_is_opened(town: Offices) -> None:
    cases = town.opened(3)
    with Stream(town, town.food) as stream:
        assert sorted(task.case_id for task in stream.tasks()) == sorted(cases)
        (later,) = town.opened()
        assert [task.case_id for task in stream.tasks()] == [later]


def test_never_more_tasks_are_in_flight_than_asked_for(town: Offices) -> None:
    town.opened(5)
    with Stream(town, town.food, most=2) as stream:
        held = stream.tasks()
        done = 0
        while held:
            assert leased(town, town.food_organ) == len(held) <= 2
            stream.answer(an_answer(held.pop(0)))
            assert stream.outcomes() == [""]
            done += 1
            if done + len(held) < 5:
                held += stream.tasks()
        assert done == 5


def test_a_stream_for_some_matters_gets_no_others(town: Offices) -> None:
    town.opened()
    with Stream(town, town.food, codes=("990131902000",)) as other, Stream(town, town.food) as stream:
        assert len(stream.tasks()) == 1
        other.close()
        assert list(other.call) == []


def test_answers_go_in_batches_and_a_bad_one_fails_alone(town: Offices) -> None:
    cases = town.opened(6)
    with Stream(town, town.food) as stream:
        tasks = stream.tasks()
        (foreign,) = pulled(town.sign)
        speechless = an_answer(tasks[2], "")
        reasonless = an_answer(tasks[3], "")
        reasonless.refuse.SetInParent()
        unknown = task_pb2.TaskAnswer.FromString(an_answer(tasks[4]).SerializeToString() + b"\xfa\x3f\x01x")
        endless = an_answer(tasks[4], "fail")
        endless.fail.retry_after.seconds = 2**62
        wanted = [
            (an_answer(tasks[0]), ""),
            (an_answer(tasks[1], lease="stale"), "STALE_LEASE"),
            (speechless, "BAD_REQUEST"),
            (reasonless, "BAD_REQUEST"),
            (unknown, "BAD_REQUEST"),
            (endless, "BAD_REQUEST"),
            (an_answer(foreign), "TASK_NOT_FOUND"),
            (an_answer(tasks[5], "accept"), ""),
        ]
        stream.answer(*(answer for answer, _ in wanted))
        told: dict[str, task_pb2.AnswerOutcome] = {}
        while len(told) < len(wanted):
            for outcome in next(stream.call).outcomes.outcomes:
                told[outcome.request_id] = outcome
        assert [told[answer.request_id].problem.reason for answer, _ in wanted] == [reason for _, reason in wanted]
        assert [each.field for each in told[reasonless.request_id].problem.violations] == ["refuse.reason"]
        assert told[wanted[0][0].request_id].HasField("problem") is False
        assert told[wanted[-1][0].request_id].HasField("lease_expires_at")
        order = [task.case_id for task in tasks]
        assert town.statuses(order[0])["food"] == "completed"
        assert {town.statuses(each)["food"] for each in order[1:5]} == {"offered"}
        assert sorted(order) == sorted(cases)


def test_an_answer_that_is_refused_does_not_make_room_for_another_task(town: Offices) -> None:
    town.opened(2)
    with Stream(town, town.food, most=1) as stream:
        (task,) = stream.tasks()
        stream.answer(an_answer(task, "accept", request_id="same"), an_answer(task, "extend"))
        assert stream.outcomes() == ["", ""]
        stream.answer(an_answer(task, request_id="same"))
        assert stream.outcomes() == ["REQUEST_ID_REUSED"]
        (over, again), other = (
            (an_answer(task, "hand_over", request_id="over") for _ in "ab"),
            an_answer(task, "hand_over"),
        )
        for said, handler in ((over, "一科"), (again, "二科"), (other, "二科")):
            said.hand_over.handler = handler
        stream.answer(over, again, other)
        assert stream.outcomes() == ["", "REQUEST_ID_REUSED", ""]
        stream.answer(an_answer(task, "extend"))
        assert stream.outcomes() == [""]
        assert leased(town, town.food_organ) == 1
        stream.answer(an_answer(task))
        assert stream.outcomes() == [""]
        assert len(stream.tasks()) == 1


def test_a_lease_that_is_given_back_goes_to_another_stream(town: Offices) -> None:
    town.opened()
    with Stream(town, town.food, most=1) as first:
        (task,) = first.tasks()
        with Stream(town, town.food, most=1) as second:
            first.answer(an_answer(task, "release"))
            assert first.outcomes() == [""]
            (again,) = second.tasks()
            assert again.task_id == task.task_id
            assert again.lease != task.lease
            first.answer(an_answer(task))
            assert first.outcomes() == ["STALE_LEASE"]


def test_two_streams_never_get_the_same_task(town: Offices) -> None:
    with Stream(town, town.food, most=3) as first, Stream(town, town.food, most=3) as second:
        town.opened(6)
        seen = [task.task_id for stream in (first, second) for task in taken_by(stream, 3)]
        assert len(set(seen)) == 6
