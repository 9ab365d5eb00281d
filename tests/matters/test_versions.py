"""Versions of packages and ranges of them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.matters.domain.versions import Version, within

# In the order that Semantic Versioning 2.0.0 gives them in its 11th clause, with more numbers.
ORDERED = [
    "0.9.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
    "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0",
]  # fmt: skip


def test_versions_are_ordered_as_the_specification_says() -> None:
    versions = [Version.of(text) for text in ORDERED]
    assert all(one < other for one, other in pairwise(versions))
    assert not any(other <= one for one, other in pairwise(versions))


@pytest.mark.parametrize(
    "text", ["", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0+5", "v1.0.0", "1.0.0\n"]
)
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no version"):
        Version.of(text)


@pytest.mark.parametrize(
    ("wanted", "fitting", "others"),
    [
        (">=1.0.0 <2.0.0", ["1.0.0", "1.10.0"], ["0.9.9", "2.0.0", "2.0.0-rc.1", "1.0.0-rc.1"]),
        ("^1.2.0", ["1.2.0", "1.9.9"], ["1.1.9", "2.0.0"]),
        ("^0.2.1", ["0.2.1", "0.2.9"], ["0.3.0", "0.2.0"]),
        ("^0.0.3", ["0.0.3"], ["0.0.4"]),
        ("1.2.0", ["1.2.0"], ["1.2.1"]),
        (">1.0.0 <=1.2.0", ["1.0.1", "1.2.0"], ["1.0.0", "1.2.1"]),
        (">=1.0.0-rc.1", ["1.0.0-rc.1", "1.0.0-rc.2", "1.0.0"], ["1.0.0-beta", "1.1.0-rc.1"]),
    ],
)
def test_ranges_hold_what_they_say(wanted: str, fitting: list[str], others: list[str]) -> None:
    assert [within(Version.of(text), wanted) for text in fitting] == [True] * len(fitting)
    assert [within(Version.of(text), wanted) for text in others] == [False] * len(others)


numbers = st.integers(min_value=0, max_value=999)


@given(st.tuples(numbers, numbers, numbers), st.tuples(numbers, numbers, numbers))
def test_releases_are_ordered_as_their_numbers(one: tuple[int, int, int], other: tuple[int, int, int]) -> None:
    first, second = (Version.of(".".join(map(str, each))) for each in (one, other))
    assert (first < second) == (one < other)
    assert within(first, f"<={'.'.join(map(str, other))}") == (one <= other)
