"""Identifiers of licences and codes of their types (GB/T 36904-2018)."""

import re
from dataclasses import dataclass, replace
from typing import Self

from stdnum.cn import uscc
from stdnum.iso7064 import mod_37_36

from chassis.problems import Conflict, Invalid, Violation

ROOT = "1.2.156.3005.2"
"""The root of all identifiers: ISO, member body, China, electronic licences, identifiers."""
LAST_VERSION = 999
# GB 32100-2015, 4: the alphabet has no I, O, S, V and Z.
_USCC = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")
_ORGANS_OWN = re.compile(r"[0-9A-Z]{3}")
_SERIAL = re.compile(r"[0-9A-Z]{1,32}")
_VERSION = re.compile(r"[0-9]{3}")


@dataclass(frozen=True, slots=True)
class Identifier:
    """What names one version of one licence; its text is `str(identifier)`."""

    type_code: str
    issuer_uscc: str
    serial: str
    version: int = 1

    @property
    def check_character(self) -> str:
        """ISO 7064 MOD 37,36 over the four parts in the middle, without the dots between them."""
        parts = f"{self.type_code}{self.issuer_uscc}{self.serial}{self.version:03d}"
        return str(mod_37_36.calc_check_digit(parts))

    def __str__(self) -> str:
        middle = f"{self.type_code}.{self.issuer_uscc}.{self.serial}.{self.version:03d}"
        return f"{ROOT}.{middle}.{self.check_character}"

    def following(self) -> Self:
        """That of the next version. Raises Conflict VERSIONS_EXHAUSTED."""
        if self.version >= LAST_VERSION:
            raise Conflict(
                "VERSIONS_EXHAUSTED",
                f"licence {self} is the last of {LAST_VERSION} versions; issue one with a number of its own",
                identifier=str(self),
            )
        return replace(self, version=self.version + 1)


def read_identifier(text: str) -> Identifier:
    """The identifier that a text is, in whatever case; raises Invalid BAD_IDENTIFIER, which says what is wrong."""
    given = text.strip().upper()
    parts = given.removeprefix(f"{ROOT}.").split(".")
    if not given.startswith(f"{ROOT}.") or len(parts) != 5:
        raise _bad(f"must be {ROOT} and five parts: type, issuer, serial, version and check character")
    type_code, issuer, serial, version, check = parts
    fault = type_code_fault(type_code) or uscc_fault(issuer) or serial_fault(serial)
    if fault:
        raise _bad(fault)
    if not _VERSION.fullmatch(version) or int(version) == 0:
        raise _bad("the version must be 001 to 999")
    identifier = Identifier(type_code, issuer, serial, int(version))
    if check != identifier.check_character:
        raise _bad(f"the check character should be {identifier.check_character}, not {check[:4]}; compare them all")
    return identifier


def type_code_fault(code: str) -> str:
    """What is wrong with a type's code; empty for nothing."""
    if len(code) != 21 or not _ORGANS_OWN.fullmatch(code[18:]):
        return "a type's code has the defining organ's unified social credit code (18) and 3 digits or capitals"
    return uscc_fault(code[:18])


def uscc_fault(code: str) -> str:
    """What is wrong with a unified social credit code (GB 32100-2015); empty for nothing."""
    if not _USCC.fullmatch(code):
        return "a unified social credit code has 18 digits and capitals without I O S V Z, the 3rd to 8th digits"
    expected = uscc.calc_check_digit(code[:-1])
    if code[-1] != expected:
        return f"the check character of {code} should be {expected}, not {code[-1]}"
    return ""


def serial_fault(serial: str) -> str:
    """What is wrong with the issuer's own number of a licence; empty for nothing."""
    return "" if _SERIAL.fullmatch(serial) else "a serial has 1 to 32 digits and capitals"


def _bad(what: str) -> Invalid:
    return Invalid("BAD_IDENTIFIER", f"this is no identifier of a licence: {what}", [Violation("identifier", what)])
