"""`duokua seal authorities` and `rotate-authority`: by whom the certificates of seals are issued."""

from enum import StrEnum
from typing import Annotated

import typer

from chassis.clock import new_id
from cli.connection import operator
from cli.options import AsJson
from cli.output import enum_name, print_rows
from duokua.eseal.v1 import seal_pb2
from duokua.eseal.v1 import seal_register_service_pb2 as pb


class Suite(StrEnum):
    """The algorithms of keys and certificates."""

    INTERNATIONAL = "international"
    NATIONAL = "national"


_COLUMNS = [
    ("authority", lambda authority: authority.authority_id),
    ("role", lambda authority: authority.role),
    ("suite", lambda authority: enum_name(authority, "suite")),
    ("since", lambda authority: authority.created_at.ToDatetime().date().isoformat()),
    ("state", lambda authority: "retired" if authority.HasField("retired_at") else "issues"),
]
_NONE = "there is no authority: the first seal that is made brings the first ones"


def authorities(json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """List the platform's own certification authorities, retired ones too."""
    with operator() as platform:
        found = platform.seal_register.GetAuthorities(pb.GetAuthoritiesRequest()).authorities
    print_rows(found, _COLUMNS, as_json=json, empty=_NONE)


def rotate_authority(
    suite: Annotated[Suite, typer.Option(help="Of which algorithms.")] = Suite.INTERNATIONAL,
    root: Annotated[bool, typer.Option("--root", help="The root above it too.")] = False,  # noqa: FBT002 - an option
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Have the issuing authority followed by a new one with a new key; what it signed stays trusted."""
    request = pb.RotateAuthorityRequest(
        request_id=new_id(), suite=seal_pb2.Suite.Value(f"SUITE_{suite.name}"), root=root
    )
    with operator() as platform:
        found = platform.seal_register.RotateAuthority(request).authorities
    print_rows(found, _COLUMNS, as_json=json, empty=_NONE)
