"""YAML with positions: plain data, and the line and column of every part of it.

The data is built from the parser's events, so nothing is ever expanded: anchors, aliases, merge keys and tags are
refused, and depth and size are bounded. Scalars follow the core schema of YAML 1.2, not 1.1: `no` is a word, `12:30`
is a word, and a number with a leading zero is a word, because here it is a code.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from services.matters.package.faults import Fault, Faults, Path, spell

MOST_NODES = 50_000
DEEPEST = 32

_NULL = frozenset(["", "~", "null", "Null", "NULL"])
_TRUE = frozenset(["true", "True", "TRUE"])
_FALSE = frozenset(["false", "False", "FALSE"])
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
# The largest whole number that every JSON reader keeps exact.
_LARGEST_INTEGER = 2**53 - 1


class Mark(NamedTuple):
    """A place in a file, counted from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Source:
    """One YAML file: its data, and where each part of it stands."""

    file: str
    data: Any = None
    values: dict[Path, Mark] = field(default_factory=dict)
    keys: dict[Path, Mark] = field(default_factory=dict)
    grafts: "dict[Path, tuple[Source, Path]]" = field(default_factory=dict)
    """The parts that were put in from elsewhere: a region's own steps, the values that it set."""

    def fault(self, path: Path, message: str, *, at_key: bool = False) -> Fault:
        """Make a fault at a path, or at the nearest part above it that is there."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.grafts:
                source, root = self.grafts[path[:length]]
                return source.fault((*root, *path[length:]), message, at_key=at_key)
        marks = self.keys if at_key else self.values
        nearest = path
        while nearest and nearest not in marks:
            nearest = nearest[:-1]
        mark = marks.get(nearest) or self.values.get(nearest) or Mark(1, 1)
        return Fault(self.file, mark.line, mark.column, spell(path), message)


@dataclass(slots=True)
class _Open:
    """A mapping or a list that is being read; `key` is None where a mapping waits for a key."""

    container: dict[str, Any] | list[Any]
    path: Path
    key: str | None = None


class _Refused(Exception):
    def __init__(self, mark: Mark, path: Path, message: str) -> None:
        super().__init__(message)
        self.fault = (mark, path, message)


def read_yaml(file: str, text: str, faults: Faults) -> Source | None:
    """Read one YAML document; None, with a fault at the place, when it cannot be read."""
    builder = _Builder(file, faults)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            builder.take(event)
    except (_Refused, yaml.YAMLError) as error:
        faults.add(_fault_of(file, error))
        return None
    if not builder.documents:
        faults.add(Fault(file, 1, 1, "", "is empty"))
        return None
    return builder.source


def read_documents(file: str, text: str, faults: Faults) -> Iterator[Source]:
    """Read a stream of YAML documents one by one, each bounded as a file of one is.

    It ends, with a fault at the place, where it cannot be read.
    """
    builder = _Builder(file, faults)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.DocumentStartEvent):
                builder = _Builder(file, faults)
            builder.take(event)
            if isinstance(event, yaml.DocumentEndEvent):
                yield builder.source
    except (_Refused, yaml.YAMLError) as error:
        faults.add(_fault_of(file, error))


def _fault_of(file: str, error: Exception) -> Fault:
    if isinstance(error, _Refused):
        mark, path, message = error.fault
        return Fault(file, mark.line, mark.column, spell(path), message)
    if isinstance(error, yaml.MarkedYAMLError):
        # What is not closed is found at the file's end: the place to look is where it was opened.
        unclosed = "unexpected end of stream" in (error.problem or "")
        place = (unclosed and error.context_mark) or error.problem_mark or error.context_mark
        mark = _mark(place) if place else Mark(1, 1)
        return Fault(file, mark.line, mark.column, "", f"is not YAML here: {error.problem or error.context}")
    return Fault(file, 1, 1, "", f"is not YAML: {' '.join(str(error).split())}")


class _Builder:
    def __init__(self, file: str, faults: Faults) -> None:
        self.source = Source(file)
        self.documents = 0
        self._faults = faults
        self._open: list[_Open] = []
        self._nodes = 0

    def take(self, event: yaml.Event) -> None:
        """Take one event of the parser."""
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise _Refused(_mark(event.start_mark), (), "a second document starts here: one file holds one")
        elif isinstance(event, yaml.AliasEvent):
            raise self._refuse(event, f"*{event.anchor} repeats another part: write it out, aliases are not read")
        elif isinstance(event, yaml.NodeEvent):
            self._node(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._open.pop()

    def _node(self, event: yaml.NodeEvent) -> None:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise self._refuse(event, f"the file has more than {MOST_NODES} parts")
        if event.anchor is not None:
            raise self._refuse(event, f"&{event.anchor} is an anchor: take it away, anchors are not read")
        tag = getattr(event, "tag", None)
        if tag not in {None, "!"}:
            raise self._refuse(event, f"{tag} is a tag: take it away, tags are not read")
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
            return
        container: dict[str, Any] | list[Any] = {} if isinstance(event, yaml.MappingStartEvent) else []
        if len(self._open) >= DEEPEST:
            raise self._refuse(event, f"is nested more than {DEEPEST} deep")
        path = self._place(event, container)
        self._open.append(_Open(container, path))

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        top = self._open[-1] if self._open else None
        if top is None or isinstance(top.container, list) or top.key is not None:
            self._place(event, self._value(event))
            return
        key = str(event.value)
        path = (*top.path, key)
        if key == "<<" and event.implicit[0]:
            raise self._refuse(event, "<< merges another part: write it out")
        if path in self.source.keys:
            first = self.source.keys[path]
            self._faults.add(
                Fault(self.source.file, *_place(event), spell(path), f'"{key}" is here and at line {first.line}')
            )
        self.source.keys[path] = _mark(event.start_mark)
        top.key = key

    def _place(self, event: yaml.NodeEvent, value: object) -> Path:
        """Put a value where it belongs and remember its mark."""
        path: Path = ()
        if not self._open:
            self.source.data = value
        else:
            top = self._open[-1]
            if isinstance(top.container, list):
                path = (*top.path, len(top.container))
                top.container.append(value)
            elif top.key is None:
                raise self._refuse(event, "a list or a mapping cannot be a key")
            else:
                path = (*top.path, top.key)
                top.container[top.key] = value
                top.key = None
        self.source.values[path] = _mark(event.start_mark)
        return path

    def _value(self, event: yaml.ScalarEvent) -> str | int | float | bool | None:
        text = str(event.value)
        if not event.implicit[0]:
            return text
        if text in _NULL:
            return None
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        if not _DECIMAL.fullmatch(text):
            return text
        number = float(text)
        if not math.isfinite(number) or (_INTEGER.fullmatch(text) and abs(number) > _LARGEST_INTEGER):
            raise self._refuse(event, f"{text[:40]} is too large a number: put it in quotes if it is a code")
        return int(text) if _INTEGER.fullmatch(text) else number

    def _refuse(self, event: yaml.NodeEvent, message: str) -> _Refused:
        top = self._open[-1] if self._open else None
        if top is None:
            return _Refused(_mark(event.start_mark), (), message)
        part = len(top.container) if isinstance(top.container, list) else top.key
        return _Refused(_mark(event.start_mark), top.path if part is None else (*top.path, part), message)


def _mark(mark: Any) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)


def _place(event: yaml.NodeEvent) -> tuple[int, int]:
    mark = _mark(event.start_mark)
    return mark.line, mark.column
