"""The bundle's one form as JSON Schema (2020-12): closed, with titles and hints, and with what depends on answers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from services.matters.package.elements import Element, Member
from services.matters.package.fields import Asked
from services.matters.package.parts import NamePart
from services.matters.package.situations import ALWAYS, Situation, Situations, simplest, text_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# Up to so many values are shown all at once.
MOST_RADIOS = 5
# Longer texts get more than a line.
LONGEST_LINE = 100

Tree: TypeAlias = dict[str, Any]


@dataclass(slots=True)
class _Depending:
    """What a form asks for when one of some situations is there, and does not ask for otherwise; as nested names."""

    required: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, Any] = field(default_factory=dict)


def make_schema(root: Asked, title: NamePart, sections: Mapping[str, NamePart], situations: Situations) -> Tree:
    """The schema of a form whose conditions can all be said in JSON Schema."""
    return _Maker(sections, situations).schema(root, title)


class _Maker:
    def __init__(self, sections: Mapping[str, NamePart], situations: Situations) -> None:
        self._sections = sections
        self._situations = situations
        self._order = 0
        self._depending: dict[tuple[Situation, ...], _Depending] = {}

    def schema(self, root: Asked, title: NamePart) -> Tree:
        """The whole form."""
        for _, child in root.walk():
            if child.question:
                self._number(child)
        body = self._group(root, ())
        made = {"$schema": DIALECT, **_titles(title), **body}
        if depending := [self._rule(key, each) for key, each in self._depending.items()]:
            made["allOf"] = depending
        return made

    def _number(self, child: Asked) -> None:
        self._order += 1
        child.order = self._order

    def _group(self, group: Asked, path: tuple[str, ...]) -> Tree:
        """A group of fields, and what of it depends on answers."""
        properties = {}
        for name, child in self._in_order(group, path):
            here = (*path, name)
            if not child.question:
                self._number(child)
            self._note(group, child, here)
            hints = self._hints(group, child, here)
            if child.is_group:
                title = self._sections.get(".".join(here)) or (child.element.name if child.element else None)
                properties[name] = {**(_titles(title) if title else {}), **self._group(child, here), "x-ui": hints}
            elif child.element:
                properties[name] = {**leaf(child.element), "x-ui": {**widget_of(child.element), **hints}}
        required = [name for name, child in group.children.items() if ALWAYS in child.required]
        return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}

    def _in_order(self, group: Asked, path: tuple[str, ...]) -> list[tuple[str, Asked]]:
        """The fields in the order in which people fill them in: that of the sections, then that of the matters."""
        places = {name: place for place, name in enumerate(self._sections)}
        prefix = "".join(f"{name}." for name in path)
        return sorted(group.children.items(), key=lambda item: places.get(prefix + item[0], len(places)))

    def _note(self, group: Asked, child: Asked, path: tuple[str, ...]) -> None:
        """Keep in which situations a field is required, and in which it is asked for at all."""
        if child.required and ALWAYS not in child.required:
            _put(self._of(simplest(child.required)).required, path)
        if asked_anew(group, child):
            _put(self._of(simplest(child.asked)).asked, path)

    def _of(self, situations: tuple[Situation, ...]) -> _Depending:
        return self._depending.setdefault(situations, _Depending())

    def _rule(self, situations: tuple[Situation, ...], depending: _Depending) -> Tree:
        rule: Tree = {"x-when": text_of(situations), "if": self._situations.schema(situations)}
        if depending.required:
            rule["then"] = _required(depending.required)
        if depending.asked:
            rule["else"] = _absent(depending.asked)
        return rule

    def _hints(self, group: Asked, child: Asked, path: tuple[str, ...]) -> Tree:
        hints: Tree = {"order": child.order}
        if child.question:
            hints["question"] = True
        elif len(path) > 1 and not child.is_group:
            hints["section"] = path[0]
        if asked_anew(group, child):
            hints["visible_when"] = text_of(simplest(child.asked))
        return hints


def asked_anew(group: Asked, child: Asked) -> bool:
    """Whether a field is asked for in fewer situations than the group that holds it."""
    asked = simplest(child.asked)
    return ALWAYS not in asked and asked != simplest(group.asked)


def leaf(element: Element) -> Tree:
    """A field that holds a value, or a list."""
    made: Tree = {**_titles(element.name)}
    if element.help:
        made |= {"description": element.help.zh, "x-description-en": element.help.en}
    if element.element_id:
        made["x-element"] = element.element_id
    if element.standard:
        made["x-standard"] = element.standard
    if element.origins:
        made["x-source"] = [
            {"id": each.source_id, "kind": each.part.kind, "title": each.part.name.zh, "title_en": each.part.name.en}
            for each in element.origins
        ]
    value = _record(element.members) if element.members else dict(element.schema)
    if not element.many:
        return {**made, **value}
    many: Tree = {"type": "array", "maxItems": element.many.most, "items": value}
    if element.many.least:
        many["minItems"] = element.many.least
    if element.many.unique:
        many["uniqueItems"] = True
    return {**made, **many}


def widget_of(element: Element) -> Tree:
    """How a portal may show the field."""
    hints: Tree = {"widget": element.widget or _widget(element)}
    if element.values:
        hints["options"] = [
            {"value": each.value, "title": each.zh or each.value, "title_en": each.en or each.value}
            for each in element.values
        ]
    return hints


def _widget(element: Element) -> str:
    if element.values:
        return "checkboxes" if element.many else "radio" if len(element.values) <= MOST_RADIOS else "select"
    if element.many:
        return "list"
    if element.schema["type"] == "string":
        form = element.schema.get("format")
        long = element.schema["maxLength"] > LONGEST_LINE and not {"pattern", "format"} & element.schema.keys()
        return form if form in {"date", "time"} else "textarea" if long else "text"
    return "switch" if element.schema["type"] == "boolean" else "number"


def _record(members: Iterable[Member]) -> Tree:
    """A record inside a list."""
    kept = list(members)
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [each.name for each in kept if each.required],
        "properties": {
            each.name: {**leaf(each.element), **({} if each.element.members else {"x-ui": widget_of(each.element)})}
            for each in kept
        },
    }


def _titles(name: NamePart) -> Tree:
    return {"title": name.zh, "x-title-en": name.en}


def _put(tree: dict[str, Any], path: tuple[str, ...]) -> None:
    for name in path:
        tree = tree.setdefault(name, {})
    tree[""] = {}


def _required(tree: dict[str, Any]) -> Tree:
    """What has to be there, nested as the form is; a name of nothing marks what the tree is about."""
    schema: Tree = {}
    if names := [name for name, below in tree.items() if "" in below]:
        schema["required"] = names
    inner = {name: made for name, below in tree.items() if name and (made := _required(below))}
    if inner:
        schema["properties"] = inner
    return schema


def _absent(tree: dict[str, Any]) -> Tree:
    """What must not be there."""
    return {"properties": {name: False if "" in below else _absent(below) for name, below in tree.items()}}
