"""The answers of which nobody knows yet whether they were taken."""

import asyncio
import hashlib
import random
from collections import deque
from dataclasses import dataclass
from typing import Final

from duokua.cases.v1.task_pb2 import TaskAnswer
from duokua.cases.v1.task_service_pb2 import WorkRequest
from duokua.worker.held import Held

# Bounds of one message of answers; the contract takes 1,000 of them.
_MOST_ANSWERS: Final = 500
_MOST_BYTES: Final = 1024 * 1024
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 10.0
# However long the platform asks for; it may have got better meanwhile.
_LONGEST_ASKED: Final = 60.0


@dataclass(slots=True, eq=False)
class Unanswered:
    """An answer without an outcome."""

    held: Held
    answer: TaskAnswer
    verb: str
    # What tells a remark from others to the same task, whatever the lease; empty for other answers.
    remark: str = ""
    tries: int = 0
    # When it may be sent again at the earliest, by the loop's clock.
    not_before: float = 0.0


class Outbox:
    """Answers to send, and answers sent: each stays until its outcome has come, and is sent again on a new stream.

    Its request id is made of the task, the lease and the verb, so that the platform takes a repeat as the same answer;
    that of a remark of its number and content in place of the lease, so that one said again after a crash is that too.
    """

    def __init__(self) -> None:
        self._loop: Final = asyncio.get_running_loop()
        self._unanswered: Final[dict[str, Unanswered]] = {}
        self._ready: deque[str] = deque()
        # Set when there is something to send.
        self.wake: Final = asyncio.Event()
        # Set while every answer has its outcome.
        self.flushed: Final = asyncio.Event()
        self.flushed.set()

    def put(self, held: Held, answer: TaskAnswer, remark: str = "") -> None:
        """Send an answer under the task's present lease; `answer` is kept and filled in."""
        verb = answer.WhichOneof("answer") or ""
        # An extension may be asked for many times under one lease; everything else once.
        which = f"{verb} {held.extensions}" if verb == "extend" else verb
        answer.task_id = held.task.task_id
        answer.lease = held.lease
        answer.request_id = _request_id(answer.task_id, "" if remark else held.lease, remark or which)
        self._unanswered[answer.request_id] = Unanswered(held, answer, verb, remark)
        self._ready.append(answer.request_id)
        self.flushed.clear()
        self.wake.set()

    def batch(self) -> WorkRequest | None:
        """Give the next message of answers, everything that is ready within bounds; None when nothing is."""
        request = WorkRequest()
        answers = request.answers.answers
        size = 0
        while self._ready and len(answers) < _MOST_ANSWERS and size < _MOST_BYTES:
            entry = self._unanswered.get(self._ready.popleft())
            if entry is not None:
                answers.append(entry.answer)
                size += entry.answer.ByteSize()
        return request if answers else None

    def resume(self) -> None:
        """Begin on a new stream: whatever has no outcome is sent again, in its order, but for what has to wait."""
        now = self._loop.time()
        self._ready = deque(key for key, entry in self._unanswered.items() if entry.not_before <= now)
        if self._ready:
            self.wake.set()

    def take(self, request_id: str) -> Unanswered | None:
        """Take out the answer whose outcome has come; None for one that is not waited for any more."""
        entry = self._unanswered.pop(request_id, None)
        if not self._unanswered:
            self.flushed.set()
        return entry

    def withdraw(self, held: Held) -> list[Unanswered]:
        """Take out all answers of a task, whose outcomes do not matter any more."""
        request_ids = [request_id for request_id, entry in self._unanswered.items() if entry.held is held]
        return [entry for request_id in request_ids if (entry := self.take(request_id))]

    def again(self, entry: Unanswered, asked: float | None = None) -> None:
        """Send an answer again a little later, the platform having been unable to take it.

        `asked` is how many seconds it wants to be left alone; no new stream sends the answer sooner either.
        """
        request_id = entry.answer.request_id
        self._unanswered[request_id] = entry
        self.flushed.clear()
        entry.tries += 1
        if asked is None:
            longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** min(entry.tries, 10))
            pause = random.uniform(0, longest)  # noqa: S311
        else:
            # No jitter: the platform's own spreads departments, and answers refused together go together again.
            pause = min(asked, _LONGEST_ASKED)
            entry.not_before = self._loop.time() + pause
        self._loop.call_later(pause, self._ready_again, request_id)

    def _ready_again(self, request_id: str) -> None:
        entry = self._unanswered.get(request_id)
        if entry is not None:
            entry.not_before = 0.0
            self._ready.append(request_id)
            self.wake.set()


def _request_id(task_id: str, lease: str, verb: str) -> str:
    return hashlib.blake2b(f"{task_id}\n{lease}\n{verb}".encode(), digest_size=16).hexdigest()
