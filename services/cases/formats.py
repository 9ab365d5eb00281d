"""Formats of form fields that JSON Schema does not know: numbers with a check digit, by their standards."""

from collections.abc import Callable, Mapping
from datetime import date

from stdnum.cn import ric, uscc


def is_resident_id(text: str) -> bool:
    """Whether a text is a resident id number (公民身份号码), GB 11643: a date of birth, and the right check character.

    The region in it is not looked up: codes of counties come and go, and a number stays as it was given.
    """
    if len(text) != 18 or not (text.isascii() and text[:17].isdigit() and text[17] in "0123456789X"):
        return False
    try:
        date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    return bool(ric.calc_check_digit(text) == text[17])


def is_uscc(text: str) -> bool:
    """Whether a text is a unified social credit code (统一社会信用代码), GB 32100, written as it is stored."""
    return bool(uscc.is_valid(text)) and uscc.compact(text) == text


FORMATS: Mapping[str, Callable[[str], bool]] = {"resident-id": is_resident_id, "uscc": is_uscc}
REMEDIES: Mapping[str, str] = {
    "resident-id": "is not a resident id number: its date or check character is wrong, compare it with the card",
    "uscc": "is not a unified social credit code: its check character is wrong, compare it with the licence",
}
"""What to tell whoever wrote such a number."""
