"""The examples in the pages work."""

import re
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from duokua import Department, from_struct
from duokua.cases.v1 import task_pb2
from tests.docs.pages import code_blocks, read, section
from tests.sdk.fake_platform import MATTER, FakePlatform, a_task, client_of, working

PAGES_WITH_THE_EXAMPLE = {
    "README.md": "A department system in ten lines",
    "README.zh-CN.md": "十行代码接入一个部门系统",
    "sdk/python/README.md": "A department system in ten lines",
}


def the_example(page: str = "README.md") -> str:
    blocks = code_blocks(section(read(page), PAGES_WITH_THE_EXAMPLE[page]))
    return next(block.text for block in blocks if block.language == "python")


@pytest.fixture
def fake() -> Iterator[FakePlatform]:
    with FakePlatform() as platform:
        yield platform


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The department's own system of the example."""
    module: Any = ModuleType("register")
    module.issued, module.withdrawn = {}, []
    module.issue_licence = lambda task_id, form: module.issued.setdefault(task_id, f"JY{form['premises']['area']:.0f}")
    module.withdraw_licence = module.withdrawn.append
    monkeypatch.setitem(sys.modules, "register", module)
    return module


@pytest.fixture
def department(fake: FakePlatform, register: Any, monkeypatch: pytest.MonkeyPatch) -> Department:
    """The department of the example; the example's last line, which works until a signal, is left to the test."""
    del register
    department = Department(client_of(fake))
    ran: list[bool] = []
    with monkeypatch.context() as patched:
        patched.setattr(Department, "from_env", classmethod(lambda _: department))
        patched.setattr(Department, "run", lambda _: ran.append(True))
        exec(compile(the_example(), "README.md", "exec"), {})  # noqa: S102 - the project's own page
    assert ran == [True]
    return department


def test_all_pages_show_the_same_department() -> None:
    assert len({the_example(page) for page in PAGES_WITH_THE_EXAMPLE}) == 1


def test_the_department_of_the_readme_issues_a_licence(fake: FakePlatform, department: Department) -> None:
    with working(department):
        fake.stream().send(a_task("t1", form={"premises": {"area": 50.0}}))
        answer = fake.answer("complete")
    assert list(fake.stream().hello.catalog_codes) == [MATTER]
    assert from_struct(answer.complete.result) == {"licence_number": "JY50"}


def test_the_department_of_the_readme_refuses_with_its_reason(
    fake: FakePlatform, department: Department, register: Any
) -> None:
    with working(department):
        fake.stream().send(a_task("t1", form={"premises": {"area": 12.0}}))
        answer = fake.answer("refuse")
    assert answer.refuse.reason == "经营面积不足20平方米"
    assert register.issued == {}


def test_the_department_of_the_readme_undoes(fake: FakePlatform, department: Department, register: Any) -> None:
    task = a_task("t1:u1", undo=True, handled_task_id="t1")
    task.handled_result.update({"licence_number": "JY50"})
    with working(department):
        fake.stream().send(task)
        answer: task_pb2.TaskAnswer = fake.answer("complete")
    assert answer.task_id == "t1:u1"
    assert register.withdrawn == ["JY50"]


def test_the_ten_lines_are_about_ten() -> None:
    lines = [line for line in the_example().splitlines() if re.match(r"\s*\S", line)]
    assert len(lines) <= 12
