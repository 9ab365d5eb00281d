"""The code lists of an implementation list, GB/T 39554.1-2020: each code with its name.

A list whose codes are not confirmed by the standard has names only, which stand for themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class CodeList:
    """A closed list of codes."""

    title: str
    names: Mapping[str, str]
    codes: Mapping[str, str]
    """By each name, and by each other word that people write for it."""

    def code_of(self, text: str) -> str | None:
        """The code that a text stands for: the code itself, its name, or both ("01 行政许可"); None for neither."""
        if text in self.names:
            return text
        if text in self.codes:
            return self.codes[text]
        code, _, name = text.replace("|", " ").replace("-", " ").partition(" ")
        return code if self.names.get(code) == name.strip() else None

    def name_of(self, code: str) -> str:
        """The name of a code; the code itself when the list has it not."""
        return self.names.get(code, code)


def _list(title: str, names: Mapping[str, str], also: Mapping[str, str] | None = None) -> CodeList:
    codes = {name: code for code, name in names.items()} | dict(also or {})
    return CodeList(title, MappingProxyType(dict(names)), MappingProxyType(codes))


TYPES = _list(
    "事项类型",
    {
        "00": "行政权力",
        "01": "行政许可",
        "02": "行政处罚",
        "03": "行政强制",
        "04": "行政征收",
        "05": "行政给付",
        "06": "行政检查",
        "07": "行政确认",
        "08": "行政奖励",
        "09": "行政裁决",
        "10": "其他行政权力",
        "20": "公共服务",
    },
    {"其他": "10", "其他类": "10"},
)
"""Not closed: 11 to 19 and 21 to 99 are extensions, which have no name here."""
LEVELS = _list(
    "行使层级",
    {
        "1": "国家级",
        "2": "省级",
        "3": "市级",
        "4": "县级",
        "5": "镇（乡、街道）级",
        "6": "村（社区）级",
        "7": "各级共有",
    },
    {
        "国家": "1",
        "省": "2",
        "市": "3",
        "县": "4",
        "区级": "4",
        "区县级": "4",
        "乡镇级": "5",
        "街道级": "5",
        "村级": "6",
        "社区级": "6",
    },
)
ORGAN_NATURES = _list("实施主体性质", {"1": "法定机关", "2": "授权组织", "3": "受委托组织", "9": "其他"})
SERVED = _list(
    "服务对象",
    {"1": "自然人", "2": "企业法人", "3": "事业法人", "4": "社会组织法人", "5": "行政机关", "6": "其他组织"},
    {"个人": "1", "企业": "2", "事业单位": "3", "社会组织": "4", "其他": "6"},
)
CHANNELS = _list(
    "办理形式",
    {"1": "窗口办理", "2": "网上办理", "3": "移动端办理", "4": "邮寄办理", "9": "其他"},
    {"窗口": "1", "网上": "2", "移动端": "3", "邮寄": "4"},
)
CASE_KINDS = _list(
    "办件类型",
    {"1": "即办件", "2": "承诺件", "3": "联办件", "4": "上报件", "9": "其他"},
    {"承诺办件": "2"},
)
UNITS = _list(
    "时限单位",
    {"1": "工作日", "2": "自然日", "3": "小时", "4": "分钟", "5": "月"},
    {"个工作日": "1", "日历日": "2", "天": "2", "时": "3", "分": "4", "个月": "5"},
)
ASSURANCE = _list("实名等级", {"0": "无需实名", "1": "初级实名", "2": "中级实名", "3": "高级实名"})
# The standard's codes of these are not confirmed: the names stand for themselves.
NECESSITY = _list(
    "材料必要性", {name: name for name in ("必要", "非必要", "容缺后补")}, {"必需": "必要", "非必需": "非必要"}
)
MATERIAL_FORMS = _list("材料形式", {name: name for name in ("纸质", "电子", "纸质或电子")}, {"纸质/电子": "纸质或电子"})
