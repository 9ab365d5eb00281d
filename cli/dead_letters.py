"""`duokua bus dead`: events that services gave up, to be looked at, handled once more, or given up for good."""

import base64
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console

from chassis.settings import Settings
from cli.asking import OneService, Service, SomeServices, ask_each, end_unless_all, none_at
from cli.connection import connect
from cli.event_bodies import decoded
from cli.options import AsJson
from cli.output import as_dict, as_json_text, counted, enum_name, every_page, print_json, print_rows, say, say_lines
from cli.replays import Ask, Outcome, await_replays, repair_all
from duokua.client import Platform
from duokua.errors import DuokuaError
from duokua.operations.v1 import bus_service_pb2

pb = bus_service_pb2
app = typer.Typer(no_args_is_help=True, help="Dead letters, events that services gave up: list, show, replay, discard.")
errors = Console(stderr=True)

Letters = Annotated[list[str] | None, typer.Argument(metavar="LETTER...", help="Ids of dead letters.")]
Everything = Annotated[bool, typer.Option("--all", help="All of the service, instead of LETTER.")]
WithReason = Annotated[str, typer.Option("--with-reason", help="Those given up for this reason, such as UNROUTABLE.")]
OfType = Annotated[str, typer.Option("--type", help="Those of this event type.")]
Why = Annotated[str, typer.Option("--reason", help="Why, for the record.")]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters of a service a command is for: named ones, or those that are there and fit."""

    service: str
    named: Sequence[str]
    with_reason: str
    event_type: str

    def ids(self, platform: Platform) -> list[str]:
        """Their ids, those that were parked first come first."""
        if self.named:
            return list(self.named)
        return [letter.letter_id for letter in _letters(platform, self.service, self.with_reason, self.event_type)]


def _selection(
    service: Service,
    named: Sequence[str] | None,
    everything: bool,  # noqa: FBT001 - an option
    with_reason: str,
    event_type: str,
) -> Selection:
    if sum(map(bool, (named, everything, with_reason or event_type))) != 1:
        raise typer.BadParameter("name letters, or say --all, or choose by --with-reason and --type")
    return Selection(service.value, named or (), with_reason, event_type)


@app.command(name="list")
def list_letters(
    services: SomeServices = None,
    with_reason: WithReason = "",
    event_type: OfType = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """List dead letters; of each service those that were parked first come first."""
    with connect(Settings()) as platform:
        answers = ask_each(services, lambda service: _letters(platform, service, with_reason, event_type))
    found = [letter for answer in answers for letter in answer.value or ()]
    _print_letters(found, as_json=json, empty=none_at(answers, "there are no dead letters"))
    end_unless_all(answers)


def _letters(
    platform: Platform, service: str, with_reason: str = "", event_type: str = "", letter_ids: Sequence[str] = ()
) -> list[pb.DeadLetter]:
    request = pb.ListDeadLettersRequest(
        service=service, page_size=1000, reason=with_reason, event_type=event_type, letter_ids=letter_ids
    )

    def page(token: str) -> pb.ListDeadLettersResponse:
        request.page_token = token
        return platform.bus(service).ListDeadLetters(request)

    return every_page(page, lambda answer: answer.dead_letters)


def _print_letters(found: Sequence[pb.DeadLetter], *, as_json: bool, empty: str) -> None:
    columns = [
        ("service", lambda letter: letter.service),
        ("letter", lambda letter: letter.letter_id),
        ("parked", lambda letter: letter.parked_at.ToJsonString()),
        ("event", lambda letter: letter.event_type),
        ("subject", lambda letter: letter.subject),
        ("attempts", lambda letter: str(letter.attempts)),
        ("state", lambda letter: "to be replayed" if letter.HasField("replay_requested_at") else "parked"),
        ("reason", lambda letter: letter.reason),
        ("message", lambda letter: letter.message),
    ]
    print_rows(found, columns, as_json=as_json, empty=empty)


@app.command()
def show(
    service: OneService,
    letter: Annotated[str, typer.Argument(metavar="LETTER", help="The dead letter's id.")],
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Show a dead letter whole: why it was given up, the stack, and the event itself."""
    with connect(Settings()) as platform:
        request = pb.GetDeadLetterRequest(service=service, letter_id=letter)
        found = platform.bus(service.value).GetDeadLetter(request).dead_letter
    event = decoded(found.event_type, found.body)
    if json:
        print_json({**as_dict(found), "event": event})
    else:
        _print_letter(found, event)


def _print_letter(found: pb.DeadLetter, event: dict[str, Any] | None) -> None:
    attributes = {
        "letter": found.letter_id,
        "service": found.service,
        "direction": enum_name(found, "direction"),
        "event": found.event_type,
        "id": found.event_id,
        "source": found.source,
        "subject": found.subject,
        "time": found.time,
        "traceparent": found.traceparent,
        "attempts": str(found.attempts),
        "parked": found.parked_at.ToJsonString(),
        "to be replayed since": found.replay_requested_at.ToJsonString()
        if found.HasField("replay_requested_at")
        else "",
        "reason": found.reason,
        "message": found.message,
    }
    for name, value in attributes.items():
        if value:
            say(f"{name}: {value}")
    if found.stack:
        say_lines(f"stack:\n{found.stack.rstrip()}")
    if event is not None:
        say_lines(f"body ({found.body_bytes} bytes):\n{as_json_text(event)}")
    else:
        say(f"body ({found.body_bytes} bytes), which is no {found.event_type or 'event'} known here, in base64:")
        say(base64.b64encode(found.body).decode())


@app.command()
def replay(  # noqa: PLR0913 - options
    service: OneService,
    letters: Letters = None,
    *,
    reason: Why,
    everything: Everything = False,
    with_reason: WithReason = "",
    event_type: OfType = "",
    wait: Annotated[bool, typer.Option("--wait", help="Wait until they are handled, or given up again.")] = False,
    seconds: Annotated[float, typer.Option(min=0, help="With --wait: so long at most.")] = 60.0,
    json: AsJson = False,
) -> None:
    """Have dead letters handled (or sent) once more. What fails again is a dead letter again."""
    selection = _selection(service, letters, everything, with_reason, event_type)
    with connect(Settings()) as platform:

        def repair(letter_ids: Sequence[str]) -> Sequence[pb.DeadLetter]:
            request = pb.ReplayDeadLettersRequest(service=service, letter_ids=letter_ids, reason=reason)
            return platform.bus(selection.service).ReplayDeadLetters(request).dead_letters

        replayed = _repaired(selection, selection.ids(platform), repair, "replayed")
        received = [letter.letter_id for letter in replayed if letter.direction == pb.DIRECTION_RECEIVED]
        outcome = _await(platform, service, received, seconds) if wait else None
    if json:
        ids = [letter.letter_id for letter in replayed]
        print_json({"replayed": ids, "outcome": None if outcome is None else _outcome_as_dict(outcome)})
    else:
        _tell_replayed(service, len(received), len(replayed) - len(received))
        _tell_outcome(outcome)
    if outcome is not None and (outcome.failed or outcome.waiting):
        raise typer.Exit(1)


def _repaired(selection: Selection, ids: Sequence[str], repair: Ask, verb: str) -> list[pb.DeadLetter]:
    """Repair letters; when it stops half-way it is told how far it came."""
    done: list[pb.DeadLetter] = []
    try:
        for repaired in repair_all(ids, repair, may_be_gone=not selection.named):
            done.extend(repaired)
    except DuokuaError:
        if done:
            say(f"{counted(len(done), 'dead letter')} of {selection.service} {verb} before this error:", errors)
        raise
    return done


def _await(platform: Platform, service: str, ids: Sequence[str], seconds: float) -> Outcome:
    with errors.status("waiting") as progress:

        def note(outcome: Outcome) -> None:
            progress.update(f"waiting: {len(outcome.waiting)} of {len(ids)} left")

        return await_replays(ids, lambda some: _letters(platform, service, letter_ids=some), seconds, note)


def _tell_replayed(service: str, received: int, sent: int) -> None:
    if received or not sent:
        say(f"{counted(received, 'dead letter')} of {service} to be handled once more")
    if sent:
        say(f"{counted(sent, 'dead letter')} of {service} back in the outbox, to be sent once more")


def _tell_outcome(outcome: Outcome | None) -> None:
    if outcome is None:
        return
    if outcome.done:
        say(f"{counted(len(outcome.done), 'event')} handled")
    if outcome.failed:
        say(f"{counted(len(outcome.failed), 'event')} given up again:")
        _print_letters(outcome.failed, as_json=False, empty="")
    if outcome.waiting:
        say(f"{counted(len(outcome.waiting), 'event')} not handled yet (does the worker run?):")
        for letter_id in outcome.waiting:
            say(letter_id)


def _outcome_as_dict(outcome: Outcome) -> dict[str, Any]:
    failed = [as_dict(letter) for letter in outcome.failed]
    return {"done": outcome.done, "failed": failed, "waiting": outcome.waiting}


@app.command()
def discard(
    service: OneService,
    letters: Letters = None,
    *,
    reason: Why,
    everything: Everything = False,
    with_reason: WithReason = "",
    event_type: OfType = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, on a terminal, whether that is meant.")] = False,
    json: AsJson = False,
) -> None:
    """Give dead letters up for good: their events never have an effect."""
    selection = _selection(service, letters, everything, with_reason, event_type)
    with connect(Settings()) as platform:
        ids = selection.ids(platform)
        if ids and not yes and sys.stdin.isatty():
            typer.confirm(f"Discard {counted(len(ids), 'dead letter')} of {service} for good?", abort=True, err=True)

        def repair(letter_ids: Sequence[str]) -> Sequence[pb.DeadLetter]:
            request = pb.DiscardDeadLettersRequest(service=service, letter_ids=letter_ids, reason=reason)
            return platform.bus(selection.service).DiscardDeadLetters(request).dead_letters

        discarded = _repaired(selection, ids, repair, "discarded")
    if json:
        print_json({"discarded": [letter.letter_id for letter in discarded]})
    else:
        say(f"{counted(len(discarded), 'dead letter')} of {service} discarded")
