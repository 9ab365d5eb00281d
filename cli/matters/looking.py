"""`duokua matter list`, `show` and `diff`."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.connection import operator
from cli.matters.desk import Code, Item, OneCode, Organ, Region, Text, filter_of, in_force, phase
from cli.options import AsJson
from cli.output import as_dict, counted, every_page, print_json, print_rows, say
from duokua.errors import NotFound
from duokua.matters.v1 import catalogue_service_pb2 as pb

if TYPE_CHECKING:
    from duokua.client import Platform


class Phase(StrEnum):
    """Where a version stands."""

    DRAFT = "draft"
    REVIEW = "review"
    PLANNED = "planned"
    IN_FORCE = "in-force"
    ENDED = "ended"
    RETIRED = "retired"


Day = Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="As it stands on this day; today if none is given.")]
Phases = Annotated[
    list[Phase] | None,
    typer.Option("--phase", help="Only these; drafts, and all in force or to be, if none is given."),
]
History = Annotated[bool, typer.Option("--history", help="Who did what with it, in the place of what it says.")]
COLUMNS = [
    ("code", lambda matter: matter.code),
    ("version", lambda matter: str(matter.version)),
    ("phase", phase),
    ("name", lambda matter: matter.name),
    ("organ", lambda matter: matter.organ_name),
    ("region", lambda matter: matter.region_code),
    ("in force", in_force),
]


def list_matters(
    text: Text = "",
    code: Code = "",
    item: Item = "",
    organ: Organ = "",
    region: Region = "",
    phases: Phases = None,
    day: Day = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """List versions of entries, by code."""
    wanted = phases or [Phase.DRAFT, Phase.REVIEW, Phase.PLANNED, Phase.IN_FORCE]
    request = pb.SearchMattersRequest(
        filter=filter_of(text, code, item, organ, region),
        phases=[pb.MatterPhase.Value(f"MATTER_PHASE_{each.name}") for each in wanted],
        day=day,
        page_size=1000,
    )
    with operator() as platform:
        found = every_page(lambda token: _page(platform, request, token), lambda answer: answer.matters)
    print_rows(found, COLUMNS, as_json=json, empty="the catalogue has no such entry")


def show(
    code: OneCode,
    version: Annotated[int, typer.Option(min=0, help="The version; the one in force if none is given.")] = 0,
    day: Day = "",
    history: History = False,  # noqa: FBT002 - an option
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Show an entry with all it says: the version in force, or if there is none the newest."""
    with operator() as platform:
        if history:
            _history(platform, code, as_json=json)
            return
        answer = _found(platform, pb.GetMatterRequest(code=code, version=version, day=day))
    if json:
        print_json(as_dict(answer))
        return
    matter = answer.matter
    period = in_force(matter)
    say(f"{matter.code}  version {matter.version}, {phase(matter)}{f', {period}' if period else ''}")
    for line in _lines(matter):
        say(line)
    if answer.variants:
        total = sum(each.implementations for each in answer.variants)
        of = counted(len(answer.variants), "variant")
        say(f"implemented by {counted(total, 'organ')} in {of}:")
        for each in answer.variants:
            say(f"  {each.implementations} as {each.code}")


def diff(
    code: OneCode,
    before: Annotated[int, typer.Option("--from", min=0, help="The earlier version; by default the one before.")] = 0,
    after: Annotated[int, typer.Option("--to", min=0, help="The later version; by default the newest.")] = 0,
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Say in words how two versions of an entry differ."""
    with operator() as platform:
        request = pb.DiffVersionsRequest(code=code, from_version=before, to_version=after)
        answer = platform.catalogue.DiffVersions(request)
    if json:
        print_json(as_dict(answer))
        return
    say(f"{code}: version {answer.from_version} to {answer.to_version}")
    for each in answer.differences:
        say(f"  {each.words}")
    if not answer.differences:
        say("  no difference")


def _found(platform: "Platform", request: pb.GetMatterRequest) -> pb.GetMatterResponse:
    """What is asked for; where nothing is in force and nothing else was asked for, the newest version."""
    try:
        return platform.catalogue.GetMatter(request)
    except NotFound:
        newest = 0 if request.version or request.day else _newest(platform, request.code)
        if not newest:
            raise
    return platform.catalogue.GetMatter(pb.GetMatterRequest(code=request.code, version=newest))


def _newest(platform: "Platform", code: str) -> int:
    """The newest version of an entry, in whatever phase; 0 where there is none."""
    request = pb.SearchMattersRequest(
        filter=pb.MatterFilter(code=code), phases=pb.MatterPhase.values()[1:], page_size=1000
    )
    found = every_page(lambda token: _page(platform, request, token), lambda answer: answer.matters)
    return max((each.version for each in found if each.code == code), default=0)


def _page(platform: "Platform", request: pb.SearchMattersRequest, token: str) -> pb.SearchMattersResponse:
    request.page_token = token
    return platform.catalogue.SearchMatters(request)


def _history(platform: "Platform", code: str, *, as_json: bool) -> None:
    found = every_page(
        lambda token: platform.catalogue.ListMatterActs(
            pb.ListMatterActsRequest(code=code, page_size=1000, page_token=token)
        ),
        lambda answer: answer.acts,
    )
    columns = [
        ("at", lambda act: act.at.ToJsonString()),
        ("version", lambda act: str(act.version)),
        ("act", lambda act: act.act),
        ("who", lambda act: act.who),
        ("reason", lambda act: act.reason),
    ]
    print_rows(found, columns, as_json=as_json, empty=f"nothing was ever done with {code}")


def _lines(matter: pb.MatterVersion) -> Iterator[str]:
    """What an entry says, element by element, as the standard calls them."""
    from services.matters.catalogue.domain.elements import kind_of, lists_of  # noqa: PLC0415 - only what a command needs

    kind = kind_of(matter.code)
    content = as_dict(getattr(matter, matter.WhichOneof("content") or "item"))
    yield from _elements(kind, content)
    for listed in lists_of(kind):
        for number, row in enumerate(content.get(listed.key, ()), start=1):
            yield f"{listed.sheet} {number}"
            yield from (f"  {line}" for line in _elements(listed.row, row))


def _elements(kind: type[Any], content: Mapping[str, Any]) -> Iterator[str]:
    from services.matters.catalogue.domain.elements import elements  # noqa: PLC0415 - only what a command needs
    from services.matters.catalogue.domain.values import shown  # noqa: PLC0415

    for each in elements(kind):
        value = content.get(each.key)
        value = tuple(value) if isinstance(value, list) else value
        if value not in (None, "", ()):
            yield f"{each.header}: {shown(each, value)}"
