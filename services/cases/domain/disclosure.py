"""What an office may see: the fields and materials that its matter declares, and nothing else of the form."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Protocol, TypeVar

Declared = dict[str, "Declared | None"]
"""Declared paths as a tree; None stands for everything below."""


class OfKind(Protocol):
    """A material, of whatever class, that tells its kind."""

    @property
    def kind(self) -> str:
        """Such as "lease"."""


MaterialLike = TypeVar("MaterialLike", bound=OfKind)


def visible_form(form: Mapping[str, Any], paths: tuple[str, ...]) -> dict[str, Any]:
    """Pick the declared paths, such as "premises.area", out of a form.

    A path may end at an object or a list, which is then seen whole. Through a list it is followed in each element.
    What the form does not have is left out, and so is a value where the path expects an object.
    """
    return _pick(form, tree_of(paths))


def visible_materials(materials: Iterable[MaterialLike], kinds: Iterable[str]) -> tuple[MaterialLike, ...]:
    """Keep the materials of the declared kinds, in their order."""
    declared = frozenset(kinds)
    return tuple(material for material in materials if material.kind in declared)


def _pick(form: Mapping[str, Any], declared: Declared) -> dict[str, Any]:
    picked: dict[str, Any] = {}
    for name, below in declared.items():
        if name not in form:
            continue
        value = form[name]
        if below is None:
            picked[name] = value
        elif isinstance(value, Mapping):
            picked[name] = _pick(value, below)
        elif isinstance(value, list):
            picked[name] = [_pick(each, below) for each in value if isinstance(each, Mapping)]
    return picked


@lru_cache(maxsize=4096)
def tree_of(paths: tuple[str, ...]) -> Declared:
    """Paths as a tree; what is below a path that is among them adds nothing."""
    tree: Declared = {}
    for path in paths:
        _declare(tree, path.split("."))
    return tree


def _declare(tree: Declared, names: list[str]) -> None:
    first, *rest = names
    if not rest:
        tree[first] = None
        return
    below = tree.setdefault(first, {})
    if below is not None:
        _declare(below, rest)
