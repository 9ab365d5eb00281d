"""Files that commands hand to eseal, read no further than it takes them."""

from pathlib import Path

MOST_SENT = 16_700_000
"""Bytes: what is longer reaches no platform; what is too long for a seal but shorter does, and is recorded there."""


def read(path: Path, most: int = 0) -> bytes:
    """A file, and no more of it than is taken anyway: it may be a device, or larger than this machine's memory.

    `most` bytes, by default as many as are judged. Raises Invalid UNKNOWN_FORMAT when it is empty, TOO_LARGE.
    """
    from chassis.problems import Invalid  # noqa: PLC0415 - only what a command needs is loaded
    from services.eseal.domain.findings import LARGEST_FILE  # noqa: PLC0415

    most = most or LARGEST_FILE
    with path.open("rb") as opened:
        content = opened.read(most + 1)
    if not content:
        raise Invalid("UNKNOWN_FORMAT", f"{path} is empty")
    if len(content) > most:
        raise Invalid("TOO_LARGE", f"{path} has more than {most} bytes, which is the most that is read")
    return content
