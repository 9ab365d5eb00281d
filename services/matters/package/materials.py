"""The bundle's one set of materials: what its matters need, merged by kind, and what nobody has to hand in (免证办)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.matters.domain.bundle import Licence, MaterialKind
from services.matters.domain.graph import ancestors, find_cycle
from services.matters.domain.names import Name
from services.matters.package.checks import MatterFile, size_in_bytes
from services.matters.package.elements import Elements
from services.matters.package.faults import Faults, did_you_mean
from services.matters.package.formparts import MaterialPart
from services.matters.package.models import ManifestPart, StepPart
from services.matters.package.situations import ALWAYS, Situation, Situations, simplest, text_of
from services.matters.package.source import Source


@dataclass(slots=True)
class _Wanted:
    asked: list[Situation] = field(default_factory=list)
    required: list[Situation] = field(default_factory=list)


def merge_materials(
    manifest: ManifestPart, matters: Mapping[str, MatterFile], elements: Elements, situations: Situations
) -> tuple[MaterialKind, ...]:
    """Each kind once, with the situations in which it is asked for and in which it has to be there."""
    wanted = {material.kind: _Wanted() for material in manifest.materials}
    for step in manifest.steps:
        situation = _situation(step, situations)
        for need in matters[step.matter].part.materials:
            own = (*situation, need.when) if need.when else situation
            wanted[need.kind].asked.append(own)
            if need.required:
                wanted[need.kind].required.append(own)
    return tuple(_kind(material, wanted[material.kind], elements) for material in manifest.materials)


def check_given(
    manifest: ManifestPart, source: Source, matters: Mapping[str, MatterFile], elements: Elements, faults: Faults
) -> None:
    """Check what is said to give materials: a known licence, or a step before all that need the material."""
    ids = {step.id for step in manifest.steps}
    after = {step.id: [name for name in step.after if name in ids] for step in manifest.steps}
    before = dict.fromkeys(after, frozenset(ids)) if find_cycle(after) else ancestors(after)
    for index, material in enumerate(manifest.materials):
        given = material.given_by
        if given is None:
            continue
        if (given.licence is None) == (given.step is None):
            faults.add(source.fault(("materials", index, "given_by"), "say either a `licence` or a `step`"))
        elif given.licence is not None:
            origin = elements.sources.get(given.licence)
            licences = [name for name, each in elements.sources.items() if each.kind == "licence"]
            if origin is None or origin.kind != "licence":
                message = f'there is no licence "{given.licence}"{did_you_mean(given.licence, licences)}'
                faults.add(source.fault(("materials", index, "given_by", "licence"), message))
        elif given.step not in after:
            message = f'there is no step "{given.step}"{did_you_mean(given.step or "", after)}'
            faults.add(source.fault(("materials", index, "given_by", "step"), message))
        else:
            needing = [step.id for step in manifest.steps if _needs(matters.get(step.matter), material.kind)]
            for step_id in needing:
                if given.step not in before[step_id]:
                    message = f'does not come before "{step_id}", which needs the material'
                    faults.add(source.fault(("materials", index, "given_by", "step"), message))


def _needs(matter: MatterFile | None, kind: str) -> bool:
    return matter is not None and any(need.kind == kind for need in matter.part.materials)


def _situation(step: StepPart, situations: Situations) -> Situation:
    # What depends on results is asked for in any case: nobody knows yet whether it will be needed.
    return (step.when,) if step.when and not situations.is_late(step.when) else ALWAYS


def _kind(material: MaterialPart, wanted: _Wanted, elements: Elements) -> MaterialKind:
    given = material.given_by
    asked, required = simplest(wanted.asked), simplest(wanted.required)
    if given:
        required = ()
    licence = None
    if given and given.licence:
        name = elements.sources[given.licence].name
        licence = Licence(given.licence, Name(name.zh, name.en))
    return MaterialKind(
        kind=material.kind,
        name=Name(material.name.zh, material.name.en),
        required=ALWAYS in required,
        media_types=tuple(material.media_types),
        max_size=size_in_bytes(material.max_size),
        asked_when=text_of(asked),
        required_when=text_of(required) if required else "",
        licence=licence,
        from_step=(given.step or "") if given else "",
    )
