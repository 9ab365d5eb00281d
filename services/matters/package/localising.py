"""From what a manifest leaves open and an overlay says to the scenario's own words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.matters.domain.local import Binding, ExtensionPoint, Needed, Parameter, Placeholder
from services.matters.domain.names import Name
from services.matters.package.models import ManifestPart, NoticePart, StepPart
from services.matters.package.needs import PlaceholderPart
from services.matters.package.parameters import Setting, text_of_value
from services.matters.package.parts import NamePart


@dataclass(frozen=True, slots=True)
class Here:
    """What a region said: nothing, where a package is looked at by itself."""

    bundle: str = ""
    """The bundle's id here; empty for the package's own."""
    region: str = ""
    lead: str = ""
    """The leading organ; empty where the overlay names none."""
    bindings: tuple[Binding, ...] = ()
    organs: Mapping[str, str] = field(default_factory=dict)
    """By step, of the region's own steps: the organ that handles it."""
    parameters: tuple[Parameter, ...] = ()

    def office(self, step: StepPart) -> tuple[str, int]:
        """The organ that handles a step, and the level of the office that routing finds for it."""
        for bound in self.bindings:
            if bound.kind is Needed.OFFICE and bound.placeholder_id == step.office:
                return bound.organ_id, bound.level or step.level or 0
        return self.organs.get(step.id, ""), step.level or 0

    def seal(self, notice: NoticePart | None) -> str:
        """The organ whose seal goes on a notice; empty for the office that handles the step."""
        named = notice.seal if notice else None
        return next(
            (each.organ_id for each in self.bindings if each.kind is Needed.SEAL and each.placeholder_id == named), ""
        )


def name_of(part: NamePart) -> Name:
    """A name in both languages."""
    return Name(zh=part.zh, en=part.en)


def placeholders_of(manifest: ManifestPart) -> tuple[Placeholder, ...]:
    """What the package needs of a region."""
    requires = manifest.requires
    return (
        *_placeholders(Needed.OFFICE, requires.offices),
        *_placeholders(Needed.DATA, requires.data),
        *_placeholders(Needed.SEAL, requires.seals),
    )


def with_sources(schema: Any, bindings: Iterable[Binding]) -> Any:
    """A form's schema without the data sources that the region does not have, and with who provides the others."""
    bound = {each.placeholder_id: each.organ_id for each in bindings if each.kind is Needed.DATA}
    return _with_sources(schema, bound) if bound else schema


def _with_sources(part: Any, bound: Mapping[str, str]) -> Any:
    if isinstance(part, list):
        return [_with_sources(each, bound) for each in part]
    if not isinstance(part, dict):
        return part
    made = {key: _with_sources(value, bound) for key, value in part.items()}
    if isinstance(sources := part.get("x-source"), list):
        kept = [
            {**each, "organ_id": bound[each["id"]]} if each["id"] in bound else each
            for each in sources
            if bound.get(each["id"], "elsewhere")
        ]
        made = {key: value for key, value in made.items() if key != "x-source"} | ({"x-source": kept} if kept else {})
    return made


def parameters_of(settings: Iterable[Setting]) -> tuple[Parameter, ...]:
    """The package's parameters with the values that hold."""
    return tuple(
        Parameter(
            parameter_id=each.part.id,
            name=name_of(each.part.name),
            type=each.part.type,
            default=text_of_value(each.part.default),
            value=text_of_value(each.value),
            minimum=text_of_value(each.part.min),
            maximum=text_of_value(each.part.max),
            choices=tuple(each.part.choices or ()),
        )
        for each in settings
    )


def points_of(manifest: ManifestPart) -> tuple[ExtensionPoint, ...]:
    """Where regions may add steps."""
    return tuple(
        ExtensionPoint(point.id, name_of(point.name), tuple(point.after), tuple(point.before))
        for point in manifest.extension_points
    )


def _placeholders(kind: Needed, parts: Iterable[PlaceholderPart]) -> Iterable[Placeholder]:
    return (
        Placeholder(kind, each.id, name_of(each.name), name_of(each.purpose) if each.purpose else None)
        for each in parts
    )
