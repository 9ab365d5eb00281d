"""The sheets of the catalogue's files, made from the elements: items, implementations, and one for each list."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from services.matters.catalogue.domain.element import Element
from services.matters.catalogue.domain.elements import CatalogueItem, Implementation, elements, lists_of
from services.matters.catalogue.domain.rules import CODE_HEADERS

ROW_CODE = "事项编码"
"""The heading above the code of the entry that a row of a list belongs to."""
GUIDE = "填写说明"
"""The sheet of a template that explains the others: nothing is read of it."""
ITEM_PARTS = ("catalog_code", "type")
IMPLEMENTATION_PARTS = tuple(CODE_HEADERS)
_PART_ALIASES = {
    "catalog_code": ("目录编码", "基本目录编码"),
    "uscc": ("实施主体统一社会信用代码", "统一社会信用代码", "实施主体代码"),
    "task_code": ("实施清单编码", "事项实施编码"),
    "handling_code": ("业务办理项代码",),
}
_ROW_CODE_ALIASES = ("实施编码", "业务办理项编码", "实施清单编码")
_PASSED_OVER = frozenset({"序号", "事项版本", "事项状态"})
_UNSAID = re.compile(r"[\s*＊:：]|\([^)]*\)|（[^）]*）")

# What tells items from implementations where a sheet is called neither.
_OWN = {"基本目录": ["catalog_code", "name", "levels", "department"], "实施清单": ["name", "organ_name"]}


def plain_header(text: str) -> str:
    """A heading without space, marks and what stands in brackets."""
    return _UNSAID.sub("", unicodedata.normalize("NFKC", _UNSAID.sub("", text)))


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: whose rows are entries, or rows of one list of them."""

    title: str
    entry: type[Any]
    record: type[Any]
    """What a row is: the entry itself, or a row of its list."""
    list_key: str
    """The list; empty where rows are entries."""
    parts: tuple[str, ...]
    """Columns that make the entry's code; none where one column has the whole."""
    aliases: tuple[str, ...] = ()

    @property
    def elements(self) -> tuple[Element, ...]:
        """The elements that have a column."""
        return elements(self.record)

    def header_of(self, key: str) -> str:
        """The heading of an element, or of a part of the code."""
        for each in self.elements:
            if each.key == key:
                return each.header
        return CODE_HEADERS.get(key, ROW_CODE)

    def columns(self) -> dict[str, str]:
        """By each heading that is known, made plain, what it stands for: an element's key, a part, or ""."""
        known = {plain_header(each): "" for each in _PASSED_OVER}
        if self.list_key:
            # Given for whoever reads the sheet.
            known[plain_header("事项名称")] = ""
            known |= {plain_header(each): ROW_CODE for each in (ROW_CODE, *_ROW_CODE_ALIASES)}
        for part in self.parts:
            known |= {plain_header(each): part for each in (CODE_HEADERS[part], *_PART_ALIASES.get(part, ()))}
        for each in self.elements:
            known |= {plain_header(name): each.key for name in (each.header, *each.aliases)}
        return known


def _sheets() -> Iterable[Sheet]:
    yield Sheet("基本目录", CatalogueItem, CatalogueItem, "", ITEM_PARTS, ("事项目录", "目录"))
    yield Sheet(
        "实施清单", Implementation, Implementation, "", IMPLEMENTATION_PARTS, ("事项清单", "实施事项", "基本信息")
    )
    for each in lists_of(Implementation):
        yield Sheet(each.sheet, Implementation, each.row, each.key, (), each.aliases)


SHEETS = tuple(_sheets())
MAIN = {sheet.entry: sheet for sheet in SHEETS if not sheet.list_key}
_NAMES: Mapping[str, Sheet] = {name: sheet for sheet in SHEETS for name in (sheet.title, *sheet.aliases)}
_COLUMNS = {sheet.title: sheet.columns() for sheet in SHEETS}


def columns_of(sheet: Sheet) -> Mapping[str, str]:
    """What the headings of a sheet stand for."""
    return _COLUMNS[sheet.title]


def sheet_named(name: str) -> Sheet | None:
    """The sheet that a name stands for."""
    return _NAMES.get(plain_header(name))


def sheet_with(headings: Iterable[str]) -> Sheet | None:
    """The sheet that headings are of, whatever it is called: each has some that no other has."""
    given = {plain_header(heading) for heading in headings}
    for sheet in SHEETS:
        known = columns_of(sheet)
        needed = [ROW_CODE, sheet.elements[0].key] if sheet.list_key else _OWN[sheet.title]
        if all(any(known.get(heading) == key for heading in given) for key in needed):
            return sheet
    return None
