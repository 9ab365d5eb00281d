"""Entries of any content, for hypothesis."""

from datetime import date
from typing import Any

from hypothesis import strategies as st

from services.matters.catalogue.domain.contents import content_of, entry_of, plain
from services.matters.catalogue.domain.element import Element, Kind
from services.matters.catalogue.domain.elements import Content, Implementation, elements, kind_of, lists_of
from services.matters.catalogue.domain.values import tidy
from tests.matters.catalogue.builders import ITEM, TASK

# Letters, digits, what formulas begin with, what YAML and CSV care about, Chinese, wide forms, an emoji.
_CHARACTERS = st.sampled_from("aZ09=+-@'\"|&*#!%?:,;{}[]<>~`\\_x \t.法〔２〕＝＋，。；￥😀é")
_WORDS = st.sampled_from(
    ["null", "true", "no", "1e3", "012", "0x1F", "1.50", "2026-01-02", "'=1", "''=1", "=SUM(A1)", "- a", "~", "1_0"]
)
_LINES = st.one_of(_WORDS, st.text(_CHARACTERS, min_size=1, max_size=8)).map(lambda said: tidy(said) or "甲")
_TEXTS = st.lists(_LINES, min_size=1, max_size=3).map("\n".join)


def values(element: Element) -> st.SearchStrategy[Any]:
    """Values of an element as JSON, never its empty one."""
    if element.codes is not None:
        codes = list(element.codes.names)
        if element.kind is Kind.CHOICE:
            return st.sampled_from(codes)
        chosen = st.sets(st.sampled_from(codes), min_size=1)
        return chosen.map(lambda some: [code for code in codes if code in some])
    if element.key == "region_code":
        return st.sampled_from(["330106", "330106001", "330106001002"])
    made = {
        Kind.COUNT: st.integers(0, element.most),
        Kind.YES_NO: st.booleans(),
        Kind.DATE: st.dates(date(2000, 1, 1), date(2099, 12, 31)).map(plain),
    }
    if element.kind in made:
        return made[element.kind]
    return _TEXTS if element.kind is Kind.TEXT else _LINES


@st.composite
def _records(draw: st.DrawFn, kind: type[Any]) -> dict[str, Any]:
    """What must be said, and a few of the rest."""
    rest = [each.key for each in elements(kind) if not each.required]
    further = draw(st.sets(st.sampled_from(rest), max_size=5)) if rest else set()
    return {each.key: draw(values(each)) for each in elements(kind) if each.required or each.key in further}


@st.composite
def contents(draw: st.DrawFn, code: str = TASK) -> Content:
    """What an entry may say: sound, whatever it is."""
    kind = kind_of(code)
    content = _sound(draw(_records(kind)), kind)
    for each in lists_of(kind):
        if rows := draw(st.lists(_records(each.row), max_size=2)):
            content[each.key] = [_sound(row, each.row) for row in rows]
    return content_of(entry_of(code, content))


def _sound(content: dict[str, Any], kind: type[Any]) -> dict[str, Any]:
    """Without limits that lack a unit or the other way round, promises longer than the law, ends before beginnings."""
    if kind is Implementation:
        for key in ("promised_limit", "promised_unit"):
            content.pop(key, None)
    if "ends_on" in content and content["ends_on"] < content.get("effective_on", ""):
        content["ends_on"], content["effective_on"] = content["effective_on"], content["ends_on"]
    keys = {each.key for each in elements(kind)}
    for limit, unit in (("limit", "limit_unit"), ("statutory_limit", "statutory_unit")):
        if limit in keys and (limit in content) != (unit in content):
            content.pop(limit, None)
            content.pop(unit, None)
    return content


entries = st.one_of(contents(ITEM).map(lambda said: (ITEM, said)), contents(TASK).map(lambda said: (TASK, said)))
