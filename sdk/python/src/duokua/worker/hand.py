"""What a department has in hand. It runs on the event loop's thread, and outlives the streams to the platform.

A task leaves the hand when its answer is settled, or when its lease is known to be lost.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import Final

import grpc

from duokua import errors
from duokua.cases.v1 import task_pb2
from duokua.cases.v1.task_pb2 import TaskAnswer
from duokua.task import Task
from duokua.worker.handlers import failure
from duokua.worker.held import Held, LeaseWatch, lost
from duokua.worker.outbox import Outbox, Unanswered

_log = logging.getLogger("duokua.department")

# Why a task is no longer ours, whatever we answer.
_LOST: Final = frozenset({"STALE_LEASE", "TASK_SETTLED", "TASK_NOT_FOUND", "CASE_ENDED", "CASE_UNDOING"})
# An operator can put these right while the answer waits.
_PUT_RIGHT: Final = frozenset({grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED})


class Hand:
    """The tasks in hand: `make_task` wraps a message, and `start` has a task's handler run, the n-th at this moment."""

    def __init__(
        self,
        max_tasks: int,
        make_task: Callable[[task_pb2.Task], Task],
        start: Callable[[Held, int], None],
    ) -> None:
        self.max_tasks: Final = max_tasks
        self.outbox: Final = Outbox()
        self._make_task: Final = make_task
        self._start: Final = start
        self._tasks: Final[dict[str, Held]] = {}
        self._waiting: Final[deque[Held]] = deque()
        self._leases: Final = LeaseWatch(self._tasks, self._extend)
        self._running = 0
        self._stopping = False
        self._generation = 0
        self._carried = 0
        # Set while no handler runs.
        self.idle: Final = asyncio.Event()
        self.idle.set()
        # Set when the present stream brings fewer tasks than could be handled now.
        self.narrow: Final = asyncio.Event()

    def resume(self) -> int:
        """Begin on a new stream, and give how many tasks it may bring at a time.

        Handlers that still run for an earlier stream count, so that no more than `max_tasks` are under way; when the
        last of them has ended, `narrow` asks for another stream.
        """
        self.outbox.resume()
        self.narrow.clear()
        self._generation += 1
        self._carried = self._running + len(self._waiting)
        return max(1, self.max_tasks - self._carried)

    def take(self, messages: Iterable[task_pb2.Task]) -> None:
        """Take tasks that the platform sent; one that is in hand under the same lease is not taken twice."""
        for message in messages:
            held = self._tasks.get(message.task_id)
            if held is None:
                self._add(message)
            elif held.lease != message.lease:
                self._renew(held, message)
        self._start_waiting()

    def finished(self, held: Held, answer: TaskAnswer | None) -> None:
        """Take what a handler made of its task; None when it found the task lost."""
        self._running -= 1
        if not self._running:
            self.idle.set()
        self._forget_carried(held)
        if held.state == "gone":
            _log.warning("the answer to %r is dropped: the task was lost while its handler ran", held.task)
        elif answer is None:
            self._lose(held, "STALE_LEASE", "the handler found the task lost")
        else:
            held.state = "answered"
            self.outbox.put(held, answer)
        self._start_waiting()

    def say(self, task: Task, answer: TaskAnswer, done: Future[None]) -> None:
        """Send what the task stays with us after; `done` learns what became of it. Accept is sent once a lease."""
        held = self._tasks.get(task.task_id)
        if held is None or held.task is not task or held.state == "gone":
            done.set_exception(lost(task, "STALE_LEASE", "the task is not ours any more"))
        elif not answer.HasField("accept"):
            held.remarks += 1
            self.outbox.put(held, answer, f"{held.remarks} {answer.SerializeToString(deterministic=True).hex()}")
            held.remarking[answer.request_id] = done
        elif held.accepted:
            done.set_result(None)
        else:
            held.accepting.append(done)
            if len(held.accepting) == 1:
                self.outbox.put(held, answer)

    def settle(self, outcomes: Iterable[task_pb2.AnswerOutcome]) -> None:
        """Take what the platform made of our answers."""
        for outcome in outcomes:
            entry = self.outbox.take(outcome.request_id)
            if entry is None:
                continue
            if outcome.HasField("problem"):
                self._not_taken(entry, outcome.problem)
            else:
                self._taken(entry, outcome)

    def stop(self) -> None:
        """Start no more handlers."""
        self._stopping = True

    def give_back(self, reason: str) -> None:
        """Release every task that has no answer yet, so that another process of the office gets it at once."""
        self._waiting.clear()
        for held in [held for held in self._tasks.values() if held.open]:
            _log.warning("%r is given back: %s", held.task, reason)
            self.outbox.put(held, TaskAnswer(release=task_pb2.Release()))
            held.lose("STOPPING", reason)

    def close(self) -> None:
        """Keep no more leases alive, and release whoever waits for an outcome."""
        self._leases.close()
        for held in self._tasks.values():
            held.lose("STOPPING", "the department system has stopped")

    def _add(self, message: task_pb2.Task) -> None:
        extend_at = self._leases.half_way(message.lease_expires_at)
        held = Held(self._make_task(message), message.lease, extend_at, self._generation)
        self._tasks[message.task_id] = held
        self._waiting.append(held)
        self._leases.watch(held)

    def _renew(self, held: Held, message: task_pb2.Task) -> None:
        """The old lease ran out and the task was given to us anew: what was begun goes on under the new one."""
        _log.info("%r was leased to us anew; it goes on under the new lease", held.task)
        withdrawn = self.outbox.withdraw(held)
        held.lease = message.lease
        held.accepted = held.extending = False
        held.extend_at = self._leases.half_way(message.lease_expires_at)
        self._leases.watch(held)
        for entry in withdrawn:
            if entry.verb != "extend":
                self.outbox.put(held, entry.answer, entry.remark)

    def _start_waiting(self) -> None:
        while self._waiting and self._running < self.max_tasks and not self._stopping:
            held = self._waiting.popleft()
            if held.state == "gone":
                self._forget_carried(held)
                continue
            held.state = "running"
            self._running += 1
            self.idle.clear()
            self._start(held, self._running)

    def _forget_carried(self, held: Held) -> None:
        if held.generation != self._generation:
            self._carried -= 1
            if not self._carried:
                self.narrow.set()

    def _extend(self, held: Held) -> None:
        held.extensions += 1
        answer = TaskAnswer()
        answer.extend.SetInParent()
        self.outbox.put(held, answer)

    def _taken(self, entry: Unanswered, outcome: task_pb2.AnswerOutcome) -> None:
        held = entry.held
        if entry.remark:
            held.heard(entry.answer.request_id, None)
        elif entry.verb not in ("accept", "extend"):
            self._tasks.pop(held.task.task_id, None)
            held.state = "gone"
            return
        elif entry.verb == "accept":
            held.accepted = True
            held.release(None)
        else:
            held.extending = False
        if outcome.HasField("lease_expires_at"):
            held.extend_at = self._leases.half_way(outcome.lease_expires_at)
        self._leases.watch(held)

    def _not_taken(self, entry: Unanswered, problem: task_pb2.Problem) -> None:
        held, error = entry.held, errors.from_problem(problem)
        if problem.reason == "CASE_UNDOING" and entry.verb == "extend" and held.state == "running":
            # `extending` stays set: it is not asked for again. Should the handler's act be done, its completion is
            # taken all the same, and an undo task follows.
            _log.warning("%r was taken back while its handler ran: %s", held.task, error)
            held.task.cancelled.set()
        elif problem.reason in _LOST:
            if held.state != "gone":
                _log.warning("%r is lost, what we say of it is dropped: %s", held.task, error)
            self._lose(held, problem.reason, problem.message)
        elif error.transient or error.code in _PUT_RIGHT:
            _log.warning("the platform could not take %s of %r, it is sent again: %s", entry.verb, held.task, error)
            self.outbox.again(entry, error.retry_after)
        else:
            self._refused(entry, error)

    def _refused(self, entry: Unanswered, error: errors.DuokuaError) -> None:
        """The platform will never take this answer; the task is ours still."""
        held = entry.held
        _log.error("the platform did not take %s of %r: %s", entry.verb, held.task, error)
        if entry.remark:
            held.heard(entry.answer.request_id, error)
            return
        match entry.verb:
            case "accept":
                held.release(error)
            case "extend":
                pass  # `extending` stays set: it is not asked for again, and the answer may yet come in time
            case "fail" | "release":
                self._lose(held, error.reason, error.message)
            case _:
                self.outbox.put(held, failure(f"the platform did not take the department's answer: {error}"))

    def _lose(self, held: Held, reason: str, message: str) -> None:
        self.outbox.withdraw(held)
        held.lose(reason, message)
        if self._tasks.get(held.task.task_id) is held:
            del self._tasks[held.task.task_id]
