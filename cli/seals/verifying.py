"""`duokua seal verify` and `trust`: whether a sealed file is genuine, asked of the platform or found out here."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import AsJson
from cli.output import as_dict, print_json, say
from cli.seals.reading import read

if TYPE_CHECKING:
    from services.eseal.domain.findings import Finding, SealFinding

_WALL_SECONDS = 60.0
_SHORTEST_MARK = {"GOOD": "+", "BAD": "-", "OPEN": "?"}


def verify(
    file: Annotated[Path, typer.Argument(help="A PDF or OFD; with --signature any.", exists=True, dir_okay=False)],
    signature: Annotated[
        Path | None, typer.Option(help="The file's signature, where it lies apart (CMS).", exists=True, dir_okay=False)
    ] = None,
    trust: Annotated[
        list[Path] | None,
        typer.Option(
            help="Work without the platform: PEM files of root certificates and revocation lists.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    timestamp_trust: Annotated[
        list[Path] | None,
        typer.Option(help="Whom to trust for timestamps; without it those of --trust.", exists=True, dir_okay=False),
    ] = None,
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Say who sealed a file, with which seal, when, and whether anything was changed since.

    Without --trust the platform is asked, which knows its own documents and seals and what was revoked. Ends with
    status 0 when the file is genuine, with 1 when it is not.
    """
    if timestamp_trust and not trust:
        raise ValueError("--timestamp-trust goes with --trust: the platform knows whom it trusts")
    content, apart = read(file), read(signature) if signature else b""
    found = _here(content, apart, trust, timestamp_trust or trust) if trust else _asked(content, apart)
    from services.eseal.domain.answers import Verdict  # noqa: PLC0415 - only what a command needs is loaded
    from services.eseal.domain.finding_json import to_json  # noqa: PLC0415

    if json:
        print_json(to_json(found))
    else:
        _tell(file, found)
    raise typer.Exit(0 if found.verdict is Verdict.GENUINE else 1)


def trust(json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Print whom the platform trusts, and whom no longer, PEM: for `verify --trust` where there is no platform."""
    from cli.connection import operator  # noqa: PLC0415 - verify does without a connection
    from duokua.eseal.v1 import seal_service_pb2  # noqa: PLC0415

    with operator() as platform:
        answer = platform.seals.GetTrustAnchors(seal_service_pb2.GetTrustAnchorsRequest())
    if not answer.certificates_pem:
        raise ValueError("there is no root yet: the first seal makes one")
    if json:
        print_json(as_dict(answer))
    else:
        typer.echo("".join((*answer.certificates_pem, *answer.revocation_lists_pem)), nl=False)


def _asked(content: bytes, signature: bytes) -> "Finding":
    from cli.connection import operator  # noqa: PLC0415
    from duokua.eseal.v1 import seal_service_pb2  # noqa: PLC0415
    from services.eseal.finding_messages import finding_of  # noqa: PLC0415

    request = seal_service_pb2.VerifyDocumentRequest(content=content, signature=signature)
    with operator() as platform:
        return finding_of(platform.seals.VerifyDocument(request))


def _here(content: bytes, signature: bytes, trust: list[Path], timestamp_trust: list[Path] | None) -> "Finding":
    from chassis.problems import Invalid  # noqa: PLC0415
    from services.eseal.domain.findings import UnreadableError  # noqa: PLC0415
    from services.eseal.domain.trust import read_trust  # noqa: PLC0415
    from services.eseal.verification.judges import Judges  # noqa: PLC0415

    known = read_trust(_lists(trust), _lists(timestamp_trust or []))
    # A file is read in a process of its own here too: it may be anything.
    # Nobody else waits for it, so that a busy machine may take its time; the file's CPU time is bounded all the same.
    judges = Judges(wall_seconds=_WALL_SECONDS)
    try:
        return judges.inspect(content, known, lambda _: None, signature)
    except UnreadableError as fault:
        raise Invalid(fault.reason, fault.description) from None
    finally:
        judges.close()


def _lists(paths: list[Path]) -> str:
    """The trust lists as one. Raises ValueError with the name of one that says nothing."""
    from services.eseal.domain.trust import BadTrustListError, read_trust  # noqa: PLC0415

    texts = [path.read_text("utf-8", errors="replace") for path in paths]
    for path, text in zip(paths, texts, strict=True):
        if not text.strip():
            raise ValueError(f"{path}: the trust list is empty, and nobody would be trusted")
        try:
            read_trust(text)
        except BadTrustListError as fault:
            raise ValueError(f"{path}: {fault}") from None
    return "\n".join(texts)


def _tell(file: Path, found: "Finding") -> None:
    say(f"{file}: {found.verdict.name} ({found.format.value})")
    say(f"  {found.zh}")
    say(f"  {found.en}")
    for remark in found.remarks:
        say(f"  {_SHORTEST_MARK[remark.standing]} {remark.code}  {remark.zh} · {remark.en}")
    for number, seal in enumerate(found.seals, start=1):
        _tell_seal(number, seal)


def _tell_seal(number: int, seal: "SealFinding") -> None:
    name = f", seal {seal.seal_name or seal.seal_id}" if seal.seal_name or seal.seal_id else ""
    signer = seal.signer or "nobody who could be read"
    say(f"{number}. {seal.kind.value.lower()} of {signer}{name}: {seal.verdict.name}")
    if seal.sealed_at:
        at = seal.sealed_at.astimezone(UTC).isoformat(timespec="seconds")
        say(f"   at {at}" + (f", timestamp by {seal.timestamp_authority}" if seal.timestamp_authority else ""))
    if seal.certificate:
        own = seal.certificate
        say(f"   certificate {own.serial_number} by {own.issuer}, {_day(own.valid_from)} to {_day(own.valid_until)}")
    for answer in seal.answers:
        say(f"   {_SHORTEST_MARK[answer.standing]} {answer.code}  {answer.zh} · {answer.en}")


def _day(moment: datetime) -> str:
    return moment.date().isoformat()
