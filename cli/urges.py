"""`duokua case urge`, `case urges` and `case extend`: reminding offices, how often, more time for them."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.clock import new_id
from chassis.settings import Settings
from cli.case_view import amount_of, due_of
from cli.connection import connect
from cli.options import AsJson
from cli.organs import all_organs
from cli.output import as_dict, every_page, print_json, print_rows, say
from duokua.cases.v1 import case_pb2, supervision_service_pb2

pb = supervision_service_pb2
_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


def urge(
    case_id: Annotated[str, typer.Argument(help="The case's id or number.")],
    step: Annotated[str, typer.Argument(help="The step.")],
    reason: Annotated[str, typer.Option(help="Why, for the office, its superior and the history.")],
    supervise: Annotated[bool, typer.Option("--supervise", help="Have its superior told too (督办).")] = False,  # noqa: FBT002 - an option
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Remind the office of a step (催办), or have the organ above it told."""
    kind = case_pb2.URGE_KIND_SUPERVISE if supervise else case_pb2.URGE_KIND_URGE
    request = pb.UrgeStepRequest(request_id=new_id(), case_id=case_id, step_id=step, kind=kind, reason=reason)
    with connect(Settings()) as platform:
        told = platform.supervision.UrgeStep(request).urge
        names = {} if json else {organ.organ_id: organ.name for organ in all_organs(platform)}
    if json:
        print_json(as_dict(told))
        return
    office = names.get(told.organ_id, told.organ_id) or "nobody yet: the operators"
    above = names.get(told.superior_id, told.superior_id)
    say(f"told about {step}: {office}" + (f", and above it {above}" if above else ""))


def extend(
    case_id: Annotated[str, typer.Argument(help="The case's id or number.")],
    amount: Annotated[int, typer.Option(min=1, max=1_000_000, help="By how much, in the unit of the limit.")],
    reason: Annotated[str, typer.Option(help="Why, for the applicant and the history.")],
    authority: Annotated[str, typer.Option(help="Who gave leave, such as the head of the organ.")],
    step: Annotated[str, typer.Option(help="The limit of this step; without it that of the whole case.")] = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Extend the statutory limit of a case or of a step (延长), once and before it has passed."""
    request = pb.ExtendLimitRequest(
        request_id=new_id(), case_id=case_id, step_id=step, amount=amount, reason=reason, authority=authority
    )
    with connect(Settings()) as platform:
        clock = platform.supervision.ExtendLimit(request).clock
    if json:
        print_json(as_dict(clock))
        return
    say(f"{step or 'the case'} has {amount_of(clock, clock.allowed)} now, {due_of(clock)}")


def urges(
    begins: Annotated[
        datetime | None, typer.Option("--from", formats=_FORMATS, help="From this moment on, in UTC.")
    ] = None,
    ends: Annotated[datetime | None, typer.Option("--until", formats=_FORMATS, help="Before this moment.")] = None,
    organ: Annotated[str, typer.Option(help="Of one office only.")] = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Count how often each office was urged and supervised, and how many steps it was late with."""
    with connect(Settings()) as platform:
        found = every_page(
            lambda token: platform.supervision.CountUrges(
                pb.CountUrgesRequest(
                    page_size=1000,
                    page_token=token,
                    begins_at=_stamp(begins),
                    ends_at=_stamp(ends),
                    organ_id=organ,
                )
            ),
            lambda answer: answer.counts,
        )
    columns = [
        ("office", lambda count: count.organ_id),
        ("name", lambda count: count.organ_name),
        ("urged", lambda count: str(count.urges)),
        ("supervised", lambda count: str(count.supervisions)),
        ("by a clock", lambda count: str(count.automatic)),
        ("late steps", lambda count: str(count.late_steps)),
    ]
    print_rows(found, columns, as_json=json, empty="no office was urged")


def _stamp(at: datetime | None) -> Timestamp | None:
    if at is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(at.replace(tzinfo=UTC))
    return stamp
