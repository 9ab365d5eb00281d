"""`duokua case submit`, `correct`, `withdraw`: what an applicant does, through a portal's client.

They read the environment that `duokua client register --role portal` printed, and act for the person that is named.
"""

import json as json_text
import mimetypes
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from chassis.clock import new_id
from cli.options import AsJson
from cli.output import as_dict, print_json, print_rows, say
from duokua.cases.v1 import case_pb2, case_service_pb2
from duokua.client import Platform, Session
from duokua.data import to_struct

pb = case_service_pb2
CaseId = Annotated[str, typer.Argument(help="The case's id or number.")]
Person = Annotated[str, typer.Option(help="The person who does it: an id.")]
Principal = Annotated[str, typer.Option("--for", help="The person or firm for whom, under a mandate: an id.")]

LARGEST_INSIDE = 1_000_000
"""Bytes of a material that goes within the message; a message takes 20 of them."""

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


def submit(
    bundle_id: Annotated[str, typer.Argument(help="The bundle, such as open-restaurant.")],
    person: Person,
    form: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="A JSON file: the form.")],
    material: Annotated[
        list[str] | None, typer.Option(metavar="KIND=FILE", help="A material; may be repeated.")
    ] = None,
    principal: Principal = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Submit an application; large materials are uploaded first."""
    files = [_file(each) for each in material or ()]
    filled = to_struct(_form(form), "the form")
    with Platform.from_env() as portal:
        session = portal.acting_for(person, principal or None)
        materials = [_material(session, *each) for each in files]
        request = pb.SubmitCaseRequest(request_id=new_id(), bundle_id=bundle_id, form=filled, materials=materials)
        case = session.cases.SubmitCase(request).case
    _told(case, "is submitted", as_json=json)


def correct(
    case_id: CaseId,
    person: Person,
    form: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A JSON file: the form, or what was asked for of it."),
    ] = None,
    material: Annotated[
        list[str] | None, typer.Option(metavar="KIND=FILE", help="A material that was asked for; may be repeated.")
    ] = None,
    principal: Principal = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Supply what offices ask for; without --form and --material, show what that is."""
    files = [_file(each) for each in material or ()]
    changes = _form(form) if form else {}
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
            materials=[_material(session, *each) for each in files],
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


def _form(path: Path) -> dict[str, Any]:
    try:
        data = json_text.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        message = f"{path} is not JSON in UTF-8: {error}"
        raise ValueError(message) from error
    if not isinstance(data, dict):
        message = f"{path} holds no JSON object"
        raise ValueError(message)  # noqa: TRY004 - what a person can act on is a ValueError here
    return data


def _file(given: str) -> tuple[str, Path]:
    """Kind and file of a material."""
    kind, _, name = given.partition("=")
    path = Path(name)
    if not kind or not name:
        raise typer.BadParameter(f"{given}: give KIND=FILE, such as lease=lease.pdf", param_hint="--material")
    if not path.is_file():
        raise typer.BadParameter(f"there is no file {path}", param_hint="--material")
    return kind, path


def _material(session: Session, kind: str, path: Path) -> case_pb2.Material:
    """The material as it is handed in: with its content, or a large one by the hash of its upload."""
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    material = case_pb2.Material(kind=kind, name=path.name, media_type=media_type)
    if path.stat().st_size > LARGEST_INSIDE:
        material.sha256 = session.upload(path, media_type).sha256
    else:
        material.content = path.read_bytes()
    return material
