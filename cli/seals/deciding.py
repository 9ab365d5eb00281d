"""`duokua seal approve`, `reject`, `activate`, `suspend`, `resume` and `revoke`: what becomes of a seal."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import grpc
import typer

from chassis.clock import new_id
from cli.connection import operator
from cli.options import AsJson
from cli.organs import all_organs
from cli.output import as_dict, enum_name, print_json, say
from cli.seals.looking import SealId, State, all_seals
from duokua.client import Platform
from duokua.errors import NotFound
from duokua.eseal.v1 import seal_pb2
from duokua.eseal.v1 import seal_register_service_pb2 as pb

Why = Annotated[str, typer.Option("--reason", help="Why; it stands in the seal's history.")]
Applied = Annotated[
    str,
    typer.Argument(metavar="SEAL", help="The seal's id; or the organ's id or code, when it applies for one alone."),
]


def approve(
    seal: Applied,
    reason: Why = "",
    hold: Annotated[bool, typer.Option(help="Make it, and do not put it into use yet.")] = False,  # noqa: FBT002
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Approve somebody else's application: the seal is made and put into use.

    One whose certificate comes from outside gets its key, and waits for the certificate.
    """
    with operator() as platform:
        request = pb.ApproveSealRequest(
            request_id=new_id(), seal_id=_applied_for(platform, seal), reason=reason, hold=hold
        )
        _print(platform.seal_register.ApproveSeal(request).seal, as_json=json)


def reject(seal: Applied, reason: Why, json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Turn an application down."""
    with operator() as platform:
        request = pb.RejectSealRequest(request_id=new_id(), seal_id=_applied_for(platform, seal), reason=reason)
        _print(platform.seal_register.RejectSeal(request).seal, as_json=json)


def csr(seal_id: SealId, json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Print the request for a certificate from outside, PEM, for a seal that is approved and waits for one."""
    with operator() as platform:
        answer = platform.seal_register.GetCertificateRequest(pb.GetCertificateRequestRequest(seal_id=seal_id))
    if json:
        print_json(as_dict(answer))
    else:
        typer.echo(answer.request_pem, nl=False)


def import_certificate(
    seal_id: SealId,
    certificate: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The certificate, PEM.")],
    chain: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="The authorities between it and the root, PEM.")
    ] = None,
    hold: Annotated[bool, typer.Option(help="Make the seal, and do not put it into use yet.")] = False,  # noqa: FBT002
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Make a seal with the certificate that an authority outside the platform gave it."""
    request = pb.ImportCertificateRequest(
        request_id=new_id(),
        seal_id=seal_id,
        certificate_pem=_pem(certificate),
        chain_pem=_pem(chain) if chain else "",
        hold=hold,
    )
    _act(lambda platform: platform.seal_register.ImportCertificate(request).seal, as_json=json)


def activate(seal_id: SealId, reason: Why = "", json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Put a seal into use that was made and held back; one that it replaces is out of use from then on."""
    request = pb.ActivateSealRequest(request_id=new_id(), seal_id=seal_id, reason=reason)
    _act(lambda platform: platform.seal_register.ActivateSeal(request).seal, as_json=json)


def suspend(seal_id: SealId, reason: Why, json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Stop the use of a seal until it is resumed."""
    request = pb.SuspendSealRequest(request_id=new_id(), seal_id=seal_id, reason=reason)
    _act(lambda platform: platform.seal_register.SuspendSeal(request).seal, as_json=json)


def resume(seal_id: SealId, reason: Why, json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """Let a suspended seal be used again."""
    request = pb.ResumeSealRequest(request_id=new_id(), seal_id=seal_id, reason=reason)
    _act(lambda platform: platform.seal_register.ResumeSeal(request).seal, as_json=json)


def revoke(seal_id: SealId, reason: Why, json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """End the use of a seal for good; what it sealed before stays valid."""
    request = pb.RevokeSealRequest(request_id=new_id(), seal_id=seal_id, reason=reason)
    _act(lambda platform: platform.seal_register.RevokeSeal(request).seal, as_json=json)


def _act(call: Callable[[Platform], seal_pb2.Seal], *, as_json: bool) -> None:
    with operator() as platform:
        _print(call(platform), as_json=as_json)


def _pem(file: Path) -> str:
    content = file.read_bytes()
    if b"-----BEGIN" not in content:
        raise ValueError(f"{file} is not PEM; from DER: openssl x509 -inform der -in {file} -out {file.stem}.pem")
    return content.decode("utf-8", errors="replace")


def _applied_for(platform: Platform, named: str) -> str:
    """The id of the seal that is meant; raises NotFound when an organ is named and applies for none, or several."""
    organ = next((organ for organ in all_organs(platform) if named in (organ.organ_id, organ.uscc)), None)
    if organ is None:
        return named
    waiting = all_seals(platform, organ.organ_id, State.APPLIED)
    if len(waiting) == 1:
        return waiting[0].seal_id
    if waiting:
        several = ", ".join(f"{seal.seal_id} {seal.name}" for seal in waiting)
        message = f"{organ.name} applies for several; name one: {several}"
    else:
        message = f"{organ.name} applies for none; `duokua seal list` shows all"
    raise NotFound(grpc.StatusCode.NOT_FOUND, "SEAL_NOT_FOUND", message, {"organ": named})


def _print(seal: seal_pb2.Seal, *, as_json: bool) -> None:
    if as_json:
        print_json(as_dict(seal))
        return
    ended = seal.state in {seal_pb2.SEAL_STATE_REVOKED, seal_pb2.SEAL_STATE_REPLACED}
    has_end = seal.HasField("valid_until") and not ended
    until = f", good until {seal.valid_until.ToDatetime().date()}" if has_end else ""
    say(f"seal {seal.seal_id} {seal.name} is {enum_name(seal, 'state')}{until}")
