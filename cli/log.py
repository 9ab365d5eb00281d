"""`duokua log`: the signed log of all histories: its key, its heads, that it only grew, and the audit of it."""

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import Field, ValidationError

from chassis.settings import Settings
from cli.connection import connect
from cli.options import AsJson
from cli.output import as_dict, counted, every_page, print_json, print_rows, say
from cli.tree_heads import head_as_json, instant
from cli.tree_proofs import Path64, PublicKey, Shape, SignedHead, faults_of_shape, only_grew, read_json
from duokua.cases.v1 import log_pb2, log_service_pb2

pb = log_service_pb2
app = typer.Typer()


class HeadFile(Shape):
    """A head, and how its log follows from that of an earlier one."""

    head: SignedHead
    earlier: SignedHead | None = None
    consistency: Path64 = Field(default_factory=list)


@app.command()
def key(json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Print the public key that heads are checked with: give it to third parties by a way that they trust."""
    with connect(Settings()) as platform:
        keys = platform.log.GetLogKeys(pb.GetLogKeysRequest()).keys
    if not keys and not json:
        raise ValueError("nothing was signed yet: the first entry of a history makes the first head")
    if json:
        print_json([as_dict(each) for each in keys])
    else:
        typer.echo(keys[0].public_key, nl=False)


@app.command()
def head(
    since: Annotated[
        Path | None, typer.Option(help="An earlier head, as this command printed it: prove that the log only grew.")
    ] = None,
) -> None:
    """Print the newest head of the log as JSON, for third parties to keep."""
    earlier = read_head(since).head if since else None
    with connect(Settings()) as platform:
        made: dict[str, Any]
        if earlier is None or earlier.size == 0:
            made = {"head": head_as_json(platform.log.GetTreeHead(pb.GetTreeHeadRequest()).head)}
        else:
            answer = platform.log.GetConsistencyProof(pb.GetConsistencyProofRequest(first_size=earlier.size))
            path = [each.hex() for each in answer.path]
            made = {"head": head_as_json(answer.head), "earlier": earlier.model_dump(), "consistency": path}
    print_json(made)


@app.command()
def heads(json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """List all heads that were signed, newest first."""
    with connect(Settings()) as platform:
        found = every_page(
            lambda token: platform.log.ListTreeHeads(pb.ListTreeHeadsRequest(page_size=1000, page_token=token)),
            lambda answer: answer.heads,
        )
    columns = [
        ("entries", lambda each: str(each.size)),
        ("cases", lambda each: str(each.cases)),
        ("at", lambda each: instant(each.at)),
        ("key", lambda each: each.key_id),
        ("root", lambda each: each.root.hex()),
    ]
    if json:
        print_json([head_as_json(each) for each in found])
    else:
        print_rows(found, columns, as_json=False, empty="nothing was signed yet")


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A head, as `duokua log head` printed it.")],
    key: Annotated[Path, typer.Option(help="The log's public key, as `duokua log key` printed it.")],
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Check a head without the platform, and that its log begins with that of the earlier head if there is one."""
    found = read_head(file)
    faults = faults_of(found, PublicKey.load(key))
    if json:
        print_json({"verified": not faults, "faults": faults})
    elif faults:
        for fault in faults:
            say(fault)
    else:
        head = found.head
        say(f"the head of {counted(head.size, 'entry')} at {head.at} is signed by key {head.key_id}")
        if found.earlier is not None:
            say(f"its log begins with the {counted(found.earlier.size, 'entry')} of {found.earlier.at}, unchanged")
    if faults:
        raise typer.Exit(1)


def read_head(path: Path) -> HeadFile:
    """Read a file with a head. Raises ValueError, naming the file and what is wrong with it."""
    try:
        return HeadFile.model_validate(read_json(path))
    except ValidationError as error:
        raise ValueError(f"{path} holds no tree head: {faults_of_shape(error.errors())}") from None


def faults_of(found: HeadFile, key: PublicKey) -> list[str]:
    """Everything that is wrong with a head, and with how it follows from the earlier one."""
    faults = []
    for name, signed in (("the head", found.head), ("the earlier head", found.earlier)):
        fault = key.fault_of(signed) if signed else ""
        if fault:
            faults.append(f"{name} {fault}")
    if found.earlier is not None and not only_grew(found.earlier, found.head, found.consistency):
        faults.append(
            f"the log of {counted(found.head.size, 'entry')} does not begin with that of "
            f"{counted(found.earlier.size, 'entry')}: entries were changed, moved or taken out"
        )
    return faults


@app.command()
def audit(json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Have the platform compare histories, log, register and heads, and name each row that was changed.

    Ends with status 1 when there is one.
    """
    findings: list[log_pb2.LogFinding] = []
    leaves, cases, token = 0, 0, ""
    with connect(Settings()) as platform:
        while True:
            answer = platform.log.AuditLog(pb.AuditLogRequest(page_size=1000, page_token=token))
            findings += answer.findings
            leaves, cases, token = leaves + answer.leaves, cases + answer.cases, answer.next_page_token
            if not token:
                break
    columns = [
        ("case", lambda each: each.case_id),
        ("entry", lambda each: str(each.sequence or "")),
        ("what", lambda each: each.description),
    ]
    empty = f"{counted(leaves, 'entry')} of {counted(cases, 'case')} are as they were written"
    print_rows(findings, columns, as_json=json, empty=empty)
    if findings:
        raise typer.Exit(1)
