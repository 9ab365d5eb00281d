"""What a signature in a PDF covers, and whether what was written after it may be there.

A PDF grows by appending. What follows a seal may be another seal, the evidence for checking it later (DSS), and nothing
else: no form filled in, no comment, no page. What no later seal covers may be evidence, and timestamps that show
nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum, auto

from pyhanko.pdf_utils import generic
from pyhanko.sign.diff_analysis import DiffPolicy, DiffResult, ModificationLevel, SuspiciousModification
from pyhanko.sign.diff_analysis.form_rules_api import (
    FieldComparisonContext,
    FieldMDPRule,
    FormUpdate,
    FormUpdatingRule,
)
from pyhanko.sign.diff_analysis.policies import StandardDiffPolicy
from pyhanko.sign.diff_analysis.rules.file_structure_rules import (
    CatalogModificationRule,
    ObjectStreamRule,
    XrefStreamRule,
)
from pyhanko.sign.diff_analysis.rules.form_field_rules import (
    DSSCompareRule,
    SigFieldCreationRule,
    SigFieldModificationRule,
)
from pyhanko.sign.diff_analysis.rules.metadata_rules import DocInfoRule, MetadataUpdateRule
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

from services.eseal.pdf.noted import Noted
from services.eseal.pdf.tail import is_whole

_HEXADECIMAL = re.compile(rb"<([0-9A-Fa-f]*)>")
# Of the catalogue, what evidence may be accompanied by: the version of PDF that has such evidence, and what
# `Noted` reads.
_WITH_EVIDENCE = frozenset({"/DSS", "/Extensions", "/Version", "/Metadata"})
# Of the form, what a further field changes.
_WITH_FIELDS = frozenset({"/Fields"})


class _NothingShown(FieldMDPRule):
    """Fields that came or changed show nothing on any page; pyHanko takes a box that it cannot read for none."""

    def apply(self, context: FieldComparisonContext) -> Iterable[tuple[ModificationLevel, FormUpdate]]:
        """Raises SuspiciousModification for one that might."""
        for name, spec in context.field_specs.items():
            if spec.new_field is not None and spec.new_field != spec.old_field and may_show(spec.new_field):
                raise SuspiciousModification(f"the field {name} may show something")
        return ()


def may_show(field: generic.DictionaryObject) -> bool:
    """Whether a field or a note takes room on a page, as far as can be told."""
    box = field["/Rect"] if "/Rect" in field else generic.ArrayObject()
    if "/Kids" in field or not isinstance(box, generic.ArrayObject):
        return True
    if not box:
        return False
    if len(box) != 4 or not all(isinstance(each, (int, Decimal)) for each in box):
        return True
    left, bottom, right, top = box
    return bool(left != right and bottom != top)


_STRUCTURE = [
    XrefStreamRule().as_qualified(ModificationLevel.LTA_UPDATES),
    ObjectStreamRule().as_qualified(ModificationLevel.LTA_UPDATES),
    DSSCompareRule().as_qualified(ModificationLevel.LTA_UPDATES),
]
_SEALS_AND_EVIDENCE = StandardDiffPolicy(
    global_rules=[
        *_STRUCTURE,
        CatalogModificationRule(),
        # Whoever seals later may write into the document's properties.
        DocInfoRule().as_qualified(ModificationLevel.LTA_UPDATES),
        MetadataUpdateRule().as_qualified(ModificationLevel.LTA_UPDATES),
    ],
    form_rule=FormUpdatingRule(
        field_rules=[SigFieldCreationRule(allow_new_visible_after_certify=True), SigFieldModificationRule()]
    ),
)
_NOTED = Noted().as_qualified(ModificationLevel.LTA_UPDATES)
_TIMESTAMPS_AND_EVIDENCE = StandardDiffPolicy(
    global_rules=[*_STRUCTURE, CatalogModificationRule(_WITH_EVIDENCE | {"/AcroForm"}), _NOTED],
    form_rule=FormUpdatingRule(
        field_rules=[SigFieldCreationRule(), SigFieldModificationRule(), _NothingShown()],
        ignored_acroform_keys=_WITH_FIELDS,
    ),
)
_EVIDENCE = StandardDiffPolicy(
    global_rules=[*_STRUCTURE, CatalogModificationRule(_WITH_EVIDENCE), _NOTED], form_rule=None
)


@dataclass(frozen=True, slots=True)
class Covered:
    """How far a file is covered: by seals and signatures, and whether anything, a timestamp too, covers its end.

    A timestamp is no cover: authorities stamp whatever anybody sends them.
    """

    by_seals: int
    to_the_end: bool


class Since(Enum):
    """What became of a file since a signature was put on it."""

    NOTHING = auto()
    """The signature covers the file to its end."""
    SEALS_AND_EVIDENCE = auto()
    FORBIDDEN = auto()
    """A later seal, which the signature's own rule (DocMDP) forbids."""
    CHANGED = auto()
    NOT_COVERED = auto()
    """The signature leaves out part of the file as it was then."""


def end_of(signature: EmbeddedPdfSignature, content: bytes) -> int | None:
    """Where the signed bytes end; None unless they are the whole file up to there but the signature's own container.

    The container is looked at in the file itself: a range that leaves out more than one string of hexadecimal digits,
    which is this signature, would leave room for something that is shown and not signed.
    """
    numbers = [number for number in signature.byte_range if isinstance(number, int) and number >= 0]
    if len(numbers) != 4 or len(signature.byte_range) != 4:
        return None
    start, first, second, length = numbers
    gap = _HEXADECIMAL.fullmatch(content, first, second) if start == 0 and first < second else None
    end = second + length
    if gap is None or len(gap[1]) % 2 or end > len(content):
        return None
    return end if bytes.fromhex(gap[1].decode()) == signature.pkcs7_content else None


def since(signature: EmbeddedPdfSignature, content: bytes, covered: Covered) -> Since:
    """What happened after the signature."""
    end = end_of(signature, content)
    if end is None:
        return Since.NOT_COVERED
    policy, most = _allowed(end, covered)
    signature.compute_integrity_info(policy)
    if end == len(content):
        return Since.NOTHING
    if end >= covered.by_seals and not is_whole(signature.reader, content, end):
        return Since.CHANGED
    result: object = signature.diff_result
    if not isinstance(result, DiffResult):
        return Since.CHANGED
    if result.modification_level > most:
        return Since.CHANGED
    return Since.SEALS_AND_EVIDENCE if signature.summarise_integrity_info()["docmdp_ok"] else Since.FORBIDDEN


def _allowed(end: int, covered: Covered) -> tuple[DiffPolicy, ModificationLevel]:
    if end < covered.by_seals:
        return _SEALS_AND_EVIDENCE, ModificationLevel.FORM_FILLING
    return _TIMESTAMPS_AND_EVIDENCE if covered.to_the_end else _EVIDENCE, ModificationLevel.LTA_UPDATES
