"""`duokua seal document`: an official puts a seal of the office on a PDF or an OFD."""

from pathlib import Path
from typing import Annotated

import typer

from chassis.clock import new_id
from cli.connection import operator
from cli.options import AsJson
from cli.output import as_dict, print_json, say
from cli.seals.reading import MOST_SENT, read
from duokua.eseal.v1 import seal_service_pb2 as pb


def document(  # noqa: PLR0913, PLR0917 - options
    file: Annotated[Path, typer.Argument(help="The PDF or OFD, whatever its name.", exists=True, dir_okay=False)],
    seal: Annotated[str, typer.Option(help="The id of the seal, one of the office's own.")],
    official: Annotated[str, typer.Option(help="Who has it sealed; stands in the record of uses.")],
    out: Annotated[Path, typer.Option(help="Write the sealed file to this one.", dir_okay=False)],
    at: Annotated[
        str, typer.Option(metavar="PAGE,X,Y", help="The seal's middle: page (-1 is the last), points from lower left.")
    ] = "",
    text: Annotated[str, typer.Option(help="The seal's middle is over this text, where it stands last.")] = "",
    occurrence: Annotated[int, typer.Option(help="With --text: which of several, from 1, or from the last, -1.")] = -1,
    riding: Annotated[bool, typer.Option("--riding", help="Slices across the edges of all pages.")] = False,  # noqa: FBT002
    certify: Annotated[bool, typer.Option("--certify", help="Forbid every later change.")] = False,  # noqa: FBT002
    matter: Annotated[str, typer.Option(help="The matter that it is about, by catalogue code.")] = "",
    title: Annotated[str, typer.Option(help="What the document is called; the file's name when it is not said.")] = "",
    reason: Annotated[str, typer.Option(help="Why; readers of PDF show it, an OFD takes none.")] = "",
    request_id: Annotated[
        str, typer.Option(help="The same for a repeat, which seals nothing and gives the same file.")
    ] = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Put a seal of the office on a PDF or an OFD; the attempt is recorded, whatever becomes of it.

    For an office's own system, which the environment names; operators have no seals.
    """
    if at and text:
        raise ValueError("say --at or --text: a seal has one place")
    if out.resolve() == file.resolve():
        raise ValueError("write the sealed file to another one: the one handed in stays as it is")
    if not out.parent.is_dir():
        raise ValueError(f"there is no folder {out.parent}")
    request = pb.SealDocumentRequest(
        request_id=request_id or new_id(),
        seal_id=seal,
        content=read(file, MOST_SENT),
        title=title or file.stem,
        official=official,
        catalog_code=matter,
        reason=reason,
        at=_place(at) if at else None,
        text=pb.SealText(text=text, occurrence=occurrence) if text else None,
        riding=riding,
        certify=certify,
    )
    with operator() as platform:
        answer = platform.seals.SealDocument(request)
    out.write_bytes(answer.content)
    if json:
        print_json(as_dict(answer.document))
    else:
        say(f"sealed as document {answer.document.document_id}, written to {out}")


def _place(said: str) -> pb.SealPlace:
    try:
        page, x, y = said.split(",")
        return pb.SealPlace(page=int(page), x=float(x), y=float(y))
    except ValueError:
        raise ValueError(f"--at is a page and two lengths, such as -1,400,200; not {said}") from None
