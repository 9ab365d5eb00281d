"""How steps may wait for each other: quorums, choices, the pre-check, visits that several offices make together."""

from collections.abc import Iterator, Mapping, Sequence

from services.matters.domain.graph import After, StepFault, StepTraits, ancestors, find_cycle


def waiting_faults(after: After, traits: Mapping[str, StepTraits]) -> Iterator[StepFault]:
    """Yield (step, key, what is wrong) for each step; the graph must have no cycle."""
    before = ancestors(after, {step: trait.quorum for step, trait in traits.items()})
    for step, trait in traits.items():
        if trait.quorum > len(after[step]):
            there = len(after[step])
            yield step, "needs", f"needs {trait.quorum} of the steps in `after`, which has {there}: {there} at most"
    yield from _choice_faults(before, traits)
    yield from _pre_check_faults(before, traits)
    if all(trait.tolerant for trait in traits.values()):
        yield (
            list(traits)[-1],
            "",
            "like all others is a step that the bundle can do without: one of them is what it is for",
        )


def visit_fault(after: After, visits: Mapping[str, Sequence[str]]) -> tuple[str, str] | None:
    """Say of one visit why its offices could never all come to it, as (visit, what is wrong); None when all could.

    No step of a visit is completed before the steps of all have started: each waits for whatever one of them waits for.
    """
    of_step = {step: visit for visit, steps in visits.items() for step in steps}
    before = ancestors(after)
    for visit, steps in visits.items():
        for step in steps:
            if earlier := [other for other in steps if other in before[step]]:
                return visit, f'"{step}" comes after "{earlier[0]}", so their offices cannot go there together'
    joint = {
        step: sorted({other for mate in visits.get(of_step.get(step, ""), [step]) for other in after[mate]})
        for step in after
    }
    cycle = find_cycle(joint)
    if not cycle:
        return None
    visit = next(of_step[step] for step in cycle if step in of_step)
    return visit, f"never takes place: with the other visits, {' -> '.join(cycle)} wait for each other"


def _choice_faults(before: Mapping[str, frozenset[str]], traits: Mapping[str, StepTraits]) -> Iterator[StepFault]:
    choices: dict[str, list[str]] = {}
    for step, trait in traits.items():
        if trait.choice:
            choices.setdefault(trait.choice, []).append(step)
    pivot = next((step for step, trait in traits.items() if trait.pivot), "")
    for choice, members in choices.items():
        if len(members) == 1:
            yield (
                members[0],
                "choice",
                f"is alone in the choice {choice!r}: give another step the same, or take it away",
            )
        for step in members:
            if not traits[step].conditional:
                yield step, "", f"is of the choice {choice!r}: say in `when` in which cases it is the one that is done"
            if earlier := [other for other in members if other in before[step]]:
                yield step, "after", f"comes after {earlier[0]!r}, of which it is the alternative: only one is done"
        past = [step for step in members if pivot and pivot in before[step]]
        if past and len(past) < len(members):
            yield (
                past[0],
                "choice",
                f"comes after the pivot {pivot!r}, and others of its choice do not: let all, or none",
            )


def _pre_check_faults(before: Mapping[str, frozenset[str]], traits: Mapping[str, StepTraits]) -> Iterator[StepFault]:
    checks = [step for step, trait in traits.items() if trait.pre_check]
    for step in checks[1:]:
        yield step, "pre_check", f"is a second pre-check beside {checks[0]!r}: a bundle has one at most"
    for check in checks[:1]:
        trait = traits[check]
        if trait.pivot or trait.tolerant or trait.conditional:
            yield (
                check,
                "pre_check",
                "is the pre-check, which every case has to pass: no pivot, not optional, no `when`",
            )
        for step in before:
            if step != check and check not in before[step]:
                yield step, "", f"may start before the pre-check {check!r} is over: let it come after that"
