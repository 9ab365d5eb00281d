"""Data elements (数据元): the platform's dictionary and a package's own, each made ready to be a field of a form."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path as FilePath
from typing import Any

from services.matters.package.faults import Faults, Path, did_you_mean
from services.matters.package.formparts import DictionaryPart, ElementPart, ManyPart, SourcePart, ValuePart
from services.matters.package.parts import NamePart
from services.matters.package.patterns import LARGEST_PATTERNS, pattern_size
from services.matters.package.reading import read_part
from services.matters.package.source import Source, read_yaml

DICTIONARY = FilePath(__file__).parents[1] / "data" / "elements.yaml"
# Of a text for which nothing else is said.
LONGEST_TEXT = 200
# Elements inside one another.
DEEPEST_ELEMENT = 4
_KINDS = ("like", "type", "values", "members")
_OF_TEXT = ("format", "pattern", "min_length", "max_length")
_OF_NUMBERS = ("minimum", "maximum", "above", "below", "multiple_of")
_KEYWORDS = {
    "format": "format",
    "pattern": "pattern",
    "min_length": "minLength",
    "max_length": "maxLength",
    "minimum": "minimum",
    "maximum": "maximum",
    "above": "exclusiveMinimum",
    "below": "exclusiveMaximum",
    "multiple_of": "multipleOf",
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where something can come from instead of the applicant."""

    source_id: str
    part: SourcePart


@dataclass(frozen=True, slots=True)
class Member:
    """An element as a part of another."""

    name: str
    element: "Element"
    required: bool


@dataclass(frozen=True, slots=True)
class Element:
    """A data element, ready to be a field of a form."""

    element_id: str
    name: NamePart
    schema: Mapping[str, Any]
    """JSON Schema of one value; empty for an element that is made of others."""
    members: tuple[Member, ...] = ()
    many: ManyPart | None = None
    values: tuple[ValuePart, ...] = ()
    """The values with what people read, for an element that has only some."""
    help: NamePart | None = None
    widget: str = ""
    origins: tuple[Origin, ...] = ()
    standard: str = ""

    @property
    def type(self) -> str:
        """The type of its value, in JSON Schema."""
        if self.many:
            return "array"
        return str(self.schema.get("type", "object"))


class Elements:
    """The elements that the fields of one package may be."""

    def __init__(
        self, known: Mapping[str, Element], sources: Mapping[str, SourcePart], faulty: Collection[str] = ()
    ) -> None:
        self.known = known
        self.sources = sources
        self.faulty = faulty
        """Those that are there, and cannot be used."""

    def find(self, element_id: str) -> Element | None:
        """The element, when there is one."""
        return self.known.get(element_id)

    def unknown(self, element_id: str) -> str:
        """Say that there is no such element, and which one may be meant."""
        return unknown_element(element_id, self.known)


def unknown_element(element_id: str, known: Iterable[str]) -> str:
    """Say that there is no such element, and which one may be meant."""
    suggestion = did_you_mean(element_id, known) or ": add it to `elements` of scenario.yaml"
    return f'there is no data element "{element_id}"{suggestion}'


@cache
def platform_elements() -> Elements:
    """The platform's dictionary; raises ValueError when the file that comes with a release is faulty."""
    faults = Faults()
    source = read_yaml(DICTIONARY.name, DICTIONARY.read_text(encoding="utf-8"), faults)
    part = read_part(DictionaryPart, source, faults) if source else None
    if part and source:
        known = _Resolver(part.elements, Elements({}, part.sources), source, faults).all()
        if not faults:
            return Elements(known, part.sources)
    raise ValueError(f"{DICTIONARY} is faulty: {faults.all()}")


def package_elements(
    own: Mapping[str, ElementPart],
    sources: Mapping[str, SourcePart],
    needed: Mapping[str, SourcePart],
    source: Source,
    faults: Faults,
) -> Elements:
    """The platform's elements and a package's own; `needed` are the data sources that regions are to bind."""
    platform = platform_elements()
    for key, there, given in (("elements", platform.known, own), ("sources", platform.sources, sources)):
        for name in given:
            if name in there:
                message = f'the platform has "{name}" already: use it as it is, or choose another id'
                faults.add(source.fault((key, name), message, at_key=True))
    all_sources = {**needed, **sources, **platform.sources}
    made = _Resolver(own, Elements(platform.known, all_sources), source, faults).all()
    return Elements({**made, **platform.known}, all_sources, own.keys() - made.keys())


class _Resolver:
    """Makes elements of parts, which may be like others or made of others."""

    def __init__(self, parts: Mapping[str, ElementPart], base: Elements, source: Source, faults: Faults) -> None:
        self._parts = parts
        self._base = base
        self._source = source
        self._faults = faults
        self._made: dict[str, Element | None] = {}
        self._faulty: set[str] = set()
        self._instructions = 0

    def all(self) -> dict[str, Element]:
        """The sound ones of the parts."""
        made = {name: self._make(name, ()) for name in self._parts}
        return {name: element for name, element in made.items() if element}

    def _make(self, name: str, above: tuple[str, ...]) -> Element | None:
        if name not in self._made:
            self._made[name] = None
            element = self._element(name, self._parts[name], (*above, name))
            self._made[name] = None if name in self._faulty else element
        return self._made[name]

    def _element(self, name: str, part: ElementPart, above: tuple[str, ...]) -> Element | None:
        for key, message in _part_faults(part):
            self._fault(name, (key,) if key else (), message)
        if part.pattern:
            self._measure(name, part.pattern)
        if sum(getattr(part, key) is not None for key in _KINDS) != 1:
            return None
        said = Element(
            name,
            part.name,
            _schema(part),
            values=tuple(part.values or ()),
            many=part.many,
            help=part.help,
            widget=part.widget or "",
            origins=tuple(self._origins(name, part)),
            standard=part.standard or "",
        )
        if part.like:
            base = self._other(name, ("like",), part.like, above)
            return base and _like(base, said)
        return replace(said, members=tuple(self._members(name, part, above)))

    def _measure(self, name: str, pattern: str) -> None:
        if self._instructions > LARGEST_PATTERNS:
            return
        try:
            self._instructions += pattern_size(pattern)
        except ValueError as error:
            self._fault(name, ("pattern",), str(error))
        if self._instructions > LARGEST_PATTERNS:
            message = "the patterns are too large together: use fewer and smaller repetitions, or max_length"
            self._fault(name, ("pattern",), message)

    def _members(self, name: str, part: ElementPart, above: tuple[str, ...]) -> Iterator[Member]:
        for key, member in (part.members or {}).items():
            if element := self._other(name, ("members", key), member.element, above):
                yield Member(key, element, member.required)
            else:
                self._faulty.add(name)

    def _other(self, name: str, path: Path, other: str, above: tuple[str, ...]) -> Element | None:
        if other in above:
            self._fault(name, path, f"is made of itself: {' -> '.join((*above, other))}")
        elif len(above) >= DEEPEST_ELEMENT:
            self._fault(name, path, f"is made of elements more than {DEEPEST_ELEMENT} deep")
        elif other in self._parts:
            return self._make(other, above)
        elif found := self._base.find(other):
            return found
        else:
            self._fault(name, path, unknown_element(other, (*self._base.known, *self._parts)))
        return None

    def _origins(self, name: str, part: ElementPart) -> Iterator[Origin]:
        for index, source_id in enumerate(part.sources):
            if found := self._base.sources.get(source_id):
                yield Origin(source_id, found)
            else:
                suggestion = did_you_mean(source_id, self._base.sources) or ": add it to `sources`"
                self._fault(name, ("sources", index), f'there is no source "{source_id}"{suggestion}')

    def _fault(self, name: str, path: Path, message: str) -> None:
        self._faulty.add(name)
        self._faults.add(self._source.fault(("elements", name, *path), message))


def _like(base: Element, said: Element) -> Element:
    """What is said of an element, and for the rest what the one that it is like is; where it comes from is its own."""
    return replace(
        base,
        element_id=said.element_id,
        name=said.name,
        many=said.many or base.many,
        help=said.help or base.help,
        widget=said.widget or base.widget,
        origins=said.origins,
        standard=said.standard or base.standard,
    )


def _schema(part: ElementPart) -> dict[str, Any]:
    """The JSON Schema of one value."""
    if part.values:
        return {"type": "string", "enum": [each.value for each in part.values]}
    if part.type is None:
        return {}
    schema: dict[str, Any] = {"type": part.type}
    for key, keyword in _KEYWORDS.items():
        value = getattr(part, key)
        if value is not None:
            schema[keyword] = int(value) if isinstance(value, float) and value.is_integer() else value
    if part.type == "string":
        schema.setdefault("maxLength", LONGEST_TEXT)
    return schema


def _part_faults(part: ElementPart) -> Iterator[tuple[str, str]]:
    """Yield (key, what is wrong) with an element by itself."""
    given = [key for key in _KINDS if getattr(part, key) is not None]
    if len(given) != 1:
        yield (given[1] if given else ""), "an element has exactly one of `type`, `values`, `members` and `like`"
        return
    for key in (*_OF_TEXT, *_OF_NUMBERS):
        if getattr(part, key) is not None and not _takes(part, key):
            what = "text (`type: string`)" if key in _OF_TEXT else "numbers"
            yield key, f"is for {what} only"
    for least, most in (("min_length", "max_length"), ("minimum", "maximum"), ("above", "below")):
        low, high = getattr(part, least), getattr(part, most)
        if low is not None and high is not None and low > high:
            yield least, f"is more than `{most}`: no value would fit"
    if part.many and part.many.least > part.many.most:
        yield "many", "`least` is more than `most`: no list would fit"
    values = [each.value for each in part.values or ()]
    if len(set(values)) < len(values):
        yield "values", f'"{next(each for each in values if values.count(each) > 1)}" is here twice: keep one'


def _takes(part: ElementPart, key: str) -> bool:
    return part.type == "string" if key in _OF_TEXT else part.type in {"integer", "number"}
