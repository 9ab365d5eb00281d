"""`duokua case migrate`, against an api that runs: told first, done with --apply."""

import pytest

from tests.cases.edge.test_case_migration import a_bundle_of_its_own, check
from tests.cli.test_operating import Desk, desk

__all__ = ["desk"]


def asking(bundle_id: str, *options: str) -> tuple[str, ...]:
    return ("case", "migrate", bundle_id, "--from", "1", "--to", "2", "--reason", "新规施行", *options)


def test_without_apply_it_is_told_what_would_be_and_nothing_is_changed(desk: Desk) -> None:
    bundle_id, (first, begun) = a_bundle_of_its_own(desk.town, 2)
    check(desk.town, begun)
    told = desk.run(*asking(bundle_id, "--map", "sign=poster"))
    assert told.exit_code == 1, "one is refused"
    for words in (
        "sign waiting → gone, poster new → waiting",
        "MIGRATION_MAPPING",
        "1 case could be migrated, 1 refused",
        "--apply does it",
    ):
        assert words in told.stdout
    assert desk.town.row(first).bundle_version == 1
    answer = desk.json(*asking(bundle_id, "--map", "sign=poster", "--case", first, "--apply"))
    assert answer["summary"] == {"migrated": 1, "possible": 0, "unchanged": 0, "refused": 0}
    assert answer["outcomes"][0]["outcome"] == "CASE_MIGRATION_MIGRATED"
    assert desk.town.row(first).bundle_version == 2
    again = desk.run(*asking(bundle_id, "--map", "sign=", "--case", first, "--apply"))
    assert "0 cases migrated, 1 run version 2 already, 0 refused" in again.stdout


def test_there_may_be_nothing_to_migrate(desk: Desk) -> None:
    bundle_id, _ = a_bundle_of_its_own(desk.town, 0)
    told = desk.run(*asking(bundle_id, "--map", "sign=poster", "--most", "5"))
    assert (told.exit_code, f"no case runs version 1 of {bundle_id}" in told.stdout) == (0, True)
    assert told.stdout.endswith("0 cases could be migrated, 0 refused\nnothing was changed\n")


def test_a_mapping_that_is_none_is_not_sent_and_a_wrong_one_is_told(desk: Desk) -> None:
    bundle_id, _ = a_bundle_of_its_own(desk.town, 0)
    assert desk.run(*asking(bundle_id, "--map", "sign")).exit_code == 2
    refused = desk.run(*asking(bundle_id))
    assert (refused.exit_code, getattr(refused.exception, "reason", "")) == (1, "MIGRATION_MAPPING")


@pytest.mark.parametrize("option", ["--from", "--to", "--reason"])
def test_versions_and_reason_have_to_be_said(desk: Desk, option: str) -> None:
    words = list(asking("open-shop"))
    place = words.index(option)
    assert desk.run(*words[:place], *words[place + 2 :]).exit_code == 2
