"""What is exported says the same when it is imported, in every form."""

import io
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from services.matters.catalogue.domain.elements import Content
from services.matters.catalogue.files.csvs import guarded, unguarded
from services.matters.catalogue.files.writing import write_csvs, write_workbook
from services.matters.catalogue.files.yamls import write_documents
from tests.matters.catalogue.builders import ITEM, TASK, read
from tests.matters.catalogue.strategies import contents

Entries = Sequence[tuple[str, Content]]
both = st.tuples(contents(ITEM), contents(TASK)).map(lambda said: list(zip((ITEM, TASK), said, strict=True)))


def excel(entries: Entries) -> list[tuple[str, bytes]]:
    file = io.BytesIO()
    write_workbook(entries, file)
    return [("catalogue.xlsx", file.getvalue())]


def csvs(entries: Entries) -> list[tuple[str, bytes]]:
    return list(write_csvs(entries))


def yaml(entries: Entries) -> list[tuple[str, bytes]]:
    return [("catalogue.yaml", "".join(write_documents(entries)).encode())]


def without_empty(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None and value != []}


@pytest.mark.parametrize("write", [excel, csvs, yaml])
@given(entries=both)
@settings(max_examples=30)
def test_what_is_exported_is_imported_as_it_was(write: object, entries: Entries) -> None:
    assert callable(write)
    said = read(*write(entries))
    assert said.findings.faults == said.findings.notices == []
    found = {
        each.code: {key: value for key, value in each.values.items() if value not in (None, [])}
        for each in said.entries
    }
    assert found == dict(entries)


@given(st.text(st.sampled_from("'=+-@\t1a＝")))
def test_guarded_text_is_no_formula_and_is_found_again(text: str) -> None:
    assert unguarded(guarded(text)) == text
    assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "＝"))


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "@SUM(A1)", "-2", "＝1+1"])
def test_no_exported_cell_is_a_formula(text: str) -> None:
    entries = [(ITEM, {"name": text, "legal_basis": "法"})]
    [(_, content)] = excel(entries)
    cell = load_workbook(io.BytesIO(content))["基本目录"]["C2"]
    assert (cell.value, cell.data_type, cell.quotePrefix) == (text, "s", True)
    lines = dict(csvs(entries))["基本目录.csv"]
    assert f",'{text}," in lines.decode().replace('"', "")


def test_codes_are_text_in_a_workbook_so_that_editing_keeps_their_zeros() -> None:
    [(_, content)] = excel([(TASK, {"name": "甲"})])
    row = load_workbook(io.BytesIO(content))["实施清单"][2]
    assert [cell.number_format for cell in row[:5]] == ["@", "General", "@", "General", "@"]
