"""What a signature in a PDF covers, and whether what was written after it may be there.

A PDF grows by appending. What follows a seal may be another seal, the evidence for checking it later (DSS), and nothing
else: no form filled in, no comment, no page. What no later seal covers may be the evidence alone.
"""

import re
from enum import Enum, auto

from pyhanko.sign.diff_analysis import DiffPolicy, DiffResult, ModificationLevel
from pyhanko.sign.diff_analysis.form_rules_api import FormUpdatingRule
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

from services.eseal.pdf.tail import is_whole

_HEXADECIMAL = re.compile(rb"<([0-9A-Fa-f]*)>")
_STRUCTURE = [
    CatalogModificationRule(),
    XrefStreamRule().as_qualified(ModificationLevel.LTA_UPDATES),
    ObjectStreamRule().as_qualified(ModificationLevel.LTA_UPDATES),
    DSSCompareRule().as_qualified(ModificationLevel.LTA_UPDATES),
]
# Whoever seals later may write into the document's properties; whoever only adds evidence has no reason to.
_PROPERTIES = [
    DocInfoRule().as_qualified(ModificationLevel.LTA_UPDATES),
    MetadataUpdateRule().as_qualified(ModificationLevel.LTA_UPDATES),
]
_SEALS_AND_EVIDENCE = StandardDiffPolicy(
    global_rules=_STRUCTURE + _PROPERTIES,
    form_rule=FormUpdatingRule(
        field_rules=[SigFieldCreationRule(allow_new_visible_after_certify=True), SigFieldModificationRule()]
    ),
)
_EVIDENCE = StandardDiffPolicy(global_rules=_STRUCTURE, form_rule=None)


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


def since(signature: EmbeddedPdfSignature, content: bytes, *, covered_later: bool) -> Since:
    """What happened after the signature; `covered_later`: whether some signature covers the file to its end."""
    end = end_of(signature, content)
    if end is None:
        return Since.NOT_COVERED
    policy: DiffPolicy = _SEALS_AND_EVIDENCE if covered_later else _EVIDENCE
    signature.compute_integrity_info(policy)
    if end == len(content):
        return Since.NOTHING
    if not covered_later and not is_whole(signature.reader, content, end):
        return Since.CHANGED
    result: object = signature.diff_result
    if not isinstance(result, DiffResult):
        return Since.CHANGED
    if result.modification_level > ModificationLevel.FORM_FILLING:
        return Since.CHANGED
    return Since.SEALS_AND_EVIDENCE if signature.summarise_integrity_info()["docmdp_ok"] else Since.FORBIDDEN
