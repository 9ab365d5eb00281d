"""Tree heads of the case log as JSON has them."""

from datetime import UTC
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from duokua.cases.v1 import log_pb2


def head_as_json(head: log_pb2.TreeHead) -> dict[str, Any]:
    """A head as files of proofs have it."""
    return {
        "size": head.size,
        "root": head.root.hex(),
        "cases": head.cases,
        "cases_root": head.cases_root.hex(),
        "at": instant(head.at),
        "key_id": head.key_id,
        "signature": head.signature.hex(),
    }


def instant(at: Timestamp) -> str:
    """A time as it is hashed and signed: RFC 3339 in UTC with milliseconds."""
    return at.ToDatetime(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
