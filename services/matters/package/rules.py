"""Pre-check rules (智能预审): checked so that evaluating one on a valid form cannot fail and takes little time."""

from collections.abc import Iterator, Mapping
from typing import Any

from services.matters.domain.bundle import Rule
from services.matters.package.checks import MatterFile
from services.matters.package.conditions import Conditions
from services.matters.package.earlier import Reader
from services.matters.package.expressions import children, constant_of, kind_of
from services.matters.package.faults import Faults, Path, did_you_mean
from services.matters.package.formparts import RulePart
from services.matters.package.forms import FormField
from services.matters.package.localising import name_of
from services.matters.package.models import ManifestPart
from services.matters.package.oneform import OneForm
from services.matters.package.situations import OF_RULES, Situations
from services.matters.package.source import Source


def check_rules(
    form: OneForm, manifest: ManifestPart, source: Source, matters: Mapping[str, MatterFile], faults: Faults
) -> None:
    """Check the rules of the manifest and of all matters that steps use."""
    said = list(_rules(manifest, matters, source))
    if not said:
        return
    conditions = Conditions(form.shape, others=OF_RULES)
    kinds = [material.kind for material in manifest.materials]
    first: dict[str, str] = {}
    for name, file, path, rule in said:
        if rule.id in first:
            faults.add(file.fault((*path, "id"), f'{first[rule.id]} has a rule "{rule.id}" already: choose another'))
        first.setdefault(rule.id, file.file)
        # A matter's own rules apply when it is done, and then all is there that it requires.
        reader = Reader("", (), (), form.seen[name] if name else None)
        given = rule.when or ""
        for key, text in (("when", given), ("holds", rule.holds)) if given else (("holds", rule.holds),):
            messages = conditions.faults(text, reader, on_form=True, given=given if key == "holds" else "")
            messages.extend(() if messages else _material_faults(text, kinds, form.situations))
            for message in messages:
                faults.add(file.fault((*path, key), message))
            if messages:
                break
        else:
            if not any(_about(rule, form.situations)):
                faults.add(file.fault(path, "is about nothing: name the `fields` or `materials` that it is about"))
        for key, index, message in _name_faults(rule, form.shape, kinds):
            faults.add(file.fault((*path, key, index), message))


def gather_rules(manifest: ManifestPart, matters: Mapping[str, MatterFile], form: OneForm) -> tuple[Rule, ...]:
    """The rules of a package without faults."""
    steps = {name: tuple(step.id for step in manifest.steps if step.matter == name) for name in matters}
    return tuple(
        Rule(
            rule_id=rule.id,
            holds=rule.holds,
            when=rule.when or "",
            refuses=rule.severity == "refuse",
            message=name_of(rule.message),
            fields=fields,
            materials=materials,
            steps=steps.get(name, ()),
        )
        for name, _, _, rule in _rules(manifest, matters, None)
        for fields, materials in [_about(rule, form.situations)]
    )


def _rules(
    manifest: ManifestPart, matters: Mapping[str, MatterFile], source: Source | None
) -> Iterator[tuple[str, Source, Path, RulePart]]:
    """Every rule with the matter that has it, empty for the manifest, and its place."""
    for index, rule in enumerate(manifest.rules):
        yield "", source or Source(""), ("rules", index), rule
    for name in dict.fromkeys(step.matter for step in manifest.steps):
        for index, rule in enumerate(matters[name].part.rules):
            yield name, matters[name].source, ("rules", index), rule


def _about(rule: RulePart, situations: Situations) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The fields and the materials that a rule is about: those it names, or those it reads."""
    if rule.fields or rule.materials:
        return tuple(rule.fields), tuple(rule.materials)
    tree = situations.tree(rule.holds)
    kinds = {str(each) for each in _indexes(tree.expr) if isinstance(each, str)} if tree else set()
    return tuple(sorted(".".join(path) for path in situations.reads(rule.holds))), tuple(sorted(kinds))


def _name_faults(rule: RulePart, form: FormField, kinds: list[str]) -> Iterator[tuple[str, int, str]]:
    for index, path in enumerate(rule.fields):
        if form.find(path) is None:
            yield "fields", index, form.unknown(path)
    for index, kind in enumerate(rule.materials):
        if kind not in kinds:
            yield "materials", index, f'there is no material "{kind}"{did_you_mean(kind, kinds)}'


def _material_faults(text: str, kinds: list[str], situations: Situations) -> Iterator[str]:
    """Yield what is wrong with the way in which `materials` is used: only as materials["kind"]."""
    tree = situations.tree(text)
    for kind in _indexes(tree.expr) if tree else ():
        if kind is ...:
            yield 'of materials there is how many of a kind come: materials["lease"] >= 1'
        elif not isinstance(kind, str):
            yield 'names no kind of material: write it out, as in materials["lease"]'
        elif kind not in kinds:
            yield f'there is no material "{kind}"{did_you_mean(kind, kinds)}'


def _indexes(expr: Any) -> Iterator[object]:
    """Yield for each use of `materials` the kind that it names; None for another index, ... for another use."""
    if kind_of(expr) == "call" and expr.call.function == "_[_]" and _is_materials(expr.call.args[0]):
        index = expr.call.args[1]
        yield constant_of(index) if kind_of(index) == "const" else None
    elif _is_materials(expr):
        yield ...
    else:
        for part in children(expr):
            yield from _indexes(part)


def _is_materials(expr: Any) -> bool:
    return kind_of(expr) == "ident" and expr.ident.name == "materials"
