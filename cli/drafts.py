"""`duokua draft`: applications that are not handed in yet.

The commands act for a person in a portal's environment, as `duokua case submit` does.
"""

from pathlib import Path
from typing import Annotated

import typer

from chassis.clock import new_id
from cli.application_file import read_object
from cli.applications import Person, Principal
from cli.handing_in import option, upload
from cli.options import AsJson
from cli.output import as_dict, every_page, print_json, print_rows, say
from duokua.cases.v1 import draft_service_pb2, task_pb2
from duokua.client import Platform, Session
from duokua.data import to_struct

pb = draft_service_pb2
app = typer.Typer()
DraftId = Annotated[str, typer.Argument(metavar="DRAFT", help="The draft's id.")]

_COLUMNS = [
    ("draft", lambda draft: draft.draft_id),
    ("bundle", lambda draft: draft.bundle_name),
    ("version", lambda draft: str(draft.version)),
    ("changed", lambda draft: draft.changed_at.ToJsonString()),
    ("until", lambda draft: draft.expires_at.ToJsonString()),
]
_FAULTS = [("where", lambda fault: fault.field), ("what", lambda fault: fault.description)]


@app.command()
def save(
    person: Person,
    bundle: Annotated[str, typer.Option(help="Of a new draft: the bundle, such as open-restaurant.")] = "",
    draft: Annotated[str, typer.Option(help="The id of a draft that is changed; what is not given stays.")] = "",
    version: Annotated[int, typer.Option(min=0, help="The one that is changed; without it, the newest.")] = 0,
    form: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A JSON file: the form, as far as it is.")
    ] = None,
    material: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND=FILE", help="A material, in the place of its kind; may be repeated."),
    ] = None,
    principal: Principal = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Keep an application for later, new or changed, and tell what is missing."""
    if bool(bundle) == bool(draft):
        raise typer.BadParameter("give --bundle for a new draft, or --draft for one that is there")
    files = [option(each) for each in material or ()]
    filled = to_struct(read_object(form), "the form") if form else None
    with Platform.from_env() as portal:
        session = portal.acting_for(person, principal or None)
        request = _as_it_is(session, draft) if draft else pb.SaveDraftRequest(bundle_id=bundle)
        request.request_id, request.version = new_id(), version or request.version
        if filled is not None:
            request.form.CopyFrom(filled)
        given = {file.kind for file in files}
        others = [each for each in request.materials if each.kind not in given]
        del request.materials[:]
        request.materials.extend([*others, *upload(session, files)])
        saved = session.drafts.SaveDraft(request).draft
        answer = session.drafts.GetDraft(pb.GetDraftRequest(draft_id=saved.draft_id))
    if not json:
        say(f"draft {saved.draft_id} is kept, as version {saved.version}")
    _tell(answer, as_json=json)


@app.command()
def show(draft_id: DraftId, person: Person, principal: Principal = "", json: AsJson = False) -> None:  # noqa: FBT002
    """Show a draft, and what is missing."""
    with Platform.from_env() as portal:
        session = portal.acting_for(person, principal or None)
        answer = session.drafts.GetDraft(pb.GetDraftRequest(draft_id=draft_id))
    if not json:
        content = as_dict(answer.draft)
        print_json({"form": content.get("form", {}), "materials": content["materials"]})
    _tell(answer, as_json=json)


@app.command(name="list")
def list_drafts(person: Person, principal: Principal = "", json: AsJson = False) -> None:  # noqa: FBT002
    """List the drafts that are not submitted, newest first."""
    with Platform.from_env() as portal:
        session = portal.acting_for(person, principal or None)
        found = every_page(
            lambda token: session.drafts.ListDrafts(pb.ListDraftsRequest(page_token=token)),
            lambda answer: answer.drafts,
        )
    print_rows(found, _COLUMNS, as_json=json, empty="there are no drafts")


@app.command()
def submit(
    draft_id: DraftId,
    person: Person,
    version: Annotated[int, typer.Option(min=0, help="As it was seen; without it, the newest.")] = 0,
    principal: Principal = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Make a case of a draft."""
    with Platform.from_env() as portal:
        session = portal.acting_for(person, principal or None)
        seen = version or session.drafts.GetDraft(pb.GetDraftRequest(draft_id=draft_id)).draft.version
        request = pb.SubmitDraftRequest(request_id=new_id(), draft_id=draft_id, version=seen)
        case = session.drafts.SubmitDraft(request).case
    if json:
        print_json(as_dict(case))
    else:
        say(f"case {case.case_number} is submitted")


@app.command()
def delete(draft_id: DraftId, person: Person, principal: Principal = "") -> None:
    """Forget a draft."""
    with Platform.from_env() as portal:
        request = pb.DeleteDraftRequest(request_id=new_id(), draft_id=draft_id)
        portal.acting_for(person, principal or None).drafts.DeleteDraft(request)
    say(f"draft {draft_id} is deleted")


def _as_it_is(session: Session, draft_id: str) -> pb.SaveDraftRequest:
    """What would change nothing of a draft."""
    draft = session.drafts.GetDraft(pb.GetDraftRequest(draft_id=draft_id)).draft
    return pb.SaveDraftRequest(
        draft_id=draft_id, version=draft.version, bundle_id=draft.bundle_id, form=draft.form, materials=draft.materials
    )


def _tell(answer: pb.GetDraftResponse, *, as_json: bool) -> None:
    if as_json:
        print_json(as_dict(answer))
        return
    if answer.draft.case_id:
        say(f"it was submitted, and is case {answer.draft.case_id}")
        return
    faults: list[task_pb2.FieldViolation] = list(answer.faults)
    print_rows(faults, _FAULTS, as_json=False, empty="nothing is missing: it can be submitted")
