"""What a confined process gives is believed no further than it has to be."""

import hashlib

import pytest

from services.eseal.pdf.prepared import Prepared

FILE, GAP = b"%PDF-1.7 a file", b"<00000000>"
ADDITION = b" more " + GAP + b" end"
START = len(FILE) + 6


def test_the_digest_is_that_of_the_file_handed_in_and_what_was_appended() -> None:
    prepared = Prepared.appended(FILE, ADDITION, START, START + len(GAP), 4)
    assert prepared.digest == hashlib.sha256(FILE + b" more " + b" end").digest()
    assert prepared.sealed(b"\x01\x02") == FILE + b" more <01020000> end"


@pytest.mark.parametrize(
    ("start", "end", "room"),
    [
        (START, START + len(GAP), 5),
        (START + 1, START + len(GAP), 4),
        (START, START + len(GAP) - 1, 4),
        (-len(GAP) - 4, -4, 4),
        (START, 10_000, 4),
    ],
)
def test_a_place_that_is_no_room_for_the_signature_is_refused(start: int, end: int, room: int) -> None:
    with pytest.raises(ValueError, match="no room"):
        Prepared.appended(FILE, ADDITION, start, end, room)


def test_room_in_the_file_handed_in_is_none() -> None:
    with pytest.raises(ValueError, match="no room"):
        Prepared.appended(FILE + GAP, b" end", len(FILE), len(FILE + GAP), 4)
