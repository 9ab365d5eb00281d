import pytest
from google.protobuf.wrappers_pb2 import StringValue
from hypothesis import given
from hypothesis import strategies as st

from chassis.bus.events import (
    MOST_ATTEMPTS,
    Envelope,
    UndecodableEventError,
    decode,
    event_type,
    from_headers,
    to_headers,
)
from tests.chassis.bus.buses import envelope

words = st.text(min_size=1, max_size=40)


@given(
    st.builds(
        Envelope,
        id=words,
        type=words,
        source=words,
        subject=st.text(max_size=40),
        time=words,
        body=st.binary(max_size=100),
        traceparent=st.text(max_size=55),
        attempts=st.integers(0, 100),
    )
)
def test_reading_headers_gives_what_was_written(sent: Envelope) -> None:
    assert from_headers(to_headers(sent), sent.body) == sent


def test_headers_carry_the_cloudevents_attributes() -> None:
    sent = envelope("duokua.cases.v1.CaseSubmitted")
    assert to_headers(sent) == {
        "cloudEvents:specversion": "1.0",
        "cloudEvents:id": sent.id,
        "cloudEvents:source": "/services/sender",
        "cloudEvents:type": "duokua.cases.v1.CaseSubmitted",
        "cloudEvents:subject": "case-1",
        "cloudEvents:time": "2026-01-01T00:00:00.000Z",
        "traceparent": sent.traceparent,
    }


@pytest.mark.parametrize(("told", "believed"), [(-3, 0), (2**40, MOST_ATTEMPTS), ("many", 0), (2, 2)])
def test_attempts_are_believed_within_reason(told: object, believed: int) -> None:
    headers = {**to_headers(envelope()), "duokua-attempts": told}
    assert from_headers(headers, b"").attempts == believed


def test_the_other_separator_of_the_binding_is_understood() -> None:
    headers = {name.replace(":", "_"): value for name, value in to_headers(envelope()).items()}
    assert from_headers(headers, b"").type == "test.Parcel"


@pytest.mark.parametrize("missing", ["id", "source", "type", "specversion"])
def test_a_message_without_a_required_attribute_is_undecodable(missing: str) -> None:
    headers = to_headers(envelope())
    del headers[f"cloudEvents:{missing}"]
    with pytest.raises(UndecodableEventError):
        from_headers(headers, b"")


def test_a_body_that_is_no_such_message_is_undecodable() -> None:
    with pytest.raises(UndecodableEventError, match=r"no google\.protobuf\.StringValue"):
        decode(StringValue, b"\x0a\xff")


def test_an_event_travels_under_its_full_name() -> None:
    assert event_type(StringValue) == "google.protobuf.StringValue"
