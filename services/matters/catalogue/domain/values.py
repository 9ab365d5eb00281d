"""From what people write into a cell or a file to the value of an element, and back to what they read."""

import re
import unicodedata
from datetime import date, datetime, time
from typing import Any

from services.matters.catalogue.domain.codelists import CodeList
from services.matters.catalogue.domain.element import Element, Kind

YES, NO = "是", "否"
FOREVER = frozenset({"长期", "长期有效", "永久", "无"})
SEPARATOR = "；"
EXACT_DIGITS = 15
"""Spreadsheets keep so many digits of a number."""
# Not within brackets, where a name may have one: 镇（乡、街道）级.
_SEPARATORS = re.compile(r"[;；,，、^\n]+(?![^（(]*[)）])")
_WORDS = {True: frozenset({YES, "true", "yes", "y", "1"}), False: frozenset({NO, "false", "no", "n", "0"})}
_DAY = re.compile(r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|\.(\d{1,2})\.(\d{1,2})|(\d\d)(\d\d))")
_CHINESE_DAY = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日")
_ROUNDED = re.compile(r"[0-9](?:\.[0-9]+)?[eE]\+?[0-9]+")
_SPACES = re.compile(r"[^\S\n]+")
_UNTIDY = re.compile(r"^\s|\s\Z|\s\s|[^\S \n]|[\ufeff\u200b]")


class WrongValueError(ValueError):
    """A value that an element does not take; the message goes on from the element's name."""


def value_of(element: Element, given: object) -> Any:
    """The value that something given stands for; blank is the element's empty one. Raises WrongValueError."""
    if given is None or (isinstance(given, str) and (not given or given.isspace() or not tidy(given))):
        return element.empty
    if isinstance(given, list) and element.kind is not Kind.CHOICES:
        raise WrongValueError("is a list: give one value")
    return _READERS[element.kind](element, given)


def code_text(given: object) -> str:
    """A code as it was written; a number is taken only when none of its digits can be lost. Raises WrongValueError."""
    text = unicodedata.normalize("NFKC", _text(given)).strip().upper()
    if _ROUNDED.fullmatch(text):
        raise WrongValueError(
            f"{text} is a number that was rounded: format the column as text, and write the code anew"
        )
    return text


def tidy(text: str) -> str:
    """Text without what nobody sees: space around it and its lines, other line ends, kinds of space."""
    if not _UNTIDY.search(text):
        return text
    plain = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "").replace("\u200b", "")
    return "\n".join(line.strip() for line in _SPACES.sub(" ", plain).split("\n")).strip()


def shown(element: Element, value: Any) -> str:
    """A value as people read it."""
    if value == element.empty:
        return ""
    if element.kind is Kind.YES_NO:
        return YES if value else NO
    if element.codes is not None:
        codes = (value,) if isinstance(value, str) else value
        return SEPARATOR.join(map(element.codes.name_of, codes))
    return str(value)


def _text(given: object) -> str:
    if isinstance(given, bool):
        return YES if given else NO
    if isinstance(given, int | float):
        if abs(given) >= 10**EXACT_DIGITS:
            raise WrongValueError(
                f"is a number of more than {EXACT_DIGITS} digits, of which some are lost: format the column as text, "
                "and write it anew"
            )
        return str(int(given)) if given == int(given) else str(given)
    if isinstance(given, datetime | date | time):
        raise WrongValueError(f"is the date {given}: format the cell as text, and write what is meant")
    if not isinstance(given, str):
        raise WrongValueError("is not text: give one value")
    return given


def _line(element: Element, given: object) -> str:
    return _bounded(element, " ".join(tidy(_text(given)).split()))


def _long_text(element: Element, given: object) -> str:
    return _bounded(element, tidy(_text(given)))


def _bounded(element: Element, text: str) -> str:
    if len(text) > element.most:
        raise WrongValueError(f"has {len(text)} characters: at most {element.most} are taken")
    if not text.replace("\n", "").isprintable():
        for character in text:
            if not character.isprintable() and character != "\n" and unicodedata.category(character) != "Zs":
                raise WrongValueError(f"has the character U+{ord(character):04X}, which cannot be seen: take it away")
    return text


def _choice(element: Element, given: object) -> str:
    codes, text = _list_of(element), unicodedata.normalize("NFKC", tidy(_text(given)))
    code = codes.code_of(text) or codes.code_of(tidy(_text(given)))
    if code is None:
        raise WrongValueError(f"{_short(text)} is none of {'、'.join(codes.names.values())}")
    return code


def _choices(element: Element, given: object) -> tuple[str, ...]:
    parts = given if isinstance(given, list) else _SEPARATORS.split(tidy(_text(given)))
    chosen = {_choice(element, part) for part in parts if not isinstance(part, str) or tidy(part)}
    return tuple(code for code in _list_of(element).names if code in chosen)


def _list_of(element: Element) -> CodeList:
    assert element.codes is not None  # noqa: S101 - elements of these kinds have one
    return element.codes


def _count(element: Element, given: object) -> int:
    text = unicodedata.normalize("NFKC", tidy(_text(given)))
    if re.fullmatch(r"[0-9]{10,}", text):
        raise WrongValueError(f"{_short(text)} is too large: nine digits are taken")
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise WrongValueError(f"{_short(text)} is not a whole number: write digits only, such as 20")
    if int(text) > element.most:
        raise WrongValueError(f"{text} is too large: at most {element.most} is taken")
    return int(text)


def _yes_no(_: Element, given: object) -> bool:
    text = unicodedata.normalize("NFKC", tidy(_text(given))).lower()
    for answer, words in _WORDS.items():
        if text in words:
            return answer
    raise WrongValueError(f"{_short(text)} is neither {YES} nor {NO}")


def _date(element: Element, given: object) -> date | None:
    if isinstance(given, datetime):
        if given.time() != time():
            raise WrongValueError(f"is {given}, a time of day: give the day alone")
        return given.date()
    if isinstance(given, date):
        return given
    text = unicodedata.normalize("NFKC", tidy(_text(given)))
    if element.key == "ends_on" and text in FOREVER:
        return None
    found = _DAY.fullmatch(text) or _CHINESE_DAY.fullmatch(text)
    try:
        year, month, day = [int(part) for part in found.groups() if part] if found else [0, 0, 0]
        return date(year, month, day)
    except ValueError:
        raise WrongValueError(f"{_short(text)} is not a day: write it like 2026-01-31") from None


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:39]}…")


_READERS = {
    Kind.LINE: _line,
    Kind.TEXT: _long_text,
    Kind.CHOICE: _choice,
    Kind.CHOICES: _choices,
    Kind.COUNT: _count,
    Kind.YES_NO: _yes_no,
    Kind.DATE: _date,
}
