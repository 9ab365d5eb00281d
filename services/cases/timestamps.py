"""Times as protobuf has them."""

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp


def stamp(at: datetime | None) -> Timestamp | None:
    """An aware time as protobuf has it; None stays unset."""
    if at is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(at.astimezone(UTC))
    return timestamp
