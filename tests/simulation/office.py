"""The offices' own systems: one ledger for all processes of an office, which die, dawdle and repeat themselves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from chassis.api import Caller
from chassis.clock import new_id
from chassis.problems import Problem
from duokua.cases.v1 import case_pb2, task_pb2
from services.cases.tasks import Outcome
from tests.laws.evidence import Act
from tests.simulation.api import Api
from tests.simulation.fates import Fault
from tests.simulation.network import PATIENCE, Handle, Inquiry, Network, Reply
from tests.simulation.scheduler import Life, Look
from tests.simulation.script import Script
from tests.simulation.stage import Stage

PROCESSES = 2
MOST_AT_ONCE = 4
ACT_SECONDS = (0.05, 2.0)
DOWN_SECONDS = (0.5, 5.0)
LATE_LEASES = (1.0, 1.6)
SLOW_LEASES = (0.8, 2.5)
TRY_SECONDS = 10.0
MOST_TRIES = 60
NOT_YET = frozenset({"PROCEDURE_NOT_FOUND", "STALE_LEASE", "TASK_SETTLED"})
"""The hearing has not been told yet: the task is still with somebody."""
IMPULSIVE_ATTEMPTS = 5
"""Later turns do not fail by chance: with those of the script they would be an incident that it does not foresee."""


@dataclass(slots=True)
class Books:
    """What all offices know for themselves, on their disks."""

    scripts: Mapping[int, Script]
    said: dict[str, task_pb2.TaskAnswer] = field(default_factory=dict)
    """What was decided on each task; whoever gets it again says the same."""
    acts: list[Act] = field(default_factory=list)
    returned: dict[str, int] = field(default_factory=dict)
    refused: set[tuple[str, str]] = field(default_factory=set)
    once: set[tuple[str, str]] = field(default_factory=set)
    """What was done once in a case, and is not done again: asked, suspended, passed upward."""
    numbers: dict[str, int] = field(default_factory=dict)
    """The submissions' numbers, by case."""
    repeats: int = 0

    def decide(self, task: task_pb2.Task) -> task_pb2.TaskAnswer:
        """What the office does about a task, once; the answer has no request id and no lease yet."""
        script = self.script_of(task)
        answer = task_pb2.TaskAnswer(task_id=task.task_id)
        if task.kind == task_pb2.TASK_KIND_FOLLOW_UP:
            answer.complete.result.update({"verified": True, "done": "已道歉"})
        elif task.kind == task_pb2.TASK_KIND_UNDO:
            if task.attempt <= script.undo_failures.get(task.step_id, 0):
                answer.fail.reason = "the system is down"
            else:
                answer.complete.SetInParent()
                self._enter(task, "undone")
        elif task.attempt <= script.failures.get(task.step_id, 0):
            answer.fail.reason = "the system is down"
        elif self._interrupts(task, script, answer):
            pass
        elif task.step_id == "food" and self.returned.get(task.case_id, 0) < script.returns:
            self.returned[task.case_id] = self.returned.get(task.case_id, 0) + 1
            answer.return_task.reason = "不属于本部门"
        elif task.step_id == script.refuses and (task.case_id, task.step_id) not in self.refused:
            self.refused.add((task.case_id, task.step_id))
            answer.refuse.reason = "不符合条件"
            self._enter(task, "refused")
        else:
            answer.complete.result.update({"number": f"{task.step_id}-{script.number}"})
            self._enter(task, "handled")
        self.said[task.task_id] = answer
        return answer

    def script_of(self, task: task_pb2.Task) -> Script:
        """What is to become of the task's case; a follow-up no longer tells the form."""
        if "number" in task.form.fields:
            self.numbers[task.case_id] = round(task.form.fields["number"].number_value)
        return self.scripts[self.numbers[task.case_id]]

    def _interrupts(self, task: task_pb2.Task, script: Script, answer: task_pb2.TaskAnswer) -> bool:
        """Whether the office does something else first, once, and which is then in the answer."""
        if task.step_id == script.asks and self._first(task, "asks"):
            answer.request_correction.items.add(field="name", reason="名称与营业执照不一致")
        elif task.step_id == script.suspends and self._first(task, "suspends"):
            answer.suspend.kind, answer.suspend.reason = case_pb2.PROCEDURE_KIND_HEARING, "听证"
        elif task.step_id == "fire" and script.passes_up and self._first(task, "passes up"):
            answer.pass_up.reason = "初审合格"
        else:
            return False
        return True

    def _first(self, task: task_pb2.Task, what: str) -> bool:
        fresh = (task.case_id, what) not in self.once
        self.once.add((task.case_id, what))
        return fresh

    def _enter(self, task: task_pb2.Task, act: str) -> None:
        of_task = task.handled_task_id if act == "undone" else ""
        self.acts.append(Act(task.task_id, task.case_id, act, of_task, {}))


class Office:
    """One office, and the processes of its system."""

    def __init__(
        self,
        stage: Stage,
        network: Network,
        api: "ApiDoor",
        organ_id: str,
        name: str,
        books: Books,
        has_room: Callable[[], None],
        applicant: Callable[[str], None],
    ) -> None:
        self.stage = stage
        self.has_room = has_room
        """Tells the api that a process can take tasks again."""
        self.applicant = applicant
        """Tells an applicant that a case asks for something."""
        self.network = network
        self.api = api
        self.organ_id = organ_id
        self.name = name
        self.books = books
        self._processes = [OfficeProcess(self, f"{name}-{number}") for number in range(1, PROCESSES + 1)]

    def decide(self, task: task_pb2.Task) -> task_pb2.TaskAnswer:
        """What the office does about a task, and what it sees to later."""
        said = self.books.decide(task)
        if said.HasField("request_correction"):
            self.applicant(task.case_id)
        elif said.HasField("suspend"):
            self._processes[0].resume_later(task.task_id)
        return said

    def look(self) -> None:
        """There is a task: one of its processes asks for it."""
        self.stage.fates.chance.choice(self._processes).look.within(0)


class ApiDoor:
    """The api process that runs now; a restart puts another in its place."""

    def __init__(self) -> None:
        self.current: Api | None = None

    def there(self) -> Api:
        """The process that a request has reached."""
        assert self.current is not None
        return self.current


@dataclass(eq=False, slots=True)
class Held:
    """A task that a process has in hand, and the end of its lease."""

    task: task_pb2.Task
    until: datetime


class OfficeProcess:
    """One process of an office's system."""

    look: Look

    def __init__(self, office: Office, name: str) -> None:
        self._office = office
        self._stage = office.stage
        self._name = name
        self._caller = Caller(f"client:{name}", client_id=name, organ_id=office.organ_id)
        self._start()

    def _start(self) -> None:
        self._life = Life(self._name)
        self._held: dict[str, Held] = {}
        self._pulls = self._answered = 0
        self.look = Look(self._stage.scheduler, self._life, "office", self._pull)
        self._office.has_room()

    def _die(self) -> None:
        """What it had in hand is nobody's until the leases run out; the ledger stays."""
        self._life.over = True
        self._stage.after(self._stage.fates.seconds(*DOWN_SECONDS), self._start)

    def _pull(self) -> None:
        room = MOST_AT_ONCE - len(self._held)
        if room <= 0:
            return
        self._pulls += 1
        number, door = self._pulls, self._office.api
        self._office.network.call(
            "lease", lambda reply: reply(door.there().pull(self._caller, room)), partial(self._take, number), self._life
        )
        self._stage.after(self._stage.fates.seconds(*PATIENCE), partial(self._pull_again, number), self._life)

    def _pull_again(self, number: int) -> None:
        """An answer that does not come is asked for again; leases that it brought run out."""
        if number > self._answered:
            self.look.within(0)

    def _take(self, number: int, tasks: object) -> None:
        self._answered = max(self._answered, number)
        if isinstance(tasks, Problem):
            self.look.within(1.0)
            return
        assert isinstance(tasks, list)
        for task in tasks:
            self._stage.trace.say(f"{self._name} has {self._stage.trace.short(task.task_id)}")
            held = self._held[task.task_id] = Held(task, task.lease_expires_at.ToDatetime(UTC))
            self._begin(held)

    def _begin(self, held: Held) -> None:
        fates = self._stage.fates
        if fates.strikes(Fault.OFFICE_RELEASES):
            self._say(held, task_pb2.TaskAnswer(release=task_pb2.Release()))
            return
        if not held.task.accepted and fates.chance.random() < 0.3:
            self._say(held, task_pb2.TaskAnswer(accept=task_pb2.Accept()), ends=False)
        if held.task.step_id == "food" and self._office.books.script_of(held.task).extends:
            self._ask_for_time(held.task)
        seconds = fates.seconds(*ACT_SECONDS)
        if fates.strikes(Fault.OFFICE_SLOW):
            seconds = fates.seconds(*SLOW_LEASES) * self._stage.lease.total_seconds()
            self._extend(held)
        self._stage.after(seconds, partial(self._act, held), self._life)

    def _ask_for_time(self, task: task_pb2.Task) -> None:
        """Whether it is given or not, the office goes on."""
        said = task_pb2.TaskAnswer(task_id=task.task_id, lease=task.lease, request_id=new_id())
        said.extend_limit.CopyFrom(task_pb2.ExtendLimit(amount=1, reason="案情复杂", authority="局长"))
        self._send(said, _ignore)

    def resume_later(self, task_id: str) -> None:
        """The hearing is over; somebody says so, whatever becomes of this process, once the platform knows of it."""
        said = task_pb2.TaskAnswer(task_id=task_id, lease="none", request_id=new_id(), resume=task_pb2.Resume())
        forever = Life(f"{self._name} after the hearing")

        def say(times: int) -> None:
            self._send(said, partial(heard, times), forever)

        def heard(times: int, outcome: object) -> None:
            if isinstance(outcome, Problem) and outcome.reason in NOT_YET and times < MOST_TRIES:
                self._stage.after(TRY_SECONDS, partial(say, times + 1), forever)

        self._stage.after(self._stage.fates.seconds(5, 60), partial(say, 1), forever)

    def _extend(self, held: Held) -> None:
        """Keep the lease alive, until its task is answered."""
        half = self._stage.lease.total_seconds() / 2

        def extend() -> None:
            if self._held.get(held.task.task_id) is held:
                self._say(held, task_pb2.TaskAnswer(extend=task_pb2.Extend()), ends=False)
                self._extend(held)

        self._stage.after(half, extend, self._life)

    def _act(self, held: Held) -> None:
        """The act and its entry in the ledger are one; nothing is begun after the lease has ended."""
        fates = self._stage.fates
        if self._held.get(held.task.task_id) is not held:
            return
        if fates.strikes(Fault.OFFICE_DIES_BEFORE_ACT):
            self._die()
            return
        said = self._office.books.said.get(held.task.task_id)
        if said is not None:
            self._office.books.repeats += 1
        elif held.until <= self._stage.clock.now():
            self._forget(held)
            return
        elif held.task.attempt <= IMPULSIVE_ATTEMPTS and fates.strikes(Fault.OFFICE_FAILS):
            said = task_pb2.TaskAnswer(fail=task_pb2.Fail(reason="this process has no memory left"))
        else:
            said = self._office.decide(held.task)
            if fates.strikes(Fault.OFFICE_DIES_AFTER_ACT):
                self._die()
                return
        seconds = 0.0
        if fates.strikes(Fault.OFFICE_LATE):
            seconds = fates.seconds(*LATE_LEASES) * self._stage.lease.total_seconds()
        self._stage.after(seconds, partial(self._say, held, said), self._life)

    def _say(self, held: Held, said: task_pb2.TaskAnswer, *, ends: bool = True) -> None:
        """Send an answer until it has its outcome."""
        message = task_pb2.TaskAnswer()
        message.CopyFrom(said)
        message.task_id, message.lease, message.request_id = held.task.task_id, held.task.lease, new_id()
        self._send(message, partial(self._heard, held, ends=ends))
        if ends and self._stage.fates.strikes(Fault.OFFICE_TWICE):
            again = task_pb2.TaskAnswer()
            again.CopyFrom(message)
            if self._stage.fates.chance.random() < 0.5:
                again.request_id = new_id()
            self._stage.after(self._stage.fates.seconds(0, 20), partial(self._send, again, _ignore), self._life)

    def _send(self, message: task_pb2.TaskAnswer, heard: Reply, life: Life | None = None) -> None:
        door = self._office.api
        handle: Handle = lambda reply: door.there().answer(self._caller, message, reply)  # noqa: E731
        Inquiry(self._stage, self._office.network, "gather", handle, heard, life or self._life)

    def _heard(self, held: Held, outcome: object, *, ends: bool) -> None:
        if isinstance(outcome, Outcome) and outcome.lease_until is not None:
            held.until = outcome.lease_until
        elif ends or isinstance(outcome, Problem):
            self._forget(held)

    def _forget(self, held: Held) -> None:
        if self._held.get(held.task.task_id) is held:
            was_full = len(self._held) >= MOST_AT_ONCE
            del self._held[held.task.task_id]
            if was_full:
                self._office.has_room()


def _ignore(_outcome: object) -> None:
    """Whoever repeats itself does not listen."""
