"""The life of a seal and who may use it for what, whatever is tried in whatever order."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.problems import Conflict, Forbidden, Problem
from services.eseal.domain.seal import ALL, IN_USE, ON_THE_WAY, Act, Kind, Seal, State, Suite, perform
from services.eseal.domain.use import Purpose, Refusal, choose, refused, refused_by_hand
from tests.eseal.builders import NOON

ACTS = st.lists(
    st.tuples(st.sampled_from([act for act in Act if act is not Act.APPLIED]), st.sampled_from("abc")), max_size=30
)
ENDS = {State.REJECTED, State.REVOKED, State.REPLACED}
CODES = ("330131903000", "331031902000")


def seal(**changes: object) -> Seal:
    usual = Seal(
        seal_id="s1",
        organ_id="o1",
        organ_name="局",
        kind=Kind.ORGAN,
        suite=Suite.INTERNATIONAL,
        name="局",
        matters=(ALL,),
        served_organs=(),
        years=5,
        outside=False,
        applied_by="a",
        applied_at=NOON,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def in_use(**changes: object) -> Seal:
    usual: dict[str, object] = {
        "state": State.ACTIVE,
        "valid_from": NOON,
        "valid_until": NOON + timedelta(days=1),
    }
    return seal(**(usual | changes))


@given(ACTS)
def test_no_seal_is_used_that_a_second_person_did_not_approve_and_none_comes_back_from_its_end(
    tried: list[tuple[Act, str]],
) -> None:
    now, done = seal(), []
    for act, actor in tried:
        try:
            after = perform(now, act, actor)
        except Problem:
            continue
        assert now.state not in ENDS or (now.state, after.state) == (State.REPLACED, State.REVOKED)
        done.append((act, actor))
        now = after
    if now.state in IN_USE | {State.APPROVED, State.MADE, State.REVOKED, State.REPLACED}:
        assert [actor for act, actor in done if act is Act.APPROVED] in (["b"], ["c"])
    if now.state in IN_USE:
        assert [act for act, _ in done][:3] == [Act.APPROVED, Act.MADE, Act.ACTIVATED]
    assert (now.state in IN_USE) + (now.state in ON_THE_WAY) + (now.state in ENDS) == 1


@pytest.mark.parametrize("state", State)
def test_every_act_has_states_in_which_it_is_refused_and_changes_nothing(state: State) -> None:
    possible = set()
    for act in Act:
        if act is Act.APPLIED:
            continue
        try:
            perform(seal(state=state), act, "b")
            possible.add(act)
        except Conflict as refusal:
            assert refusal.reason == "WRONG_SEAL_STATE"  # noqa: PT017 - which acts are possible is asserted below
    assert possible == {
        State.APPLIED: {Act.APPROVED, Act.REJECTED},
        State.APPROVED: {Act.MADE, Act.REVOKED},
        State.MADE: {Act.ACTIVATED, Act.REVOKED},
        State.ACTIVE: {Act.SUSPENDED, Act.REVOKED, Act.REPLACED},
        State.SUSPENDED: {Act.RESUMED, Act.REVOKED},
        State.REPLACED: {Act.REVOKED},
    }.get(state, set())


def test_the_applicant_may_reject_but_not_approve() -> None:
    with pytest.raises(Forbidden) as raised:
        perform(seal(), Act.APPROVED, "a")
    assert raised.value.reason == "FOUR_EYES"
    assert perform(seal(), Act.REJECTED, "a").state is State.REJECTED


SEALS = st.lists(
    st.builds(
        in_use,
        seal_id=st.uuids().map(str),
        kind=st.sampled_from(Kind),
        state=st.sampled_from(State),
        matters=st.sets(st.sampled_from((ALL, *CODES))).map(tuple),
        served_organs=st.sets(st.sampled_from(("o2", "o3"))).map(tuple),
        valid_until=st.sampled_from((NOON, NOON + timedelta(days=1))),
    ),
    max_size=6,
)


@given(SEALS, st.sampled_from(("o1", "o2", "o4")), st.sampled_from(("", *CODES)))
def test_a_seal_that_is_chosen_may_be_used_and_a_refusal_says_why(seals: list[Seal], organ: str, code: str) -> None:
    purpose = Purpose("o1", organ, code)
    chosen = choose(seals, purpose, NOON)
    if isinstance(chosen, Refusal):
        assert chosen.reason
        assert chosen.description
        return
    assert refused(chosen, purpose, NOON) is None
    assert chosen.state is State.ACTIVE
    assert chosen.kind is not Kind.PERSONAL
    assert ALL in chosen.matters or code in chosen.matters
    assert organ == "o1" or organ in chosen.served_organs
    assert chosen.valid_until is not None
    assert chosen.valid_until > NOON


@given(SEALS, st.randoms())
def test_the_choice_does_not_hang_on_the_order(seals: list[Seal], random: object) -> None:
    shuffled = list(seals)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    purpose = Purpose("o1", "o1", CODES[0])
    assert choose(seals, purpose, NOON) == choose(shuffled, purpose, NOON)


def test_the_seal_that_is_meant_most_closely_decides_even_when_it_may_not_be_used() -> None:
    own = in_use(seal_id="own")
    narrow = in_use(seal_id="narrow", kind=Kind.SPECIAL, matters=CODES[:1])
    purpose = Purpose("o1", "o1", CODES[0])
    assert choose([own, narrow], purpose, NOON) == narrow
    assert choose([own, narrow], Purpose("o1", "o1", CODES[1]), NOON) == own
    suspended = replace(narrow, state=State.SUSPENDED)
    refusal = choose([own, suspended], purpose, NOON)
    assert isinstance(refusal, Refusal)
    assert (refusal.seal_id, refusal.reason) == ("narrow", "SEAL_SUSPENDED")


@pytest.mark.parametrize(
    ("changes", "purpose", "reason"),
    [
        ({"state": State.REVOKED}, Purpose("o1", "o1", CODES[0]), "NO_SEAL"),
        ({"state": State.MADE}, Purpose("o1", "o1", CODES[0]), "NO_SEAL"),
        ({"kind": Kind.PERSONAL}, Purpose("o1", "o1", CODES[0]), "NO_SEAL"),
        ({"state": State.SUSPENDED}, Purpose("o1", "o1", CODES[0]), "SEAL_SUSPENDED"),
        ({"valid_until": NOON}, Purpose("o1", "o1", CODES[0]), "SEAL_EXPIRED"),
        ({"valid_from": NOON + timedelta(seconds=1)}, Purpose("o1", "o1", CODES[0]), "SEAL_NOT_YET_VALID"),
        ({}, Purpose("o1", "o2", CODES[0]), "SEAL_NOT_FOR_ORGAN"),
        ({"matters": CODES[1:]}, Purpose("o1", "o1", CODES[0]), "SEAL_NOT_FOR_MATTER"),
        ({"matters": CODES}, Purpose("o1", "o1", ""), "SEAL_NOT_FOR_MATTER"),
    ],
)
def test_each_refusal_has_its_reason(changes: dict[str, object], purpose: Purpose, reason: str) -> None:
    refusal = choose([in_use(**changes)], purpose, NOON)
    assert isinstance(refusal, Refusal)
    assert refusal.reason == reason


@pytest.mark.parametrize(
    ("code", "told"),
    [(CODES[0], f"is for {CODES[1]} alone, not for the matter {CODES[0]}"), ("", "; say which matter it is about")],
)
def test_a_seal_that_an_official_may_not_use_for_a_matter_says_for_which_it_is(code: str, told: str) -> None:
    refusal = refused_by_hand(in_use(matters=CODES[1:2]), Purpose("o1", "o1", code), NOON)
    assert refusal is not None
    assert refusal.description.endswith(told)


def test_what_has_no_matter_needs_a_seal_for_all() -> None:
    refusal = choose([in_use(matters=CODES)], Purpose("o1", "o1", ""), NOON)
    assert isinstance(refusal, Refusal)
    assert "is for all matters; have one made" in refusal.description
