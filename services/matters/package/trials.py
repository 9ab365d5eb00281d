"""tests/<name>.test.yaml: what the authors of a package expect of it, as given, when and then.

Here are the keys of these files; those of `then` are in `expectations.py`. What they say about steps and fields is
checked in `trialchecks.py`; they are run by whoever has a core of cases at hand (`duokua scenario test`).
"""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints

from services.matters.package.expectations import SHAPES, Piece, Reason, ThenPart, Words, key
from services.matters.package.parts import FieldPath, Part, Slug, Text, Time

_EXAMPLE = r"^examples/[A-Za-z0-9_./-]+\.json$"
_MOMENT = r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]) ([01][0-9]|2[0-3]):[0-5][0-9]$"

# What a value that breaks a pattern should look like.
_SHAPES = {
    **SHAPES,
    _EXAMPLE: 'a form in the package, such as "examples/small.json"',
    _MOMENT: 'a time in China in quotes, such as "2026-03-02 09:00"',
}

Example = Annotated[str, StringConstraints(pattern=_EXAMPLE, max_length=200)]
Moment = Annotated[str, StringConstraints(pattern=_MOMENT)]


class GivenPart(Part):
    """An application, when it is submitted, and what the offices do by themselves."""

    example: Example | None = key("The form: a file of the package.")
    form: dict[str, Any] | None = key("The form, written out; instead of `example`.")
    changes: Annotated[dict[FieldPath, Any], Field(max_length=100)] = Field(
        default={}, description="Fields of the form that are otherwise here, by path; null takes one away."
    )
    without: Annotated[list[Slug], Field(max_length=100)] = Field(
        default=[], description="Kinds of material that are not handed in; all others are, one of each."
    )
    parameters: Annotated[dict[Slug, Any], Field(max_length=50)] = Field(
        default={}, description="Values of parameters that it is about; where a region has set others, it is left out."
    )
    at: Moment = Field(default="2026-03-02 09:00", description="When it is submitted, in China.")
    others: Literal["complete", "wait"] = Field(
        default="complete",
        description="What offices do that the test says nothing of: complete at once, or wait for what it says.",
    )
    offices: Annotated[dict[Slug, Literal["complete", "wait", "none"]], Field(max_length=100)] = Field(
        default={}, description="What the office of a step does by itself; none: there is no office for it."
    )
    results: Annotated[dict[Slug, dict[str, Any]], Field(max_length=100)] = Field(
        default={}, description="What the office of a step gives as its result, instead of something made up."
    )


class CorrectPart(Part):
    """What an office asks the applicant for."""

    fields: Annotated[dict[FieldPath, Piece], Field(max_length=100)] = Field(
        default={}, description="Fields of the form, each with what is wrong with it."
    )
    materials: Annotated[dict[Slug, Piece], Field(max_length=100)] = Field(
        default={}, description="Kinds of material, each with what is wrong with it."
    )
    reason: Words = Field(default="", description="Why it is asked for again; needed from the second time on.")


class SuspendPart(Part):
    """特别程序: a procedure during which the clocks stand still."""

    kind: Literal["hearing", "publicity", "verification", "suspended"]
    """Which procedure."""
    reason: Piece
    """Why, for the applicant."""


class ExtendPart(Part):
    """More time for the decision of a step, or of the whole case."""

    amount: Annotated[int, Field(ge=1, le=100_000)]
    """By how much, in the unit of the limit."""
    reason: Piece
    """Why, for the applicant."""
    authority: Piece
    """Who gave leave."""


class PassUpPart(Part):
    """转报: the office above decides."""

    reason: Piece
    """Why it is passed up."""
    opinion: Annotated[dict[str, Any], Field(max_length=100)] = Field(
        default={}, description="What it thinks of it, for the office above."
    )


class VisitPlanPart(Part):
    """When and where the offices of a joint visit meet."""

    at: Moment
    """When, in China."""
    place: Piece
    """Where."""


class SupplyPart(Part):
    """What the applicant supplies: everything that was asked for."""

    form: Annotated[dict[FieldPath, Any], Field(max_length=100)] = Field(
        default={}, description="Fields by path, as they are now; null leaves one out."
    )
    materials: Annotated[list[Slug], Field(max_length=100)] = Field(
        default=[], description="Kinds of material, each with a new file."
    )


class DeliverPart(Part):
    """送达: how the results came to whoever they are for."""

    channel: Piece
    """How, such as 邮寄."""
    receiver: Piece
    """To whom."""


class HappeningPart(Part):
    """One thing that happens: said by the office of a step, by the applicant, by an operator; or time passes."""

    step: Slug | None = key("The step whose office says it, or that it is about.")
    accept: Literal[True] | None = key("受理: the office takes the matter on.")
    complete: dict[str, Any] | None = key("办结, with the result; {} for one that is made up.")
    refuse: Piece | None = key("不予受理 / 不予许可, with the reason.")
    send_back: Piece | None = key("退回: not this office's, with the reason.")
    fail: Piece | None = key("A technical failure, with the reason.")
    times: Annotated[int, Field(ge=1, le=20)] | None = key("How often it fails; once unless said otherwise.")
    correct: CorrectPart | None = key("补正: the office asks the applicant for corrections.")
    suspend: SuspendPart | None = key("特别程序: a procedure begins.")
    resume: Piece | None = key("The procedure is over, with a note.")
    extend: ExtendPart | None = key("延长: more time for the decision; without `step` for the whole case.")
    pass_up: PassUpPart | None = key("转报: the office above decides.")
    hand_over: Piece | None = key("转办: who in the office handles it now.")
    visit: VisitPlanPart | None = key("联合踏勘: when and where the offices meet.")
    attend: Piece | None = key("The office was at the joint visit, with its finding.")
    supply: SupplyPart | None = key("The applicant supplies what was asked for.")
    withdraw: Piece | None = key("撤回: the applicant takes the application back, with the reason.")
    rate: Annotated[int, Field(ge=1, le=5)] | None = key("好差评, 1 (very satisfied) to 5; with `step` its office's.")
    answer: dict[str, Any] | None = key(
        "回访整改: what was found and done about a bad rating; with `step` by its office, else by the lead."
    )
    urge: Piece | None = key("催办: the lead reminds the step's office, with the reason.")
    supervise: Piece | None = key("督办: the superior of the step's office is told, with the reason.")
    deliver: DeliverPart | None = key("送达: the results come to whoever they are for.")
    retry: Piece | None = key("An operator has the step's incident tried again, with the reason.")
    skip: Piece | None = key("An operator leaves the step out, with the reason.")
    reassign: Piece | None = key("An operator has another office handle the step, with the reason.")
    force: dict[str, Any] | None = key("An operator takes the step as done, with the result; {} for one made up.")
    stop: Piece | None = key("An operator gives the case up, with the reason.")
    wait: Time | None = key("Time passes: 3 working days.")
    until: Moment | None = key("Time passes until then, in China.")
    then: ThenPart | None = key("What is expected at this moment.")
    turned_down: Reason | None = key("What was said is not taken, for this reason.")


OF_OFFICES = (
    "accept",
    "complete",
    "refuse",
    "send_back",
    "fail",
    "correct",
    "suspend",
    "resume",
    "pass_up",
    "hand_over",
    "visit",
    "attend",
)
"""What the office of a step says."""
OF_STEPS = (*OF_OFFICES, "urge", "supervise", "retry", "skip", "reassign", "force")
"""What is about one step."""
HAPPENINGS = (*OF_STEPS, "supply", "withdraw", "rate", "answer", "deliver", "extend", "stop", "wait", "until", "then")
"""Of which each happening is exactly one."""


class TrialPart(Part):
    """One test."""

    name: Text
    """What is expected, in a sentence; unique in the file."""
    given: GivenPart
    """The application, and what offices do by themselves."""
    when: Annotated[list[HappeningPart], Field(max_length=100)] = Field(
        default=[], description="What happens, in this order; offices do the rest by themselves."
    )
    then: ThenPart
    """What is expected at the end."""


class TrialsPart(Part):
    """tests/<name>.test.yaml."""

    shapes: ClassVar = _SHAPES

    tests: Annotated[list[TrialPart], Field(min_length=1, max_length=200)]
    """The tests."""


def verbs(happening: HappeningPart) -> list[str]:
    """What happens: one, unless the test is faulty."""
    return [name for name in HAPPENINGS if getattr(happening, name) is not None]
