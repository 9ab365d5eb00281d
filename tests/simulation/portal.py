"""The portal: submits cases, and repeats a submission under its request id until it has an answer."""

from functools import partial

from chassis.api import Caller
from chassis.problems import Problem
from duokua.cases.v1 import case_service_pb2
from duokua.data import to_struct
from tests.laws.evidence import End
from tests.simulation.fates import Fault
from tests.simulation.network import Inquiry, Network, Reply
from tests.simulation.office import ApiDoor
from tests.simulation.scheduler import Life
from tests.simulation.script import Script
from tests.simulation.stage import Stage

CALLER = Caller("client:portal", client_id="portal", person_id="applicant")
BUNDLE = "simulated"


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

    def submit(self, script: Script) -> None:
        """Submit a case at its time."""
        self.waiting.add(script.number)
        self._stage.after(script.at, partial(self._ask, script))

    def _ask(self, script: Script) -> None:
        request = case_service_pb2.SubmitCaseRequest(
            request_id=script.request_id, bundle_id=BUNDLE, form=to_struct(script.form)
        )

        def handle(reply: Reply) -> None:
            reply(self._door.there().unary("SubmitCase", CALLER, request))

        Inquiry(self._stage, self._network, "submit", handle, partial(self._answered, script), self._life)

    def _answered(self, script: Script, answer: object) -> None:
        self.waiting.discard(script.number)
        if isinstance(answer, Problem):
            self._stage.faults_seen.append(f"submission {script.number} was refused: {answer.reason}")
            return
        assert isinstance(answer, case_service_pb2.SubmitCaseResponse)
        case_id = answer.case.case_id
        self._stage.trace.name(case_id, f"case {script.number}")
        self._stage.trace.say(f"portal has case {script.number}")
        if self._case_of.setdefault(script.number, case_id) != case_id:
            self._stage.faults_seen.append(f"submission {script.number} became another case when it was repeated")
        self.submitted[case_id] = script.ends
        if self._stage.fates.strikes(Fault.SUBMITTED_AGAIN):
            self._stage.after(self._stage.fates.seconds(0, 30), partial(self._ask, script), self._life)
