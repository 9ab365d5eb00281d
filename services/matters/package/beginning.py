"""The beginning of an overlay: every placeholder and parameter of a package, with what it is for."""

import json
from collections.abc import Iterator

from services.matters.domain.bundle import Scenario
from services.matters.domain.local import Needed, Parameter, Placeholder
from services.matters.domain.names import Name
from services.matters.package.overlay import KEYS, WORDS

_KINDS = {
    Needed.OFFICE: (
        "Each is an organ by its id or unified social credit code; `nearest`, whom routing finds for the case; or",
        "`{level: 4}`, whom routing finds at that level.",
    ),
    Needed.DATA: ("Each is the organ that provides the data, or `none` where they are not to be had.",),
    Needed.SEAL: ("Each is the organ whose seal it is, or `own`: that of the office that handles the step.",),
}


def overlay_for(scenario: Scenario, region: str) -> str:
    """An overlay for a package, as YAML: with it the package can be installed as it stands."""
    return "".join(f"{line}\n" for line in _lines(scenario, region))


def _lines(scenario: Scenario, region: str) -> Iterator[str]:
    yield f"# {_told(scenario.name)}, {scenario.scenario_id} {scenario.version}: what one region decides."
    yield "format: 1"
    yield f'package: {{id: {scenario.scenario_id}, version: "^{scenario.version}"}}'
    yield "# The region whose decisions these are, GB/T 2260."
    yield f"region: {json.dumps(region)}"
    yield f"# The organ that leads: {_told(scenario.lead_name)}. Without it, --lead says it."
    yield "# lead: "
    if scenario.requires:
        yield "bindings:"
    for kind, explained in _KINDS.items():
        yield from _bindings(kind, explained, [each for each in scenario.requires if each.kind is kind])
    if scenario.parameters:
        yield "parameters:"
    for parameter in scenario.parameters:
        yield from _parameter(parameter)
    if scenario.extension_points:
        yield "# Steps of your own, each with a matter in matters/<name>.yaml beside this file:"
        yield "# steps:"
    for point in scenario.extension_points:
        yield f"#   - at: {point.point_id}  # {_told(point.name)}"
        yield "#     id: ..."
        yield "#     matter: ..."


def _bindings(kind: Needed, explained: tuple[str, ...], needed: list[Placeholder]) -> Iterator[str]:
    if not needed:
        return
    yield from (f"  # {line}" for line in explained)
    yield f"  {KEYS[kind]}:"
    for each in needed:
        yield f"    # {_told(each.name)}{f': {_told(each.purpose)}' if each.purpose else ''}"
        yield f"    {each.placeholder_id}: {WORDS[kind]}"


def _parameter(parameter: Parameter) -> Iterator[str]:
    bounds = [parameter.type]
    if parameter.minimum:
        bounds.append(f"{parameter.minimum} or more")
    if parameter.maximum:
        bounds.append(f"{parameter.maximum} at most")
    if parameter.choices:
        bounds.append(f"one of {', '.join(parameter.choices)}")
    yield f"  # {_told(parameter.name)}: {' '.join('; '.join(bounds).split())}"
    is_text = parameter.type in {"string", "enum", "duration"}
    value = json.dumps(parameter.default, ensure_ascii=False) if is_text else parameter.default
    yield f"  {parameter.parameter_id}: {value}"


def _told(name: Name) -> str:
    """A name in both languages, on one line whatever stands in it: it goes into a comment."""
    return " ".join(f"{name.zh} ({name.en})".split())
