"""The three cases of the demo."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.demo import filing
from cli.demo.crew import System
from cli.demo.documents import GENUINE, REVOKED, check_altered, collect, verdict_on, word
from cli.demo.follow import ended, follow, step_of
from cli.demo.licences import collect_licence
from cli.demo.report import Report
from cli.demo.show import Show, english
from cli.demo.waiting import until
from cli.demo.world import CITY_URBAN, FIRE, LEAD, URBAN, World, explain
from cli.output import every_page
from cli.supervise import Supervisor
from duokua.cases.v1 import case_pb2, case_service_pb2
from duokua.client import Platform, Session
from duokua.notify.v1 import notify_service_pb2

FOOD, SIGN = "food-licence", "outdoor-sign"
FOOD_MATTER, SIGN_MATTER, FIRE_MATTER = LEAD.matters[1], URBAN.matters[0], FIRE.matters[0]
COMPLETED, UNDONE = case_pb2.CASE_STATUS_COMPLETED, case_pb2.CASE_STATUS_UNDONE


@dataclass(slots=True)
class Scene:
    """Everybody who takes part, and where it is told."""

    operator: Platform
    applicant: Session
    systems: dict[str, System]
    supervisor: Supervisor
    world: World
    show: Show
    report: Report
    folder: Path
    ended: list[case_pb2.Case] = field(default_factory=list)
    """The cases as they ended."""

    def submit(self, form: dict[str, Any]) -> str:
        """Hand in an application and return the case's id."""
        return self.applicant.cases.SubmitCase(filing.application(self.world.bundle, form)).case.case_id

    def follow(self, case_id: str, wanted: Callable[[case_pb2.Case], bool]) -> case_pb2.Case:
        """Show a case until it is as wanted."""
        return follow(self.applicant, case_id, self.show, wanted)

    def history(self, case: case_pb2.Case) -> list[case_pb2.HistoryEntry]:
        """All that happened to a case, oldest first."""
        return every_page(
            lambda token: self.applicant.cases.GetHistory(
                case_service_pb2.GetHistoryRequest(case_id=case.case_id, page_token=token)
            ),
            lambda answer: answer.entries,
        )

    def end(self, case_id: str) -> case_pb2.Case:
        """Show a case until it has ended."""
        case = self.follow(case_id, ended)
        self.show.settle()
        self.ended.append(case)
        return case


def everything_is_granted(scene: Scene) -> None:
    """Five matters, three offices, side by side where they can be; every result a sealed notice."""
    scene.show.title("一 · One thing: five matters, three offices, one application")
    case = scene.end(scene.submit(filing.large_restaurant()))
    _tell_routes(scene, case)
    report = scene.report
    report.same("the first case is completed", case.status, COMPLETED)
    report.check("its steps ran in the order of the plan", _in_order(scene, case), _times(case))
    documents = collect(scene.applicant, case, scene.folder / "documents", report)
    report.same("four notices were sealed", len(documents), 4)
    report.documents += documents
    for document in documents:
        scene.show.say(f"{document.title}: {document.sealed_by}, {document.verdict}", ok=document.verdict == "genuine")
    licence = collect_licence(scene.applicant, case, scene.folder / "documents", report)
    told = f"{licence.title}, held by the applicant: {licence.sealed_by}, {licence.verdict}"
    scene.show.say(told, ok=licence.verdict == GENUINE)
    if documents:
        check_altered(scene.applicant, documents, report)


def fire_safety_refuses(scene: Scene) -> None:
    """What was granted meanwhile is undone, latest first, and its notices are void."""
    show, report = scene.show, scene.report
    show.title("二 · A refusal: what was granted is undone, latest first")
    scene.systems["fire"].tell(f"hold {FIRE_MATTER}")
    case_id = scene.submit(filing.basement_restaurant())
    granted = scene.follow(case_id, lambda case: all(_sealed(case, step_id) for step_id in (FOOD, SIGN)))
    documents = collect(scene.applicant, granted, scene.folder / "documents", report)
    scene.systems["fire"].tell(f"release {FIRE_MATTER}")
    case = scene.end(case_id)
    told = _told_why(scene, case)
    show.say(f"To the applicant: {told.partition(chr(10))[0]}")
    report.same("the second case is undone", case.status, UNDONE)
    why = case.refusal_reason
    report.check("the applicant is told why", "地下" in why and why in told, told)
    _check_undo(scene, case)
    for document in documents:
        verdict = word(verdict_on(scene.applicant, Path(document.path).read_bytes()).verdict)
        report.same(f"notice {document.step_id} of the second case is revoked", verdict, REVOKED)
        show.say(f"{document.title}: {verdict}", ok=verdict == REVOKED)
        document.verdict = verdict
        report.documents.append(document)


def the_platform_is_killed(scene: Scene) -> None:
    """SIGKILL to all of its processes while offices work; their answers fall into the gap."""
    show, report = scene.show, scene.report
    show.title("三 · SIGKILL in the middle: nothing lost, nothing done twice")
    scene.systems["market"].tell(f"hold {FOOD_MATTER}")
    scene.systems["urban"].tell(f"hold {SIGN_MATTER}")
    scene.systems["fire"].tell(f"hold {FIRE_MATTER}")
    case_id = scene.submit(filing.second_restaurant())
    scene.follow(case_id, lambda case: all(_accepted(case, step_id) for step_id in (FOOD, SIGN, "fire-safety")))
    show.settle()
    killed_at = time.monotonic()
    killed = scene.supervisor.kill()
    show.say("Killed with SIGKILL: " + ", ".join(f"{name} {pid}" for name, pid in killed.items()))
    # The offices decide while the platform is away: their answers have to reach it later.
    scene.systems["market"].tell(f"release {FOOD_MATTER}")
    scene.systems["urban"].tell(f"release {SIGN_MATTER}")
    scene.systems["fire"].tell(f"release {FIRE_MATTER}")
    with show.stage("The processes are started again"):
        scene.supervisor.wait_restarted(killed)
    ready = time.monotonic() - killed_at
    case = scene.end(case_id)
    report.same("the third case is completed", case.status, COMPLETED)
    running = scene.supervisor.pids()
    report.check("every killed process runs again", all(running[name] != pid for name, pid in killed.items()))
    report.documents += collect(scene.applicant, case, scene.folder / "documents", report)
    report.recovery = {
        "killed": killed,
        "started": running,
        "seconds_to_ready": round(ready, 2),
        "seconds_to_completed": round(time.monotonic() - killed_at, 2),
        "case_number": case.case_number,
    }


def _tell_routes(scene: Scene, case: case_pb2.Case) -> None:
    """Why each office got its step; fire safety went up the tree, and the city was passed over for the sign."""
    for step in case.steps:
        scene.show.say(f"{english(step.step_id)}: {step.routing_reason}")
    explained = explain(scene.operator, scene.world, SIGN)
    for office in explained.passed_over:
        scene.show.say(f"{english(SIGN)}, not {office.organ_name}: {office.reason}")
    offices = {step.step_id: scene.world.organs_key(step.organ_id) for step in case.steps}
    wanted = {"check-licence": LEAD, FOOD: LEAD, SIGN: URBAN, "fire-safety": FIRE, "deliver-results": LEAD}
    scene.report.same("each step went to its office", offices, {step: office.key for step, office in wanted.items()})
    passed_over = [scene.world.organs_key(office.organ_id) for office in explained.passed_over]
    scene.report.same("routing says whom it passed over", passed_over, [CITY_URBAN.key])


def _told_why(scene: Scene, case: case_pb2.Case) -> str:
    """The message in the applicant's inbox that tells of the end of a refused case."""

    def found() -> list[str]:
        request = notify_service_pb2.ListMessagesRequest(page_size=1000)
        return [
            message.body
            for message in scene.applicant.notify.ListMessages(request).messages
            if message.case_id == case.case_id and message.event_type.endswith(".CaseUndone")
        ]

    until(lambda: bool(found()), "the message that the case could not be granted")
    return found()[0]


def _accepted(case: case_pb2.Case, step_id: str) -> bool:
    return step_of(case, step_id).status == case_pb2.STEP_STATUS_ACCEPTED


def _sealed(case: case_pb2.Case, step_id: str) -> bool:
    return step_of(case, step_id).notice_status == case_pb2.NOTICE_STATUS_SEALED


def _in_order(scene: Scene, case: case_pb2.Case) -> bool:
    done = {step.step_id: step.completed_at.ToNanoseconds() for step in case.steps if step.HasField("completed_at")}
    return all(
        done[before] <= done[step.step_id]
        for step in scene.world.bundle.steps
        for before in step.after
        if {before, step.step_id} <= done.keys()
    )


def _times(case: case_pb2.Case) -> str:
    return ", ".join(f"{step.step_id} {step.completed_at.ToJsonString()}" for step in case.steps)


def _check_undo(scene: Scene, case: case_pb2.Case) -> None:
    """The platform undid what it had noted as completed last first, as the offices' own ledgers tell."""
    # By the history: two steps may have been completed in the same millisecond.
    done = [str(entry.input["task_id"]).split(":") for entry in scene.history(case) if entry.kind == "completed"]
    completed = [step_id for _, step_id, turn in done if step_id in (FOOD, SIGN) and not turn.startswith("u")]
    acts = [entry for system in scene.systems.values() for entry in system.ledger()]
    undone = sorted(
        (act for act in acts if act["act"] == "undone" and act["case_number"] == case.case_number),
        key=lambda act: str(act["at"]),
    )
    expected = completed[::-1]
    scene.report.same("the undo tasks came latest first", [act["step_id"] for act in undone], expected)
    statuses = {step.step_id: case_pb2.StepStatus.Name(step.status).removeprefix("STEP_STATUS_") for step in case.steps}
    wanted = {
        "check-licence": "COMPLETED",
        FOOD: "UNDONE",
        SIGN: "UNDONE",
        "fire-safety": "REFUSED",
        "deliver-results": "CANCELLED",
    }
    scene.report.same("each step of the second case ended as it should", statuses, wanted)
    offices = {step.step_id: step.organ_name for step in case.steps}
    for act in undone:
        scene.report.undo.append(
            {
                "case_number": case.case_number,
                "step_id": act["step_id"],
                "office": offices[act["step_id"]],
                "at": act["at"],
            }
        )
        scene.show.say(f"{offices[act['step_id']]} undid {english(act['step_id']).lower()}", ok=True)
