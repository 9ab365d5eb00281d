"""What a drawing tells of each step of a scenario: its name, its condition, and marks of what is special about it."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.matters.domain.bundle import Scenario, Step
from services.matters.domain.limits import Limit, TimeUnit

_UNITS = {
    TimeUnit.WORKING_DAY: "个工作日",
    TimeUnit.CALENDAR_DAY: "天",
    TimeUnit.HOUR: "小时",
    TimeUnit.MINUTE: "分钟",
    TimeUnit.MONTH: "个月",
}
_READ = re.compile(r"""steps *\[ *["']([a-z0-9-]+)["'] *\]""")
# Before what joins two clauses.
_CLAUSE = re.compile(r" (?=&&|\|\|)")
LEVELS = {1: "国家级", 2: "省级", 3: "市级", 4: "县级", 5: "乡级", 6: "村级"}


@dataclass(frozen=True, slots=True)
class Mark:
    """Something special about a step: a word in Chinese, what it means, and which kind of mark it is."""

    text: str
    meaning: str
    kind: str


@dataclass(frozen=True, slots=True)
class Card:
    """A step as it is drawn."""

    step_id: str
    name: str
    when: str
    pivot: bool
    marks: tuple[Mark, ...]
    given: tuple[tuple[str, str], ...]
    """What its office is given of earlier results: the name, and the steps that it comes from."""


def cards_of(scenario: Scenario) -> list[Card]:
    """A card for each step, in the order of the package."""
    return [
        Card(
            step.step_id,
            step.matter.name.zh,
            " ".join(step.when.split()),
            step.pivot,
            tuple(_marks(scenario, step)),
            tuple((each.name, ", ".join(dict.fromkeys(_READ.findall(each.expression)))) for each in step.inputs),
        )
        for step in scenario.steps
    ]


def head_of(scenario: Scenario) -> str:
    """The line below the title: how many steps, and how long the whole may take."""
    parts = [f"{len(scenario.steps)} 个环节"]
    if scenario.limits.statutory:
        parts.append(f"法定 {shown(scenario.limits.statutory)}")
    if scenario.limits.promised:
        parts.append(f"承诺 {shown(scenario.limits.promised)}")
    return " · ".join(parts)


def shown(limit: Limit) -> str:
    """A limit in Chinese."""
    return f"{limit.amount} {_UNITS[limit.unit]}"


def _marks(scenario: Scenario, step: Step) -> Iterator[Mark]:
    for holds, mark in (
        (step.pivot, Mark("不可回退", "point of no return: nothing is undone from here on", "pivot")),
        (step.undoable, Mark("可撤销", "undone by a task of its office when another step is refused", "undo")),
        (step.pre_check, Mark("预审", "pre-check: its refusal ends the case before anybody else has it", "flow")),
        (step.optional, Mark("可不办成", "optional: its refusal undoes nothing", "flow")),
        (step.without_application, Mark("免申即享", "nobody applies for it, and its refusal undoes nothing", "flow")),
    ):
        if holds:
            yield mark
    if step.quorum and step.quorum < len(step.after):
        yield Mark(
            f"前置满 {step.quorum} 项", f"starts once {step.quorum} of the steps before it are completed", "flow"
        )
    if step.choice:
        yield Mark(f"择一 {step.choice}", f"one of the steps of the choice {step.choice} is done", "choice")
    for visit in scenario.visits:
        if step.step_id in visit.steps:
            yield Mark(visit.name.zh, "joint visit of several offices before they decide", "visit")
    if step.matter.notice:
        yield Mark("文书", f"sealed notice: {step.matter.notice.title}", "notice")
    yield from _about_the_office(step)


def _about_the_office(step: Step) -> Iterator[Mark]:
    word, limit = ("承诺", step.limits.promised) if step.limits.promised else ("法定", step.limits.statutory)
    if limit:
        yield Mark(f"{word} {shown(limit)}", f"may take {limit.amount} {limit.unit}s", "limit")
    if step.region_field:
        yield Mark(f"属地 {step.region_field}", f"offices of the region in {step.region_field}, not the case's", "flow")
    if step.organ_field:
        yield Mark("由表单指定机关办理", f"handled by the organ that form.{step.organ_field} names", "flow")
    if step.level:
        yield Mark(LEVELS[step.level], f"level of its office: {step.level}", "limit")


def cells(text: str) -> float:
    """About how wide a text is, in ems: characters of East Asia are square, others half as wide."""
    return sum(1.0 if unicodedata.east_asian_width(each) in "WFA" else 0.56 for each in text)


def clauses(condition: str, ems: float, most: int) -> list[str]:
    """A condition in lines: a clause a line, each folded where it is too long."""
    parts = _CLAUSE.split(condition)
    lines = [line for part in parts for line in folded(part, ems, most)]
    return [*lines[: most - 1], f"{lines[most - 1]} …"] if len(lines) > most else lines


def folded(text: str, ems: float, most: int) -> list[str]:
    """A text in lines of at most so many ems and of about one length, broken at spaces or between square characters.

    The last line may be cut.
    """
    lines = _fold(text, ems)
    even = _fold(text, cells(text) / len(lines) + 1)
    lines = even if len(even) == len(lines) else lines
    if len(lines) > most:
        lines = [*lines[: most - 1], f"{_cut(lines[most - 1], ems - 1)[0]}…"]
    return lines


def _fold(text: str, ems: float) -> list[str]:
    lines = [""]
    for word in _words(text):
        # What is too long for any line begins where it stands, and is cut.
        if lines[-1] and cells(word.rstrip()) <= ems < cells(lines[-1] + word.rstrip()):
            lines.append("")
        lines[-1] += word if lines[-1] else word.lstrip()
    return [piece for line in lines for piece in _cut(line.rstrip(), ems) if piece] or [""]


def _words(text: str) -> Iterator[str]:
    word = ""
    for each in text:
        square = unicodedata.east_asian_width(each) in "WF"
        if square or each == " ":
            yield word + (each if each == " " else "")
            word = ""
        if square:
            yield each
        elif each != " ":
            word += each
    yield word


def _cut(line: str, ems: float) -> Sequence[str]:
    """What has no space to break at is broken before a dot in the second half of a line, or else anywhere."""
    pieces = [""]
    for each in line:
        if pieces[-1] and cells(pieces[-1] + each) > ems:
            piece, dot = pieces[-1], pieces[-1].rfind(".")
            after = piece[dot:] if 2 * dot > len(piece) and cells(piece[dot:] + each) <= ems else ""
            pieces[-1] = piece.removesuffix(after)
            pieces.append(after)
        pieces[-1] += each
    return pieces
