"""A case on a terminal: a tree of its steps with offices, lights and clocks."""

from collections.abc import Iterable, Iterator

from rich.text import Text
from rich.tree import Tree

from cli.output import as_dict, as_json_text, enum_name, one_line
from duokua.cases.v1 import case_pb2

_STATUS = {
    "completed": "green",
    "undone": "dim",
    "skipped": "dim",
    "cancelled": "dim",
    "refused": "red",
    "undoing": "magenta",
    "running": "bold",
    "accepted": "bold",
    "correcting": "yellow",
    "suspended": "yellow",
}
_LEVELS = ("very satisfied", "satisfied", "fairly satisfied", "dissatisfied", "very dissatisfied")
_LIGHTS = {"green": "green", "yellow": "yellow", "red": "bold red", "unknown": "magenta"}
_UNITS = {"working day": " working days", "calendar day": " days"}
_MILLISECONDS_AN_HOUR = 3_600_000


def tree_of(case: case_pb2.Case) -> Tree:
    """The case, its own clocks, and its steps in the order of the bundle."""
    head = _words(f"{case.bundle_name} {case.case_number}  ")
    head.append_text(_status(enum_name(case, "status")))
    if case.open_incidents:
        head.append(f"  {case.open_incidents} open, see duokua incident list --case {case.case_id}", "red")
    tree = Tree(head)
    if case.refusal_reason:
        tree.add(_words(f"{enum_name(case, 'undo_cause')}: {case.refusal_reason}"))
    _add_clocks(tree, case.clocks)
    for step in case.steps:
        _add_step(tree, step)
    for line in afterwards_of(case):
        tree.add(_words(line))
    return tree


def afterwards_of(case: case_pb2.Case) -> Iterator[str]:
    """What came after the end, a line each: 送达, 好差评, 回访整改."""
    if case.HasField("delivery"):
        delivery = case.delivery
        yield f"delivered {delivery.delivered_at.ToJsonString()} by {delivery.channel} to {delivery.receiver}"
    for rating in case.ratings:
        words = "; ".join(filter(None, [*rating.tags, rating.comment]))
        yield f"{_about(rating.step_id)}rated {rating.level}, {_LEVELS[rating.level - 1]}" + (
            f": {words}" if words else ""
        )
    for each in case.follow_ups:
        if each.HasField("closed_at"):
            answer = as_json_text(as_dict(each)["result"], indent=None)
            yield f"{_about(each.step_id)}follow-up answered {each.closed_at.ToJsonString()}: {answer}"
        else:
            yield f"{_about(each.step_id)}follow-up open, {due_of(each.clock)}"


def _about(step_id: str) -> str:
    return f"{step_id}: " if step_id else ""


def _add_step(tree: Tree, step: case_pb2.StepState) -> None:
    line = _words(f"{step.step_id} {step.name}  ")
    line.append_text(_status(enum_name(step, "status")))
    if step.organ_name or step.organ_id:
        line.append_text(_words(f"  {step.organ_name or step.organ_id}"))
    if step.handler:
        line.append_text(_words(f" ({step.handler})"))
    if step.by_word:
        line.append("  by an operator's word", "dim")
    if step.notice_status:
        line.append(f"  notice {enum_name(step, 'notice_status')}", "dim")
    node = tree.add(line)
    if step.reason:
        node.add(_words(step.reason))
    if step.notice_reason:
        node.add(_words(f"without a notice: {step.notice_reason}"))
    _add_clocks(node, step.clocks)


def _add_clocks(node: Tree, clocks: Iterable[case_pb2.ClockState]) -> None:
    """Those that have not ended: the others are told by `--json`."""
    for clock in clocks:
        if clock.HasField("ended_at"):
            continue
        light = enum_name(clock, "light")
        line = Text("● ", _LIGHTS.get(light, ""))
        line.append(
            f"{enum_name(clock, 'kind')}: {amount_of(clock, clock.used)} of {amount_of(clock, clock.allowed)}", ""
        )
        line.append(f", {due_of(clock)}")
        node.add(line)


def due_of(clock: case_pb2.ClockState) -> str:
    """When a clock is due, in words."""
    if clock.stands_still:
        return "stands still"
    if clock.HasField("due_at"):
        return f"due {clock.due_at.ToJsonString()}"
    return clock.due_unknown or "no due time"


def amount_of(clock: case_pb2.ClockState, amount: int) -> str:
    """A time in the measure of a clock, in words."""
    measure = enum_name(clock, "measure")
    if measure in _UNITS:
        return f"{amount}{_UNITS[measure]}"
    return f"{amount / _MILLISECONDS_AN_HOUR:.1f} hours"


def _words(told: str) -> Text:
    """What somebody said, or calls itself."""
    return Text(one_line(told))


def _status(status: str) -> Text:
    return Text(status, _STATUS.get(status, ""))
