"""What a test expects, at its end or at a moment in between: the keys of `then`."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from services.matters.package.parts import FieldName, FieldPath, Part, Region, Slug

_DUE = r"^([0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])|stopped|unknown)$"
_CLOCK = r"^(([a-z][a-z0-9]*(-[a-z0-9]+)*\.)?(acceptance|statutory|promised|follow_up)|correction)$"
_REASON = r"^[A-Z][A-Z_]{2,59}$"

SHAPES = {
    _DUE: 'a day in quotes, such as "2026-03-12", or stopped, or unknown',
    _CLOCK: (
        "a clock: of a step, such as food-licence.promised, or of the whole: statutory, promised, correction or "
        "follow_up"
    ),
    _REASON: "a reason in capital letters, such as RESULT_INVALID",
}
"""What a value that breaks a pattern should look like."""

DueDay = Annotated[str, StringConstraints(pattern=_DUE)]
ClockName = Annotated[str, StringConstraints(pattern=_CLOCK)]
Reason = Annotated[str, StringConstraints(pattern=_REASON)]
# Of a notice or a message, which may have lines.
Piece = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Words = Annotated[str, StringConstraints(max_length=2000)]
StepStatus = Literal[
    "waiting",
    "routing",
    "offered",
    "accepted",
    "correcting",
    "suspended",
    "completed",
    "skipped",
    "refused",
    "undoing",
    "undone",
    "cancelled",
]
NoticeStatus = Literal["none", "requested", "sealed", "withdrawn", "revoked", "waived"]
LicenceStatus = Literal["none", "issued", "revoked"]
Light = Literal["green", "yellow", "red", "unknown"]
UrgeKind = Literal["urge", "supervise"]
FollowUpStatus = Literal["none", "open", "answered"]


def key(description: str) -> Any:
    """An optional key, with what editors show of it."""
    return Field(default=None, description=description)


class NoticeThenPart(Part):
    """What is expected of the notice of a step."""

    status: NoticeStatus | None = key("Where it stands.")
    title: Piece | None = key("Its title, as a whole.")
    contains: Annotated[list[Piece], Field(max_length=50)] = Field(
        default=[], description="Pieces of text that are in it."
    )
    lacks: Annotated[list[Piece], Field(max_length=50)] = Field(
        default=[], description="Pieces of text that are not in it."
    )


class LicenceThenPart(Part):
    """What is expected of the licence that the approval of a step makes."""

    status: LicenceStatus | None = key("Where it stands.")
    says: Annotated[dict[FieldName, Any], Field(max_length=100)] = Field(
        default={}, description="Fields of it, with what they say."
    )
    lacks: Annotated[list[FieldName], Field(max_length=100)] = Field(
        default=[], description="Fields of which it says nothing."
    )


class ThenPart(Part):
    """What is expected at the end, or at a moment in between. What is not said is not looked at."""

    case: Literal["running", "undoing", "completed", "undone"] | None = key("Where the case stands.")
    cause: Literal["refused", "withdrawn", "handed_back", "stopped"] | None = key("Why it is undone.")
    reason: Piece | None = key("A piece of the reason that the applicant is given for it.")
    steps: Annotated[dict[Slug, StepStatus], Field(max_length=100)] = Field(
        default={}, description="Where steps stand."
    )
    skipped: Annotated[dict[Slug, Words], Field(max_length=100)] = Field(
        default={}, description="Steps that are skipped, each with a piece of the reason, or an empty one."
    )
    order: Annotated[list[Slug], Field(max_length=100)] = Field(
        default=[], description="Steps in the order in which they were completed; others may be in between."
    )
    undone: Annotated[list[Slug], Field(max_length=100)] | None = key(
        "The steps whose offices have undone their result, in that order, and no others."
    )
    notices: Annotated[dict[Slug, NoticeThenPart], Field(max_length=100)] = Field(
        default={}, description="The notices of steps."
    )
    licences: Annotated[dict[Slug, LicenceThenPart], Field(max_length=100)] = Field(
        default={}, description="The licences that the approvals of steps make."
    )
    regions: Annotated[dict[Slug, Region], Field(max_length=100)] = Field(
        default={}, description="The regions in which the offices of steps were sought, or would be."
    )
    organs: Annotated[dict[Slug, Piece], Field(max_length=100)] = Field(
        default={}, description="The organs that the form names for steps, by their unified social credit codes."
    )
    inputs: Annotated[dict[Slug, dict[FieldName, Any]], Field(max_length=100)] = Field(
        default={}, description="What the office of a step was given of earlier results."
    )
    sees: Annotated[dict[Slug, list[FieldPath]], Field(max_length=100)] = Field(
        default={}, description="Fields of the form that the office of a step was given."
    )
    hidden: Annotated[dict[Slug, list[FieldPath]], Field(max_length=100)] = Field(
        default={}, description="Fields of the form that the office of a step was not given."
    )
    lights: Annotated[dict[ClockName, Light], Field(max_length=100)] = Field(
        default={}, description="The lights of clocks: food-licence.promised of a step, promised of the whole."
    )
    due: Annotated[dict[ClockName, DueDay], Field(max_length=100)] = Field(
        default={}, description="The day on which clocks are due, or stopped, or unknown."
    )
    urged: Annotated[dict[Slug, list[UrgeKind]], Field(max_length=100)] = Field(
        default={},
        description="By step, how its office was reminded, by people and by lights, oldest first.",
    )
    follow_up: FollowUpStatus | None = key("Where the lead's answer to a bad rating of the whole case stands.")
    follow_ups: Annotated[dict[Slug, FollowUpStatus], Field(max_length=100)] = Field(
        default={}, description="Where the offices' answers to bad ratings of their steps stand."
    )
    incidents: Annotated[dict[Slug, Reason], Field(max_length=100)] = Field(
        default={}, description="The open incidents, by step, and no others. Without it there is none."
    )
    told: Annotated[list[Piece], Field(max_length=50)] = Field(
        default=[], description="Pieces of text, each in a message that the applicant was sent."
    )
    turned_away: Annotated[list[Piece], Field(max_length=50)] = Field(
        default=[], description="The application is not taken; each is a piece of what is wrong with it."
    )
