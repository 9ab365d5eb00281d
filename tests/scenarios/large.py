"""A bundle of 50 steps with all that steps can have, for what has to stay quick and legible at that size."""

import json
from typing import Any

import yaml

GROUPS = 8
IN_A_GROUP = 6
"""And a check before all of them, and a hand-over after."""
_NAMES = [
    "立项核准",
    "用地规划许可",
    "施工图审查",
    "建设工程规划许可",
    "施工许可",
    "联合验收",
    "档案移交",
    "不动产登记",
]
_KINDS = ["受理", "初审", "现场核查", "专家评审", "决定", "制证"]


def a_large_package() -> dict[str, bytes]:
    """Eight groups of six steps side by side, one after the other inside; conditions, inputs, notices, tests."""
    files = {
        "scenario.yaml": _yaml(_manifest()),
        "README.md": b"# Large\n",
        "examples/full.json": json.dumps(_example(), ensure_ascii=False).encode(),
        "tests/course.test.yaml": _yaml({"tests": _tests()}),
        "matters/check.yaml": _yaml(_matter("check", 0, "信息核验", "20", {"group0": "group"})),
        "matters/deliver.yaml": _yaml(_matter("deliver", 99, "统一送达", "20", {"group0.name": "organisation-name"})),
    }
    for group in range(GROUPS):
        for place in range(IN_A_GROUP):
            name = _step(group, place)
            type_code = "01" if place == 4 else "20"
            number = group * 10 + place + 1
            matter = _matter(name, number, f"{_NAMES[group]}{_KINDS[place]}", type_code, {f"group{group}": "group"})
            if place == 3:
                matter["result"] = {"score": {"type": "number", "shared": True}, "note": {"type": "string"}}
            if place == 4:
                matter["inputs"] = {"score": "number"}
                matter["notice"] = {"title": f"{_NAMES[group]}决定书", "template": f"templates/{name}.txt"}
                matter["materials"] = [f"material-{group}"]
                files[f"templates/{name}.txt"] = _template(group).encode()
            files[f"matters/{name}.yaml"] = _yaml(matter)
    return files


def _step(group: int, place: int) -> str:
    return f"step-{group}-{place}"


def _manifest() -> dict[str, Any]:
    return {
        "format": 1,
        "id": "large",
        "version": "1.0.0",
        "name": {"zh": "工程建设项目全流程", "en": "A construction project"},
        "summary": {"zh": "一次申请，五十个环节。", "en": "One application, fifty steps."},
        "licence": "Apache-2.0",
        "origin": {"region": "330106", "organ": "某区（示例）"},
        "catalog_code": "332031901000",
        "lead": {"role": "construction", "name": {"zh": "住房城乡建设部门", "en": "Construction"}},
        "region_field": "group0.region",
        "limits": {"statutory": "90 working days", "promised": "60 working days"},
        "elements": _elements(),
        "materials": [
            {"kind": f"material-{group}", "name": {"zh": f"{_NAMES[group]}申请材料", "en": f"Material {group}"},
             "media_types": ["application/pdf"]}
            for group in range(GROUPS)
        ],
        "visits": [
            {"id": "site", "name": {"zh": "联合踏勘", "en": "Visit"}, "steps": [_step(0, 2), _step(1, 2), _step(2, 2)]}
        ],
        "undo_order": [_step(0, 4)],
        "steps": [
            {"id": "check", "matter": "check", "undo": "none", "limits": {"promised": "1 working day"}},
            *(_step_of(group, place) for group in range(GROUPS) for place in range(IN_A_GROUP)),
            {
                "id": "deliver",
                "matter": "deliver",
                "after": [_step(group, IN_A_GROUP - 1) for group in range(GROUPS)],
                "pivot": True,
                "limits": {"promised": "1 working day"},
            },
        ],
    }  # fmt: skip


def _step_of(group: int, place: int) -> dict[str, Any]:
    name = _step(group, place)
    before = [_step(group, place - 1)] if place else ["check"]
    step: dict[str, Any] = {"id": name, "matter": name, "after": before, "undo": "task" if place == 4 else "none"}
    step["limits"] = {"promised": "3 working days"}
    if place == 2:
        step["when"] = f"form.group{group}.area > 300 || form.group{group}.people >= 100"
    if place == 4:
        step["inputs"] = {"score": f'steps["{_step(group, 3)}"].result.score'}
        step["limits"] = {"statutory": "20 working days (+10)", "promised": "5 working days"}
    if place == 5 and group:
        step["after"] = [_step(group, 4), _step(group - 1, 4)]
    return step


def _matter(name: str, number: int, title: str, type_code: str, fields: dict[str, str]) -> dict[str, Any]:
    code = f"33{type_code}320{number:02}000"
    return {"catalog_code": code, "name": {"zh": title, "en": name}, "type": type_code, "fields": fields}


def _elements() -> dict[str, Any]:
    """One element that is a group of fifteen others."""
    fields: dict[str, Any] = {
        "kind": {"values": ["新建", "改建", "扩建"]},
        "people": {"type": "integer", "minimum": 0, "maximum": 10_000},
        **{f"field{number}": {"type": "string", "max_length": 200} for number in range(10)},
    }
    named = {name: {"name": {"zh": name, "en": name}, **field} for name, field in fields.items()}
    members: dict[str, Any] = {"name": "organisation-name", "region": "region", "area": "floor-area"}
    members |= {name: {"element": name, "required": name == "people"} for name in fields}
    return {**named, "group": {"name": {"zh": "分组", "en": "Group"}, "members": members}}


def _example() -> dict[str, Any]:
    return {
        f"group{number}": {"name": "示例", "region": "330106", "area": 500, "people": 10, "kind": "新建"}
        for number in range(GROUPS)
    }


def _template(group: int) -> str:
    lines = [f"{{{{ form.group{group}.name }}}}：", f"面积{{{{ form.group{group}.area }}}}平方米，准予许可。"]
    lines.append(f"{{% if form.group{group}.kind is defined %}}类别：{{{{ form.group{group}.kind }}}}。\n{{% endif %}}")
    return "\n".join([*lines, *(f"第{number}条　依法依规办理，接受监督检查。" for number in range(10))])


def _tests() -> list[dict[str, Any]]:
    """The happy path, each refusal, each condition."""
    given = {"example": "examples/full.json"}
    steps = ["check", "deliver", *(_step(group, place) for group in range(GROUPS) for place in range(IN_A_GROUP))]
    tests: list[dict[str, Any]] = [{"name": "all goes well", "given": given, "then": {"case": "completed"}}]
    tests += [
        {"name": f"{step} refuses", "given": given, "when": [{"step": step, "refuse": "不符合条件"}],
         "then": {"case": "undone", "steps": {step: "refused"}}}
        for step in steps
    ]  # fmt: skip
    tests += [
        {"name": f"{group} is small", "given": {**given, "changes": {f"group{group}.area": 10}},
         "then": {"case": "completed", "steps": {_step(group, 2): "skipped"}}}
        for group in range(GROUPS)
    ]  # fmt: skip
    return tests


def _yaml(data: Any) -> bytes:
    """As a person would write it: without anchors."""
    dumper = yaml.SafeDumper
    dumper.ignore_aliases = lambda *_: True  # type: ignore[method-assign]
    return yaml.dump(data, Dumper=dumper, allow_unicode=True, sort_keys=False).encode()
