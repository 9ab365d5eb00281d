import itertools

from hypothesis import given
from hypothesis import strategies as st

from services.matters.domain.graph import StepTraits, ancestors, find_cycle, undo_faults

TASK = StepTraits(undo="task", pivot=False, conditional=False, makes_notice=True)
DATA = StepTraits(undo="none", pivot=False, conditional=False, makes_notice=False)
NONE = StepTraits(undo="none", pivot=False, conditional=False, makes_notice=True)
PIVOT = StepTraits(undo="", pivot=True, conditional=False, makes_notice=True)
TAIL = StepTraits(undo="", pivot=False, conditional=True, makes_notice=True)


def graphs() -> st.SearchStrategy[dict[str, list[str]]]:
    names = [f"s{number}" for number in range(8)]
    return st.dictionaries(st.sampled_from(names), st.lists(st.sampled_from(names), unique=True)).map(
        lambda graph: {step: [name for name in after if name in graph] for step, after in graph.items()}
    )


@given(graphs())
def test_a_cycle_is_found_exactly_when_no_order_exists(graph: dict[str, list[str]]) -> None:
    left = dict(graph)
    while ready := [step for step, after in left.items() if not any(name in left for name in after)]:
        for step in ready:
            del left[step]
    cycle = find_cycle(graph)
    assert bool(cycle) == bool(left)
    assert all(first in graph[then] for first, then in itertools.pairwise(cycle))
    if cycle:
        assert cycle[0] == cycle[-1]


@given(graphs().filter(lambda graph: not find_cycle(graph)))
def test_ancestors_are_closed_under_after(graph: dict[str, list[str]]) -> None:
    before = ancestors(graph)
    for step, after in graph.items():
        assert before[step] == set(after).union(*(before[name] for name in after))
        assert step not in before[step]


def test_a_long_chain_is_no_trouble() -> None:
    chain = {str(number): [str(number - 1)] if number else [] for number in range(20_000)}
    assert find_cycle(chain) == []
    assert len(ancestors(dict(list(chain.items())[:500]))["499"]) == 499


def keys(after: dict[str, list[str]], traits: dict[str, StepTraits]) -> list[tuple[str, str]]:
    return [(step, key) for step, key, _ in undo_faults(after, traits)]


def test_a_saga_with_undo_before_and_none_after_the_pivot_is_sound() -> None:
    after = {"data": [], "a": ["data"], "b": ["data"], "pivot": ["a", "b"], "tail": ["pivot"]}
    assert keys(after, {"data": DATA, "a": TASK, "b": TASK, "pivot": PIVOT, "tail": TAIL}) == []


def test_a_notice_that_could_outlive_a_refusal_needs_an_undo_task() -> None:
    assert keys({"a": [], "b": []}, {"a": NONE, "b": TASK}) == [("a", "undo")]
    assert keys({"a": [], "b": ["a"]}, {"a": NONE, "b": TASK}) == [("a", "undo")]


def test_the_last_step_needs_no_undo_because_nothing_is_refused_after_it() -> None:
    assert keys({"a": [], "b": ["a"]}, {"a": TASK, "b": NONE}) == []


def test_a_notice_right_before_the_pivot_needs_an_undo_because_the_pivot_may_be_refused() -> None:
    assert keys({"a": [], "pivot": ["a"]}, {"a": NONE, "pivot": PIVOT}) == [("a", "undo")]


def test_undoing_after_the_pivot_is_refused() -> None:
    assert keys({"pivot": [], "a": ["pivot"]}, {"pivot": PIVOT, "a": TASK}) == [("a", "undo")]


def test_a_step_beside_the_pivot_is_refused() -> None:
    assert keys({"pivot": [], "a": []}, {"pivot": PIVOT, "a": TASK}) == [("a", "")]
