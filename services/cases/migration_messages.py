"""Migrations of cases as the contract has them."""

from chassis.problems import Invalid, Problem, Violation
from duokua.cases.v1 import case_pb2
from duokua.cases.v1 import operations_service_pb2 as pb
from services.cases.case_migration import Change, Move, Moved
from services.cases.messages import STEP_NUMBERS


def move_of(request: pb.MigrateCasesRequest) -> Move:
    """What is asked for; raises Invalid when a step has two places."""
    mapping: dict[str, str] = {}
    for index, each in enumerate(request.mapping):
        if each.step_id in mapping:
            fault = Violation(f"mapping[{index}].step_id", f"{each.step_id} is said twice")
            raise Invalid("BAD_REQUEST", "a step has one place", [fault])
        mapping[each.step_id] = each.place
    return Move(
        request.bundle_id, request.from_version, request.to_version, mapping, request.reason, request.request_id
    )


def refused(outcome: pb.MigrationOutcome, problem: Problem) -> None:
    """Note why a case stays as it is."""
    outcome.outcome = pb.CASE_MIGRATION_REFUSED
    outcome.reason, outcome.message = problem.reason, problem.message


def moved(outcome: pb.MigrationOutcome, what: Moved, *, dry_run: bool) -> None:
    """Note what became of a case."""
    done = pb.CASE_MIGRATION_POSSIBLE if dry_run else pb.CASE_MIGRATION_MIGRATED
    outcome.outcome = done if what.changed else pb.CASE_MIGRATION_UNCHANGED
    outcome.changes.extend(_change(each) for each in what.changes)


def count(summary: pb.MigrationSummary, outcome: pb.MigrationOutcome) -> None:
    """Add a case to the summary."""
    summary.migrated += outcome.outcome == pb.CASE_MIGRATION_MIGRATED
    summary.possible += outcome.outcome == pb.CASE_MIGRATION_POSSIBLE
    summary.unchanged += outcome.outcome == pb.CASE_MIGRATION_UNCHANGED
    summary.refused += outcome.outcome == pb.CASE_MIGRATION_REFUSED


def _change(change: Change) -> pb.StepChange:
    none = case_pb2.STEP_STATUS_UNSPECIFIED
    return pb.StepChange(
        step_id=change.step_id,
        before=STEP_NUMBERS[change.before] if change.before else none,
        after=STEP_NUMBERS[change.after] if change.after else none,
    )
