"""Codes that come from national standards: their form, their check characters, and how they are shown."""

import re

from stdnum.cn import ric, uscc
from stdnum.exceptions import InvalidComponent

from chassis.problems import Invalid, Violation

# GB 32100-2015, 4: registrar 1, kind 1, region 6, body 9, check 1; the alphabet has no I, O, S, V and Z. python-stdnum
# takes digits only for the first two, which would refuse bodies registered by registrars "A", "N" and "Y".
_USCC_FORM = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
# GB 11643-1999, 4: region 6, birth date 8, serial 3, check 1.
_RESIDENT_FORM = re.compile(r"[0-9]{17}[0-9X]")
# GB/T 2260: province 2, city 2, county 2.
_REGION_FORM = re.compile(r"[0-9]{6}")

_SHOWN_AT_START = 3
_SHOWN_AT_END = 4


def is_region_code(code: str) -> bool:
    """Tell whether a text has the form of a region code (GB/T 2260)."""
    return _REGION_FORM.fullmatch(code) is not None


def check_uscc(number: str, field: str) -> str:
    """Return the unified social credit code (GB 32100-2015) in capitals; raise Invalid BAD_USCC naming `field`."""
    number = number.strip().upper()
    if not _USCC_FORM.fullmatch(number):
        raise _refused("BAD_USCC", field, "should be 18 digits and capitals without I O S V Z, the 3rd to 8th digits")
    expected = uscc.calc_check_digit(number[:-1])
    if number[-1] != expected:
        raise _refused("BAD_USCC", field, f"the check character should be {expected}, not {number[-1]}")
    return number


def check_resident_number(number: str, field: str) -> str:
    """Return the resident identity number (GB 11643-1999) in capitals; raise Invalid BAD_RESIDENT_NUMBER.

    The place of the number is not looked up: tables of places lack new ones and those of residence permits, and would
    refuse real people.
    """
    number = number.strip().upper()
    if not _RESIDENT_FORM.fullmatch(number):
        raise _refused("BAD_RESIDENT_NUMBER", field, "should be 17 digits and a check character")
    expected = ric.calc_check_digit(number)
    if number[-1] != expected:
        raise _refused("BAD_RESIDENT_NUMBER", field, f"the check character should be {expected}, not {number[-1]}")
    try:
        ric.get_birth_date(number)
    except InvalidComponent:
        raise _refused("BAD_RESIDENT_NUMBER", field, "characters 7 to 14 should be a birth date, yyyymmdd") from None
    return number


def mask(number: str) -> str:
    """Hide the middle of an identity number: 330***********1234."""
    hidden = len(number) - _SHOWN_AT_START - _SHOWN_AT_END
    return number[:_SHOWN_AT_START] + "*" * hidden + number[-_SHOWN_AT_END:]


def _refused(reason: str, field: str, expectation: str) -> Invalid:
    # The number itself stays out of the message: messages reach logs.
    return Invalid(reason, f"{field}: {expectation}", violations=[Violation(field, expectation)], field=field)
