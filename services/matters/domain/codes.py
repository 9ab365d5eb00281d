"""Codes of matters, GB/T 39554.1-2020.

- catalogue code (基本编码), 12: region 2, type 2, main item 5 (department 2, serial 3), sub-item 3;
- task code (实施编码), 31: the implementing organ's USCC 18, its level 1, catalogue code 12;
- handling code (业务办理项编码), 33: task code 31, serial 2.
"""

import re
from dataclasses import dataclass

from stdnum.cn import uscc as stdnum_uscc

# Digits first; when they run out, capital letters without I, O, S, V and Z, which are misread.
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"

# The first two digits of GB/T 2260, and 00 for the whole country.
REGIONS = frozenset({
    "00",
    *("11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37"),
    *("41", "42", "43", "44", "45", "46", "50", "51", "52", "53", "54"),
    *("61", "62", "63", "64", "65", "71", "81", "82"),
})  # fmt: skip

# 00 administrative power, 01 licence ... 10 other, 11-19 extensions, 20 public service, 21-99 extensions.
_TYPE = re.compile(r"[0-9]{2}")
_SUB_ITEM = re.compile(r"[0-9]{3}|00Y")
_LEVELS = range(1, 8)


@dataclass(frozen=True, slots=True)
class CatalogCode:
    """The parts of a catalogue code."""

    region: str
    type_code: str
    main_item: str
    sub_item: str

    def __str__(self) -> str:
        return self.region + self.type_code + self.main_item + self.sub_item


@dataclass(frozen=True, slots=True)
class TaskCode:
    """The parts of a task code."""

    uscc: str
    level: int
    catalog_code: str

    def __str__(self) -> str:
        return f"{self.uscc}{self.level}{self.catalog_code}"


def catalog_code_fault(code: str) -> str:
    """Say what is wrong with a catalogue code; empty when nothing is."""
    if len(code) != 12:
        return f"a catalogue code has 12 characters, this has {len(code)}: region 2, type 2, main item 5, sub-item 3"
    for position, character in enumerate(code, start=1):
        if character not in ALPHABET:
            return f"character {position} is {character!r}: only digits and capital letters without I, O, S, V, Z"
    if code[:2] not in REGIONS:
        return f"the region {code[:2]!r} is neither 00 (national) nor the first two digits of a province"
    if not _TYPE.fullmatch(code[2:4]):
        return f"the type {code[2:4]!r} is not two digits, such as 01 (licence) or 20 (public service)"
    if not _SUB_ITEM.fullmatch(code[9:]):
        return f"the sub-item {code[9:]!r} is not 000 (none), 00Y (has sub-items) or 001 to 999"
    return ""


def task_code_fault(code: str) -> str:
    """Say what is wrong with a task code; empty when nothing is."""
    if len(code) != 31:
        return f"a task code has 31 characters, this has {len(code)}: USCC 18, level 1, catalogue code 12"
    if fault := uscc_fault(code[:18]):
        return fault
    if not code[18].isascii() or not code[18].isdigit() or int(code[18]) not in _LEVELS:
        return f"the level {code[18]!r} is not 1 to 7"
    return catalog_code_fault(code[19:])


def handling_code_fault(code: str) -> str:
    """Say what is wrong with a handling code; empty when nothing is."""
    if len(code) != 33:
        return f"a handling code has 33 characters, this has {len(code)}: task code 31, serial 2"
    if not _TYPE.fullmatch(code[31:]) or code[31:] == "00":
        return f"the serial {code[31:]!r} is not 01 to 99"
    return task_code_fault(code[:31])


def uscc_fault(uscc: str) -> str:
    """Say what is wrong with a unified social credit code (GB 32100-2015); empty when nothing is."""
    if len(uscc) != 18:
        return f"a unified social credit code has 18 characters, this has {len(uscc)}"
    if any(character not in ALPHABET for character in uscc):
        return f"{uscc!r} has characters that no unified social credit code has"
    expected = stdnum_uscc.calc_check_digit(uscc[:17])
    if uscc[17] != expected:
        return f"the check character of {uscc!r} should be {expected!r}"
    if not stdnum_uscc.is_valid(uscc):
        return f"{uscc!r} is not a unified social credit code"
    return ""


def parse_catalog_code(code: str) -> CatalogCode:
    """Split a catalogue code; ValueError says what is wrong with it."""
    if fault := catalog_code_fault(code):
        raise ValueError(fault)
    return CatalogCode(region=code[:2], type_code=code[2:4], main_item=code[4:9], sub_item=code[9:])


def parse_task_code(code: str) -> TaskCode:
    """Split a task code; ValueError says what is wrong with it."""
    if fault := task_code_fault(code):
        raise ValueError(fault)
    return TaskCode(uscc=code[:18], level=int(code[18]), catalog_code=code[19:])


def build_catalog_code(region: str, type_code: str, main_item: str, sub_item: str = "000") -> str:
    """Join the parts of a catalogue code; ValueError says which part is wrong."""
    code = region + type_code + main_item + sub_item
    parts = (("region", region, 2), ("type", type_code, 2), ("main item", main_item, 5), ("sub-item", sub_item, 3))
    for name, part, length in parts:
        if len(part) != length:
            raise ValueError(f"the {name} {part!r} should have {length} characters")
    parse_catalog_code(code)
    return code


def build_task_code(uscc: str, level: int, catalog_code: str) -> str:
    """Join the parts of a task code; ValueError says which part is wrong."""
    code = f"{uscc}{level}{catalog_code}"
    parse_task_code(code)
    return code


def build_handling_code(task_code: str, serial: int) -> str:
    """Join a task code and a serial (1 to 99); ValueError says which part is wrong."""
    code = f"{task_code}{serial:02d}"
    if fault := handling_code_fault(code):
        raise ValueError(fault)
    return code
