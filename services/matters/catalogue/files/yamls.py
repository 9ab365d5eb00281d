"""The catalogue as YAML: one document an entry, with the elements' own keys."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from services.matters.catalogue.domain.contents import plain
from services.matters.catalogue.domain.element import Rows
from services.matters.catalogue.domain.elements import Content, Implementation, elements, kind_of, lists_of
from services.matters.catalogue.domain.rules import Slip, code_of, limit_slips, missing_in
from services.matters.catalogue.domain.values import WrongValueError, code_text, value_of
from services.matters.catalogue.files.assembling import MOST_ENTRIES, Given, TooManyEntriesError
from services.matters.catalogue.files.tables import FileFault, Findings
from services.matters.package.faults import Faults, Path, did_you_mean, spell
from services.matters.package.source import Source, read_documents

ITEM, TASK, HANDLING = "catalogue_item", "implementation", "handling_item"
CODE_KEYS = {ITEM: "catalog_code", TASK: "task_code", HANDLING: "handling_code"}
"""The first key of a document, which says what it is, and has its code."""
_LIKE_DATA = re.compile(r"[-+.0-9].*|~|null|true|false|yes|no|on|off|y|n", re.IGNORECASE | re.DOTALL)


def read_documents_of(name: str, text: str, findings: Findings) -> Iterator[Given]:
    """What each document of a file says of an entry; wrong ones are faults."""
    found, codes = Faults(), dict[str, int]()
    for source in read_documents(name, text, found):
        given = _Document(source, findings).given()
        if given is None:
            continue
        if given.code in codes:
            given.faulty = True
            say = f"is about {given.code}, as line {codes[given.code]} is: keep one of the two"
            findings.fault(FileFault(name, given.row, "", say, given.code))
        if len(codes) >= MOST_ENTRIES:
            raise TooManyEntriesError
        codes.setdefault(given.code, given.row)
        yield given
    for each in found.all():
        findings.fault(FileFault(name, each.line, each.path, each.message))


def write_documents(entries: Iterable[tuple[str, Content]]) -> Iterator[str]:
    """Entries with their codes, each as a document; codes of lists are written as their names."""
    for code, content in entries:
        key = ITEM if kind_of(code) is not Implementation else TASK if len(code) == 31 else HANDLING
        said = {key: code, **_named(kind_of(code), content)}
        for listed in lists_of(kind_of(code)):
            if rows := content.get(listed.key):
                said[listed.key] = [_named(listed.row, row) for row in rows]
        yield yaml.dump(said, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=10**6, explicit_start=True)


def _named(kind: type[Any], content: Mapping[str, Any]) -> dict[str, Any]:
    said = {}
    for each in elements(kind):
        if each.key in content:
            value = content[each.key]
            if each.codes is not None:
                value = (
                    [each.codes.name_of(code) for code in value]
                    if isinstance(value, list)
                    else each.codes.name_of(value)
                )
            said[each.key] = value
    return said


class _Dumper(yaml.CSafeDumper):
    """Writes text that could be taken for a number or a word of YAML in quotes, and several lines as a block."""


def _text(dumper: yaml.CSafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else "'" if _LIKE_DATA.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


class _Document:
    """One document, and what is wrong with it."""

    def __init__(self, source: Source, findings: Findings) -> None:
        self._source = source
        self._findings = findings
        self._faulty = False

    def given(self) -> Given | None:
        """What it says; None when it does not say of what."""
        data = self._source.data
        if not isinstance(data, dict) or not (keys := [key for key in CODE_KEYS if key in data]):
            self._fault((), f"is no entry: begin it with one of {', '.join(CODE_KEYS)} and its code")
            return None
        if len(keys) > 1:
            self._fault((keys[1],), f"is said beside {keys[0]}: one document is about one of them")
            return None
        code = self._code(keys[0], data[keys[0]])
        if not code:
            return None
        kind = kind_of(code)
        values = self._values(kind, {key: value for key, value in data.items() if key != keys[0]}, ())
        wrong = [key for key in data if key not in values]
        return Given(code, self._source.file, self._line(()), values, self._faulty, wrong)

    def _code(self, key: str, given: Any) -> str:
        try:
            parts = {CODE_KEYS[key]: code_text(given)}
        except WrongValueError as wrong:
            self._fault((key,), str(wrong))
            return ""
        code, slips = code_of(parts, implementation=key != ITEM)
        for slip in slips:
            self._fault((key,), slip.message)
        return code

    def _values(self, kind: type[Any], data: Mapping[str, Any], path: Path) -> dict[str, Any]:
        known = {each.key: each for each in elements(kind)}
        listed = {} if path else {each.key: each for each in lists_of(kind)}
        values: dict[str, Any] = {}
        for key, value in data.items():
            if key in listed:
                values[key] = self._rows(listed[key], value)
            elif key not in known:
                self._fault((*path, key), f"is no element{did_you_mean(key, [*known, *listed])}")
            else:
                try:
                    read = value_of(known[key], value)
                    values[key] = plain(read) if read != known[key].empty else None
                except WrongValueError as wrong:
                    self._fault((*path, key), str(wrong))
        return values

    def _rows(self, listed: Rows, given: Any) -> list[dict[str, Any]]:
        if given is None:
            return []
        if not isinstance(given, list) or len(given) > listed.most:
            self._fault((listed.key,), f"should be a list of at most {listed.most} rows")
            return []
        rows = []
        for number, row in enumerate(given):
            path = (listed.key, number)
            if not isinstance(row, dict):
                self._fault(path, "should be a mapping, such as {name: ...}")
                continue
            said = {key: value for key, value in self._values(listed.row, row, path).items() if value is not None}
            record = listed.row(**said)
            for slip in (*missing_in(record), *limit_slips(record)):
                self._slip(path, slip)
            rows.append(said)
        return rows

    def _slip(self, path: Path, slip: Slip) -> None:
        # What was wrong and could not be read is not missing too.
        if (*path, slip.key) not in self._source.values:
            self._fault((*path, slip.key), slip.message)

    def _fault(self, path: Path, message: str) -> None:
        self._faulty = True
        self._findings.fault(FileFault(self._source.file, self._line(path), spell(path), message))

    def _line(self, path: Path) -> int:
        return self._source.fault(path, "", at_key=path in self._source.keys).line
