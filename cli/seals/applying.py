"""`duokua seal apply` and `renew`: what has to be approved by somebody else."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from chassis.clock import new_id
from cli.arrival import once_arrived
from cli.connection import operator
from cli.options import AsJson, OrganName
from cli.organs import organ_id_of
from cli.output import as_dict, enum_name, print_json, say
from cli.seals.looking import SealId
from duokua.client import Platform
from duokua.errors import AlreadyExists
from duokua.eseal.v1 import seal_pb2
from duokua.eseal.v1 import seal_register_service_pb2 as pb


class Kind(StrEnum):
    """Whose name is on the seal."""

    ORGAN = "organ"
    DEPARTMENT = "department"
    SPECIAL = "special"
    PERSONAL = "personal"


Reason = Annotated[str, typer.Option(help="Why; it stands in the seal's history.")]
Matter = Annotated[
    list[str] | None,
    typer.Option(
        help="A matter that it is for, by catalogue code, or '*' for all; may be repeated. A department's and a "
        "special seal need it, an organ's own is for all, a personal one for none. One with '*' goes on all "
        "notices and licences in the place of the organ's own."
    ),
]
Served = Annotated[
    list[str] | None,
    typer.Option("--for-organ", help="Another organ for whose steps it may be used: id or code; may be repeated."),
]
PictureFile = Annotated[
    Path | None,
    typer.Option("--picture", exists=True, dir_okay=False, help="A PNG with transparency; else one is drawn."),
]
Width = Annotated[int, typer.Option("--width-mm", min=10, max=60, help="The printed width of such a picture.")]
Years = Annotated[int, typer.Option(min=1, max=5, help="For how many years it is to be good.")]
Outside = Annotated[bool, typer.Option(help="Its certificate will come from an authority outside the platform.")]


def apply(  # noqa: PLR0913, PLR0917 - options
    organ: OrganName,
    reason: Reason,
    kind: Annotated[Kind, typer.Option(help="Whose name is on it.")] = Kind.ORGAN,
    name: Annotated[str, typer.Option(help="What is written on it; an organ's own has the organ's name.")] = "",
    matter: Matter = None,
    served: Served = None,
    picture: PictureFile = None,
    width_mm: Width = 42,
    years: Years = 5,
    outside: Outside = False,  # noqa: FBT002 - an option
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Apply for a seal. Somebody else has to approve it. One that is in use or applied for stays, and is shown.

    The client that the environment names applies: an office's own system for its organ, an operator for any.
    """
    with operator() as platform:
        request = pb.ApplyForSealRequest(
            request_id=new_id(),
            organ_id=organ_id_of(platform, organ),
            kind=seal_pb2.SealCategory.Value(f"SEAL_CATEGORY_{kind.name}"),
            name=name,
            matters=matter or (),
            served_organ_ids=[organ_id_of(platform, other) for other in served or ()],
            picture=picture.read_bytes() if picture else b"",
            picture_width_mm=width_mm,
            years=years,
            outside=outside,
            reason=reason,
        )
        _apply(platform, request, as_json=json)


def renew(
    seal_id: SealId,
    reason: Reason,
    matter: Matter = None,
    served: Served = None,
    picture: PictureFile = None,
    width_mm: Width = 42,
    years: Years = 5,
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Apply for a seal that takes the place of one in use, with a new key and certificate.

    What it may be used for stays as it is, unless it is said anew, and so does a picture that was uploaded. Until the
    new one is approved, the old one is used.
    """
    with operator() as platform:
        before = platform.seal_register.GetSeal(pb.GetSealRequest(seal_id=seal_id)).seal
        request = pb.ApplyForSealRequest(
            request_id=new_id(),
            organ_id=before.organ_id,
            kind=before.kind,
            name="" if before.kind == seal_pb2.SEAL_CATEGORY_ORGAN else before.name,
            matters=before.matters if matter is None else matter,
            served_organ_ids=(
                before.served_organ_ids if served is None else [organ_id_of(platform, other) for other in served]
            ),
            picture=picture.read_bytes() if picture else b"",
            picture_width_mm=width_mm,
            years=years,
            outside=before.outside,
            replaces_seal_id=seal_id,
            reason=reason,
        )
        _apply(platform, request, as_json=json)


def _apply(platform: Platform, request: pb.ApplyForSealRequest, *, as_json: bool) -> None:
    try:
        seal = once_arrived(lambda: platform.seal_register.ApplyForSeal(request), "ORGAN_NOT_FOUND").seal
        told = f"is applied for; somebody else approves it: duokua seal approve {seal.seal_id}"
    except AlreadyExists as there:
        asked = pb.GetSealRequest(seal_id=there.metadata["seal_id"])
        seal = platform.seal_register.GetSeal(asked).seal
        told = f"is there already, {enum_name(seal, 'state')}"
    if as_json:
        print_json(as_dict(seal))
    else:
        say(f"seal {seal.seal_id} {seal.name} {told}")
