"""Ids and numbers come out whole, however narrow the terminal, and in pipes."""

import io
import json
import unicodedata

import pytest
from google.protobuf.struct_pb2 import Struct
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cli.failing import error_as_dict, print_error
from cli.output import as_dict, as_json_text, counted, print_rows, say
from duokua.cases.v1 import operations_service_pb2
from duokua.cases.v1.case_pb2 import Case
from duokua.errors import InvalidArgument, NotFound, Violation

IDS = [f"0199a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1{number}" for number in range(3)]
NUMBERS = [f"33010620260302000000{number}" for number in range(3)]
COLUMNS = [
    ("case", lambda case: case.case_id),
    ("number", lambda case: case.case_number),
    ("bundle", lambda case: case.bundle_name),
    ("why", lambda case: case.refusal_reason),
]
WHY = "the office of fire safety found [no] second way out of the kitchen, and said so twice, in writing"


def rows() -> list[Case]:
    return [
        Case(case_id=case_id, case_number=number, bundle_name="开办餐饮店一件事联办", refusal_reason=WHY)
        for case_id, number in zip(IDS, NUMBERS, strict=True)
    ]


def printed(width: int, *, terminal: bool) -> str:
    target = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)
    print_rows(rows(), COLUMNS, as_json=False, empty="none", to=target)
    assert isinstance(target.file, io.StringIO)
    return target.file.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 120, 200])
def test_every_id_and_number_appears_whole(width: int, terminal: bool) -> None:  # noqa: FBT001
    text = printed(width, terminal=terminal)
    assert all(value in text for value in (*IDS, *NUMBERS))
    assert "…" not in text


def test_a_pipe_gets_one_line_for_each_with_tabs_between() -> None:
    lines = printed(80, terminal=False).splitlines()
    assert lines[0] == "case\tnumber\tbundle\twhy"
    assert lines[1:] == [f"{i}\t{n}\t开办餐饮店一件事联办\t{WHY}" for i, n in zip(IDS, NUMBERS, strict=True)]


def test_a_terminal_wide_enough_gets_a_table_that_stays_within_it() -> None:
    lines = printed(120, terminal=True).splitlines()
    assert lines[0].split() == ["case", "number", "bundle", "why"]
    assert max(map(len, lines)) <= 120
    assert len(lines) > 4  # the words are folded


def test_a_terminal_that_is_too_narrow_gets_a_block_for_each() -> None:
    blocks = printed(60, terminal=True).strip().split("\n\n")
    assert len(blocks) == 3
    assert blocks[0].splitlines()[:2] == [f"case: {IDS[0]}", f"number: {NUMBERS[0]}"]


def test_a_value_of_several_lines_stays_one_line_in_a_pipe() -> None:
    target = Console(file=io.StringIO(), force_terminal=False)
    incident = operations_service_pb2.ListIncidentsResponse().incidents.add(description="first\n\tthen")
    print_rows([incident], [("what", lambda row: row.description)], as_json=False, empty="", to=target)
    assert isinstance(target.file, io.StringIO)
    assert target.file.getvalue() == "what\nfirst then\n"


def said(error: NotFound | InvalidArgument) -> str:
    target = Console(file=io.StringIO(), width=40, force_terminal=False)
    print_error(error, target)
    assert isinstance(target.file, io.StringIO)
    return target.file.getvalue()


def test_an_error_says_its_reason_once() -> None:
    error = NotFound(StatusCode.NOT_FOUND, "CASE_NOT_FOUND", "there is no case nope")
    assert said(error) == "CASE_NOT_FOUND: there is no case nope\n"


def test_what_is_wrong_with_the_one_field_is_said_once() -> None:
    def wrong(*violations: Violation) -> str:
        return said(
            InvalidArgument(StatusCode.INVALID_ARGUMENT, "NO_PAGE", "there is no page 9", violations=violations)
        )

    there = Violation("at.page", "there is no page 9")
    assert wrong(there) == "NO_PAGE: at.page: there is no page 9\n"
    assert wrong(there, Violation("at.x", "too far")).splitlines()[1:] == [
        "  at.page: there is no page 9",
        "  at.x: too far",
    ]


def test_an_error_without_a_reason_says_its_code() -> None:
    assert said(NotFound(StatusCode.NOT_FOUND, "", "nobody [here].")) == "NOT_FOUND: nobody [here].\n"


def test_wrong_fields_have_a_line_each() -> None:
    violations = [Violation("organ.uscc", "check character should be X"), Violation("steps[0]", "unknown")]
    error = InvalidArgument(StatusCode.INVALID_ARGUMENT, "BAD", "two fields are wrong", violations=violations)
    assert said(error).splitlines() == [
        "BAD: two fields are wrong",
        "  organ.uscc: check character should be X",
        "  steps[0]: unknown",
    ]


def test_one_is_no_plural() -> None:
    assert [counted(number, "fault") for number in (0, 1, 2)] == ["0 faults", "1 fault", "2 faults"]


# What a terminal obeys: a colour, a title, the clipboard (OSC 52), C1 controls, another direction, a line of its own.
EVIL = "\x1b[31m\x1b]0;x\x07\x1b]52;c;eA==\x1b\\\x9b2J\x7f\b\r\u202e\u2066\u2028ok\nchain verified"


def obeyed(text: str) -> list[str]:
    """What a terminal would act on."""
    return [each for each in text if unicodedata.category(each) in {"Cc", "Zl", "Zp", "Cs"} or each in "\u202e\u2066"]


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("width", [20, 200])
def test_a_terminal_obeys_nothing_that_somebody_wrote(width: int, terminal: bool) -> None:  # noqa: FBT001
    target = Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)
    print_rows([Case(case_id=EVIL), Case(case_id="a")], COLUMNS[:1], as_json=False, empty="", to=target)
    say(f"refused: {EVIL}", target)
    print_error(InvalidArgument(StatusCode.INVALID_ARGUMENT, "BAD", EVIL, violations=[Violation(EVIL, EVIL)]), target)
    assert isinstance(target.file, io.StringIO)
    text = target.file.getvalue()
    assert set(obeyed(text)) == {"\n"}
    assert not [line for line in text.splitlines() if line.startswith("chain verified") and width == 200]


def test_words_of_every_script_come_out_as_they_are() -> None:
    target = Console(file=io.StringIO(), width=200)
    words = "𠮷田　㐂\U00031350 🏳️‍🌈 नेपाली עברית \ue000"
    say(words, target)
    assert isinstance(target.file, io.StringIO)
    assert target.file.getvalue() == f"{words}\n"


@given(st.text())
def test_json_holds_what_was_said_and_nothing_that_a_terminal_obeys(words: str) -> None:
    for said_ in (words, EVIL):
        text = as_json_text({said_: [said_]})
        assert json.loads(text) == {said_: [said_]}
        assert set(obeyed(text)) == {"\n"}


def test_an_error_as_json_names_reason_and_fields() -> None:
    error = InvalidArgument(StatusCode.INVALID_ARGUMENT, "BAD", "wrong", {"a": "b"}, violations=[Violation("f", "d")])
    assert error_as_dict(error) == {
        "code": "INVALID_ARGUMENT",
        "reason": "BAD",
        "message": "wrong",
        "metadata": {"a": "b"},
        "violations": [{"field": "f", "description": "d"}],
    }


def test_whole_numbers_of_free_data_are_written_as_such() -> None:
    form = Struct()
    form.update({"seats": 160, "area": 86.5, "list": [{"floor": -1}], "huge": 1e300})
    written = json.dumps(as_dict(form), sort_keys=True)
    assert written == '{"area": 86.5, "huge": 1e+300, "list": [{"floor": -1}], "seats": 160}'
