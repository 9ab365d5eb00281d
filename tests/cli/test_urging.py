"""`duokua case urge`, `duokua case extend` and `duokua case urges`, against an api that runs."""

import json
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from duokua.matters.v1 import bundle_pb2
from tests.cases.builders import a_bundle, accepting, taken
from tests.cases.offices import Offices, offices


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Offices]:
    with offices(tmp_path_factory.mktemp("edge")) as made:
        yield made


def run(town: Offices, *arguments: str) -> Result:
    settings = town.edge.settings
    environment = {
        "DUOKUA_DATA_DIR": str(settings.data_dir),
        "DUOKUA_ENDPOINTS": settings.listen,
        "COLUMNS": "200",
    }
    return CliRunner(env=environment).invoke(app, list(arguments))


def test_an_office_is_urged_and_that_is_counted(town: Offices) -> None:
    (case_id,) = town.opened()
    told = run(town, "case", "urge", case_id, "food", "--reason", "周五开业")
    assert told.stdout == "told about food: 第1局\n"
    as_json = json.loads(run(town, "case", "urge", case_id, "sign", "--reason", "周五开业", "--json").stdout)
    assert (as_json["kind"], as_json["organ_id"], as_json["reason"]) == (
        "URGE_KIND_URGE",
        town.sign_organ,
        "周五开业",
    )
    counts = json.loads(run(town, "case", "urges", "--organ", town.food_organ, "--json").stdout)
    assert [(each["organ_id"], each["urges"], each["supervisions"]) for each in counts] == [(town.food_organ, 1, 0)]
    printed = run(town, "case", "urges", "--from", "2020-01-01").stdout
    titles, *rows = (line.split("\t") for line in printed.splitlines())
    assert titles == ["office", "name", "urged", "supervised", "by a clock", "late steps"]
    assert [row[0] for row in rows] == sorted([town.food_organ, town.sign_organ])
    assert run(town, "case", "urges", "--until", "2020-01-01").stdout == "no office was urged\n"


def test_what_cannot_be_supervised_is_one_clear_message(town: Offices) -> None:
    (case_id,) = town.opened()
    refused = run(town, "case", "urge", case_id, "food", "--supervise", "--reason", "late")
    assert refused.exit_code != 0
    assert "no organ above" in str(refused.exception)


def test_a_limit_is_extended_once_at_the_command_line(town: Offices) -> None:
    bundle = a_bundle(bundle_id="timed-shop")
    limit = bundle_pb2.Limit(amount=45, unit=bundle_pb2.TIME_UNIT_HOUR, longest_extension=15)
    bundle.limits.statutory.CopyFrom(limit)
    bundle.steps[1].limits.statutory.CopyFrom(limit)
    town.publish(bundle)
    case_id = town.submit(bundle_id="timed-shop")
    town.route(case_id)
    town.complete("check")
    taken(town.answer(accepting(town.one("food"))))
    why = ("--reason", "案情复杂", "--authority", "王市长")
    whole = run(town, "case", "extend", case_id, "--amount", "15", *why)
    assert whole.stdout.startswith("the case has 60.0 hours now, due 20"), whole.output
    step = run(town, "case", "extend", case_id, "--step", "food", "--amount", "5", *why, "--json")
    assert json.loads(step.stdout)["extensions"][0]["authority"] == "王市长"
    again = run(town, "case", "extend", case_id, "--amount", "1", *why)
    assert again.exit_code != 0
    assert "that is done once" in str(again.exception)
    assert run(town, "case", "extend", case_id, "--amount", "0", *why).exit_code == 2
