"""The elements of a catalogue item and of an implementation list, GB/T 39554.1-2020.

An item of the catalogue (基本目录) says what a matter is everywhere. An implementation (实施清单) says how one organ
handles it: a few variants of its substance serve many organs, which differ by name, place and hours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeAlias

from services.matters.catalogue.domain import codelists as lists
from services.matters.catalogue.domain.element import Element, Kind, Rows, element, elements_of, rows, rows_of

TASK_CODE_LENGTH = 31
LONGEST_LOCAL_CODE = 50
_LIMIT_NOTE = "整数；与时限单位一起填写"


@dataclass(frozen=True, slots=True)
class Material:
    """申请材料: a document or licence that is asked for."""

    name: str = element("材料名称", required=True)
    type: str = element("材料类型")
    form: str = element("材料形式", Kind.CHOICE, codes=lists.MATERIAL_FORMS)
    necessity: str = element("材料必要性", Kind.CHOICE, codes=lists.NECESSITY)
    source: str = element("来源渠道", aliases=("材料来源渠道",))
    source_note: str = element("来源渠道说明", Kind.TEXT)
    copies: int | None = element("材料份数", Kind.COUNT, aliases=("份数", "纸质材料份数"), most=1000)
    blank_form: str = element("空白表格", most=500)
    sample: str = element("示例样表", most=500, aliases=("样表",))
    notes: str = element("填报须知", Kind.TEXT)
    criteria: str = element("受理标准", Kind.TEXT)
    basis: str = element("要求提供材料的依据", Kind.TEXT, aliases=("要求依据",))


@dataclass(frozen=True, slots=True)
class FlowStep:
    """办理流程: a step of how the office handles the matter."""

    name: str = element("环节名称", required=True)
    duty: str = element("办理人员", aliases=("办理岗位",))
    limit: int | None = element("环节时限", Kind.COUNT, most=36_525, note=_LIMIT_NOTE)
    limit_unit: str = element("环节时限单位", Kind.CHOICE, codes=lists.UNITS)
    criteria: str = element("审查标准", Kind.TEXT)
    result: str = element("办理结果", Kind.TEXT)


@dataclass(frozen=True, slots=True)
class SpecialProcedure:
    """特别程序: what stops the clock, such as a hearing."""

    name: str = element("特别程序名称", required=True)
    limit: int | None = element("特别程序时限", Kind.COUNT, most=36_525, note=_LIMIT_NOTE)
    limit_unit: str = element("特别程序时限单位", Kind.CHOICE, codes=lists.UNITS)
    basis: str = element("特别程序依据", Kind.TEXT)
    note: str = element("特别程序说明", Kind.TEXT)


@dataclass(frozen=True, slots=True)
class Fee:
    """收费项目: a charge."""

    name: str = element("收费项目名称", required=True)
    standard: str = element("收费标准", Kind.TEXT)
    basis: str = element("收费依据", Kind.TEXT)
    reductions: str = element("减免情形", Kind.TEXT, aliases=("减免依据",))


@dataclass(frozen=True, slots=True)
class Outcome:
    """审批结果: what the applicant gets."""

    name: str = element("结果名称", required=True, aliases=("审批结果名称",))
    type: str = element("结果类型", aliases=("审批结果类型",))
    sample: str = element("结果样本", most=500, aliases=("审批结果样本",))


@dataclass(frozen=True, slots=True)
class Question:
    """常见问题: a question with its answer."""

    question: str = element("问题", most=500, required=True)
    answer: str = element("解答", Kind.TEXT, required=True)


@dataclass(frozen=True, slots=True)
class CatalogueItem:
    """An item of the catalogue (基本目录); `code` is its catalogue code, 12 characters."""

    code: str
    name: str = element("事项名称", required=True)
    legal_basis: str = element("设定依据", Kind.TEXT, required=True)
    levels: tuple[str, ...] = element("行使层级", Kind.CHOICES, codes=lists.LEVELS, note="可多选，以；分隔")
    served: tuple[str, ...] = element("服务对象", Kind.CHOICES, codes=lists.SERVED, note="可多选，以；分隔")
    department: str = element("主管部门")
    local_catalog_code: str = element("地方基本编码", most=LONGEST_LOCAL_CODE)
    remarks: str = element("备注", Kind.TEXT)
    effective_on: date | None = element("计划生效日期", Kind.DATE, note="不填则发布之日生效")
    ends_on: date | None = element("计划取消日期", Kind.DATE, note="最后有效的一天；不填则长期有效")


@dataclass(frozen=True, slots=True)
class Implementation:
    """实施清单; `code` is the task code (31 characters), or that of one handling item of it (33)."""

    code: str
    name: str = element("事项名称", required=True, aliases=("实施事项名称",))
    organ_name: str = element("实施主体", required=True, aliases=("实施主体名称", "实施机关"), placed=True)
    organ_nature: str = element("实施主体性质", Kind.CHOICE, codes=lists.ORGAN_NATURES, required=True, placed=True)
    entrusting_organ: str = element("委托部门", placed=True)
    region_code: str = element(
        "行政区划代码", most=12, placed=True, note="6 至 12 位数字；不填则取统一社会信用代码第 3 至 8 位"
    )
    local_catalog_code: str = element("地方基本编码", most=LONGEST_LOCAL_CODE, placed=True)
    local_task_code: str = element("地方实施编码", most=LONGEST_LOCAL_CODE, placed=True)
    legal_basis: str = element("设定依据", Kind.TEXT, required=True)
    power_source: str = element("权力来源")
    served: tuple[str, ...] = element(
        "服务对象", Kind.CHOICES, codes=lists.SERVED, required=True, note="可多选，以；分隔"
    )
    case_kind: str = element("办件类型", Kind.CHOICE, codes=lists.CASE_KINDS, required=True)
    statutory_limit: int | None = element(
        "法定办结时限", Kind.COUNT, aliases=("法定时限",), most=36_525, note=_LIMIT_NOTE
    )
    statutory_unit: str = element("法定办结时限单位", Kind.CHOICE, codes=lists.UNITS, aliases=("法定时限单位",))
    statutory_note: str = element("法定办结时限说明", Kind.TEXT)
    promised_limit: int | None = element(
        "承诺办结时限", Kind.COUNT, aliases=("承诺时限",), most=36_525, note=_LIMIT_NOTE
    )
    promised_unit: str = element("承诺办结时限单位", Kind.CHOICE, codes=lists.UNITS, aliases=("承诺时限单位",))
    promised_note: str = element("承诺办结时限说明", Kind.TEXT)
    conditions: str = element("受理条件", Kind.TEXT, aliases=("办理条件",))
    is_charged: bool | None = element("是否收费", Kind.YES_NO)
    visits: int | None = element("到办事现场次数", Kind.COUNT, aliases=("到现场次数",), most=100)
    places: str = element("办理地点", Kind.TEXT, placed=True)
    hours: str = element("办理时间", Kind.TEXT, placed=True)
    contact: str = element("咨询方式", Kind.TEXT, placed=True)
    complaints: str = element("监督投诉方式", Kind.TEXT, aliases=("投诉方式",), placed=True)
    joint_organs: str = element("联办机构", Kind.TEXT)
    intermediaries: str = element("中介服务", Kind.TEXT)
    quota: str = element("数量限制", Kind.TEXT)
    scope: str = element("通办范围")
    channels: tuple[str, ...] = element("办理形式", Kind.CHOICES, codes=lists.CHANNELS, note="可多选，以；分隔")
    is_online: bool | None = element("是否网办", Kind.YES_NO)
    online_depth: str = element("网上办理深度", most=500)
    can_book: bool | None = element("是否支持预约办理", Kind.YES_NO, aliases=("是否支持预约",))
    can_pay_online: bool | None = element("是否支持网上支付", Kind.YES_NO)
    can_deliver: bool | None = element("是否支持物流快递", Kind.YES_NO)
    theme: str = element("主题分类", most=500, aliases=("主题",))
    assurance: str = element("实名等级", Kind.CHOICE, codes=lists.ASSURANCE)
    effective_on: date | None = element("计划生效日期", Kind.DATE, placed=True, note="不填则发布之日生效")
    ends_on: date | None = element("计划取消日期", Kind.DATE, placed=True, note="最后有效的一天；不填则长期有效")
    materials: tuple[Material, ...] = rows("申请材料", Material, aliases=("材料", "材料清单", "申请材料清单"))
    flow: tuple[FlowStep, ...] = rows("办理流程", FlowStep, aliases=("流程",))
    special_procedures: tuple[SpecialProcedure, ...] = rows("特别程序", SpecialProcedure)
    fees: tuple[Fee, ...] = rows("收费项目", Fee, aliases=("收费", "收费信息"))
    outcomes: tuple[Outcome, ...] = rows("审批结果", Outcome, aliases=("结果", "办理结果"))
    questions: tuple[Question, ...] = rows("常见问题", Question, aliases=("问答", "常见问题解答"))


Entry: TypeAlias = CatalogueItem | Implementation
"""What the catalogue has versions of."""
Content: TypeAlias = Mapping[str, Any]
"""An entry as JSON, without its code; what is empty is left out."""


def kind_of(code: str) -> type[CatalogueItem] | type[Implementation]:
    """What a code stands for, by its length."""
    return Implementation if len(code) >= TASK_CODE_LENGTH else CatalogueItem


_LISTS = {kind: rows_of(kind) for kind in (CatalogueItem, Implementation)}
_ROWS = [listed.row for each in _LISTS.values() for listed in each]
_ELEMENTS = {kind: elements_of(kind) for kind in (*_LISTS, *_ROWS)}


def elements(kind: type[Any]) -> tuple[Element, ...]:
    """The elements of an entry or of a row of one."""
    return _ELEMENTS[kind]


def lists_of(kind: type[Any]) -> tuple[Rows, ...]:
    """The lists of an entry."""
    return _LISTS[kind]


def catalog_code_of(code: str) -> str:
    """The catalogue code within a code."""
    return code[19:31] if len(code) >= TASK_CODE_LENGTH else code


def uscc_of(code: str) -> str:
    """The implementing organ's unified social credit code within a code; empty for an item of the catalogue."""
    return code[:18] if len(code) >= TASK_CODE_LENGTH else ""


def level_of(code: str) -> str:
    """The level of the implementing organ within a code; empty for an item of the catalogue."""
    return code[18] if len(code) >= TASK_CODE_LENGTH else ""


def entry_region(code: str, content: Content) -> str:
    """The region that an implementation is for (GB/T 2260); for an item what its code begins with."""
    return content.get("region_code") or code[2:8] if len(code) >= TASK_CODE_LENGTH else code[:2]
