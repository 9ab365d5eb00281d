"""`duokua case proof`, `verify` and `replay`: that a history is whole, for others and for oneself."""

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.applications import Principal
from cli.case_proof import FORMAT, CaseProof, faults_of, read_proof, withheld
from cli.options import AsJson
from cli.output import as_dict, counted, every_page, print_json, say
from cli.tree_heads import head_as_json, instant
from cli.tree_proofs import PublicKey
from duokua.cases.v1 import case_pb2, case_service_pb2, log_pb2, log_service_pb2
from duokua.client import Session
from duokua.data import from_struct
from duokua.errors import DuokuaError

CaseId = Annotated[str, typer.Argument(help="The case's id or number.")]
AsPerson = Annotated[
    str, typer.Option("--person", help="The person who asks, in a portal's environment: an id. Else the operator.")
]
PAUSE_SECONDS = 0.5
_SHUT = {"salt": None, "content": None}
"""Of a part that is withheld."""


def proof(
    case_id: CaseId,
    wait: Annotated[float, typer.Option(help="Seconds to wait until the log has all entries.")] = 15.0,
    contents: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option(help="Show what the entries say, or prove only that they are there.")
    ] = True,
    internal: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option(help="Show the administration's own parts of the entries too, to who may see them.")
    ] = True,
    person: AsPerson = "",
    principal: Principal = "",
) -> None:
    """Print the proof that a case's history is whole and unchanged: JSON for `duokua case verify`, or for anybody.

    It holds what the history shows to who asks, personal data included. Without contents it holds hashes and times of
    heads only.
    """
    from cli.connection import connect_as  # noqa: PLC0415 - verify does without settings

    with connect_as(person, principal) as platform:
        made, version = proof_of(platform, case_id, wait)
    for entry in made["entries"]:
        if not internal:
            entry["content"]["internal"] |= _SHUT
        if not contents:
            entry["content"] = None
    held = made["registered"]["entries"]
    print_json(made)
    if held < version:
        typer.echo(f"the log has {held} of {counted(version, 'entry')} yet; the proof is about those", err=True)


def proof_of(platform: Session, case_id: str, wait: float) -> tuple[dict[str, Any], int]:
    """The proof of a case as JSON has it, and the version that the case had before it was asked for."""
    version = platform.cases.GetCase(case_service_pb2.GetCaseRequest(case_id=case_id)).case.version
    first = _once_complete(platform, case_id, version, time.monotonic() + wait)
    places = list(first.entries)
    token = first.next_page_token
    while token:
        page = platform.log.GetCaseProof(_request(case_id, token))
        places += page.entries
        token = page.next_page_token
    entries = every_page(
        lambda token: platform.cases.GetHistory(
            case_service_pb2.GetHistoryRequest(case_id=case_id, page_size=1000, page_token=token)
        ),
        lambda answer: answer.entries,
    )
    by_sequence = {entry.sequence: entry for entry in entries}
    register = first.register
    made = {
        "format": FORMAT,
        "case_id": first.case_id,
        "entries": [
            entry_as_json(by_sequence[place.sequence], place) for place in places if place.sequence in by_sequence
        ],
        "registered": {
            "place": register.place,
            "entries": register.entries,
            "hash": register.hash,
            "path": [each.hex() for each in register.path],
        },
        "head": head_as_json(first.head),
    }
    return made, version


def _once_complete(
    platform: Session, case_id: str, version: int, deadline: float
) -> log_service_pb2.GetCaseProofResponse:
    """The first page of a proof, once the log has that many entries, or at the deadline as it is then."""
    while True:
        late = time.monotonic() + PAUSE_SECONDS > deadline
        try:
            first: log_service_pb2.GetCaseProofResponse = platform.log.GetCaseProof(_request(case_id))
            if late or first.register.entries >= version:
                return first
        except DuokuaError as error:
            if late or error.reason != "NOT_LOGGED":
                raise
        time.sleep(PAUSE_SECONDS)


def _request(case_id: str, token: str = "") -> log_service_pb2.GetCaseProofRequest:
    return log_service_pb2.GetCaseProofRequest(case_id=case_id, page_size=1000, page_token=token)


def entry_as_json(entry: case_pb2.HistoryEntry, place: log_pb2.EntryProof) -> dict[str, Any]:
    """An entry and its place in the log, as a proof holds them."""
    internal = entry.internal
    shown = {"actor": entry.actor, "kind": entry.kind, "input": from_struct(entry.input)}
    hidden = {"actor": internal.actor, "input": from_struct(internal.input)}
    return {
        "sequence": entry.sequence,
        "previous_hash": entry.previous_hash,
        "hash": entry.hash,
        "content": {
            "at": instant(entry.at),
            "open": _part(entry.commitment, entry.salt, shown),
            "internal": _part(internal.commitment, internal.salt, hidden),
        },
        "leaf": place.leaf,
        "path": [each.hex() for each in place.path],
    }


def _part(commitment: bytes, salt: bytes, content: dict[str, Any]) -> dict[str, Any]:
    opening = {"salt": salt.hex(), "content": content} if salt else _SHUT
    return {"commitment": commitment.hex(), **opening}


def verify(
    file: Annotated[Path, typer.Argument(help="The proof, as `duokua case proof` printed it.")],
    key: Annotated[Path, typer.Option(help="The log's public key, as `duokua log key` printed it.")],
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Check the proof of a case without the platform. Ends with status 0 when it holds, with 1 when it does not."""
    proven = read_proof(file)
    faults = faults_of(proven, PublicKey.load(key))
    if json:
        print_json(
            {
                "verified": not faults,
                "case_id": proven.case_id,
                "entries": len(proven.entries),
                "withheld": withheld(proven),
                "head": proven.head.model_dump(),
                "faults": [{"where": each.where, "what": each.what} for each in faults],
            }
        )
    elif faults:
        say(f"case {proven.case_id}: this history is not what the log holds")
        for fault in faults:
            say(f"  {fault}")
    else:
        _tell(proven)
    if faults:
        raise typer.Exit(1)


def _tell(proven: CaseProof) -> None:
    head, entries = proven.head, len(proven.entries)
    say(f"case {proven.case_id}: verified")
    say(f"  {counted(entries, 'entry')}, none changed, missing or moved")
    for part, count in withheld(proven).items():
        if count:
            whose = "all of them" if count == entries else f"{count} of them"
            say(f"  the {part} part of {whose} is withheld and was not checked")
    say(f"  each is in the log of {counted(head.size, 'entry')} that key {head.key_id} signed at {head.at}")
    say("  the log held no further entry of this case then")


def replay(case_id: CaseId, json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Rebuild a case from its history by today's rules, and compare it with what is stored.

    Ends with status 1, and names the first difference, when they are not the same.
    """
    from chassis.settings import Settings  # noqa: PLC0415 - verify does without settings
    from cli.connection import connect  # noqa: PLC0415

    with connect(Settings()) as platform:
        answer = platform.log.ReplayCase(log_service_pb2.ReplayCaseRequest(case_id=case_id))
    differs = answer.HasField("difference")
    if json:
        print_json({"same": not differs, **as_dict(answer)})
    elif differs:
        say(f"case {answer.case_id} is not what its history leads to: {answer.difference.description}")
    else:
        say(f"case {answer.case_id} is what its {counted(answer.entries, 'entry')} lead to")
    if differs:
        raise typer.Exit(1)
