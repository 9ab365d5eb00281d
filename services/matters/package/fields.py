"""The fields of a bundle's one form: all that its matters need, each asked once, and when it is asked."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from services.matters.package.checks import MatterFile
from services.matters.package.elements import Element, Elements
from services.matters.package.faults import Faults, Path
from services.matters.package.formparts import ManyPart, QuestionPart
from services.matters.package.forms import FormField
from services.matters.package.models import ManifestPart
from services.matters.package.parts import NamePart
from services.matters.package.situations import ALWAYS, Situation, Situations
from services.matters.package.source import Source

DEEPEST_FORM = 10
MOST_FIELDS = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a package says something."""

    source: Source
    path: Path

    def __str__(self) -> str:
        mark = self.source.keys.get(self.path) or self.source.values.get(self.path)
        return f"{self.source.file}:{mark.line}" if mark else self.source.file


@dataclass(slots=True)
class Asked:
    """A field of the form, or a group of fields: what it is, and in which situations it is asked for."""

    name: str
    place: Place | None = None
    element: Element | None = None
    """None for a group that is no element itself."""
    question: bool = False
    asked: dict[Situation, None] = field(default_factory=dict)
    """In these it may be filled in."""
    required: dict[Situation, None] = field(default_factory=dict)
    """In these it is there whenever what holds it is there."""
    children: dict[str, "Asked"] = field(default_factory=dict)
    order: int = 0
    """Its place among all, as people fill them in."""

    @property
    def is_group(self) -> bool:
        """Whether it holds other fields."""
        return self.element is None or (bool(self.element.members) and not self.element.many)

    def walk(self, prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], "Asked"]]:
        """Everything below, each with its path, what holds others before them."""
        for name, child in self.children.items():
            path = (*prefix, name)
            yield path, child
            yield from child.walk(path)

    def shape(self) -> FormField:
        """What expressions and notices may read of it."""
        shape = FormField(required=ALWAYS in self.required)
        if self.is_group:
            shape.types = frozenset({"object"})
            shape.fields = {name: child.shape() for name, child in self.children.items()}
        elif self.element:
            shape.types = frozenset({self.element.type})
            if self.element.many:
                shape.item_types = frozenset({replace(self.element, many=None).type})
        return shape


def gather_fields(
    manifest: ManifestPart,
    source: Source,
    matters: Mapping[str, MatterFile],
    elements: Elements,
    situations: Situations,
    faults: Faults,
) -> Asked | None:
    """All fields that questions and steps ask for; None when that cannot be told, because a matter cannot be read."""
    if any(step.matter not in matters for step in manifest.steps):
        return None
    gatherer = _Gatherer(elements, faults)
    for index, question in enumerate(manifest.questions):
        gatherer.ask(question, Place(source, ("questions", index, "field")))
    for step in manifest.steps:
        # What depends on results is asked for in any case: nobody knows yet whether it will be needed.
        known = step.when and not situations.is_late(step.when)
        gatherer.need(matters[step.matter], (step.when,) if known else ALWAYS)
    return gatherer.root if gatherer.sound else None


def seen_by(root: Asked, matter: MatterFile) -> FormField:
    """The form as it is whenever a step with this matter is handled: with all that the matter requires by itself."""
    shape = root.shape()
    for path, need in matter.part.fields.items():
        here, asked = shape, root
        for name in path.split(".") if need.when is None else ():
            here, asked = here.fields[name], asked.children[name]
            here.required = here.required or need.required
        if need.when is None and asked.element:
            _require_members(here, asked.element)
    return shape


def _require_members(shape: FormField, element: Element) -> None:
    for member in element.members if _holds(element) else ():
        here = shape.fields[member.name]
        here.required = here.required or member.required
        _require_members(here, member.element)


class _Gatherer:
    def __init__(self, elements: Elements, faults: Faults) -> None:
        self.root = Asked("", asked={ALWAYS: None}, required={ALWAYS: None})
        self.sound = True
        self._elements = elements
        self._faults = faults
        self._count = 0

    def ask(self, question: QuestionPart, place: Place) -> None:
        """Add a question."""
        situation = (question.when,) if question.when else ALWAYS
        element = _answer(question)
        if asked := self._add(
            tuple(question.field.split(".")), element, [situation], place, required=question.required
        ):
            asked.question = True

    def need(self, matter: MatterFile, situation: Situation) -> None:
        """Add what a matter needs whenever the situation is there."""
        for path, need in matter.part.fields.items():
            place = Place(matter.source, ("fields", path))
            element = self._elements.find(need.element)
            if element is None and need.element in self._elements.faulty:
                self.sound = False  # which has been told
            elif element is None:
                self._fault(place, self._elements.unknown(need.element))
            if element is None:
                continue
            own = (*situation, need.when) if need.when and need.when not in situation else situation
            self._add(tuple(path.split(".")), element, [own], place, required=need.required)

    def _add(
        self, path: tuple[str, ...], element: Element, situations: Iterable[Situation], place: Place, *, required: bool
    ) -> Asked | None:
        if len(path) > DEEPEST_FORM:
            self._fault(place, f"is nested more than {DEEPEST_FORM} deep")
            return None
        here = self.root
        for end, name in enumerate(path, start=1):
            here = self._below(here, name, place)
            for situation in situations:
                here.asked.setdefault(situation)
                if required:
                    here.required.setdefault(situation)
            is_last = end == len(path)
            if not self._agrees(here, element if is_last else None, place, is_last=is_last):
                return None
        self._settle(here, element, situations, place)
        return here

    def _below(self, here: Asked, name: str, place: Place) -> Asked:
        if name not in here.children:
            self._count += 1
            if self._count == MOST_FIELDS + 1:
                self._fault(place, f"the form has more than {MOST_FIELDS} fields")
            here.children[name] = Asked(name, place)
        return here.children[name]

    def _agrees(self, here: Asked, element: Element | None, place: Place, *, is_last: bool) -> bool:
        """Refuse a field that is something else elsewhere: one path, one element."""
        before = here.element
        if is_last and here.question:
            self._fault(place, f"is a question, at {here.place}: name it under `answers` if the office sees the answer")
            return False
        if element is not None and before is not None and before.element_id != element.element_id:
            what = f'is "{element.element_id}" here and "{before.element_id}" at {here.place}'
            self._fault(place, f"{what}: one field, one element")
            return False
        fresh = before is None and not here.children
        if element is not None and not fresh and before is None and not _holds(element):
            self._fault(place, f"holds other fields, at {here.place}: it cannot be a field itself")
            return False
        if element is None and before is not None and not here.is_group:
            self._fault(place, f"has a field above it, at {here.place}, below which nothing can be")
            return False
        return True

    def _settle(self, here: Asked, element: Element, situations: Iterable[Situation], place: Place) -> None:
        """Make a field what its element is, with all that the element is made of."""
        if here.element is None:
            here.element, here.place = element, place
        if not here.is_group:
            return
        for member in element.members:
            child = self._below(here, member.name, place)
            if not self._agrees(child, member.element, place, is_last=True):
                continue
            for situation in situations:
                child.asked.setdefault(situation)
                if member.required:
                    child.required.setdefault(situation)
            self._settle(child, member.element, situations, place)

    def _fault(self, place: Place, message: str) -> None:
        self.sound = False
        self._faults.add(place.source.fault(place.path, message, at_key=True))


def _holds(element: Element) -> bool:
    return bool(element.members) and not element.many


def _answer(question: QuestionPart) -> Element:
    """What a question is answered with, as an element."""
    values = tuple(question.answers or ())
    schema = {"type": "string", "enum": [each.value for each in values]} if values else {"type": "boolean"}
    return Element(
        "",
        NamePart(zh=question.ask.zh, en=question.ask.en),
        schema,
        values=values,
        many=ManyPart(most=len(values), unique=True) if question.several else None,
        help=question.help,
    )
