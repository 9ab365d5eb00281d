"""Versions of packages, after Semantic Versioning 2.0.0 without build metadata, and ranges of them."""

import re
from dataclasses import dataclass
from functools import total_ordering
from typing import Self

_NUMBER = "(?:0|[1-9][0-9]{0,8})"
_LABEL = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
VERSION_PATTERN = rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{_LABEL}(?:\.{_LABEL})*)?"
_BOUND = rf"(?:>=|<=|>|<|=|\^)?{VERSION_PATTERN}"
RANGE_PATTERN = rf"{_BOUND}(?: {_BOUND})*"
_PARTS = re.compile(rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-(.+))?")


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A version; `labels` are those of a pre-release, which comes before the release itself."""

    release: tuple[int, int, int]
    labels: tuple[str, ...] = ()

    @classmethod
    def of(cls, text: str) -> Self:
        """Read a version such as "1.4.0" or "2.0.0-rc.1". Raises ValueError when the text is none."""
        found = _PARTS.fullmatch(text) if re.fullmatch(VERSION_PATTERN, text) else None
        if found is None:
            message = f"{text!r} is no version: write three numbers, such as 1.4.0"
            raise ValueError(message)
        major, minor, patch, labels = found.groups()
        return cls((int(major), int(minor), int(patch)), tuple(labels.split(".")) if labels else ())

    def __lt__(self, other: "Version") -> bool:
        return self._key() < other._key()

    def _key(self) -> tuple[object, ...]:
        # Numbers come before words; fewer labels before more; none at all, the release, last (SemVer 2.0.0, 11).
        labels = tuple((0, int(label), "") if label.isdigit() else (1, 0, label) for label in self.labels)
        return self.release, not self.labels, labels


def within(version: Version, wanted: str) -> bool:
    """Whether a version lies in a range: bounds such as ">=1.0.0 <2.0.0", or "^1.2.0" for 1.2.0 up to 2.0.0.

    A bare version means itself alone. A pre-release is meant only where a bound names one of the same release.
    """
    bounds = [_bound(text) for text in wanted.split(" ")]
    if version.labels and not any(bound.labels and bound.release == version.release for _, bound in bounds):
        return False
    return all(_holds(version, operator, bound) for operator, bound in bounds)


def _bound(text: str) -> tuple[str, Version]:
    operator = re.match(r"[<>=^]*", text)
    assert operator is not None  # noqa: S101 - the pattern matches the empty text too
    return operator[0] or "=", Version.of(text[operator.end() :])


def _holds(version: Version, operator: str, bound: Version) -> bool:
    match operator:
        case ">=":
            return version >= bound
        case "<=":
            return version <= bound
        case ">":
            return version > bound
        case "<":
            return version < bound
        case "^":
            return bound <= version < _next_breaking(bound)
        case _:
            return version == bound


def _next_breaking(version: Version) -> Version:
    """The first version that may break what fits this one: of 0.x each minor one may."""
    major, minor, patch = version.release
    if major:
        return Version((major + 1, 0, 0))
    return Version((0, minor + 1, 0)) if minor else Version((0, 0, patch + 1))
