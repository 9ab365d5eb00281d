"""`duokua case`: see cases, follow them, check their histories."""

from typing import Annotated

import typer

from chassis.settings import Settings
from cli.applications import Principal, correct, withdraw
from cli.case_view import afterwards_of, tree_of
from cli.connection import connect, connect_as
from cli.migrating import migrate
from cli.notices import notices
from cli.options import AsJson
from cli.output import as_dict, console, counted, enum_name, every_page, print_json, print_json_line, print_rows, say
from cli.precheck import form
from cli.proving import proof, replay, verify
from cli.ratings import deliver, rate
from cli.records import export
from cli.searching import decide, search, stop
from cli.submitting import submit
from cli.urges import extend, urge, urges
from duokua.cases.v1 import case_pb2, case_service_pb2

pb = case_service_pb2
app = typer.Typer()
CaseId = Annotated[str, typer.Argument(help="The case's id or number.")]
AsPerson = Annotated[
    str, typer.Option("--person", help="The person who looks, in a portal's environment: an id. Else the operator.")
]

STEP_COLUMNS = [
    ("step", lambda step: step.step_id),
    ("name", lambda step: step.name),
    ("status", lambda step: enum_name(step, "status")),
    ("office", lambda step: step.organ_name),
    ("notice", lambda step: enum_name(step, "notice_status") if step.notice_status else ""),
    ("why", lambda step: step.reason or step.routing_reason),
]


@app.command(name="list")
def list_cases(json: AsJson = False) -> None:  # noqa: FBT002 - an option
    """List cases, newest first."""
    with connect(Settings()) as platform:
        found = every_page(
            lambda token: platform.cases.ListCases(pb.ListCasesRequest(page_size=1000, page_token=token)),
            lambda answer: answer.cases,
        )
    columns = [
        ("case", lambda case: case.case_id),
        ("number", lambda case: case.case_number),
        ("bundle", lambda case: case.bundle_name),
        ("status", lambda case: enum_name(case, "status")),
        ("incidents", lambda case: str(case.open_incidents or "")),
    ]
    print_rows(found, columns, as_json=json, empty="there are no cases")


@app.command()
def show(
    case_id: CaseId,
    person: AsPerson = "",
    principal: Principal = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Show where a case and each of its steps stand."""
    with connect_as(person, principal) as platform:
        case = platform.cases.GetCase(pb.GetCaseRequest(case_id=case_id)).case
    print_case(case, as_json=json)


@app.command()
def watch(
    case_id: CaseId,
    person: AsPerson = "",
    principal: Principal = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Follow a case until it has ended. With --json each state of it is one line (JSON lines)."""
    with connect_as(person, principal) as platform:
        for answer in platform.cases.WatchCase(pb.WatchCaseRequest(case_id=case_id), timeout=None):
            if json:
                print_json_line(as_dict(answer.case))
            else:
                print_case(answer.case, as_json=False)


@app.command()
def history(
    case_id: CaseId,
    check: Annotated[  # noqa: FBT002 - an option
        bool, typer.Option("--verify/--no-verify", help="Check the hash chain, or only show it.")
    ] = True,
    person: AsPerson = "",
    principal: Principal = "",
    json: AsJson = False,  # noqa: FBT002 - an option
) -> None:
    """Show a case's history and check its hash chain here, without trusting the platform's word."""
    from cli.history import actor_of, first_broken, step_of, what_of, withheld  # noqa: PLC0415 - only what a command needs is loaded

    with connect_as(person, principal) as platform:
        case = platform.cases.GetCase(pb.GetCaseRequest(case_id=case_id)).case
        entries = every_page(
            lambda token: platform.cases.GetHistory(
                pb.GetHistoryRequest(case_id=case_id, page_size=1000, page_token=token)
            ),
            lambda answer: answer.entries,
        )
    columns = [
        ("#", lambda entry: str(entry.sequence)),
        ("at", lambda entry: entry.at.ToJsonString()),
        ("actor", actor_of),
        ("step", step_of),
        ("what", what_of),
        ("hash", lambda entry: entry.hash[:16]),
    ]
    print_rows(entries, columns, as_json=json, empty="the history is empty")
    if check:
        broken = first_broken(case.case_id, entries)
        if broken is not None:
            message = f"the chain is broken at entry {broken}: this history was changed"
            raise ValueError(message)
        if not json:
            say(f"chain verified: {counted(len(entries), 'entry')}")
            for part, count in zip(("open", "internal"), withheld(entries), strict=True):
                if count:
                    say(f"withheld, and not checked: the {part} part of {counted(count, 'entry')}")


OF_APPLICANTS = (form, submit, correct, withdraw, rate)
OF_OPERATORS = (notices, proof, verify, replay, urge, urges, extend, search, decide, stop, migrate, deliver, export)
for command in (*OF_OPERATORS, *OF_APPLICANTS):
    app.command()(command)


def print_case(case: case_pb2.Case, *, as_json: bool) -> None:
    """A case and its steps: a tree on a terminal, a line for each step in a pipe."""
    if as_json:
        print_json(as_dict(case))
        return
    if console.is_terminal:
        console.print(tree_of(case))
        return
    say(f"{case.bundle_name} {case.case_number}  {enum_name(case, 'status')}")
    if case.refusal_reason:
        say(f"{enum_name(case, 'undo_cause')}: {case.refusal_reason}")
    for line in afterwards_of(case):
        say(line)
    print_rows(case.steps, STEP_COLUMNS, as_json=False, empty="")
