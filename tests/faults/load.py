"""The portal: submits cases through whatever happens, and repeats a submission under its request id until answered."""

import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from chassis.clock import new_id
from duokua import to_struct
from duokua.cases.v1 import case_service_pb2
from duokua.client import Platform
from duokua.errors import DuokuaError
from tests.faults.offices import CODES
from tests.laws.evidence import End
from tests.platform.registration import REGION, Registered

ANSWER_SECONDS = 90.0
ATTEMPT_SECONDS = 5.0
IMPATIENT_SECONDS = 0.2
"""Some portals wait no longer for their first answer: the write may be done after they gave up."""
PORTALS = 16
RUN_UP_SECONDS = 0.8
REFUSABLE = ("food", "sign", "fire")


@dataclass(frozen=True, slots=True)
class Submission:
    """A case to submit: when, in seconds from the start, and what the offices are to do with it."""

    number: int
    at: float
    marks: dict[str, list[str]]
    request_id: str = field(default_factory=new_id)

    @property
    def ends_undone(self) -> bool:
        """Whether an office will refuse it."""
        return bool(self.marks["refuse"])

    @property
    def ends(self) -> frozenset[End]:
        """How its case may end."""
        return frozenset({End.UNDONE if self.ends_undone else End.COMPLETED})


@dataclass(slots=True)
class Submitted:
    """What the portal knows at the end."""

    cases: dict[str, Submission] = field(default_factory=dict)
    """By the case's id."""
    repeats: int = 0
    """Submissions that had to be sent again."""
    unanswered: list[str] = field(default_factory=list)
    """Those that were given up, in a sentence each."""


def draw(chance: random.Random, cases: int, seconds: float, faults: Sequence[float]) -> list[Submission]:
    """Cases over a time, most of them in the last moments before a fault, so that it strikes much that is under way.

    Every fourth is refused somewhere before the point of no return.
    """
    times = []
    for _ in range(cases):
        at = chance.choice(faults) - chance.uniform(0, RUN_UP_SECONDS)
        times.append(max(0.0, at if chance.random() < 0.8 else chance.uniform(0, seconds)))
    return [Submission(number, at, _marks(chance, refused=number % 4 == 3)) for number, at in enumerate(sorted(times))]


def _marks(chance: random.Random, *, refused: bool) -> dict[str, list[str]]:
    return {
        "refuse": [chance.choice(REFUSABLE)] if refused else [],
        "fail": [step for step in CODES if chance.random() < 0.08],
        "slow": [step for step in CODES if chance.random() < 0.35],
    }


class Portal:
    """Submits cases, and gives up all that is left once it had no answer for one."""

    def __init__(self, registered: Registered) -> None:
        self._registered = registered
        self._over = threading.Event()

    def submit(self, submissions: Sequence[Submission], started: float) -> Submitted:
        """Submit each at its time; returns once all are answered or given up. Raises what can never be answered."""
        result = Submitted()
        with self._registered.portal() as client, ThreadPoolExecutor(PORTALS) as threads:
            calls = [(each, threads.submit(self._submit, client, each, started)) for each in submissions]
            for submission, call in calls:
                try:
                    case_id, tries = call.result()
                except TimeoutError as error:
                    result.unanswered.append(str(error))
                    continue
                assert case_id not in result.cases, f"two submissions got the case {case_id}"
                result.cases[case_id] = submission
                result.repeats += tries - 1
        return result

    def _submit(self, client: Platform, submission: Submission, started: float) -> tuple[str, int]:
        self._over.wait(max(0.0, started + submission.at - time.monotonic()))
        case_id, tries = self._answered(client, submission)
        if submission.number % 5 == 0:
            # A portal that died before it had noted the answer asks again.
            case_id, again = self._answered(client, submission)
            tries += again
        return case_id, tries

    def _answered(self, client: Platform, submission: Submission) -> tuple[str, int]:
        form = to_struct({"region": REGION, "name": f"第{submission.number}号餐厅", "marks": submission.marks})
        request = case_service_pb2.SubmitCaseRequest(
            request_id=submission.request_id, bundle_id="under-fault", form=form
        )
        for attempt in self._attempts():
            patience = IMPATIENT_SECONDS if attempt == 1 and submission.number % 3 == 0 else ATTEMPT_SECONDS
            try:
                answer = client.acting_for(self._registered.applicant).cases.SubmitCase(request, timeout=patience)
            except DuokuaError as error:
                if not error.transient:
                    raise
            else:
                return answer.case.case_id, attempt
        self._over.set()
        raise TimeoutError(f"submission {submission.number} had no answer")

    def _attempts(self) -> Iterator[int]:
        deadline, attempt = time.monotonic() + ANSWER_SECONDS, 0
        while time.monotonic() < deadline and not self._over.is_set():
            attempt += 1
            yield attempt
            self._over.wait(0.1)
