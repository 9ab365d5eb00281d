"""The rules of the contract, applied to requests of real contracts."""

import math
from typing import Any

import pytest
from google.protobuf.message import DecodeError, Message
from google.protobuf.struct_pb2 import ListValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from chassis.problems import Invalid
from chassis.validation import (
    DEEPEST_STRUCT,
    LONGEST_STRUCT_TEXT,
    LONGEST_TEXT,
    MOST_STRUCT_VALUES,
    MOST_VIOLATIONS,
    check_known,
    check_request,
)
from duokua.cases.v1 import case_pb2, case_service_pb2, operations_service_pb2, task_pb2, task_service_pb2
from duokua.data import from_struct, to_struct
from duokua.identity.v1 import directory_pb2, directory_service_pb2
from duokua.routing.v1 import routing_service_pb2

REGION = directory_pb2.Region(code="330106", name="西湖区")


def faults(request: Message) -> dict[str, str]:
    """What is wrong, by field; empty for a request that fits."""
    try:
        check_request(request)
    except Invalid as invalid:
        return {violation.field: violation.description for violation in invalid.violations}
    return {}


def submission(form: Any = None, **values: Any) -> case_service_pb2.SubmitCaseRequest:
    struct = form if isinstance(form, Struct) else to_struct(form or {})
    return case_service_pb2.SubmitCaseRequest(request_id="r", bundle_id="b", form=struct, **values)


def withdrawal(catalog_codes: list[str]) -> routing_service_pb2.WithdrawCapabilitiesRequest:
    return routing_service_pb2.WithdrawCapabilitiesRequest(organ_id="o", catalog_codes=catalog_codes)


def test_a_request_that_fits_passes() -> None:
    assert faults(submission({"a": [1, "x", None, True, {"b": 0.5}]})) == {}


def test_required_fields_must_be_there_and_filled() -> None:
    assert faults(case_service_pb2.SubmitCaseRequest(request_id="r", bundle_id="")) == {
        "bundle_id": "required",
        "form": "required",
    }
    assert faults(directory_service_pb2.RegisterRegionsRequest()) == {"regions": "required"}


@pytest.mark.parametrize("blank", [" ", "\t\r\n", "\u3000\u00a0", "\u200b\ufeff", "\u202e\x1b"])
def test_a_required_text_must_say_something(blank: str) -> None:
    told = {"reason": "required, and must not be blank"}
    assert faults(case_service_pb2.WithdrawCaseRequest(request_id="r", case_id="c", reason=blank)) == told
    assert faults(operations_service_pb2.StopCaseRequest(request_id="r", case_id="c", reason=blank)) == told
    assert faults(case_service_pb2.RateCaseRequest(request_id="r", case_id="c", level=1, comment=blank)) == {}


def test_an_empty_form_is_there() -> None:
    assert faults(submission()) == {}


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (submission(), ""),
        (case_service_pb2.GetCaseRequest(case_id="x" * LONGEST_TEXT), ""),
        (case_service_pb2.GetCaseRequest(case_id="x" * (LONGEST_TEXT + 1)), "case_id"),
        (case_service_pb2.GetCaseRequest(case_id="字" * LONGEST_TEXT), ""),
        (case_service_pb2.GetCaseRequest(case_id="x\0"), "case_id"),
        (withdrawal(["x" * (LONGEST_TEXT + 1)]), "catalog_codes[0]"),
        (withdrawal(["x", "\0"]), "catalog_codes[1]"),
        (withdrawal(["x"] * 1000), ""),
        (withdrawal(["x"] * 1001), "catalog_codes"),
        (submission(materials=[case_pb2.Material(kind="k", name="n", media_type="m", content=b"\0")]), ""),
        (
            submission(materials=[case_pb2.Material(kind="k", name="n", media_type="m", content=b"x" * 3_000_001)]),
            "materials[0].content",
        ),
        (directory_service_pb2.RegisterRegionsRequest(regions=[REGION]), ""),
        (
            directory_service_pb2.RegisterRegionsRequest(regions=[REGION, directory_pb2.Region(code="33", name="x")]),
            "regions[1].code",
        ),
        (case_service_pb2.ListCasesRequest(status=99), "status"),  # type: ignore[arg-type] # of a newer contract
        (case_service_pb2.ListCasesRequest(status=case_pb2.CASE_STATUS_UNDONE), ""),
    ],
)
def test_lengths_counts_patterns_and_enums_are_held_to(request_: Message, field: str) -> None:
    assert list(faults(request_)) == [field] * bool(field)


def test_a_pattern_must_match_the_whole_text() -> None:
    for code in ("3301067", "33010", "33010a", "330106\n", "3 0106"):
        region = directory_pb2.Region(code=code, name="x")
        assert "regions[0].code" in faults(directory_service_pb2.RegisterRegionsRequest(regions=[region])), code


def test_unknown_fields_are_named_where_they_are() -> None:
    unknown = b"\xfa\x3f\x01x"
    outside = case_service_pb2.SubmitCaseRequest.FromString(submission().SerializeToString() + unknown)
    assert "1023" in faults(outside)["request"]
    material = case_pb2.Material(kind="k", name="n", media_type="m", content=b"c").SerializeToString() + unknown
    inside = submission(materials=[case_pb2.Material.FromString(material)])
    assert "1023" in faults(inside)["materials[0]"]
    with pytest.raises(Invalid):
        check_known(outside)
    check_known(inside)


def test_of_many_unknown_fields_only_some_are_named() -> None:
    few = faults(case_service_pb2.GetCaseRequest.FromString(b"\x0a\x01x" + b"\xf8\x3f\x01" * 1000))
    assert few == {"request": "unknown fields (numbers 1023, 1023, 1023, 1023, 1023, ..., 1000 in all): remove them"}


@pytest.mark.parametrize("within", [b"", b"\x22"])
def test_a_hoard_of_unknown_fields_is_not_walked(within: bytes) -> None:
    unknown = b"\xf8\x3f\x01" * 100_000
    data = within + b"\xe0\xa7\x12" + unknown if within else unknown
    assert "bytes of unknown fields" in faults(case_service_pb2.SubmitCaseRequest.FromString(data))["request"]
    with pytest.raises(Invalid):
        check_known(case_service_pb2.SubmitCaseRequest.FromString(data))


def test_items_that_are_too_many_are_not_looked_at() -> None:
    request = withdrawal(["\0"] * 1001)
    assert list(faults(request)) == ["catalog_codes"]
    assert list(faults(submission(materials=[case_pb2.Material()] * 101))) == ["materials"]


def test_a_struct_with_too_many_values_is_refused_before_they_are_looked_at() -> None:
    bad = Value(string_value="\0")
    for form in (
        Struct(fields={str(number): bad for number in range(MOST_STRUCT_VALUES + 1)}),
        Struct(fields={"a": Value(list_value=ListValue(values=[bad] * MOST_STRUCT_VALUES))}),
    ):
        assert faults(submission(form=form)) == {"form": f"has more than {MOST_STRUCT_VALUES} values"}


@pytest.mark.parametrize(
    ("seconds", "nanos", "good"),
    [
        (0, 0, True),
        (315_576_000_000, 0, True),
        (315_576_000_001, 0, False),
        (-315_576_000_001, 0, False),
        (2**63 - 1, 0, False),
        (0, 999_999_999, True),
        (0, 1_000_000_000, False),
        (1, -1, False),
    ],
)
def test_durations_are_what_a_duration_may_say(seconds: int, nanos: int, good: bool) -> None:  # noqa: FBT001
    request = task_service_pb2.PullTasksRequest()
    request.wait.seconds, request.wait.nanos = seconds, nanos
    assert list(faults(request)) == ([] if good else ["wait"])


@pytest.mark.parametrize(
    ("seconds", "good"), [(0, True), (253_402_300_799, True), (253_402_300_800, False), (-(2**62), False)]
)
def test_times_are_within_the_years_that_have_four_digits(seconds: int, good: bool) -> None:  # noqa: FBT001
    request = directory_service_pb2.GrantMandateRequest(
        request_id="r", agent_person_id="a", principal_person_id="p", expires_at=Timestamp(seconds=seconds)
    )
    assert list(faults(request)) == ([] if good else ["expires_at"])


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("form", "field"),
    [
        (nested(DEEPEST_STRUCT), ""),
        (nested(DEEPEST_STRUCT + 1), "form" + ".a" * (DEEPEST_STRUCT + 1)),
        ({"a": ["x"] * (MOST_STRUCT_VALUES - 1)}, ""),
        ({"a": ["x"] * MOST_STRUCT_VALUES}, "form"),
        ({"a": "x" * LONGEST_STRUCT_TEXT}, ""),
        ({"a": ["x" * (LONGEST_STRUCT_TEXT + 1)]}, "form.a[0]"),
        ({"a": "\0"}, "form.a"),
        ({"\0": 1}, "form.\0"),
        ({"a": 2**53}, ""),
        ({"a": -(2.0**53) - 2}, "form.a"),
        ({"a": 1e300}, "form.a"),
    ],
)
def test_free_form_data_has_bounds(form: Any, field: str) -> None:
    assert list(faults(submission(form))) == [field] * bool(field)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_have_are_refused(number: float) -> None:
    struct = Struct(fields={"a": Value(number_value=number)})
    assert list(faults(submission(struct))) == ["form.a"]


def test_a_name_of_any_length_makes_no_fault_longer_than_a_text() -> None:
    (field,) = faults(submission({"x" * 100_000: 1}))
    assert len(field) <= LONGEST_TEXT


def test_no_more_faults_are_told_than_anybody_reads() -> None:
    assert len(faults(submission(materials=[case_pb2.Material()] * 90))) == MOST_VIOLATIONS


def test_an_answer_inside_a_request_is_held_to_its_own_rules() -> None:
    answer = task_pb2.TaskAnswer(request_id="r", task_id="t", lease="l", refuse=task_pb2.Refuse())
    assert faults(task_service_pb2.AnswerTaskRequest(answer=answer)) == {"answer.refuse.reason": "required"}


VALUES: st.SearchStrategy[Value] = st.recursive(
    st.builds(Value, number_value=st.floats())
    | st.builds(Value, string_value=st.text(st.characters(exclude_categories=["Cs"])))
    | st.builds(Value, bool_value=st.booleans())
    | st.builds(Value, null_value=st.just(0))
    | st.just(Value()),
    lambda values: (
        st.builds(
            lambda fields: Value(struct_value=Struct(fields=fields)),
            st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), values, max_size=4),
        )
        | st.lists(values, max_size=4).map(lambda each: Value(list_value=ListValue(values=each)))
    ),
    max_leaves=30,
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), VALUES, max_size=5))
def test_any_form_is_refused_clearly_or_can_be_kept_and_told_again(fields: dict[str, Value]) -> None:
    struct = Struct(fields=fields)
    if not faults(submission(struct)):
        kept = from_struct(struct)
        assert from_struct(to_struct(kept)) == kept


@given(st.binary(max_size=200))
def test_bytes_that_are_a_message_raise_nothing_but_invalid(data: bytes) -> None:
    for kind in (case_service_pb2.SubmitCaseRequest, task_service_pb2.WorkRequest, task_pb2.TaskAnswer):
        try:
            request = kind.FromString(data)
        except DecodeError:
            continue
        faults(request)
