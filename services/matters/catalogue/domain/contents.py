"""Entries as JSON and back: what is empty is left out, so that a new element changes no entry that was kept before."""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from services.matters.catalogue.domain.element import Kind
from services.matters.catalogue.domain.elements import Content, Entry, elements, kind_of, lists_of


def content_of(entry: Entry) -> dict[str, Any]:
    """An entry as JSON, without its code."""
    said = _said(entry)
    for each in lists_of(type(entry)):
        if listed := [_said(row) for row in getattr(entry, each.key)]:
            said[each.key] = listed
    return said


def entry_of(code: str, content: Content) -> Entry:
    """An entry from JSON; keys that no element has are passed over."""
    kind = kind_of(code)
    values = _values(kind, content)
    for each in lists_of(kind):
        values[each.key] = tuple(each.row(**_values(each.row, row)) for row in content.get(each.key, ()))
    return kind(code=code, **values)


def plain(value: Any) -> Any:
    """The value of an element as JSON."""
    if isinstance(value, date):
        return value.isoformat()
    return list(value) if isinstance(value, tuple) else value


def digest(content: Content) -> str:
    """SHA-256 of a content."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def parted(code: str, content: Content) -> tuple[dict[str, Any], dict[str, Any]]:
    """What belongs to the office and its place, and what many offices may have alike."""
    placed = {each.key for each in elements(kind_of(code)) if each.placed}
    here = {key: value for key, value in content.items() if key in placed}
    return here, {key: value for key, value in content.items() if key not in placed}


def _said(record: Any) -> dict[str, Any]:
    given = {each.key: (getattr(record, each.key), each.empty) for each in elements(type(record))}
    return {key: plain(value) for key, (value, empty) in given.items() if value != empty}


def _values(kind: type[Any], content: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for each in elements(kind):
        if (value := content.get(each.key, each.empty)) != each.empty:
            if each.kind is Kind.DATE:
                value = date.fromisoformat(value)
            elif each.kind is Kind.CHOICES:
                value = tuple(value)
            values[each.key] = value
    return values
