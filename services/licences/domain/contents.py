"""What a licence says: its data against its type, and its days."""

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import date

from chassis.problems import Violation
from services.licences.domain.types import FieldType, HolderKind, LicenceType
from services.licences.domain.validity import FIRST_YEAR, LAST_YEAR, WITHOUT_END, day_from, last_day
from services.licences.domain.words import one_line

LONGEST_TEXT = 1000
_LARGEST_NUMBER = 2**53


def faults_of_data(data: Mapping[str, object], of: LicenceType, place: str = "data") -> Iterator[Violation]:
    """Everything that is wrong with the data of a licence, field by field, once it is tidy."""
    data = tidy(data)
    known = {field.name for field in of.fields}
    for name in sorted(data.keys() - known):
        yield Violation(f"{place}.{name[:50]}", f"a {of.name} has no such field; it has {', '.join(sorted(known))}")
    for field in of.fields:
        if field.name not in data:
            if field.required:
                yield Violation(f"{place}.{field.name}", f"must be there ({field.label})")
            continue
        fault = _CHECKS[field.type](data[field.name])
        if fault:
            yield Violation(f"{place}.{field.name}", fault)


def tidy(data: Mapping[str, object]) -> dict[str, object]:
    """The data as it is kept: text on one line and without what nobody sees, and no fields that hold nothing."""
    clean = {name: one_line(value) if isinstance(value, str) else value for name, value in data.items()}
    return {name: value for name, value in clean.items() if value not in (None, "")}


def days_of(valid_from: str, valid_until: str, of: LicenceType, today: date) -> tuple[date, date | None]:
    """The first and the last day, from texts that `faults_of_days` has found to be right."""
    first = date.fromisoformat(valid_from) if valid_from else today
    if not valid_until:
        return first, last_day(first, of.valid_months)
    last = date.fromisoformat(valid_until)
    return first, None if last == WITHOUT_END else last


def issue_fault(issued_on: str, today: date) -> str:
    """What is wrong with the day on which a licence was issued; empty for nothing."""
    if issued_on and (fault := _date_fault(issued_on)):
        return fault
    return f"{issued_on} is in the future" if issued_on > today.isoformat() else ""


def faults_of_days(valid_from: str, valid_until: str) -> Iterator[Violation]:
    """What is wrong with the first and the last day of a licence; both may be empty."""
    faults = [
        Violation(name, fault)
        for name, text in (("valid_from", valid_from), ("valid_until", valid_until))
        if text and (fault := _date_fault(text))
    ]
    yield from faults
    if faults:
        return
    first = day_from(valid_from)
    if first and not FIRST_YEAR <= first.year <= LAST_YEAR:
        yield Violation("valid_from", f"must be in the years {FIRST_YEAR} to {LAST_YEAR}")
    if valid_from and valid_until and valid_until < valid_from:
        yield Violation("valid_until", f"{valid_until} comes before the first day, {valid_from}")


def holder_fault(kind: HolderKind, of: LicenceType) -> str:
    """Why somebody cannot hold a licence of a type; empty where they can."""
    if of.holder_kind in (HolderKind.ANY, kind):
        return ""
    return f"a {of.name} is for {of.holder_kind} persons, and this is a {kind} person"


def _text_fault(value: object) -> str:
    if not isinstance(value, str):
        return "must be text"
    return "" if len(value) <= LONGEST_TEXT else f"must have {LONGEST_TEXT} characters at most"


def _date_fault(value: object) -> str:
    return "" if day_from(value) else "must be a day such as 2026-01-31"


def _integer_fault(value: object) -> str:
    whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST_NUMBER
    return "" if whole else "must be a whole number"


def _number_fault(value: object) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return "" if number else "must be a number"


def _boolean_fault(value: object) -> str:
    return "" if isinstance(value, bool) else "must be true or false"


_CHECKS: dict[FieldType, Callable[[object], str]] = {
    FieldType.TEXT: _text_fault,
    FieldType.DATE: _date_fault,
    FieldType.INTEGER: _integer_fault,
    FieldType.NUMBER: _number_fault,
    FieldType.BOOLEAN: _boolean_fault,
}
