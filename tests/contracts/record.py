"""`python -m tests.contracts.record 2026-11`: records today's events for the tests of all later versions.

It has the services' own use cases and handlers run seven cases on fresh databases: one whose notice cannot be sealed,
one that is granted, one that takes longer, one that is refused and undone, one whose offices visit the site together,
one of which a step is passed upward, one that is corrected and heard. Nothing is overwritten.
"""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stdnum.cn import uscc

from chassis.bus.broker import Handled
from chassis.bus.events import Envelope
from chassis.clock import new_id
from chassis.database import UnitOfWork
from duokua.cases.v1 import task_pb2
from services.eseal.seals.register import Register
from services.identity.domain.directory import Level, Organ, PersonKind, Region
from services.identity.service import Identity
from services.licences import types
from services.licences.service import Licences
from services.matters.package.archive import made_of
from services.matters.service import Matters
from services.routing.service import Routing
from tests.cases.builders import (
    Town,
    accepting,
    asking,
    attending,
    completing,
    extending,
    field,
    passing_up,
    refusing,
    resuming,
    scheduling,
    suspending,
    taken,
)
from tests.contracts.licences import by_hand, contract_permit
from tests.contracts.recordings import keep
from tests.contracts.services import Service, services
from tests.platform.sealing import ensure_seal

REGION = "330106"
CODES = {"permit": "332099701000", "inspection": "332099702000"}
FORM: Mapping[str, Any] = {"region": REGION, "name": "某某餐饮有限公司", "area": 88.5}
RESULT: Mapping[str, Any] = {"permit": "浙杭许〔2026〕1号"}
SCENARIO = Path(__file__).parent / "scenario"


class Journey:
    """The services, and what they have said so far."""

    def __init__(self, running: dict[str, Service]) -> None:
        self.said: list[Envelope] = []
        self._services = running
        self._town = Town(running["cases"].database)
        self._organs: dict[str, str] = {}
        self._above = ""
        self._person = ""
        self._case_id = ""

    def prepare(self) -> None:
        """A region, an office for each step, a person, and the bundle."""
        identity = self._services["identity"]
        directory = identity.use_cases_of(Identity)
        with identity.database.begin() as work:
            directory.register_regions(work, [Region("330000", "浙江省"), Region(REGION, "西湖区", "330000")])
            above = Organ("", "浙江省总局", _uscc(9), "330000", Level.PROVINCE)
            self._above = directory.register_organ(work, above).organ_id
            for number, step in enumerate(CODES, 1):
                draft = Organ("", f"西湖区第{number}局", _uscc(number), REGION, Level.COUNTY, self._above)
                self._organs[step] = directory.register_organ(work, draft).organ_id
            person = directory.register_person(work, PersonKind.NATURAL, "李雷", "330106199003071236", 3)
            self._person = person.person_id
        self._settle()
        routing, matters = self._services["routing"], self._services["matters"]
        for step, code in CODES.items():
            with routing.database.begin() as work:
                for organ_id in (self._organs[step], self._above):
                    routing.use_cases_of(Routing).declare(work, organ_id, [code])
        files = {path.relative_to(SCENARIO).as_posix(): path.read_bytes() for path in SCENARIO.rglob("*.*")}
        with matters.database.begin() as work:
            _install(matters.use_cases_of(Matters), work, files, self._organs["permit"])
        self._settle()

    def fail(self) -> None:
        """A permit whose notice cannot be sealed: its office has no seal."""
        self._submit()
        self._complete("permit")

    def grant(self) -> None:
        """A case that is completed."""
        eseal = self._services["eseal"]
        with eseal.database.begin() as work:
            ensure_seal(eseal.use_cases_of(Register), work, self._organs["permit"])
        self._submit()
        self._complete("permit")
        self._complete("inspection")

    def rate(self) -> None:
        """The case that was just completed: its results go out, and one office gets a bad rating, which it answers."""
        self._town.deliver(self._case_id, "窗口", "李雷")
        self._settle()
        self._town.rate(self._case_id, 5, "permit")
        self._settle()
        taken(self._town.answer(completing(self._task("permit"), **RESULT)))
        self._settle()

    def correct(self) -> None:
        """A case whose permit waits for the applicant, and then for a hearing."""
        self._submit()
        taken(self._town.answer(asking(self._task("permit"), field("area", "与图纸不符"))))
        self._settle()
        self._town.correct(self._case_id, {"area": FORM["area"]})
        self._settle()
        hearing = self._task("permit")
        taken(self._town.answer(suspending(hearing)))
        self._settle()
        taken(self._town.answer(resuming(hearing)))
        self._settle()
        self._complete("permit")

    def extend(self) -> None:
        """A permit that needs more time than the law gives by itself."""
        self._submit()
        task = self._task("permit")
        taken(self._town.answer(accepting(task)))
        self._settle()
        taken(self._town.answer(extending(task)))
        self._settle()

    def refuse(self) -> None:
        """A case that is refused after its permit was granted, so that the permit is undone."""
        self._submit()
        self._complete("permit")
        taken(self._town.answer(refusing(self._task("inspection"), "现场不符合条件")))
        self._settle()
        taken(self._town.answer(completing(self._task("permit"), **RESULT)))
        self._settle()

    def visit(self) -> None:
        """A case of which both offices visit the site together before they decide."""
        files = {path.relative_to(SCENARIO).as_posix(): path.read_bytes() for path in SCENARIO.rglob("*.*")}
        manifest = files["scenario.yaml"].decode()
        manifest = manifest.replace("id: contract\n", "id: visited\n").replace("after: [permit], ", "")
        manifest = manifest.replace("undo: none", "undo: task")
        manifest += "visits:\n  - {id: site, name: {zh: 联合踏勘, en: Joint visit}, steps: [permit, inspection]}\n"
        matters = self._services["matters"]
        with matters.database.begin() as work:
            visited = {**files, "scenario.yaml": manifest.encode()}
            _install(matters.use_cases_of(Matters), work, visited, self._organs["permit"])
        self._settle()
        self._submit("visited")
        tasks = [self._task(step) for step in CODES]
        taken(self._town.answer(*map(accepting, tasks), scheduling(tasks[0]), *map(attending, tasks)))
        taken(self._town.answer(*(completing(task, **RESULT) for task in tasks)))
        self._settle()

    def licence(self) -> None:
        """A case whose permit is a licence, revoked when the inspection is refused, which sees one that was there."""
        files = {path.relative_to(SCENARIO).as_posix(): path.read_bytes() for path in SCENARIO.rglob("*.*")}
        manifest = files["scenario.yaml"].decode().replace("id: contract\n", "id: licensed\n")
        manifest += "sources: {contract-permit: {kind: licence, name: {zh: 许可证, en: Permit}}}\n"
        manifest += "materials:\n  - {kind: permit, name: {zh: 许可证, en: Permit}, media_types: [application/pdf], "
        manifest += "given_by: {licence: contract-permit}}\n"
        permit = files["matters/permit.yaml"].decode()
        permit += "licence: {type: contract-permit, fields: {shop: form.name, number: result.permit}}\n"
        permit += "result: {permit: {type: string}}\n"
        inspection = files["matters/inspection.yaml"].decode() + "materials: [permit]\n"
        licensed = {**files, "scenario.yaml": manifest.encode(), "matters/permit.yaml": permit.encode()}
        licensed["matters/inspection.yaml"] = inspection.encode()
        matters, licences = self._services["matters"], self._services["licences"]
        with matters.database.begin() as work:
            _install(matters.use_cases_of(Matters), work, licensed, self._organs["permit"])
        with licences.database.begin() as work:
            types.define(work, contract_permit())
            # Its office has no seal.
            licences.use_cases_of(Licences).issue(
                work, contract_permit(), by_hand(self._organs["inspection"], self._person), "client:x"
            )
        self._settle()
        self._submit("licensed", self._person)
        self._complete("permit")
        taken(self._town.answer(refusing(self._task("inspection"), "现场不符合条件")))
        self._settle()
        taken(self._town.answer(completing(self._task("permit"), **RESULT)))
        self._settle()

    def pass_up(self) -> None:
        """A case of which one office passes its step to the office above it, which completes it."""
        self._submit()
        self._complete("permit")
        self._town.supervise(self._case_id, "inspection")
        self._settle()
        taken(self._town.answer(passing_up(self._task("inspection"))))
        self._settle()
        self._organs["inspection"] = self._above
        self._complete("inspection")

    def _submit(self, bundle_id: str = "contract", applicant_id: str = "") -> None:
        applicant_id = applicant_id or new_id()
        self._case_id = self._town.submit(FORM, [], bundle_id=bundle_id, applicant_id=applicant_id)
        self._settle()

    def _complete(self, step: str) -> None:
        task = self._task(step)
        taken(self._town.answer(accepting(task)))
        self._settle()
        taken(self._town.answer(completing(task, **RESULT)))
        self._settle()

    def _task(self, step: str) -> task_pb2.Task:
        """The task of the present case at a step's office."""
        (task,) = [each for each in self._town.lease(self._organs[step]) if each.case_id == self._case_id]
        return task

    def _settle(self) -> None:
        """Carry events from service to service until there are no more."""
        while waiting := [envelope for service in self._services.values() for envelope in service.take_outbox()]:
            for envelope in waiting:
                self.said.append(envelope)
                for service in self._services.values():
                    if envelope.type in service.types:
                        assert isinstance(service.handle(envelope), Handled)
                        assert service.given_up() == []


def _install(matters: Matters, work: UnitOfWork, files: Mapping[str, bytes], lead: str) -> None:
    matters.install(work, matters.ready(work, made_of(files), lead))


def _uscc(number: int) -> str:
    base = f"11330106MB{number:07d}"
    return f"{base}{uscc.calc_check_digit(base)}"


def journey(folder: Path) -> list[Envelope]:
    """The events of all cases."""
    with services(folder) as running:
        made = Journey(running)
        made.prepare()
        made.fail()
        made.grant()
        made.rate()
        made.extend()
        made.refuse()
        made.visit()
        made.licence()
        made.pass_up()
        made.correct()
        return made.said


def main() -> None:
    """Record, under the name that is given."""
    if len(sys.argv) != 2:
        raise SystemExit(f"{__doc__}\nGive a name, such as the month.")
    with tempfile.TemporaryDirectory() as folder:
        events = journey(Path(folder))
    path = keep(sys.argv[1], FORM, RESULT, events)
    print(f"{len(events)} events of {len({event.type for event in events})} types in {path}")


if __name__ == "__main__":
    main()
