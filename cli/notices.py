"""`duokua case notices`: the sealed notices of a case, and their files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from cli.applications import Principal
from cli.connection import connect_as
from cli.options import AsJson
from cli.output import as_dict, enum_name, print_json, print_rows, say
from duokua.cases.v1 import case_service_pb2
from duokua.eseal.v1 import document_pb2, seal_service_pb2

if TYPE_CHECKING:
    from duokua.client import Session

_ENDINGS = {"application/pdf": "pdf", "application/ofd": "ofd"}


class _Notice(NamedTuple):
    document: document_pb2.Document
    organ_name: str
    file: str


def notices(
    case_id: Annotated[str, typer.Argument(help="The case's id or number.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write each to this folder, named after its step; what is there is replaced.", file_okay=False
        ),
    ] = None,
    person: Annotated[
        str, typer.Option("--person", help="The person who looks, in a portal's environment: an id. Else the operator.")
    ] = "",
    principal: Principal = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """List the sealed notices of a case, void ones too; with --out get their files."""
    with connect_as(person, principal) as platform:
        found = _fetched(platform, case_id, out)
    if json:
        print_json([{**as_dict(each.document), "organ_name": each.organ_name, "file": each.file} for each in found])
        return
    columns = [
        ("step", lambda each: each.document.step_id),
        ("notice", lambda each: each.document.title),
        ("office", lambda each: each.organ_name),
        ("status", lambda each: enum_name(each.document, "status")),
        ("document", lambda each: each.document.document_id),
    ]
    print_rows(found, columns, as_json=False, empty="no notice of the case is sealed")
    if out and found:
        say(f"their files are in {out}: {' '.join(Path(each.file).name for each in found)}")


def _fetched(platform: "Session", case_id: str, folder: Path | None) -> list[_Notice]:
    case = platform.cases.GetCase(case_service_pb2.GetCaseRequest(case_id=case_id)).case
    found = []
    for step in case.steps:
        if not step.document_id:
            continue
        answer = platform.seals.GetDocument(seal_service_pb2.GetDocumentRequest(document_id=step.document_id))
        path = folder / f"{step.step_id}.{_ENDINGS.get(answer.document.media_type, 'bin')}" if folder else None
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(answer.content)
        found.append(_Notice(answer.document, step.organ_name, str(path or "")))
    return found
