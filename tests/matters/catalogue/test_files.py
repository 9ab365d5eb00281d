"""Files of the catalogue as people have them: what is taken, and how what is wrong is named."""

import io
import zipfile
from datetime import date, datetime
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.formula import ArrayFormula

from services.matters.catalogue.files.reading import form_of
from services.matters.catalogue.files.sheets import SHEETS
from services.matters.catalogue.files.writing import write_template
from services.matters.catalogue.files.yamls import CODE_KEYS
from tests.matters.catalogue.builders import (
    ITEM,
    ITEM_ROW,
    MATERIAL_ROW,
    TASK,
    TASK_ROW,
    USCC,
    faults_of,
    place,
    read,
    repacked,
    saved,
    sheets,
    workbook,
)

SHORT = "a task code has 31 characters, this has 30: USCC 18, level 1, catalogue code 12"


def values(given: Any, code: str = TASK) -> dict[str, Any]:
    content = given if isinstance(given, bytes) else workbook(given)
    said = read(("清单.xlsx", content))
    assert said.findings.faults == []
    return next(each.values for each in said.entries if each.code == code)


def test_sheets_are_put_together_by_code() -> None:
    said = read(("清单.xlsx", workbook(sheets())))
    assert said.findings.faults == said.findings.notices == []
    assert [each.code for each in said.entries] == [ITEM, TASK]
    item, task = said.entries
    assert item.values == {"name": "食品经营许可", "legal_basis": "《食品安全法》第三十五条"}
    assert task.values["served"] == ["1", "2"]
    assert (task.values["statutory_limit"], task.values["statutory_unit"]) == (20, "1")
    assert task.values["materials"] == [{"name": "营业执照", "form": "电子", "copies": 1}]
    assert "flow" not in task.values, "there is no such sheet"


def test_every_fault_is_named_with_sheet_row_column_and_what_to_do() -> None:
    given = sheets(承诺办结时限="五", 服务对象="大家", 办件类型=None)
    given["申请材料"] += [{"事项编码": TASK[:-1], "材料名称": "x"}, {"事项编码": TASK, "材料份数": 2}]
    given["基本目录"][0]["事项类型"] = "公共服务"
    assert faults_of(given) == [
        ("基本目录", 2, "D 事项类型", f"is 20, but the code {ITEM} says 01: correct one of the two"),
        ("实施清单", 2, "F 服务对象", "'大家' is none of 自然人、企业法人、事业法人、社会组织法人、行政机关、其他组织"),
        ("实施清单", 2, "J 承诺办结时限", "'五' is not a whole number: write digits only, such as 20"),
        (
            "申请材料",
            3,
            "A 事项编码",
            "a task code has 31 characters, this has 30: USCC 18, level 1, catalogue code 12",
        ),
        ("申请材料", 4, "B 材料名称", "is missing: every entry has it"),
    ]


def test_a_number_that_is_too_large_is_not_called_no_number() -> None:
    ((*_, message),) = faults_of(sheets(承诺办结时限=10**12))
    assert message == "'1000000000000' is too large: nine digits are taken"


def test_a_task_code_is_built_from_its_parts_and_checked_against_them() -> None:
    parts = {"实施主体编码": USCC, "行使层级": "县级", "基本编码": ITEM}
    assert values(sheets(实施编码=None, **parts))["name"] == "食品经营许可"
    assert faults_of(sheets(**{**parts, "行使层级": "市级"})) == [
        ("实施清单", 2, "M 行使层级", f"is 3, but the code {TASK} says 4: correct one of the two")
    ]
    wrong = USCC[:-1] + ("0" if USCC[-1] != "0" else "1")
    ((_, row, column, message),) = faults_of(sheets(实施编码=None, **{**parts, "实施主体编码": wrong}))
    assert (row, column) == (2, "L 实施主体编码")
    assert message == f"the check character of {wrong!r} should be {USCC[-1]!r}"


def test_a_handling_item_is_an_entry_of_its_own() -> None:
    assert values(sheets(业务办理项编码=f"{TASK}01"), f"{TASK}01")["name"] == "食品经营许可"
    ((_, _, column, message),) = faults_of(sheets(业务办理项编码=f"{TASK}00"))
    assert (column, message) == ("L 业务办理项编码", "the serial '00' is not 01 to 99")


@pytest.mark.parametrize(
    ("written", "number_format", "message"),
    [
        (118000000000, "General", "a catalogue code has 12 characters"),  # fine: no zero was lost
        (1180, "000000000000", ""),
        (342023028000, "General", ""),
        (342023028000.0, "General", ""),
        (1180, "General", "a catalogue code has 12 characters, this has 4"),
    ],
)
def test_codes_that_excel_made_numbers_are_taken_unless_digits_were_lost(
    written: float, number_format: str, message: str
) -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = "基本目录"
    sheet.append(["基本编码", "事项名称", "设定依据"])
    sheet.append([written, "甲", "乙"])
    sheet["A2"].number_format = number_format
    found = faults_of(saved(book))
    if message and written != 118000000000:
        assert message in found[0][3]
    else:
        assert [each for each in found if "characters, this has" in each[3]] == []


def test_codes_whose_digits_were_lost_say_so() -> None:
    ((_, _, _, message),) = faults_of({"基本目录": [{**ITEM_ROW, "基本编码": 3420230280001234567}]})
    assert "more than 15 digits" in message
    ((_, _, _, message),) = [
        place(each) for each in read(("基本目录.csv", "基本编码,事项名称\n3.42E+11,甲\n".encode())).findings.faults
    ]
    assert "3.42E+11 is a number that was rounded" in message


@pytest.mark.parametrize(
    "written",
    [
        "2026-01-31",
        "2026/1/31",
        "2026.1.31",
        "20260131",
        20260131,
        "2026年1月31日",
        date(2026, 1, 31),
        datetime(2026, 1, 31),  # noqa: DTZ001 - as Excel has them
    ],
)
def test_days_are_taken_in_the_forms_that_people_write(written: object) -> None:
    assert values(sheets(计划生效日期=written))["effective_on"] == "2026-01-31"


@pytest.mark.parametrize("written", ["2026-02-30", "明年", 46022, datetime(2026, 1, 31, 12, 30)])  # noqa: DTZ001 - as Excel has them
def test_what_is_no_day_is_refused(written: object) -> None:
    ((_, row, column, _),) = faults_of(sheets(计划生效日期=written))
    assert (row, column) == (2, "L 计划生效日期")


def test_without_end_can_be_said_in_words() -> None:
    assert values(sheets(计划取消日期="长期"))["ends_on"] is None


def test_titles_above_the_headings_blank_rows_and_marks_of_obligation_are_passed_over() -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = "Sheet1"
    sheet.append(["西湖区基本目录"])
    sheet.merge_cells("A1:D1")
    sheet.append(["序号", "* 基本编码", "事项名称（必填）", "设定依据:", "行使层级", "主管部门"])
    sheet.append([])
    sheet.append([1, ITEM, "甲", "乙", "县级、市级", "市场监管局"])
    assert values(saved(book), ITEM) == {
        "name": "甲",
        "legal_basis": "乙",
        "levels": ["3", "4"],
        "department": "市场监管局",
    }


def test_a_cell_merged_over_rows_counts_for_each_of_them() -> None:
    book = load_workbook(io.BytesIO(workbook({**sheets(), "申请材料": [MATERIAL_ROW, {"材料名称": "租赁合同"}]})))
    book["申请材料"].merge_cells("A2:A3")
    assert [row["name"] for row in values(saved(book))["materials"]] == ["营业执照", "租赁合同"]


def test_cells_merged_over_columns_are_refused() -> None:
    book = load_workbook(io.BytesIO(workbook(sheets())))
    book["申请材料"].merge_cells("B2:C2")
    assert faults_of(saved(book)) == [
        ("申请材料", 2, "C 材料形式", "is merged with the column before it: take the cells apart, and fill in each")
    ]


@pytest.mark.parametrize("formula", ["=A1", ArrayFormula("B2:B2", "=A1&B1")])
def test_formulas_are_refused(formula: Any) -> None:
    ((_, _, column, message),) = faults_of(sheets(事项名称=formula))
    assert (column, message) == ("B 事项名称", "has a formula: copy the column, and paste it as values only")


def test_errors_of_a_spreadsheet_are_refused() -> None:
    ((_, _, _, message),) = faults_of(sheets(事项名称="#REF!"))
    assert message == "has the error #REF!: put it right in the workbook"


def test_a_hidden_sheet_is_refused_when_it_would_be_read_and_passed_over_otherwise() -> None:
    book = load_workbook(io.BytesIO(workbook(sheets())))
    book.create_sheet("选项").sheet_state = "hidden"
    assert faults_of(saved(book)) == []
    book["申请材料"].sheet_state = "veryHidden"
    assert faults_of(saved(book)) == [("申请材料", 0, "", "is hidden: show the sheet, or delete it")]


def test_unknown_columns_and_sheets_are_told_and_misspelt_columns_refused() -> None:
    said = read(("清单.xlsx", workbook({**sheets(经办人="甲"), "Sheet3": [{"一": 1, "二": 2}]})))
    assert [place(each)[:3] for each in said.findings.notices] == [("实施清单", 1, "L 经办人"), ("Sheet3", 0, "")]
    assert said.findings.faults == []
    assert faults_of(sheets(承诺办结时限单味="工作日")) == [
        ("实施清单", 1, "L 承诺办结时限单味", "is no element: did you mean 承诺办结时限单位?")
    ]


def test_one_entry_in_two_rows_is_refused() -> None:
    given = sheets()
    given["实施清单"] *= 2
    ((sheet, row, _, message),) = faults_of(given)
    assert (sheet, row) == ("实施清单", 3)
    assert message == f"is about {TASK}, as row 2 of 实施清单 is: keep one of the two"


def test_a_template_is_sound_and_has_every_element() -> None:
    file = io.BytesIO()
    write_template(file)
    book = load_workbook(file)
    assert book.sheetnames == ["填写说明", *(sheet.title for sheet in SHEETS)]
    findings = read(("模板.xlsx", file.getvalue())).findings
    assert findings.faults == findings.notices == []
    for title, rows in sheets().items():
        headings = {str(cell.value).rstrip("*"): at for at, cell in enumerate(book[title][1], start=1)}
        for heading, value in rows[0].items():
            book[title].cell(2, headings[heading], value)
    said = {key: value for key, value in values(saved(book)).items() if value is not None}
    assert said == values(sheets())
    assert len(book["实施清单"].data_validations.dataValidation) > 5


def test_files_of_other_forms_are_refused_by_name() -> None:
    assert form_of("a.XLSX") is not None
    said = read(("清单.doc", b"x"), ("清单.xls", b"x"), ("a.xlsx", b"\xd0\xcf\x11\xe0 old"), ("b.xlsx", b"no zip"))
    assert [each.sheet for each in said.findings.faults] == ["a.xlsx", "b.xlsx", "清单.doc", "清单.xls"]
    assert "save it as .xlsx" in said.findings.faults[0].message


def test_entities_are_refused() -> None:
    sheet = "xl/worksheets/sheet1.xml"
    content = workbook(sheets())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        plain = archive.read(sheet)
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b SYSTEM "file:///etc/passwd">]>' + plain
    for hostile in (bomb, bomb.decode().encode("utf-16")):
        ((name, _, _, message),) = faults_of(repacked(content, **{sheet: hostile}))
        assert (name, message) == ("清单.xlsx", "defines entities, as no spreadsheet does: it is not read")


def test_bombs_are_refused_before_they_are_unpacked() -> None:
    ((_, _, _, message),) = faults_of(repacked(workbook(sheets()), **{"xl/media/a.bin": bytes(30_000_000)}))
    assert "out of proportion" in message


@pytest.mark.parametrize("cut", [50, 400, 2_000, -30])
def test_damaged_workbooks_are_a_fault_and_never_an_error(cut: int) -> None:
    assert faults_of(workbook(sheets())[:cut]) != []


def test_a_sheet_that_lies_about_its_size_is_read_as_it_is() -> None:
    sheet = "xl/worksheets/sheet1.xml"
    content = workbook({"基本目录": [ITEM_ROW]})
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        plain = archive.read(sheet).decode()
    lying = plain.replace('<dimension ref="A1:C2"', '<dimension ref="A1:XFD1048576"')
    assert lying != plain
    assert faults_of(repacked(content, **{sheet: lying.encode()})) == []
    assert len(read(("a.xlsx", repacked(content, **{sheet: lying.encode()}))).entries) == 1


def test_csv_files_are_read_in_both_encodings_and_with_guarded_cells() -> None:
    text = f"基本编码,事项名称,设定依据,备注\r\n{ITEM},食品,《法》,'=1+1\r\n"
    for content in (text.encode("utf-8-sig"), text.encode("gb18030"), text.replace(",", "\t").encode()):
        said = read(("基本目录.csv", content))
        assert said.findings.faults == []
        assert said.entries[0].values["remarks"] == "=1+1"


def test_csv_that_is_none_is_a_fault_at_its_row() -> None:
    broken = f'基本编码,事项名称,设定依据\r\n{ITEM},"甲,乙\r\n'.encode()
    ((name, row, _, message),) = [place(each) for each in read(("基本目录.csv", broken)).findings.faults]
    assert (name, row) == ("基本目录", 2)
    assert "is a quote not closed?" in message
    assert "save it as CSV in UTF-8" in read(("a.csv", b"\0\0")).findings.faults[0].message


def test_yaml_says_line_and_key_of_every_fault() -> None:
    text = f"""\
---
implementation: {TASK}
name: 食品经营许可
served: [自然人, 大家]
materials:
  - name: 营业执照
    copies: two
  - form: 电子
colour: red
---
catalogue_item: "0000"
---
just: this
"""
    found = [place(each) for each in read(("清单.yaml", text.encode())).findings.faults]
    assert found == [
        ("清单.yaml", 4, "served", "'大家' is none of 自然人、企业法人、事业法人、社会组织法人、行政机关、其他组织"),
        ("清单.yaml", 7, "materials[0].copies", "'two' is not a whole number: write digits only, such as 20"),
        ("清单.yaml", 8, "materials[1].name", "is missing: every entry has it"),
        ("清单.yaml", 9, "colour", "is no element"),
        (
            "清单.yaml",
            11,
            "catalogue_item",
            "a catalogue code has 12 characters, this has 4: region 2, type 2, main item 5, sub-item 3",
        ),
        (
            "清单.yaml",
            13,
            "",
            f"is no entry: begin it with one of {', '.join(CODE_KEYS)} and its code",
        ),
    ]


def test_yaml_with_anchors_is_refused() -> None:
    said = read(("a.yaml", b"catalogue_item: &a x\nname: *a\n"))
    assert said.entries == []
    assert "anchors are not read" in said.findings.faults[0].message


def test_text_with_what_cannot_be_seen_is_refused() -> None:
    ((_, _, _, message),) = faults_of(sheets(事项名称="食品\u202e许可"))
    assert message == "has the character U+202E, which cannot be seen: take it away"
    ((_, _, _, message),) = faults_of(sheets(事项名称="长" * 201))
    assert message == "has 201 characters: at most 200 are taken"


def test_the_rows_of_a_list_are_bounded() -> None:
    given = sheets()
    given["申请材料"] = [{**MATERIAL_ROW, "材料名称": f"材料{number}"} for number in range(201)]
    ((sheet, row, _, message),) = faults_of(given)
    assert (sheet, row) == ("申请材料", 202)
    assert message == f"{TASK} has more than 200 rows in 申请材料: so many are not taken"
    assert TASK_ROW["实施编码"] == TASK
