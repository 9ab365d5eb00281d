"""Identity numbers of holders: their form, and how they are shown."""

import re

from stdnum.cn import ric

from services.licences.domain.identifiers import uscc_fault
from services.licences.domain.types import HolderKind

# GB 11643-1999, 4: region 6, birth date 8, serial 3, check 1.
_RESIDENT = re.compile(r"[0-9]{17}[0-9X]")
_SHOWN_AT_START = 3
_SHOWN_AT_END = 4


def number_fault(kind: HolderKind, number: str) -> str:
    """What is wrong with an identity number; empty for nothing. The number itself stays out of the words."""
    if kind is HolderKind.LEGAL:
        return "is no unified social credit code: compare every character" if uscc_fault(number) else ""
    if not _RESIDENT.fullmatch(number):
        return "should be 17 digits and a check character"
    if number[-1] != ric.calc_check_digit(number):
        return "the check character is wrong: compare every digit"
    return ""


def masked(number: str) -> str:
    """The number with its middle hidden, as identity shows it: 330***********1234."""
    hidden = len(number) - _SHOWN_AT_START - _SHOWN_AT_END
    return number[:_SHOWN_AT_START] + "*" * hidden + number[-_SHOWN_AT_END:]
