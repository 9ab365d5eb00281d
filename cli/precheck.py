"""`duokua case form`, and `duokua case submit --check`: what is asked, and whether an application would be taken."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.application_file import read_object
from cli.applications import Person
from cli.handing_in import Handed
from cli.options import AsJson
from cli.output import as_dict, counted, one_line, print_json, print_rows, say
from duokua.cases.v1 import application_service_pb2
from duokua.client import Platform, Session
from duokua.data import to_struct

pb = application_service_pb2
_NEEDS = {pb.NEED_YES: "yes", pb.NEED_NO: "no", pb.NEED_OPEN: "depends"}


def form(
    bundle_id: Annotated[str, typer.Argument(metavar="BUNDLE", help="The bundle, such as open-restaurant.")],
    person: Person,
    answers: Annotated[
        Path | None,
        typer.Option("--form", metavar="FILE", help="JSON or YAML: what is filled in so far; - is standard input."),
    ] = None,
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Show what a bundle asks, with the answers so far: fields still open, steps, materials. --json has the form."""
    filled = read_object(answers) if answers else {}
    request = pb.GetFormRequest(bundle_id=bundle_id, answers=to_struct(filled, "the form"))
    with Platform.from_env() as portal:
        answer = portal.acting_for(person).applications.GetForm(request)
    if json:
        print_json(as_dict(answer))
        return
    say(f"{answer.name} ({answer.bundle_id}), version {answer.version}")
    say(f"still to be filled in: {', '.join(answer.open_fields) or 'nothing'}")
    steps = [("step", lambda each: each.step_id), ("", lambda each: each.name)]
    print_rows(answer.steps, [*steps, ("done", lambda each: _NEEDS[each.need])], as_json=False, empty="no steps")
    print_rows(
        answer.materials,
        [
            ("material", lambda each: each.kind),
            ("", lambda each: each.name),
            ("asked for", lambda each: _NEEDS[each.asked]),
            ("required", lambda each: _NEEDS[each.required]),
            ("given by", lambda each: each.licence.name or each.from_step),
            ("yours", lambda each: each.held.identifier),
        ],
        as_json=False,
        empty="no materials",
    )


def check(session: Session, bundle_id: str, filled: dict[str, Any], files: Sequence[Handed], *, as_json: bool) -> None:
    """Ask whether an application would be taken. Exit status 1 when not."""
    materials = [pb.IntendedMaterial(kind=each.kind, media_type=each.media_type, size=each.size) for each in files]
    request = pb.CheckApplicationRequest(bundle_id=bundle_id, form=to_struct(filled, "the form"), materials=materials)
    answer = session.applications.CheckApplication(request)
    if as_json:
        print_json(as_dict(answer))
    else:
        for finding in answer.findings:
            rule = f" [{finding.rule_id}]" if finding.rule_id else ""
            english = f" ({finding.message_en})" if finding.message_en else ""
            mark = "refused" if finding.refuses else "note"
            about = f"{', '.join(finding.fields)}: " if finding.fields else ""
            say(one_line(f"{mark}: {about}{finding.message}{english}{rule}"))
        for material in answer.by_licence:
            say(one_line(f"not needed: {material.name}: licence {material.licence.identifier} takes its place"))
        refused = sum(finding.refuses for finding in answer.findings)
        would = "would be taken" if answer.acceptable else f"would be refused for {counted(refused, 'fault')}"
        say(f"the application {would}; nothing was handed in")
    raise typer.Exit(0 if answer.acceptable else 1)
