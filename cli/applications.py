"""`duokua case correct`, `withdraw`: what an applicant does to a case, through a portal's client.

They read the environment that `duokua client register --role portal` printed, and act for the person that is named.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from chassis.clock import new_id
from cli.application_file import read_object
from cli.handing_in import hand_in, option
from cli.options import AsJson
from cli.output import as_dict, print_json, print_rows, say
from duokua.cases.v1 import case_pb2, case_service_pb2
from duokua.client import Platform
from duokua.data import to_struct

pb = case_service_pb2
CaseId = Annotated[str, typer.Argument(help="The case's id or number.")]
Person = Annotated[str, typer.Option(help="The person who does it: an id.")]
Principal = Annotated[str, typer.Option("--for", help="The person or firm for whom, under a mandate: an id.")]
MaterialOptions = Annotated[list[str] | None, typer.Option(metavar="KIND=FILE", help="A material; may be repeated.")]

_COLUMNS = [
    ("step", lambda request: request.step_id),
    ("office", lambda request: request.organ_name or request.organ_id),
    ("what", lambda request: _what(request.items[0])),
    ("why", lambda request: request.items[0].reason),
]


def withdraw(
    case_id: CaseId,
    reason: Annotated[str, typer.Option(help="Why, for the offices and the history.")],
    person: Person,
    principal: Principal = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Take a case back for its applicant; what was done is undone."""
    with Platform.from_env() as portal:
        request = pb.WithdrawCaseRequest(request_id=new_id(), case_id=case_id, reason=reason)
        case = portal.acting_for(person, principal or None).cases.WithdrawCase(request).case
    _told(case, "is withdrawn", as_json=json)


def correct(
    case_id: CaseId,
    person: Person,
    form: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A JSON file: the form, or what was asked for of it."),
    ] = None,
    material: MaterialOptions = None,
    principal: Principal = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Supply what offices ask for; without --form and --material, show what that is."""
    files = [option(each) for each in material or ()]
    changes = read_object(form) if form else {}
    with Platform.from_env() as portal:
        session = portal.acting_for(person, principal or None)
        case = session.cases.GetCase(pb.GetCaseRequest(case_id=case_id)).case
        if not form and not files:
            _show(case, as_json=json)
            return
        request = pb.CorrectCaseRequest(
            request_id=new_id(),
            case_id=case_id,
            correction_no=_open(case).correction_no,
            form=to_struct(changes, "the form"),
            materials=hand_in(session, files),
        )
        case = session.cases.CorrectCase(request).case
    _told(case, "has what was asked for; its offices go on", as_json=json)


def _told(case: case_pb2.Case, words: str, *, as_json: bool) -> None:
    if as_json:
        print_json(as_dict(case))
    else:
        say(f"case {case.case_number} {words}")


def _open(case: case_pb2.Case) -> case_pb2.Correction:
    """What is asked for now; raises ValueError when that is nothing."""
    for correction in reversed(case.corrections):
        if correction.status == case_pb2.CORRECTION_STATUS_OPEN:
            return correction
    message = f"nothing is asked for in case {case.case_number}"
    raise ValueError(message)


def _show(case: case_pb2.Case, *, as_json: bool) -> None:
    asked: Sequence[case_pb2.Correction] = [
        each for each in case.corrections if each.status == case_pb2.CORRECTION_STATUS_OPEN
    ]
    if as_json:
        print_json([as_dict(each) for each in asked])
        return
    rows = [_single(request, item) for each in asked for request in each.requests for item in request.items]
    print_rows(rows, _COLUMNS, as_json=False, empty=f"nothing is asked for in case {case.case_number}")
    for each in asked:
        if each.clock.HasField("due_at"):
            say(f"until {each.clock.due_at.ToJsonString()}; after that the case is handed back")


def _single(request: case_pb2.CorrectionRequest, item: case_pb2.CorrectionItem) -> case_pb2.CorrectionRequest:
    """A row of the table: a request for one thing."""
    return case_pb2.CorrectionRequest(
        step_id=request.step_id, organ_id=request.organ_id, organ_name=request.organ_name, items=[item]
    )


def _what(item: case_pb2.CorrectionItem) -> str:
    return f"form {item.field}" if item.field else f"material {item.material}"
