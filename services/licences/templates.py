"""Templates of types, looked at when a type is defined: what no document could be made of is told to whoever writes it.

The seal service holds a template to far less than Jinja2 when it makes a document; that is the rule, and this is advice
in time.
"""

from collections.abc import Iterator

from jinja2 import Environment, TemplateError, nodes

from chassis.problems import Violation
from services.licences.domain.types import LicenceType

_FIELD = "type.template"
_NAMES = {"holder": {"name", "number"}, "licence": {"name", "identifier", "valid_from", "valid_until"}}


def template_faults(of: LicenceType) -> Iterator[Violation]:
    """What is wrong with a type's template: its form, and names of what there is not."""
    try:
        tree = Environment(autoescape=False).parse(of.template)  # noqa: S701 - nothing is rendered
    except TemplateError as error:
        yield Violation(_FIELD, f"line {getattr(error, 'lineno', None) or 1}: {error.message or 'is no template'}")
        return
    except (RecursionError, MemoryError, SyntaxError, ValueError):
        yield Violation(_FIELD, "is no template: it is nested too deeply, or has too large a number")
        return
    known = {**_NAMES, "data": {field.name for field in of.fields}}
    for each in tree.find_all(nodes.Getattr):
        name = each.node.name if isinstance(each.node, nodes.Name) else ""
        if name in known and each.attr not in known[name]:
            there = ", ".join(sorted(known[name])) or "nothing"
            yield Violation(_FIELD, f"line {each.lineno}: {name} has no {each.attr}; it has {there}")
