"""Tokens and applications at the gRPC edge: a clear status with one ErrorInfo, and nothing changed."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct, Value
from google.rpc import error_details_pb2, status_pb2
from joserfc import jwt
from joserfc.jwk import ECKey

from chassis.api_process import LARGEST_MESSAGE
from chassis.clock import new_id
from duokua.cases.v1 import case_pb2, case_service_pb2, operations_service_pb2, task_service_pb2
from duokua.cases.v1.case_service_pb2_grpc import CaseServiceStub
from duokua.cases.v1.task_service_pb2_grpc import TaskServiceStub
from duokua.data import to_struct
from tests.cases.builders import a_material, tables
from tests.cases.offices import Offices, application, refusal

pb = case_service_pb2
SUBMIT = "/duokua.cases.v1.CaseService/SubmitCase"


def bare(town: Offices, token: str | None, request: Any = None) -> tuple[str, str, list[str]]:
    """How a call with a token of our own making is refused."""
    metadata = None if token is None else [("authorization", token)]
    with town.edge.channel() as channel:
        call = CaseServiceStub(channel).SubmitCase
        return refusal(call, application() if request is None else request, metadata=metadata, timeout=20)


def raw(town: Offices, data: bytes, method: str = SUBMIT) -> Any:
    """How bytes are refused that no stub would send."""
    with town.edge.channel() as channel:
        send: Any = channel.unary_unary(method)
        with pytest.raises(grpc.RpcError) as caught:
            send(data, metadata=town.bearer(town.applicant), timeout=20)
    return caught.value


@pytest.mark.usefixtures("unchanged")
def test_a_call_without_a_good_token_is_unauthenticated(town: Offices) -> None:
    ours = town.applicant.token_source.get()
    claims = {"iss": "duokua", "aud": "duokua", "sub": "client:x", "scope": "cases.submit", "exp": 2**33}
    theirs = jwt.encode({"typ": "at+jwt", "alg": "ES256", "kid": "theirs"}, claims, ECKey.generate_key("P-256"))
    for token, reason in (
        (None, "TOKEN_MISSING"),
        ("", "TOKEN_INVALID"),
        (ours, "TOKEN_INVALID"),
        (f"Basic {ours}", "TOKEN_INVALID"),
        ("Bearer x", "TOKEN_INVALID"),
        ("Bearer e30.e30.e30", "TOKEN_INVALID"),
        (f"Bearer {ours[:-6]}AAAAAA", "TOKEN_INVALID"),
        (f"Bearer {theirs}", "TOKEN_INVALID"),
        (f"Bearer {town.edge.forged(town.applicant, exp=1_700_000_000)}", "TOKEN_EXPIRED"),
        (f"Bearer {town.edge.forged(town.applicant, exp=None)}", "TOKEN_EXPIRED"),
        (f"Bearer {town.edge.forged(town.applicant, iss='another')}", "TOKEN_INVALID"),
        (f"Bearer {town.edge.forged(town.applicant, aud='another')}", "TOKEN_INVALID"),
        (f"Bearer {town.edge.forged(town.applicant, sub=None)}", "TOKEN_INVALID"),
    ):
        assert bare(town, token) == ("UNAUTHENTICATED", reason, []), token


@pytest.mark.usefixtures("unchanged")
def test_a_token_without_the_permission_is_denied(town: Offices) -> None:
    assert refusal(town.food.cases.SubmitCase, application())[:2] == ("PERMISSION_DENIED", "PERMISSION_MISSING")
    assert refusal(town.operator.tasks.PullTasks, task_service_pb2.PullTasksRequest())[:2] == (
        "PERMISSION_DENIED",
        "PERMISSION_MISSING",
    )
    assert refusal(town.portal.operations.ListIncidents, operations_service_pb2.ListIncidentsRequest())[1] == (
        "PERMISSION_MISSING"
    )


@pytest.mark.usefixtures("unchanged")
def test_a_portal_that_acts_for_nobody_submits_nothing(town: Offices) -> None:
    assert refusal(town.portal.cases.SubmitCase, application())[:2] == ("PERMISSION_DENIED", "NO_APPLICANT")


@pytest.mark.usefixtures("unchanged")
def test_a_token_of_no_organ_has_no_tasks(town: Offices) -> None:
    token = town.edge.forged(town.food, organ_id=None)
    with town.edge.channel() as channel:
        metadata = [("authorization", f"Bearer {token}")]
        pull = TaskServiceStub(channel).PullTasks
        assert refusal(pull, task_service_pb2.PullTasksRequest(), metadata=metadata)[:2] == (
            "PERMISSION_DENIED",
            "NO_ORGAN",
        )


def nested(levels: int) -> Struct:
    struct = Struct()
    here = struct
    for _ in range(levels):
        here = here.fields["a"].struct_value
    here.fields["a"].number_value = 1
    return struct


def with_unknown_field(request: Any) -> bytes:
    data: bytes = request.SerializeToString()
    return data + b"\xfa\x3f\x01x"  # field 1023


@pytest.mark.parametrize(
    ("request_", "reason", "fields"),
    [
        (application(request_id=""), "BAD_REQUEST", ["request_id"]),
        (application(request_id="x" * 101), "BAD_REQUEST", ["request_id"]),
        (application(bundle_id=""), "BAD_REQUEST", ["bundle_id"]),
        (application(bundle_id="x\0"), "BAD_REQUEST", ["bundle_id"]),
        (application(form=None), "BAD_REQUEST", ["form"]),
        (application(form=nested(20)), "BAD_REQUEST", ["form" + ".a" * 17]),
        (application(form=to_struct({"a\0b": 1})), "BAD_REQUEST", ["form.a\0b"]),
        (application(form=to_struct({"a": "b\0"})), "BAD_REQUEST", ["form.a"]),
        (application(form=to_struct({"a": 1e17})), "BAD_REQUEST", ["form.a"]),
        (application(form=Struct(fields={"a": Value(number_value=float("nan"))})), "BAD_REQUEST", ["form.a"]),
        (application(form=to_struct({"a": list(range(6000))})), "BAD_REQUEST", ["form"]),
        (application(materials=[a_material(content=b"x" * 3_000_001)]), "BAD_REQUEST", ["materials[0].content"]),
        (application(materials=[a_material()] * 101), "BAD_REQUEST", ["materials"]),
        (application(materials=[case_pb2.Material(kind="lease", content=b"x")]), "BAD_REQUEST", ["materials[0].name"]),
        (application(form=to_struct({"owner": 1})), "APPLICATION_INVALID", ["form", "form.owner"]),
        (application(materials=[]), "APPLICATION_INVALID", ["materials"]),
    ],
)
@pytest.mark.usefixtures("unchanged")
def test_a_malformed_application_names_its_faults(
    town: Offices, request_: pb.SubmitCaseRequest, reason: str, fields: list[str]
) -> None:
    code, why, wrong = bare(town, f"Bearer {town.applicant.token_source.get()}", request_)
    assert (code, why) == ("INVALID_ARGUMENT", reason)
    assert set(fields) <= set(wrong)


@pytest.mark.usefixtures("unchanged")
def test_an_unknown_bundle_is_not_found(town: Offices) -> None:
    assert refusal(town.applicant.cases.SubmitCase, application(bundle_id="x")) == ("NOT_FOUND", "BUNDLE_NOT_FOUND", [])


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "data",
    [
        with_unknown_field(application()),
        application(materials=[]).SerializeToString() + b"\x22\x06\x0a\x01a\xfa\x3f\x00",
        b"\xff\xff\xff",
        application(form=None).SerializeToString() + nested(60).SerializeToString(),
        b"\x0a\x02\xc3\x28",
    ],
    ids=["unknown field", "unknown field inside", "no message", "mixed up", "no text"],
)
def test_what_the_contract_does_not_have_is_refused(town: Offices, data: bytes) -> None:
    error = raw(town, data)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    has_one_reason(error)


@pytest.mark.usefixtures("unchanged")
def test_a_form_that_is_nested_too_deep_to_be_read_is_refused(town: Offices) -> None:
    deep = b"\x0a\x05\x0a\x01a\x12\x00"
    for _ in range(150):
        value = b"\x2a" + varint(len(deep)) + deep
        entry = b"\x0a\x01a\x12" + varint(len(value)) + value
        deep = b"\x0a" + varint(len(entry)) + entry
    data = application(form=None).SerializeToString() + b"\x1a" + varint(len(deep)) + deep
    error = raw(town, data)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    has_one_reason(error)


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def has_one_reason(error: Any) -> None:
    """The trailer holds a google.rpc.Status with exactly one ErrorInfo."""
    (trailer,) = (value for key, value in error.trailing_metadata() if key == "grpc-status-details-bin")
    status = status_pb2.Status.FromString(trailer)
    infos = [detail for detail in status.details if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR)]
    assert len(infos) == 1
    assert status.code == error.code().value[0]


@pytest.mark.usefixtures("unchanged")
def test_a_message_beyond_the_largest_is_refused(town: Offices) -> None:
    assert raw(town, b"x" * (LARGEST_MESSAGE + 1)).code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.usefixtures("unchanged")
def test_an_error_with_many_long_faults_still_arrives(town: Offices) -> None:
    materials = [a_material("类" * 90) for _ in range(100)]
    code, reason, fields = refusal(town.applicant.cases.SubmitCase, application(materials=materials))
    assert (code, reason) == ("INVALID_ARGUMENT", "APPLICATION_INVALID")
    assert fields
    long = refusal(town.applicant.cases.GetCase, pb.GetCaseRequest(case_id="案" * 1000))
    assert long[:2] == ("NOT_FOUND", "CASE_NOT_FOUND")


def test_a_repeated_request_gets_the_first_answer(town: Offices) -> None:
    request = application()
    first = town.applicant.cases.SubmitCase(request)
    town.route(first.case.case_id)
    assert town.applicant.cases.SubmitCase(request) == first
    before = tables(town.database)
    other = application(request_id=request.request_id, form=to_struct({}))
    assert refusal(town.applicant.cases.SubmitCase, other) == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED", ["request_id"])
    assert tables(town.database) == before


def test_a_request_id_is_the_callers_own(town: Offices) -> None:
    request = application()
    mine, theirs = (each.cases.SubmitCase(request).case for each in (town.applicant, town.stranger))
    assert mine.case_id != theirs.case_id
    assert mine.applicant_id != theirs.applicant_id


def test_a_request_id_is_good_for_one_method(town: Offices) -> None:
    request = application()
    town.applicant.cases.SubmitCase(request)
    retry = operations_service_pb2.RetryIncidentRequest(request_id=new_id(), incident_id="x", reason="x")
    assert refusal(town.operator.operations.RetryIncident, retry)[:2] == ("NOT_FOUND", "INCIDENT_NOT_FOUND")
    assert refusal(town.operator.operations.RetryIncident, retry)[:2] == ("NOT_FOUND", "INCIDENT_NOT_FOUND")


def test_repeats_at_the_same_time_make_one_case(town: Offices) -> None:
    request = application()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: town.applicant.cases.SubmitCase(request), range(8)))
    assert len({answer.case.case_id for answer in answers}) == 1
    assert len({answer.case.case_number for answer in answers}) == 1


def test_every_error_says_one_reason_in_its_trailer(town: Offices) -> None:
    with town.edge.channel() as channel, pytest.raises(grpc.RpcError) as caught:
        CaseServiceStub(channel).GetCase(pb.GetCaseRequest(case_id="x"), timeout=20)
    has_one_reason(caught.value)
