"""`duokua case form` and `case submit --check`, against an api that runs."""

import json

from tests.cases.builders import a_form, tables
from tests.cases.edge.test_applications import BUNDLE, published
from tests.cli.test_applications import Portal, portal, shared
from tests.cli.test_submitting import an_application

__all__ = ["portal", "shared"]


def test_what_is_asked_is_shown_with_the_answers_so_far(portal: Portal) -> None:
    published(portal.town)
    answers = portal.file("f.yaml", "shop: {area: 120}")
    told = portal.run("form", BUNDLE, "--form", answers).output.splitlines()
    assert "still to be filled in: shop.region, owner" in told
    assert "fire\t消防\tno" in told
    assert "photo\t照片\tno\tno\t\t" in told
    answer = json.loads(portal.run("form", BUNDLE, "--json").output)
    assert answer["open_fields"] == ["shop.region", "owner"]


def test_a_check_says_whether_an_application_would_be_taken_and_hands_nothing_in(portal: Portal) -> None:
    published(portal.town)
    before = tables(portal.town.database)
    good = portal.file("good.json", json.dumps(an_application(portal.folder, bundle=BUNDLE)))
    told = portal.run("submit", "--application", good, "--check")
    assert (told.exit_code, told.output) == (0, "the application would be taken; nothing was handed in\n")
    form = {**a_form(area=950), "owner": "韩梅梅"}
    bad = portal.file("bad.json", json.dumps(an_application(portal.folder, bundle=BUNDLE, form=form)))
    told = portal.run("submit", "--application", bad, "--check")
    assert told.exit_code == 1
    assert "refused: form.owner: 不得申请 [owner]" in told.output.splitlines()
    assert "note: 面积过大 (Too large) [small]" in told.output.splitlines()
    assert told.output.endswith("would be refused for 2 faults; nothing was handed in\n")
    answer = portal.run("submit", "--application", bad, "--check", "--json")
    assert (answer.exit_code, json.loads(answer.output)["acceptable"]) == (1, False)
    assert tables(portal.town.database) == before
