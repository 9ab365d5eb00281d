"""好差评: what the applicant thinks, once of the case and once of each office's service. Bad ones are followed up."""

from services.cases.domain.case import StepState, StepStatus
from services.cases.domain.closing import check_not_archived
from services.cases.domain.follow_ups import open_follow_up
from services.cases.domain.history import timestamp
from services.cases.domain.inputs import Rated
from services.cases.domain.proceedings import Rating
from services.cases.domain.refusal import Refusal
from services.cases.domain.turn import Turn

LEVELS = range(1, 6)
FOLLOWED_UP_FROM = 4
"""From this level on: dissatisfied."""


def rated(turn: Turn, given: Rated) -> None:
    """Keep what the applicant thinks; saying the same again changes nothing."""
    rating = Rating(given.step_id, given.level, turn.now, given.tags, given.comment)
    before = next((each for each in turn.proceedings.ratings if each.step_id == given.step_id), None)
    if before is not None:
        if _content(before) == _content(rating):
            return
        raise Refusal(
            "ALREADY_RATED",
            f"{_what(turn, given.step_id)} was rated {before.level} at {timestamp(before.rated_at)}; "
            "a rating is given once",
        )
    _check_ratable(turn, given)
    check_not_archived(turn)
    turn.proceed(ratings=(*turn.proceedings.ratings, rating))
    if rating.level >= FOLLOWED_UP_FROM:
        open_follow_up(turn, rating)


def _check_ratable(turn: Turn, given: Rated) -> None:
    if given.level not in LEVELS:
        raise Refusal("NOT_RATABLE", f"{given.level} is no level; rate from 1, very satisfied, to 5")
    if not given.step_id:
        if turn.ended_at is None:
            raise Refusal("NOT_RATABLE", f"case {turn.before.case_id} has not ended; rate it when it has")
        return
    step = turn.steps.get(given.step_id)
    if step is None:
        raise Refusal("NOT_RATABLE", f"case {turn.before.case_id} has no step {given.step_id}; see which it has")
    if not _served(step):
        raise Refusal(
            "NOT_RATABLE",
            f"no office has completed or refused {_what(turn, given.step_id)}; rate it when one has, or the case",
        )


def _served(step: StepState) -> bool:
    """Whether an office has decided it, also when that was undone later; what was done by word nobody did."""
    return bool(step.handled_task_id) or (bool(step.organ_id) and step.status is StepStatus.REFUSED)


def _content(rating: Rating) -> tuple[int, tuple[str, ...], str]:
    return rating.level, rating.tags, rating.comment


def _what(turn: Turn, step_id: str) -> str:
    return f"step {step_id} of case {turn.before.case_id}" if step_id else f"case {turn.before.case_id}"
