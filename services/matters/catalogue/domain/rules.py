"""What must be true of an entry of the catalogue; every fault names its element and says what to do."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.matters.catalogue.domain import codelists
from services.matters.catalogue.domain.elements import (
    TASK_CODE_LENGTH,
    Entry,
    Implementation,
    catalog_code_of,
    elements,
    level_of,
    uscc_of,
)
from services.matters.domain.codes import (
    build_task_code,
    catalog_code_fault,
    handling_code_fault,
    task_code_fault,
    uscc_fault,
)
from services.matters.domain.limits import Limit, TimeUnit

CODE_HEADERS: Mapping[str, str] = {
    "catalog_code": "基本编码",
    "type": "事项类型",
    "uscc": "实施主体编码",
    "level": "行使层级",
    "task_code": "实施编码",
    "handling_code": "业务办理项编码",
}
"""The parts of a code that have columns of their own; which of them an entry needs, `code_of` says."""
UNITS = dict(zip(codelists.UNITS.names, TimeUnit, strict=True))
_LIMITS = (("statutory_limit", "statutory_unit"), ("promised_limit", "promised_unit"), ("limit", "limit_unit"))
_REGION = re.compile(r"[0-9]{6}(?:[0-9]{3}){0,2}")


@dataclass(frozen=True, slots=True)
class Slip:
    """What is wrong with one element, named by its key."""

    key: str
    message: str


def code_of(parts: Mapping[str, str], *, implementation: bool) -> tuple[str, list[Slip]]:
    """The code that an entry's parts (keys of CODE_HEADERS, blank ones left out) make, and what is wrong with them.

    A task code that is not given is built from the organ's code, its level and the catalogue code. The code is empty
    when there is a fault.
    """
    if not implementation:
        code = parts.get("catalog_code", "")
        fault = catalog_code_fault(code) if code else "is missing: give the 12 characters of the catalogue code"
        slips = [Slip("catalog_code", fault)] if fault else list(_disagreeing(parts, code))
        return "" if slips else code, slips
    slips = []
    code, key = parts.get("handling_code", ""), "handling_code"
    if not code:
        key = "task_code"
        code, slips = (parts["task_code"], []) if "task_code" in parts else _built(parts)
    if not slips:
        fault = handling_code_fault(code) if key == "handling_code" else task_code_fault(code)
        slips = [Slip(key, fault)] if fault else list(_disagreeing(parts, code))
    return "" if slips else code, slips


def _built(parts: Mapping[str, str]) -> tuple[str, list[Slip]]:
    missing = [CODE_HEADERS[key] for key in ("uscc", "level", "catalog_code") if key not in parts]
    if missing:
        say = f"is missing: give it, or {', '.join(missing)} too, from which it is built"
        return "", [Slip("task_code", say)]
    slips = []
    if fault := uscc_fault(parts["uscc"]):
        slips.append(Slip("uscc", fault))
    if fault := catalog_code_fault(parts["catalog_code"]):
        slips.append(Slip("catalog_code", fault))
    return ("", slips) if slips else (build_task_code(parts["uscc"], int(parts["level"]), parts["catalog_code"]), [])


def _disagreeing(parts: Mapping[str, str], code: str) -> Iterator[Slip]:
    """Parts that say something else than the code, which is right in itself."""
    catalog_code = catalog_code_of(code)
    told = {"catalog_code": catalog_code, "type": catalog_code[2:4]}
    if len(code) >= TASK_CODE_LENGTH:
        told |= {"uscc": uscc_of(code), "level": level_of(code), "task_code": code[:TASK_CODE_LENGTH]}
    for key, value in told.items():
        if parts.get(key, value) != value:
            yield Slip(key, f"is {parts[key]}, but the code {code} says {value}: correct one of the two")


def slips_of(entry: Entry) -> list[Slip]:
    """What is wrong with an entry beside its code and the rows of its lists."""
    slips = [*missing_in(entry), *limit_slips(entry)]
    if isinstance(entry, Implementation):
        slips += _implementation_slips(entry)
    if entry.effective_on and entry.ends_on and entry.ends_on < entry.effective_on:
        slips.append(Slip("ends_on", f"{entry.ends_on} comes before the effective date {entry.effective_on}"))
    return slips


def missing_in(record: Any) -> Iterator[Slip]:
    """Elements of an entry, or of a row of one, that must be given and are not."""
    for each in elements(type(record)):
        if each.required and getattr(record, each.key) == each.empty:
            yield Slip(each.key, "is missing: every entry has it")


def limit_slips(record: Any) -> Iterator[Slip]:
    """Limits of an entry, or of a row of one, that lack their unit or are too long, and units without a limit."""
    for amount_key, unit_key in _LIMITS:
        amount, unit = getattr(record, amount_key, None), getattr(record, unit_key, "")
        if amount is not None and not unit:
            yield Slip(unit_key, f"is missing: say what {amount} is counted in")
        elif unit and amount is None:
            yield Slip(amount_key, f"is missing, though its unit {codelists.UNITS.name_of(unit)} is given")


def limit_of(amount: int | None, unit: str) -> Limit | None:
    """A limit of an entry; None where there is none."""
    return Limit(amount, UNITS[unit]) if amount is not None and unit in UNITS else None


def _implementation_slips(entry: Implementation) -> Iterator[Slip]:
    if entry.region_code and not _REGION.fullmatch(entry.region_code):
        yield Slip("region_code", f"{entry.region_code!r} is not a region: give 6, 9 or 12 digits")
    promised = limit_of(entry.promised_limit, entry.promised_unit)
    statutory = limit_of(entry.statutory_limit, entry.statutory_unit)
    if promised and statutory and promised.longer_than(statutory):
        units = codelists.UNITS.name_of
        yield Slip(
            "promised_limit",
            f"{entry.promised_limit} {units(entry.promised_unit)} is longer than the statutory "
            f"{entry.statutory_limit} {units(entry.statutory_unit)}: promise no more than the law allows",
        )
