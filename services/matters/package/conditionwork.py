"""How much work a condition can be: one pass over the form for each of its few words, never a product of two lists.

Evaluation has no clock, only a budget of 10,000 turns of loops, and compiles a pattern again for every value
that it is matched with.
"""

from collections.abc import Iterator
from typing import Any

import re2

from services.matters.package.earlier import spell_path
from services.matters.package.expressions import children, kind_of, path_of
from services.matters.package.forms import FormField

# Instructions of RE2: a pattern is compiled whenever the condition is evaluated.
LARGEST_PATTERN = 2000
_PATTERN_MEMORY = 1 << 18
# Their comparison takes the same time whatever the applicant wrote.
_OF_ONE_SIZE = frozenset(["number", "integer", "boolean", "null"])


def work_faults(expr: Any, data: FormField, *, inside: bool = False) -> Iterator[str]:
    """Yield what would multiply the work on `data`, which has `form` and `steps`; `inside` a loop."""
    kind = kind_of(expr)
    if kind == "call" and expr.call.function == "matches":
        yield from _pattern_faults(expr, inside=inside)
    if kind == "comprehension":
        if inside:
            yield "has all(), exists(), filter() or map() inside another: one at a time"
            return
        inside = True
    elif inside and (path := path_of(expr)) is not None:
        # has(...) reads nothing but whether the field is there.
        if not (kind == "select" and expr.select.test_only) and not _is_of_one_size(path, data):
            yield f"reads {spell_path(path)} again for every item: a loop may read only numbers and true/false"
        return
    elif inside and kind == "call" and expr.call.function == "@in" and kind_of(expr.call.args[1]) != "list":
        yield "looks for something in a list for every item: in a loop, write the list out, as in t in ['a', 'b']"
    for part in _parts(expr) if kind == "comprehension" else [(part, inside) for part in children(expr)]:
        yield from work_faults(part[0], data, inside=part[1])


def _parts(expr: Any) -> list[tuple[Any, bool]]:
    """The parts of a loop, and whether each is evaluated for every item; what it runs over holds no other loop."""
    loop = expr.comprehension
    has_loop = any(kind_of(part) == "comprehension" for part in _all_in(loop.iter_range))
    return [(loop.iter_range, has_loop), *((part, True) for part in (loop.loop_condition, loop.loop_step))]


def _all_in(expr: Any) -> Iterator[Any]:
    yield expr
    for part in children(expr):
        yield from _all_in(part)


def _is_of_one_size(path: tuple[str, ...], data: FormField) -> bool:
    field = data.find(".".join(path))
    return bool(field and field.types and field.types <= _OF_ONE_SIZE)


def _pattern_faults(expr: Any, *, inside: bool) -> Iterator[str]:
    """A pattern is the scenario's own, small, and matched once."""
    pattern = expr.call.args[-1]
    if inside:
        yield "matches a pattern for every item: give the items a pattern in the form, or use contains()"
    if kind_of(pattern) != "const":
        yield "matches something that is not a pattern in quotes: write the pattern out"
        return
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PATTERN_MEMORY
    try:
        size = re2.compile(pattern.const.text, options).programsize
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        yield f"matches a pattern that cannot be used: {reason}"
        return
    if size > LARGEST_PATTERN:
        yield "matches a pattern that is too large: use smaller repetitions"
