"""The platform's data elements at the command line."""

import json

import pytest
from typer.testing import CliRunner

from cli.main import app

RUNNER = CliRunner()


def test_the_elements_are_found_by_a_word_of_their_name() -> None:
    result = RUNNER.invoke(app, ["scenario", "elements", "信用代码"])
    assert result.exit_code == 0
    _, line = result.output.splitlines()
    assert line.split("\t")[:2] == ["uscc", "统一社会信用代码"]


def test_an_element_as_json_is_the_field_that_it_makes() -> None:
    result = RUNNER.invoke(app, ["scenario", "elements", "resident-id", "--json"])
    (element,) = json.loads(result.output)
    assert (element["id"], element["format"], element["x-standard"]) == ("resident-id", "resident-id", "GB 11643-1999")


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_word_that_no_element_has_finds_nothing(options: list[str]) -> None:
    result = RUNNER.invoke(app, ["scenario", "elements", "nothing-like-it", *options])
    assert result.exit_code == 0
    assert result.output.strip() in {"[]", "no data element has 'nothing-like-it' in its id or name"}
