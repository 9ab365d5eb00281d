"""A scenario on a terminal: a tree of its steps, each below the one that it waits for longest."""

from rich.text import Text
from rich.tree import Tree

from cli.drawing.cards import Card, cards_of, head_of
from cli.output import one_line
from services.matters.domain.bundle import Scenario
from services.matters.domain.graph import ancestors

_STYLES = {
    "pivot": "bold red",
    "undo": "blue",
    "flow": "magenta",
    "choice": "green",
    "visit": "cyan",
    "notice": "yellow",
    "limit": "dim",
}


def tree_of(scenario: Scenario) -> Tree:
    """The steps; what a step waits for besides stands with it."""
    head = Text(f"{one_line(scenario.name.zh)} ", "bold")
    head.append(f"{one_line(scenario.name.en)}  ", "")
    head.append(head_of(scenario), "dim")
    tree = Tree(head, guide_style="dim")
    after = {step.step_id: step.after for step in scenario.steps}
    depth = {name: len(before) for name, before in ancestors(after).items()}
    cards = {card.step_id: card for card in cards_of(scenario)}
    nodes: dict[str, Tree] = {}
    # A step comes after all those before it, so that its place in the tree is there; else in the order of the package.
    for name in sorted(after, key=lambda step: depth[step]):
        above = max(after[name], key=lambda other: depth[other], default="")
        node = nodes[above] if above else tree
        others = [other for other in after[name] if other != above]
        nodes[name] = node.add(_line(cards[name]))
        _add_details(nodes[name], cards[name], others)
    return tree


def _line(card: Card) -> Text:
    line = Text(f"{card.step_id} ", "bold red" if card.pivot else "bold")
    line.append(one_line(card.name), "")
    for mark in card.marks:
        line.append(" · ", "dim")
        line.append(one_line(mark.text), _STYLES[mark.kind])
    return line


def _add_details(node: Tree, card: Card, others: list[str]) -> None:
    """The condition, what else it waits for, and what it is given: above the steps that follow."""
    if card.when:
        node.add(Text(f"◇ when {one_line(card.when)}", "yellow"))
    if others:
        node.add(Text(f"⇠ also after {', '.join(others)}", "dim"))
    for name, steps in card.given:
        node.add(Text(f"← {one_line(name)}{f' of {steps}' if steps else ''}", "blue"))
