"""The bodies of dead letters: read where they can be, and never an error."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from cli.event_bodies import CONTRACTS, decoded
from duokua.cases.v1 import events_pb2
from tests.docs.pages import ROOT

TYPES = [name.full_name for contract in CONTRACTS for name in contract.DESCRIPTOR.message_types_by_name.values()]


def test_an_event_is_read_by_its_contract() -> None:
    event = events_pb2.StepRefused(case=events_pb2.CaseRef(case_id="c1"), reason="经营面积不足")
    read = decoded(event.DESCRIPTOR.full_name, event.SerializeToString())
    assert read is not None
    assert (read["case"]["case_id"], read["reason"]) == ("c1", "经营面积不足")


def test_every_contract_with_events_is_known() -> None:
    files = {path.parents[1].name for path in (ROOT / "proto" / "duokua").rglob("events.proto")}
    assert {contract.DESCRIPTOR.package.split(".")[1] for contract in CONTRACTS} == files


@pytest.mark.parametrize(
    ("event_type", "body"),
    [
        ("", b""),
        ("some.Unknown", b"hello"),
        ("no type at all\0", b""),
        (events_pb2.CaseSubmitted.DESCRIPTOR.full_name, b"\xff\xfe"),
        (Timestamp.DESCRIPTOR.full_name, Timestamp(seconds=2**62).SerializeToString()),
    ],
)
def test_what_cannot_be_read_is_nothing(event_type: str, body: bytes) -> None:
    assert decoded(event_type, body) is None


@given(st.sampled_from(TYPES) | st.text(), st.binary(max_size=200))
def test_anything_may_come_as_a_body(event_type: str, body: bytes) -> None:
    read = decoded(event_type, body)
    assert read is None or isinstance(read, dict)
