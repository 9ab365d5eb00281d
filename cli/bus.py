"""`duokua bus`: what waits between the services, what is in trouble there, and who repaired what."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import typer

from chassis.settings import Settings
from cli import dead_letters
from cli.asking import PATIENCE_SECONDS, Answer, SomeServices, ask_each, end_unless_all, none_at
from cli.bus_trouble import age, troubles_of
from cli.connection import connect
from cli.options import AsJson
from cli.output import as_dict, enum_name, print_json, print_rows
from duokua.client import Platform
from duokua.operations.v1 import bus_service_pb2

pb = bus_service_pb2
app = typer.Typer()
app.add_typer(dead_letters.app, name="dead")

UNKNOWN = "?"
PAGE = 1000


@app.command()
def status(
    services: SomeServices = None,
    check: Annotated[bool, typer.Option("--check", help="End with status 1 when something needs an operator.")] = False,  # noqa: FBT002 - an option
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Show what waits at each service, and what needs an operator."""
    with connect(Settings()) as platform:
        answers = ask_each(services, lambda service: _status_of(platform, service))
    troubles = {answer.service: _troubles(answer) for answer in answers}
    if json:
        print_json([_as_json(answer, troubles[answer.service]) for answer in answers])
    else:
        rows = [answer.value or pb.BusStatus(service=answer.service) for answer in answers]
        print_rows(rows, _columns(troubles), as_json=False, empty="")
    if check and any(troubles.values()):
        raise typer.Exit(1)


def _status_of(platform: Platform, service: str) -> pb.BusStatus:
    request = pb.GetBusStatusRequest(service=service)
    return platform.bus(service).GetBusStatus(request, timeout=PATIENCE_SECONDS).status


def _troubles(answer: Answer[pb.BusStatus]) -> list[str]:
    return troubles_of(answer.value) if answer.value is not None else [f"its api gives no answer: {answer.why}"]


def _as_json(answer: Answer[pb.BusStatus], troubles: Sequence[str]) -> dict[str, object]:
    found = as_dict(answer.value) if answer.value is not None else None
    return {"service": answer.service, "status": found, "troubles": list(troubles)}


def _columns(troubles: Mapping[str, Sequence[str]]) -> list[tuple[str, Callable[[pb.BusStatus], str]]]:
    """What an operator looks for first; of a service that gave no answer nothing is known but the trouble."""

    def known(value: Callable[[pb.BusStatus], str]) -> Callable[[pb.BusStatus], str]:
        return lambda found: value(found) if found.HasField("at") else UNKNOWN

    return [
        ("service", lambda found: found.service),
        ("outbox", known(lambda found: str(found.outbox.events))),
        ("oldest", known(lambda found: age(found.at, found.outbox.oldest_at) if found.outbox.events else "-")),
        ("held", known(lambda found: str(sum(held.events for held in found.outbox.held)))),
        ("ready", known(lambda found: _queued(found, pb.QUEUE_KIND_MAIN))),
        ("retry", known(lambda found: _queued(found, pb.QUEUE_KIND_RETRY))),
        ("dead", known(lambda found: str(found.dead_letters))),
        ("replays", known(lambda found: str(found.replays_pending))),
        ("trouble", lambda found: "; ".join(troubles[found.service]) or "none"),
    ]


def _queued(found: pb.BusStatus, kind: "pb.QueueKind.ValueType") -> str:
    """The messages in queues of a kind; "-" where the service has none, or has them in its worker's memory."""
    if found.broker == pb.BROKER_STATE_AWAY:
        return UNKNOWN
    queues = [queue.messages for queue in found.queues if queue.kind == kind]
    return str(sum(queues)) if queues else "-"


@app.command()
def repairs(
    services: SomeServices = None,
    last: Annotated[int, typer.Option(min=1, help="So many of each service, the newest.")] = 100,
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """List who replayed or discarded which dead letter and why, newest first."""
    with connect(Settings()) as platform:
        answers = ask_each(services, lambda service: _repairs_of(platform, service, last))
    found = [repair for answer in answers for repair in answer.value or ()]
    found.sort(key=lambda repair: repair.at.ToNanoseconds(), reverse=True)
    columns = [
        ("at", lambda repair: repair.at.ToJsonString()),
        ("service", lambda repair: repair.service),
        ("who", lambda repair: repair.actor),
        ("what", lambda repair: enum_name(repair, "action")),
        ("letter", lambda repair: repair.letter_id),
        ("event", lambda repair: repair.event_type),
        ("why", lambda repair: repair.reason),
    ]
    print_rows(found, columns, as_json=json, empty=none_at(answers, "nothing was repaired"))
    end_unless_all(answers)


def _repairs_of(platform: Platform, service: str, last: int) -> list[pb.Repair]:
    found: list[pb.Repair] = []
    token = ""
    while len(found) < last:
        size = min(PAGE, last - len(found))
        request = pb.ListRepairsRequest(service=service, page_size=size, page_token=token)
        answer = platform.bus(service).ListRepairs(request, timeout=PATIENCE_SECONDS)
        found.extend(answer.repairs)
        token = answer.next_page_token
        if not token:
            break
    return found
