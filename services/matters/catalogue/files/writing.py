"""The catalogue as workbooks and CSV files: what is exported, and the empty workbook to begin with."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, BinaryIO

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.comments import Comment
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from services.matters.catalogue.domain.codelists import LEVELS, TYPES
from services.matters.catalogue.domain.element import Element, Kind
from services.matters.catalogue.domain.elements import (
    TASK_CODE_LENGTH,
    Content,
    catalog_code_of,
    kind_of,
    level_of,
    uscc_of,
)
from services.matters.catalogue.domain.rules import CODE_HEADERS
from services.matters.catalogue.domain.values import NO, YES, shown
from services.matters.catalogue.files.csvs import guarded
from services.matters.catalogue.files.sheets import GUIDE, ROW_CODE, SHEETS, Sheet

TEXT_FORMAT, DATE_FORMAT = "@", "yyyy-mm-dd"
_TEMPLATE_ROWS = 5_000
_HEAD = Font(bold=True)
_REQUIRED = PatternFill("solid", fgColor="FFF2CC")
_PART_NOTES = {
    "catalog_code": "12 位：地区 2、类型 2、主项 5、子项 3",
    "type": "须与基本编码第 3、4 位一致",
    "uscc": "实施主体的统一社会信用代码，18 位",
    "level": "与实施编码第 19 位一致",
    "task_code": "31 位；不填则由实施主体编码、行使层级、基本编码生成",
    "handling_code": "33 位；仅业务办理项填写",
}


def header(sheet: Sheet) -> list[str]:
    """The headings of a sheet."""
    first = [ROW_CODE, "事项名称"] if sheet.list_key else [CODE_HEADERS[part] for part in sheet.parts]
    return [*first, *(each.header for each in sheet.elements)]


def rows(sheet: Sheet, code: str, content: Content) -> Iterator[list[Any]]:
    """The rows of a sheet about one entry: texts, numbers and days."""
    if kind_of(code) is not sheet.entry:
        return
    if not sheet.list_key:
        parts = parts_of(code)
        yield [*(parts[part] for part in sheet.parts), *_cells(sheet, content)]
        return
    for row in content.get(sheet.list_key, ()):
        yield [code, content.get("name", ""), *_cells(sheet, row)]


def parts_of(code: str) -> dict[str, str]:
    """The parts of a code as people read them."""
    catalog_code = catalog_code_of(code)
    return {
        "catalog_code": catalog_code,
        "type": TYPES.name_of(catalog_code[2:4]),
        "uscc": uscc_of(code),
        "level": LEVELS.name_of(level_of(code)),
        "task_code": code[:TASK_CODE_LENGTH],
        "handling_code": code if len(code) > TASK_CODE_LENGTH else "",
    }


def write_workbook(entries: Iterable[tuple[str, Content]], to: BinaryIO) -> None:
    """Write entries as a workbook, row by row."""
    book = Workbook(write_only=True)
    sheets = {sheet.title: book.create_sheet(sheet.title) for sheet in SHEETS}
    coded = {}
    for sheet in SHEETS:
        target = sheets[sheet.title]
        target.freeze_panes = "A2"
        target.append([_styled(target, title, None, _HEAD) for title in header(sheet)])
        coded[sheet.title] = _coded(sheet)
    for code, content in entries:
        for sheet in SHEETS:
            target = sheets[sheet.title]
            for row in rows(sheet, code, content):
                target.append([_cell(target, value, at in coded[sheet.title]) for at, value in enumerate(row)])
    book.save(to)


def write_csvs(entries: Iterable[tuple[str, Content]]) -> Iterator[tuple[str, bytes]]:
    """Entries as CSV files, one a sheet, also without rows: their names and contents, in UTF-8 with a mark."""
    texts = {sheet.title: io.StringIO(newline="") for sheet in SHEETS}
    writers = {title: csv.writer(text) for title, text in texts.items()}
    for sheet in SHEETS:
        writers[sheet.title].writerow(header(sheet))
    for code, content in entries:
        for sheet in SHEETS:
            for row in rows(sheet, code, content):
                writers[sheet.title].writerow([guarded("" if value is None else str(value)) for value in row])
    for title, text in texts.items():
        yield f"{title}.csv", b"\xef\xbb\xbf" + text.getvalue().encode()


def write_template(to: BinaryIO) -> None:
    """Write the workbook to begin with: headings with notes, lists to choose from, a page that explains all."""
    book = Workbook()
    guide = book.active
    assert guide is not None  # noqa: S101 - a new workbook has a sheet
    guide.title = GUIDE
    guide.append(["工作表", "列", "必填", "填写说明"])
    for sheet in SHEETS:
        target = book.create_sheet(sheet.title)
        target.freeze_panes = "A2"
        for at, (title, element, key) in enumerate(_columns(sheet), start=1):
            note, required = _note(element, key), _is_required(sheet, element, key)
            cell = target.cell(1, at, f"{title}*" if required else title)
            cell.font = _HEAD
            if required:
                cell.fill = _REQUIRED
            if note:
                cell.comment = Comment(note, "Duokua")
            column = get_column_letter(at)
            target.column_dimensions[column].width = 2 * len(title) + 6
            target.column_dimensions[column].number_format = _format(element)
            if choices := _choices(element, key):
                listed = DataValidation(type="list", formula1=f'"{",".join(choices)}"', allow_blank=True)
                target.add_data_validation(listed)
                listed.add(f"{column}2:{column}{_TEMPLATE_ROWS}")
            guide.append([sheet.title, title, YES if required else "", note])
    for column, width in zip("ABCD", (12, 24, 6, 60), strict=True):
        guide.column_dimensions[column].width = width
        guide[f"{column}1"].font = _HEAD
    book.save(to)


def _columns(sheet: Sheet) -> Iterator[tuple[str, Element | None, str]]:
    titles, elements = header(sheet), sheet.elements
    before = len(titles) - len(elements)
    keys = ("code", "name") if sheet.list_key else sheet.parts
    yield from zip(titles[:before], [None] * before, keys, strict=True)
    yield from ((each.header, each, each.key) for each in elements)


def _is_required(sheet: Sheet, element: Element | None, key: str) -> bool:
    if element is not None:
        return element.required
    return key == "code" if sheet.list_key else key == ("task_code" if "task_code" in sheet.parts else "catalog_code")


def _note(element: Element | None, key: str) -> str:
    if element is None:
        return _PART_NOTES.get(key, "")
    choices = f"可填：{'、'.join(element.codes.names.values())}" if element.codes else ""
    kinds = {Kind.DATE: "日期，如 2026-01-31", Kind.COUNT: "整数", Kind.YES_NO: "是 或 否"}
    return "；".join(filter(None, (element.note or kinds.get(element.kind, ""), choices)))


def _choices(element: Element | None, key: str) -> list[str]:
    if element is None:
        return list({"type": TYPES, "level": LEVELS}[key].names.values()) if key in ("type", "level") else []
    if element.kind is Kind.YES_NO:
        return [YES, NO]
    return list(element.codes.names.values()) if element.codes and element.kind is Kind.CHOICE else []


def _format(element: Element | None) -> str:
    kind = element.kind if element else Kind.LINE
    return {Kind.DATE: DATE_FORMAT, Kind.COUNT: "0"}.get(kind, TEXT_FORMAT)


def _cells(sheet: Sheet, content: Mapping[str, Any]) -> Iterator[Any]:
    for each in sheet.elements:
        value = content.get(each.key)
        if value is None:
            yield None
        elif each.kind is Kind.DATE:
            yield date.fromisoformat(value)
        else:
            yield value if each.kind is Kind.COUNT else shown(each, tuple(value) if isinstance(value, list) else value)


def _coded(sheet: Sheet) -> frozenset[int]:
    """Columns of digits that are no numbers: whoever edits one must not make it one."""
    keys = [key for _, _, key in _columns(sheet)]
    return frozenset(at for at, key in enumerate(keys) if key == "code" or key.endswith(("_code", "uscc")))


def _cell(target: Any, value: Any, is_code: bool) -> Any:  # noqa: FBT001 - says what column it is
    if isinstance(value, date):
        return _styled(target, value, DATE_FORMAT)
    if not isinstance(value, str) or value == "":
        return None if value == "" else value
    if guarded(value) != value:
        cell = _styled(target, value, TEXT_FORMAT)
        cell.data_type = "s"  # or it would be written as a formula
        cell.quotePrefix = True
        return cell
    return _styled(target, value, TEXT_FORMAT) if is_code else value


def _styled(target: Any, value: Any, number_format: str | None, font: Font | None = None) -> Any:
    cell = WriteOnlyCell(target, value)
    if number_format:
        cell.number_format = number_format
    if font:
        cell.font = font
    return cell
