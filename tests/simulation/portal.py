"""The portal: submits cases, and repeats a submission under its request id until it has an answer."""

from collections.abc import Callable
from functools import partial

from google.protobuf.message import Message

from chassis.api import Caller
from chassis.clock import new_id
from chassis.problems import Problem
from duokua.cases.v1 import case_pb2
from duokua.cases.v1 import case_service_pb2 as pb
from duokua.data import to_struct
from tests.laws.evidence import End
from tests.simulation.fates import Fault
from tests.simulation.network import Inquiry, Network, Reply
from tests.simulation.office import ApiDoor
from tests.simulation.scheduler import Life
from tests.simulation.script import Script
from tests.simulation.stage import Stage

CALLER = Caller("client:portal", client_id="portal", person_id="applicant")
DELIVERER = Caller("client:operator", client_id="operator", permissions=frozenset({"cases.read_all"}))
BUNDLE = "simulated"
MOST_TRIES = 60
OPEN = case_pb2.CORRECTION_STATUS_OPEN


class Portal:
    """What the portal was told: each submission's case."""

    def __init__(self, stage: Stage, network: Network, door: ApiDoor) -> None:
        self.submitted: dict[str, frozenset[End]] = {}
        """How each case may end, by its id."""
        self.waiting: set[int] = set()
        self._stage = stage
        self._network = network
        self._door = door
        self._life = Life("portal")
        self._case_of: dict[int, str] = {}
        self._scripts: dict[str, Script] = {}
        self._told: set[str] = set()

    def submit(self, script: Script) -> None:
        """Submit a case at its time."""
        self.waiting.add(script.number)
        self._stage.after(script.at, partial(self._ask, script))

    def _ask(self, script: Script) -> None:
        request = pb.SubmitCaseRequest(request_id=script.request_id, bundle_id=BUNDLE, form=to_struct(script.form))

        def handle(reply: Reply) -> None:
            reply(self._door.there().unary("SubmitCase", CALLER, request))

        Inquiry(self._stage, self._network, "submit", handle, partial(self._answered, script), self._life)

    def _answered(self, script: Script, answer: object) -> None:
        self.waiting.discard(script.number)
        if isinstance(answer, Problem):
            self._stage.faults_seen.append(f"submission {script.number} was refused: {answer.reason}")
            return
        assert isinstance(answer, pb.SubmitCaseResponse)
        case_id = answer.case.case_id
        self._stage.trace.name(case_id, f"case {script.number}")
        self._stage.trace.say(f"portal has case {script.number}")
        if self._case_of.setdefault(script.number, case_id) != case_id:
            self._stage.faults_seen.append(f"submission {script.number} became another case when it was repeated")
        self.submitted[case_id] = script.ends
        if self._scripts.setdefault(case_id, script) is script and case_id not in self._told:
            self._told.add(case_id)
            self._plan(script, case_id)
        if self._stage.fates.strikes(Fault.SUBMITTED_AGAIN):
            self._stage.after(self._stage.fates.seconds(0, 30), partial(self._ask, script), self._life)

    def supply(self, case_id: str) -> None:
        """An office asks the applicant of a case for something, or is about to."""
        self._later(self._supply, case_id, 1)

    def _plan(self, script: Script, case_id: str) -> None:
        if script.withdraws:
            self._stage.after(script.withdraws, partial(self._withdraw, case_id))
        if script.rating:
            self._later(self._rate, case_id, 1)

    def _withdraw(self, case_id: str) -> None:
        request = pb.WithdrawCaseRequest(request_id=new_id(), case_id=case_id, reason="不办了")
        self._say("WithdrawCase", request, lambda _: None)

    def _supply(self, case_id: str, times: int) -> None:
        """Supply what is asked for, once it is; a case that goes on without it is left alone in the end."""
        script = self._scripts.get(case_id)
        if script is not None and script.silent:
            return

        def seen(answer: object) -> None:
            case = answer.case if isinstance(answer, pb.GetCaseResponse) else case_pb2.Case()
            if script is None or not case.corrections or case.corrections[-1].status != OPEN:
                self._later(self._supply, case_id, times + 1)
                return
            request = pb.CorrectCaseRequest(
                request_id=new_id(),
                case_id=case_id,
                correction_no=case.corrections[-1].correction_no,
                form=to_struct({"name": f"{script.form['name']}（更正）"}),
            )
            self._say("CorrectCase", request, lambda _: None)

        self._say("GetCase", pb.GetCaseRequest(case_id=case_id), seen)

    def _rate(self, case_id: str, times: int) -> None:
        """Rate one step of a completed case, once the results were handed over."""
        script = self._scripts[case_id]

        def seen(answer: object) -> None:
            case = answer.case if isinstance(answer, pb.GetCaseResponse) else case_pb2.Case()
            if case.status == case_pb2.CASE_STATUS_COMPLETED:
                handed = pb.DeliverCaseRequest(request_id=new_id(), case_id=case_id, channel="窗口", receiver="李雷")
                self._say("DeliverCase", handed, lambda _: None, DELIVERER)
                rated = pb.RateCaseRequest(request_id=new_id(), case_id=case_id, level=script.rating, step_id="check")
                self._say("RateCase", rated, lambda _: None)
            elif case.status == case_pb2.CASE_STATUS_RUNNING:
                self._later(self._rate, case_id, times + 1)

        self._say("GetCase", pb.GetCaseRequest(case_id=case_id), seen)

    def _later(self, act: Callable[[str, int], None], case_id: str, times: int) -> None:
        if times <= MOST_TRIES:
            self._stage.after(self._stage.fates.seconds(5, 15), partial(act, case_id, times), self._life)

    def _say(self, method: str, request: Message, heard: Reply, caller: Caller = CALLER) -> None:
        def handle(reply: Reply) -> None:
            reply(self._door.there().unary(method, caller, request))

        Inquiry(self._stage, self._network, "apply", handle, heard, self._life)
