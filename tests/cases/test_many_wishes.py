"""However many clients wait, and whatever they say they handle, each office gets its tasks."""

from services.cases.dispatch import MOST_OFFICES, Waiter, by_office
from services.cases.tasks import MOST_CODES, Wish
from tests.cases.builders import Town, code


def test_codes_that_clients_make_up_keep_nobody_from_their_tasks(town: Town) -> None:
    town.running()
    made_up = [
        Wish("noise", frozenset(f"{client:04d}{number:08d}" for number in range(100)), 1000, f"client:{client}")
        for client in range(300)
    ]
    with town.database.begin() as work:
        leased, _ = town.tasks.lease(work, [*made_up, Wish("food", frozenset({code(2)}), 1, "client:food")])
    assert [len(tasks) for tasks in leased] == [0] * 300 + [1]


def test_an_office_with_more_codes_than_a_query_names_still_gets_only_what_it_asked_for(town: Town) -> None:
    town.running()
    others = frozenset(f"9{number:011d}" for number in range(MOST_CODES + 1))
    with town.database.begin() as work:
        leased, _ = town.tasks.lease(work, [Wish("food", others, 5, "client:a")])
        assert leased == [[]]
        leased, _ = town.tasks.lease(work, [Wish("food", others | {code(2)}, 5, "client:a")])
        assert [task.catalog_code for task in leased[0]] == [code(2)]


def test_tasks_go_to_the_client_of_an_office_that_has_most_room(town: Town) -> None:
    for _ in range(3):
        town.running()
    with town.database.begin() as work:
        wishes = [Wish("food", frozenset(), 1, "client:a"), Wish("food", frozenset(), 3, "client:b")]
        leased, _ = town.tasks.lease(work, wishes)
    assert [len(tasks) for tasks in leased] == [1, 2]


def test_clients_of_one_office_are_looked_for_together_and_offices_in_groups() -> None:
    waiters = [Waiter(f"organ-{number % (MOST_OFFICES + 1)}", frozenset(), "client:a", 1) for number in range(150)]
    groups = list(by_office(waiters))
    assert [len({waiter.organ_id for waiter in group}) for group in groups] == [MOST_OFFICES, 1]
    assert sum(map(len, groups)) == len(waiters)
