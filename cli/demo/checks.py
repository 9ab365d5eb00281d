"""The books are balanced: the platform's record against the offices' ledgers, the inbox, the webhooks, the history."""

import json
from collections import Counter
from typing import Any

from cli.demo.licences import held
from cli.demo.story import Scene
from cli.demo.waiting import LateError, until
from cli.demo.world import LEAD
from cli.history import first_broken
from cli.output import as_dict, enum_name, every_page
from duokua.cases.v1 import case_pb2
from duokua.notify.v1 import notify_service_pb2

CASE_EVENTS = {case_pb2.CASE_STATUS_COMPLETED: "CaseCompleted", case_pb2.CASE_STATUS_UNDONE: "CaseUndone"}
# What becomes of the licence that a case's approval made.
LICENCE_WORDS = {case_pb2.CASE_STATUS_COMPLETED: "valid", case_pb2.CASE_STATUS_UNDONE: "revoked"}
# What an office must have in its ledger for a step that ended so.
ACTS = {
    case_pb2.STEP_STATUS_COMPLETED: ("handled",),
    case_pb2.STEP_STATUS_UNDONE: ("handled", "undone"),
    case_pb2.STEP_STATUS_REFUSED: ("refused",),
}
# What the applicant is told of a step that ended so, besides its acceptance.
STEP_EVENTS = {
    case_pb2.STEP_STATUS_COMPLETED: ("StepCompleted",),
    case_pb2.STEP_STATUS_UNDONE: ("StepCompleted", "StepUndone"),
    case_pb2.STEP_STATUS_REFUSED: ("StepRefused",),
}


def balance(scene: Scene) -> None:
    """Make all the checks that look at the run as a whole."""
    _ledgers(scene)
    for case in scene.ended:
        _history(scene, case)
    _inbox(scene)
    _webhooks(scene)
    _licences(scene)
    _cases(scene)


def _ledgers(scene: Scene) -> None:
    """Each completed step was handled once, each undone step undone once, and nothing else was ever done."""
    expected = Counter(
        (scene.world.organs_key(step.organ_id), case.case_number, step.step_id, act)
        for case in scene.ended
        for step in case.steps
        for act in ACTS.get(step.status, ())
    )
    found = Counter(
        (key, entry["case_number"], entry["step_id"], entry["act"])
        for key, system in scene.systems.items()
        for entry in system.ledger()
    )
    _compare(scene, "the offices' ledgers agree with the platform: each step done once, undone once", found, expected)


def _history(scene: Scene, case: case_pb2.Case) -> None:
    entries = scene.history(case)
    broken = first_broken(case.case_id, entries)
    path = scene.folder / "histories" / f"{case.case_number[31:]}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps([as_dict(entry) for entry in entries], ensure_ascii=False, indent=2), "utf-8")
    scene.report.histories.append(str(path))
    name = f"the history of case {case.case_number[31:]} is a whole chain"
    detail = f"{len(entries)} entries" if broken is None else f"broken at entry {broken}"
    scene.report.check(name, broken is None and len(entries) == case.version, f"{detail}, version {case.version}")
    scene.show.say(f"History of {case.case_number[31:]}: {detail}, each chained to the one before", ok=broken is None)


def _inbox(scene: Scene) -> None:
    """The applicant was told of everything once."""
    expected = Counter(
        (case.case_number, event)
        for case in scene.ended
        for event in ("CaseSubmitted", CASE_EVENTS[case.status], *_step_events(case.steps))
    )

    def found() -> Counter[tuple[str, str]]:
        messages = every_page(
            lambda token: scene.applicant.notify.ListMessages(
                notify_service_pb2.ListMessagesRequest(page_size=1000, page_token=token)
            ),
            lambda answer: answer.messages,
        )
        numbers = {case.case_number for case in scene.ended}
        return Counter(
            (each.case_number, each.event_type.rpartition(".")[2]) for each in messages if each.case_number in numbers
        )

    _settled(lambda: found() >= expected)
    inbox = found()
    _compare(scene, "the applicant was told of every event, once", inbox, expected)
    scene.report.notifications["inbox"] = inbox.total()


def _step_events(steps: Any) -> list[str]:
    told = [event for step in steps for event in STEP_EVENTS.get(step.status, ())]
    return told + ["StepAccepted" for step in steps if step.status in STEP_EVENTS]


def _webhooks(scene: Scene) -> None:
    """The lead office's system was told of its steps and of the cases' ends; the same message twice has the same id."""
    lead = scene.world.organs[LEAD.key]
    expected = Counter(
        (case.case_number, event)
        for case in scene.ended
        for event in (
            CASE_EVENTS[case.status],
            *_step_events([step for step in case.steps if step.organ_id == lead]),
        )
    )

    def found() -> Counter[tuple[str, str]]:
        entries = scene.systems[LEAD.key].webhooks()
        messages = {entry["id"]: entry["message"] for entry in entries if entry["verified"]}
        return Counter((each["data"]["case_number"], each["type"].rpartition(".")[2]) for each in messages.values())

    _settled(lambda: found() >= expected)
    received = scene.systems[LEAD.key].webhooks()
    _compare(scene, "the webhook was told of every event, once", found(), expected)
    scene.report.check("every webhook was signed with the office's secret", all(each["verified"] for each in received))
    scene.report.notifications["webhooks"] = found().total()
    scene.report.notifications["webhook_posts"] = len(received)


def _licences(scene: Scene) -> None:
    """Each approval made one licence, which is good as long as nothing is undone."""
    numbers = {case.case_id: case.case_number for case in scene.ended}
    expected = Counter((case.case_number, LICENCE_WORDS[case.status]) for case in scene.ended)

    def found() -> Counter[tuple[str, str]]:
        licences = [each for each in held(scene.applicant) if each.case_id in numbers]
        return Counter((numbers[each.case_id], enum_name(each, "status")) for each in licences)

    _settled(lambda: found() >= expected)
    _compare(scene, "each approval made one licence, revoked where it was undone", found(), expected)


def _cases(scene: Scene) -> None:
    for case in scene.ended:
        scene.report.cases.append(
            {
                "case_id": case.case_id,
                "case_number": case.case_number,
                "status": case_pb2.CaseStatus.Name(case.status).removeprefix("CASE_STATUS_").lower(),
                "refusal_reason": case.refusal_reason,
                "seconds": round((case.ended_at.ToNanoseconds() - case.submitted_at.ToNanoseconds()) / 1e9, 3),
                "version": case.version,
                "steps": [
                    {
                        "step_id": step.step_id,
                        "name": step.name,
                        "status": case_pb2.StepStatus.Name(step.status).removeprefix("STEP_STATUS_").lower(),
                        "office": step.organ_name,
                        "routing_reason": step.routing_reason,
                        "attempt": step.attempt,
                        "document_id": step.document_id,
                    }
                    for step in case.steps
                ],
            }
        )


def _settled(condition: Any) -> None:
    """Give what is told by events its time; what is still missing then, the comparison names."""
    try:
        until(condition, "all messages", 15)
    except LateError:
        return


def _compare(scene: Scene, name: str, found: Counter[Any], expected: Counter[Any]) -> None:
    missing, beyond = expected - found, found - expected
    detail = f"{found.total()} in all"
    if missing or beyond:
        detail = f"missing {dict(missing)}, too many {dict(beyond)}"
    scene.report.check(name, not missing and not beyond, detail)
    scene.show.say(f"{name[0].upper()}{name[1:]}: {detail}", ok=not missing and not beyond)
