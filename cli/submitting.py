"""`duokua case submit`: an application from the command line or from a file, through a portal's client."""

import hashlib
import json as json_text
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.application_file import STDIN, ApplicationFile, read_application, read_object
from cli.applications import MaterialOptions, Principal
from cli.handing_in import Handed, go_inside, hand_in, handed, option
from cli.options import AsJson
from cli.output import as_dict, counted, print_json, say
from cli.precheck import check
from duokua.cases.v1 import case_pb2, case_service_pb2
from duokua.client import Platform
from duokua.data import to_struct

pb = case_service_pb2


@dataclass(frozen=True, slots=True)
class Application:
    """Everything that is to be handed in, as this machine has it."""

    bundle_id: str
    person: str
    principal: str
    form: dict[str, Any]
    files: list[Handed]
    request_id: str


def submit(  # noqa: PLR0913, PLR0917 - each is an option
    bundle_id: Annotated[
        str, typer.Argument(metavar="BUNDLE", help="The bundle, such as open-restaurant, unless the file says it.")
    ] = "",
    application: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="JSON or YAML: bundle, person, for, form, materials (kind, file), request_id; - is standard input. "
            "What the command line says comes before it.",
        ),
    ] = None,
    person: Annotated[str, typer.Option(help="The person who applies: an id.")] = "",
    form: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="JSON or YAML: the form; - is standard input."),
    ] = None,
    material: MaterialOptions = None,
    principal: Principal = "",
    request_id: Annotated[
        str, typer.Option(help="Stands for this application: a repeat gives the same case. By default made of it.")
    ] = "",
    only_check: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option("--check", help="Ask whether it would be taken, and hand nothing in; exit status 1 if not.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be sent, and send nothing.")] = False,  # noqa: FBT002 - an option
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Submit an application; large materials are uploaded first. The same again gives the same case."""
    if application is not None and form is not None and str(application) == str(form) == STDIN:
        raise typer.BadParameter("only one of them can be standard input", param_hint="--application, --form")
    said = ApplicationFile.model_validate(
        {"bundle": bundle_id, "person": person, "for": principal, "request_id": request_id}
    )
    whole = _whole(said, application, form, [option(each) for each in material or ()])
    request = pb.SubmitCaseRequest(bundle_id=whole.bundle_id, form=to_struct(whole.form, "the form"))
    request.request_id = whole.request_id or _derived(whole)
    if dry_run:
        _show(whole, request.request_id, as_json=json)
        return
    with Platform.from_env() as portal:
        session = portal.acting_for(whole.person, whole.principal or None)
        if only_check:
            check(session, whole.bundle_id, whole.form, whole.files, as_json=json)
        request.materials.extend(hand_in(session, whole.files))
        case = session.cases.SubmitCase(request).case
    _tell(case, whole, as_json=json)


def _whole(said: ApplicationFile, application: Path | None, form: Path | None, files: list[Handed]) -> Application:
    """What the command line says, and for the rest the file; raises ValueError naming what is missing."""
    read = read_application(application) if application is not None else ApplicationFile()
    filled = read_object(form) if form is not None else read.form
    whole = Application(
        said.bundle or read.bundle,
        said.person or read.person,
        said.principal or read.principal,
        filled or {},
        [*(handed(each.kind, Path(each.file), each.media_type) for each in read.materials), *files],
        said.request_id or read.request_id,
    )
    for name, where, given in (
        ("bundle", "BUNDLE", bool(whole.bundle_id)),
        ("person", "--person", bool(whole.person)),
        ("form", "--form", filled is not None),
    ):
        if not given:
            message = f"{name} is missing: say it with {where}, or in the file of --application"
            raise ValueError(message)
    return whole


def _derived(whole: Application) -> str:
    """An id for all that is said: the same application has the same, in any process."""
    files = [[file.kind, file.path.name, file.media_type, file.sha256] for file in whole.files]
    said = json_text.dumps([whole.bundle_id, whole.person, whole.principal, whole.form, files], sort_keys=True)
    return f"submit-{hashlib.sha256(said.encode()).hexdigest()}"


def _show(whole: Application, request_id: str, *, as_json: bool) -> None:
    inside = go_inside(whole.files)
    files = [
        {
            "kind": file.kind,
            "file": str(file.path),
            "media_type": file.media_type,
            "size": file.size,
            "sha256": file.sha256,
            "uploaded": not within,
        }
        for file, within in zip(whole.files, inside, strict=True)
    ]
    if as_json:
        said = {"bundle": whole.bundle_id, "person": whole.person, "for": whole.principal, "form": whole.form}
        print_json({**said, "materials": files, "request_id": request_id})
        return
    say(f"would submit an application for {whole.bundle_id} for {whole.principal or whole.person}")
    for each in files:
        how = "to be uploaded" if each["uploaded"] else "within the message"
        say(f"  {each['kind']}: {each['file']}, {each['media_type']}, {each['size']} bytes, {how}")
    say(f"{counted(len(files), 'material')}, request id {request_id}")
    say("nothing was sent; --check asks the platform whether it would be taken")


def _tell(case: case_pb2.Case, whole: Application, *, as_json: bool) -> None:
    if as_json:
        print_json(as_dict(case))
        return
    say(f"case {case.case_number} ({case.case_id}) was submitted at {case.submitted_at.ToJsonString()}")
    on_behalf = f" --for {whole.principal}" if whole.principal else ""
    say(f"follow it: duokua case watch {case.case_number} --person {whole.person}{on_behalf}")
