"""`duokua licence document`: the sealed document of a licence, or a copy for one use, made and fetched."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chassis.clock import new_id
from cli.connection import person_or_client
from cli.licences.issuing import LicenceId
from cli.licences.looking import AsPerson, For
from cli.options import AsJson
from cli.output import as_dict, print_json, say
from duokua.eseal.v1 import seal_service_pb2
from duokua.licences.v1 import licence_pb2
from duokua.licences.v1 import licence_service_pb2 as pb

if TYPE_CHECKING:
    from duokua.client import Session

PATIENCE_SECONDS = 30.0
"""How long a document is waited for: it is sealed by events."""
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 0.5
_PURPOSE = "下载证照文件"
_REQUESTED = licence_pb2.LICENCE_DOCUMENT_STATUS_REQUESTED
_SEALED = licence_pb2.LICENCE_DOCUMENT_STATUS_SEALED


class UnsealedError(ValueError):
    """A document that cannot be fetched; the message says why, and what to do."""


def document(
    licence_id: LicenceId,
    use: Annotated[str, typer.Option(help="What a copy is for, which is printed on it; else the licence itself.")] = "",
    out: Annotated[
        Path | None, typer.Option(help="Wait until it is sealed, and write it to this file.", dir_okay=False)
    ] = None,
    person: AsPerson = "",
    principal: For = "",
    purpose: Annotated[str, typer.Option(help="With --out: for what; the holder can see it.")] = _PURPOSE,
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Have a licence made into a sealed document: itself once more where that failed, or a copy for one use.

    With --out the document is fetched; the licence's own is made first only where there is none.
    """
    if out is not None and not out.parent.is_dir():
        raise ValueError(f"there is no folder {out.parent}")
    with person_or_client(person, principal) as platform:
        if out is None:
            made = _requested(platform, licence_id, use)
        else:
            made = _sealed(platform, licence_id, use, purpose)
            wanted = seal_service_pb2.GetDocumentRequest(document_id=made.document_id)
            out.write_bytes(platform.seals.GetDocument(wanted).content)
    if json:
        print_json(as_dict(made))
    elif out is None:
        say(f"{_name(made)} is on its way; `duokua licence show {licence_id}` tells when")
    else:
        say(f"{_name(made)}, document {made.document_id}, is in {out}")


def fetched(platform: "Session", licence_id: str, purpose: str = "") -> seal_service_pb2.GetDocumentResponse:
    """The licence's own document once it is sealed. Raises UnsealedError."""
    made = _sealed(platform, licence_id, "", purpose)
    return platform.seals.GetDocument(seal_service_pb2.GetDocumentRequest(document_id=made.document_id))


def _sealed(platform: "Session", licence_id: str, use: str, purpose: str) -> licence_pb2.LicenceDocument:
    """The licence's own document or a new copy, once it is sealed."""
    # One look, however often it is asked how far the document is.
    look = pb.GetLicenceRequest(request_id=new_id(), licence_id=licence_id, purpose=purpose)
    made = _requested(platform, licence_id, use) if use else _own(platform, look)
    deadline, pause = time.monotonic() + PATIENCE_SECONDS, _FIRST_PAUSE
    while made.status == _REQUESTED:
        if time.monotonic() + pause > deadline:
            raise UnsealedError(
                f"{_name(made)} is not sealed yet; try again, or see `duokua licence show {licence_id}`"
            )
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)
        made = _again(platform, look, made)
    if made.status != _SEALED:
        raise UnsealedError(f"{_name(made)} cannot be sealed: {made.reason}")
    return made


def _own(platform: "Session", look: pb.GetLicenceRequest) -> licence_pb2.LicenceDocument:
    """The licence's own document: the one that is sealed or under way, or one that is asked for now."""
    for each in platform.licences.GetLicence(look).documents:
        if not each.annotation and each.status in (_REQUESTED, _SEALED):
            return each
    return _requested(platform, look.licence_id, "")


def _again(
    platform: "Session", look: pb.GetLicenceRequest, made: licence_pb2.LicenceDocument
) -> licence_pb2.LicenceDocument:
    """How far a document is now; of copies for the same use, the one that was asked for at the same moment."""
    for each in platform.licences.GetLicence(look).documents:
        same = not made.annotation or each.requested_at == made.requested_at
        if each.annotation == made.annotation and same:
            return each
    raise UnsealedError(f"{_name(made)} is not among the documents of the licence that may be read")


def _requested(platform: "Session", licence_id: str, use: str) -> licence_pb2.LicenceDocument:
    return platform.licences.RequestDocument(pb.RequestDocumentRequest(licence_id=licence_id, use=use)).document


def _name(made: licence_pb2.LicenceDocument) -> str:
    return made.annotation or "the licence itself"
