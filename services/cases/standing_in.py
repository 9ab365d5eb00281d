"""免证办: materials whose place a licence takes that the applicant holds.

Such a material is kept as any other, with the licence in the place of a content; so the history vouches for it, and the
offices see it, in the same way.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from duokua.cases.v1 import case_pb2
from services.cases.published import Published

Ref = dict[str, Any]
"""What a MaterialRef tells of a material, as it is kept."""
Held = Mapping[str, Ref]
"""By the kind of material, what stands for it if it does not come."""
NOTHING: Held = {}
NO_CONTENT: Ref = {"media_type": "", "sha256": "", "size": 0}


def standing_in(published: Published, form: Mapping[str, Any], kinds: Iterable[str], held: Held) -> Iterator[Ref]:
    """Yield what stands for the materials that a form asks for and that do not come themselves."""
    coming = frozenset(kinds)
    for kind, ref in held.items():
        if kind not in coming and published.materials[kind].may_come(form):
            yield ref


def ref_message(ref: Mapping[str, Any]) -> case_pb2.MaterialRef:
    """A material as the contract has it."""
    licence = ref.get("licence")
    values = {name: value for name, value in ref.items() if name != "licence"}
    return case_pb2.MaterialRef(**values, licence=licence_message(licence) if licence else None)


def licence_message(licence: Mapping[str, str]) -> case_pb2.LicenceRef:
    """A licence in the place of a material as the contract has it."""
    return case_pb2.LicenceRef(**licence)
