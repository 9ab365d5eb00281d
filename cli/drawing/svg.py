"""A scenario as SVG: steps as cards, from left to right; no scripts, no outside parts, text escaped."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.sax.saxutils import escape

from cli.drawing.cards import Card, Mark, cards_of, cells, clauses, folded, head_of
from cli.drawing.layering import Layout, Placed, lay_out
from services.matters.domain.bundle import Scenario

_WIDTH = 232.0
_GAP = 26.0
_MARGIN = 36.0
_HEAD = 92.0
_PADDING = 14.0
_NAME, _CODE, _CHIP = 15.0, 11.5, 11.5
_NAME_LINE, _CODE_LINE, _CHIP_LINE = 21.0, 16.0, 24.0
_BETWEEN = 74.0
"""Between two columns."""
_FONT = "'Noto Sans SC','Source Han Sans SC','PingFang SC','Microsoft YaHei','WenQuanYi Micro Hei',sans-serif"
_MONO = "'JetBrains Mono','DejaVu Sans Mono',Consolas,monospace"
# Fill, line, text.
_COLOURS = {
    "pivot": ("#fdecea", "#c0392b", "#96281b"),
    "undo": ("#eef3fb", "#7d9bcb", "#2f5597"),
    "flow": ("#f1edfa", "#9d86cf", "#5b3f96"),
    "choice": ("#e9f6f0", "#64b08c", "#1e6b47"),
    "visit": ("#e6f5f8", "#56a9ba", "#17616f"),
    "notice": ("#fff4e2", "#d9a24a", "#8a5a0b"),
    "limit": ("#f4f5f7", "#c3c9d1", "#4a5461"),
}
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_STYLE = f"""
text {{ font-family: {_FONT}; fill: #1f2933; }}
.title {{ font-size: 22px; font-weight: 600; }}
.subtitle {{ font-size: 13px; fill: #5d6976; }}
.name {{ font-size: {_NAME}px; font-weight: 600; }}
.code {{ font-family: {_MONO}; font-size: {_CODE}px; fill: #6b7785; }}
.when {{ font-family: {_MONO}; font-size: {_CODE}px; fill: #7a4b00; }}
.chip {{ font-size: {_CHIP}px; }}
.given {{ font-family: {_MONO}; font-size: {_CODE}px; fill: #2f5597; }}
.edge {{ fill: none; stroke: #8a96a3; stroke-width: 1.6; }}
.perhaps {{ stroke: #c98a1b; stroke-dasharray: 6 4; }}
""".strip()


@dataclass(frozen=True, slots=True)
class _Drawn:
    """A card with its lines and chips, and how high that is."""

    card: Card
    when: Sequence[str]
    name: Sequence[str]
    chips: Sequence[Sequence[Mark]]

    @property
    def condition(self) -> float:
        """The height of its strip."""
        return len(self.when) * _CODE_LINE + 12 if self.card.when else 0.0

    @property
    def height(self) -> float:
        """Of the whole card."""
        codes = 1 + len(self.card.given)
        lines = len(self.name) * _NAME_LINE + codes * _CODE_LINE + len(self.chips) * _CHIP_LINE
        return self.condition + lines + 2 * _PADDING


def draw(scenario: Scenario) -> str:
    """The drawing; the same scenario gives the same bytes."""
    drawn = {card.step_id: _drawn(card) for card in cards_of(scenario)}
    after = {step.step_id: step.after for step in scenario.steps}
    layout = lay_out(after, {name: each.height for name, each in drawn.items()}, _GAP)
    lefts = [_MARGIN + column * (_WIDTH + _BETWEEN) for column in range(len(layout.columns))]
    legend = _legend(drawn)
    width = max(lefts[-1] + _WIDTH, *(_MARGIN + _chips_width(row) for row in legend), _title_width(scenario)) + _MARGIN
    height = _HEAD + layout.height + len(legend) * 30 + 2 * _MARGIN
    parts = [
        *_opening(scenario, width, height),
        *_edges(layout, lefts, drawn),
        *(line for node in layout.nodes.values() for line in _card(drawn[node.name], lefts[node.column], node)),
        *_legend_lines(legend, _HEAD + layout.height + _MARGIN),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _opening(scenario: Scenario, width: float, height: float) -> Iterator[str]:
    """The drawing's frame, its words for those who do not see it, and its head."""
    size = f'width="{_n(width)}" height="{_n(height)}"'
    box = f'viewBox="0 0 {_n(width)} {_n(height)}"'
    for_all = 'role="img" aria-labelledby="title desc" lang="zh-CN"'
    zh, en = _x(scenario.name.zh), _x(scenario.name.en)
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {for_all} {size} {box}>'
    yield f'<title id="title">{zh} {en}</title>'
    yield f'<desc id="desc">{_x(_described(scenario))}</desc>'
    yield f"<style>{_STYLE}</style>"
    yield _MARKERS
    yield f'<rect {size} fill="#ffffff"/>'
    english = f'<tspan dx="12" font-size="15" font-weight="400" fill="#5d6976">{en}</tspan>'
    yield f'<text class="title" x="{_n(_MARGIN)}" y="{_n(_MARGIN + 16)}">{zh}{english}</text>'
    yield f'<text class="subtitle" x="{_n(_MARGIN)}" y="{_n(_MARGIN + 40)}">{_x(head_of(scenario))}</text>'


def _title_width(scenario: Scenario) -> float:
    return _MARGIN + cells(scenario.name.zh) * 22 + 12 + cells(scenario.name.en) * 15


_MARKERS = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M0.5 0.5 L7.5 4 L0.5 7.5 z" fill="#8a96a3"/></marker>'
    '<marker id="perhaps" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<path d="M0.5 0.5 L7.5 4 L0.5 7.5 z" fill="#c98a1b"/></marker></defs>'
)


def _drawn(card: Card) -> _Drawn:
    inner = _WIDTH - 2 * _PADDING
    when = clauses(f"当 {card.when}", inner / _CODE / 1.08, 6) if card.when else []
    return _Drawn(card, when, folded(card.name, inner / _NAME, 4), _rows(card.marks, inner))


def _rows(marks: Sequence[Mark], most: float) -> list[list[Mark]]:
    """Chips in rows."""
    rows: list[list[Mark]] = []
    used = 0.0
    for mark in marks:
        wide = _chip_width(mark)
        if not rows or used + wide > most:
            rows.append([])
            used = 0.0
        rows[-1].append(mark)
        used += wide + 6
    return rows


def _chip_width(mark: Mark) -> float:
    return cells(mark.text) * _CHIP + 14


def _chips_width(row: Sequence[tuple[Mark, str]]) -> float:
    return sum(_chip_width(mark) + 8 + cells(words) * 12 + 22 for mark, words in row)


def _edges(layout: Layout, lefts: Sequence[float], drawn: dict[str, _Drawn]) -> Iterator[str]:
    for (_, end), way in layout.ways.items():
        kind, marker = ("edge perhaps", "perhaps") if drawn[end].card.when else ("edge", "arrow")
        yield f'<path class="{kind}" d="{_path(way, lefts)}" marker-end="url(#{marker})"/>'


def _path(way: Sequence[Placed], lefts: Sequence[float]) -> str:
    """A flat curve from card to card, straight through the columns that it passes."""
    commands = [f"M{_n(lefts[way[0].column] + _WIDTH)} {_n(_HEAD + way[0].y)}"]
    for one, other in pairwise(way):
        start, end = lefts[one.column] + _WIDTH, lefts[other.column]
        middle = (start + end) / 2
        y, aim = _HEAD + one.y, _HEAD + other.y
        commands.append(f"C{_n(middle)} {_n(y)} {_n(middle)} {_n(aim)} {_n(end)} {_n(aim)}")
        if not other.name:
            commands.append(f"H{_n(end + _WIDTH)}")
    return " ".join(commands)


def _card(drawn: _Drawn, left: float, node: Placed) -> Iterator[str]:
    card = drawn.card
    top = _HEAD + node.y - drawn.height / 2
    line, width = ("#c0392b", 2.4) if card.pivot else ("#b4bdc8", 1.4)
    yield f"<g><title>{_x(_told(card))}</title>"
    box = f'x="{_n(left)}" y="{_n(top)}" width="{_n(_WIDTH)}" height="{_n(drawn.height)}" rx="10"'
    yield f'<rect {box} fill="#ffffff" stroke="{line}" stroke-width="{width}"/>'
    if card.pivot:
        inner = f'x="{_n(left + 4)}" y="{_n(top + 4)}" width="{_n(_WIDTH - 8)}" height="{_n(drawn.height - 8)}" rx="7"'
        yield f'<rect {inner} fill="none" stroke="{line}" stroke-width="1"/>'
    y = top
    if card.when:
        yield (
            f'<path d="M{_n(left)} {_n(top + drawn.condition)} V{_n(top + 10)} q0 -10 10 -10 H{_n(left + _WIDTH - 10)} '
            f'q10 0 10 10 V{_n(top + drawn.condition)} z" fill="#fff4df" stroke="#e2b565" stroke-width="1.2"/>'
        )
        for place, text in enumerate(drawn.when):
            at = top + 6 + (place + 1) * _CODE_LINE - 4
            yield f'<text class="when" x="{_n(left + _PADDING)}" y="{_n(at)}">{_x(text)}</text>'
        y += drawn.condition
    y += _PADDING
    for text in drawn.name:
        yield f'<text class="name" x="{_n(left + _PADDING)}" y="{_n(y + _NAME)}">{_x(text)}</text>'
        y += _NAME_LINE
    yield f'<text class="code" x="{_n(left + _PADDING)}" y="{_n(y + _CODE)}">{_x(card.step_id)}</text>'
    y += _CODE_LINE
    for name, _ in card.given:
        yield f'<text class="given" x="{_n(left + _PADDING)}" y="{_n(y + _CODE)}">{_x(f"← {name}")}</text>'
        y += _CODE_LINE
    for row in drawn.chips:
        x = left + _PADDING
        for mark in row:
            yield from _chip(mark, x, y + 4)
            x += _chip_width(mark) + 6
        y += _CHIP_LINE
    yield "</g>"


def _chip(mark: Mark, x: float, y: float) -> Iterator[str]:
    fill, line, text = _COLOURS[mark.kind]
    box = f'x="{_n(x)}" y="{_n(y)}" width="{_n(_chip_width(mark))}" height="19" rx="9.5"'
    yield f'<rect {box} fill="{fill}" stroke="{line}" stroke-width="1"/>'
    middle = x + _chip_width(mark) / 2
    style = f'class="chip" text-anchor="middle" style="fill: {text}"'
    yield f'<text {style} x="{_n(middle)}" y="{_n(y + 13.5)}">{_x(mark.text)}</text>'


_MEANINGS = {
    "由表单指定机关办理": "of the organ that the form names",
    "不可回退": "point of no return",
    "可撤销": "undone by a task",
    "预审": "pre-check",
    "可不办成": "optional",
    "免申即享": "without application",
    "文书": "sealed notice",
}
_KINDS = {"choice": "exactly one of these", "visit": "joint visit"}


def _legend(drawn: dict[str, _Drawn]) -> list[list[tuple[Mark, str]]]:
    """What the chips of this drawing mean in English, in rows of four."""
    found: dict[str, tuple[Mark, str]] = {}
    for each in drawn.values():
        for mark in each.card.marks:
            words = _MEANINGS.get(mark.text) or _KINDS.get(mark.kind, "")
            if words:
                found.setdefault(words, (mark, words))
    items = list(found.values())
    return [items[start : start + 4] for start in range(0, len(items), 4)]


def _legend_lines(legend: Sequence[Sequence[tuple[Mark, str]]], top: float) -> Iterator[str]:
    for place, row in enumerate(legend):
        x, y = _MARGIN, top + place * 30
        for mark, words in row:
            yield from _chip(mark, x, y)
            x += _chip_width(mark) + 8
            yield f'<text class="subtitle" x="{_n(x)}" y="{_n(y + 14)}" font-size="12">{_x(words)}</text>'
            x += cells(words) * 12 + 22


def _told(card: Card) -> str:
    """What somebody who points at a card, or hears it, is told."""
    parts = [f"{card.name} ({card.step_id})", *([f"when {card.when}"] if card.when else [])]
    parts += [f"given {name} of {steps}" if steps else f"given {name}" for name, steps in card.given]
    return "; ".join([*parts, *(mark.meaning for mark in card.marks)])


def _described(scenario: Scenario) -> str:
    """The order of the steps in words, for whoever does not see the drawing."""
    sentences = [f"{scenario.name.zh}, {scenario.name.en}: {len(scenario.steps)} steps."]
    names = {step.step_id: step.matter.name.zh for step in scenario.steps}
    for step in scenario.steps:
        after = f" after {', '.join(names[other] for other in step.after)}" if step.after else " first"
        when = f", when {step.when}" if step.when else ""
        sentences.append(f"{names[step.step_id]}{after}{when}{', point of no return' if step.pivot else ''}.")
    return " ".join(sentences)


def _x(text: str) -> str:
    """Text that is nothing but text, whatever is in it."""
    return escape(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text))


def _n(number: float) -> str:
    """A number with one decimal at most."""
    return f"{number:.1f}".removesuffix(".0")
