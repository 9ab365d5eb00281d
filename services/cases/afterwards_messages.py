"""What follows the end of a case as the contract has it: stages, results, delivery, ratings, follow-ups."""

from chassis.problems import Invalid, Violation
from duokua.cases.v1 import case_pb2, case_service_pb2
from duokua.data import fill_struct
from services.cases.clock_messages import ClockReader
from services.cases.domain.case import Case
from services.cases.domain.follow_ups import clock_id
from services.cases.domain.inputs import Rated
from services.cases.domain.plan import Plan
from services.cases.domain.proceedings import Delivery, FollowUp, Rating
from services.cases.domain.ratings import LEVELS
from services.cases.domain.stages import FinalResult, Stage, case_end, case_stage, step_stage
from services.cases.timestamps import stamp

_STAGES = {stage: case_pb2.Stage.Value(f"STAGE_{stage.name}") for stage in Stage}
RESULTS = {result: case_pb2.FinalResult.Value(f"FINAL_RESULT_{result.name}") for result in FinalResult}


def add_afterwards(message: case_pb2.Case, plan: Plan, case: Case, reader: ClockReader) -> None:
    """Say of a case and its steps where they stand, and what followed the end."""
    proceedings = case.proceedings
    message.stage = _STAGES[case_stage(plan, case)]
    for step in message.steps:
        step.stage = _STAGES[step_stage(plan, case, step.step_id)]
    end = case_end(plan, case)
    if end is not None:
        message.final_result = RESULTS[end.result]
    if proceedings.delivery is not None:
        message.delivery.CopyFrom(delivery_message(proceedings.delivery))
    message.ratings.extend(rating_message(each) for each in proceedings.ratings)
    message.follow_ups.extend(follow_up_message(case, each, reader) for each in proceedings.follow_ups)
    if proceedings.archived_at is not None:
        message.archived_at.FromDatetime(proceedings.archived_at)


def delivery_message(delivery: Delivery) -> case_pb2.Delivery:
    """How the results came to the applicant."""
    return case_pb2.Delivery(
        delivered_at=stamp(delivery.delivered_at), channel=delivery.channel, receiver=delivery.receiver
    )


def rating_message(rating: Rating) -> case_pb2.Rating:
    """What the applicant thinks."""
    return case_pb2.Rating(
        step_id=rating.step_id,
        level=rating.level,
        rated_at=stamp(rating.rated_at),
        tags=rating.tags,
        comment=rating.comment,
    )


def follow_up_message(case: Case, follow_up: FollowUp, reader: ClockReader) -> case_pb2.FollowUp:
    """What a bad rating asks of an office."""
    message = case_pb2.FollowUp(
        step_id=follow_up.step_id,
        organ_id=follow_up.organ_id,
        task_id=follow_up.task_id,
        opened_at=stamp(follow_up.opened_at),
        closed_at=stamp(follow_up.closed_at),
        clock=reader.clock(case, clock_id(follow_up.step_id)),
    )
    if follow_up.result is not None:
        fill_struct(message.result, dict(follow_up.result), "result")
    return message


def is_over(message: case_pb2.Case) -> bool:
    """Whether nothing is left for which somebody would follow a case: it has ended, and no follow-up is open."""
    waiting = any(not each.HasField("closed_at") for each in message.follow_ups)
    return message.HasField("ended_at") and not waiting


def rated_of(request: case_service_pb2.RateCaseRequest) -> Rated:
    """A rating as the core takes it; raises Invalid."""
    tags = tuple(tag.strip() for tag in request.tags)
    faults = []
    if request.level not in LEVELS:
        faults.append(Violation("level", f"must be from {LEVELS[0]} to {LEVELS[-1]}"))
    if "" in tags or len(set(tags)) < len(tags):
        faults.append(Violation("tags", "must be words, each once"))
    if faults:
        raise Invalid("BAD_REQUEST", "the rating cannot be taken", faults)
    return Rated(request.level, request.step_id, tags, request.comment.strip())
