"""The operators: retry what incidents stopped, and replay or discard dead letters."""

from collections import Counter

from chassis.api import Caller
from chassis.bus import dead_letters
from chassis.clock import new_id
from duokua.cases.v1 import case_pb2, operations_service_pb2
from tests.simulation.network import Inquiry, Network, Reply
from tests.simulation.office import ApiDoor, Books
from tests.simulation.scheduler import Life
from tests.simulation.stage import Stage

pb = operations_service_pb2
CALLER = Caller("client:operator", client_id="operator", permissions=frozenset({"cases.read_all"}))
MOST_RETRIES = 2
"""What goes on failing is left to lie."""
HOPELESS = ("UNDECODABLE_EVENT", "UNROUTABLE")


class Operators:
    """One operator, who looks when told to."""

    def __init__(self, stage: Stage, network: Network, door: ApiDoor, books: Books) -> None:
        self.left: list[str] = []
        """Dead letters that nothing can be done about, and that are left to lie."""
        self._stage = stage
        self._network = network
        self._door = door
        self._books = books
        self._life = Life("operator")
        self._retries: Counter[tuple[str, str, str]] = Counter()
        self._asked: set[str] = set()

    def look(self, *, letters: bool) -> bool:
        """Ask what is open, past all faults; true when something was done about it."""
        listed = self._door.there().unary("ListIncidents", CALLER, pb.ListIncidentsRequest(page_size=100))
        if not isinstance(listed, pb.ListIncidentsResponse):
            return False
        retried = [incident for incident in listed.incidents if self._wants_retry(incident)]
        for incident in retried:
            self._retry(incident)
        return bool(retried) | (letters and self._look_at_letters())

    def _wants_retry(self, incident: case_pb2.Incident) -> bool:
        query = "SELECT case_id, json_extract(form, '$.number') FROM cases"
        numbers = {case_id: int(number) for case_id, number in self._stage.databases.rows("cases", query)}
        key = (incident.case_id, incident.step_id, incident.reason)
        helped = self._books.scripts[numbers[incident.case_id]].helped
        return helped and incident.incident_id not in self._asked and self._retries[key] < MOST_RETRIES

    def _retry(self, incident: case_pb2.Incident) -> None:
        self._asked.add(incident.incident_id)
        self._retries[incident.case_id, incident.step_id, incident.reason] += 1
        self._stage.trace.say(f"operator retries {incident.reason} of {self._stage.trace.short(incident.incident_id)}")
        request = pb.RetryIncidentRequest(request_id=new_id(), incident_id=incident.incident_id, reason="看过了")

        def handle(reply: Reply) -> None:
            reply(self._door.there().unary("RetryIncident", CALLER, request))

        # What became pointless meanwhile is refused; that is an answer too.
        Inquiry(self._stage, self._network, "retry", handle, lambda _: None, self._life)

    def _look_at_letters(self) -> bool:
        replayed = False
        for service in self._stage.databases.by_service:
            letters = self._stage.databases.rows(
                service, "SELECT letter_id, reason FROM dead_letters ORDER BY letter_id"
            )
            for letter_id, reason in letters:
                if f"{service} {letter_id}" not in self._asked:
                    self._asked.add(f"{service} {letter_id}")
                    replayed |= self._settle(service, letter_id, hopeless=reason in HOPELESS)
        return replayed

    def _settle(self, service: str, letter_id: str, *, hopeless: bool) -> bool:
        """Replay what can be handled by now; of what cannot be, discard some and leave some."""
        if hopeless and self._stage.fates.chance.random() < 0.5:
            self.left.append(letter_id)
            return False
        verb = dead_letters.discard if hopeless else dead_letters.replay
        self._stage.trace.say(f"operator: {verb.__name__} {self._stage.trace.short(letter_id)} of {service}")
        with self._stage.databases[service].begin() as work:
            verb(work, [letter_id], actor=CALLER.subject, reason="看过了")
        return True
