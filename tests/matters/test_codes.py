import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.matters.domain import codes

USCC = "11341802003284977M"
TASK = "11341802003284977M4342023028000"


def test_the_chain_of_a_real_matter_is_built_and_read_back() -> None:
    catalog = codes.build_catalog_code("34", "20", "23028")
    task = codes.build_task_code(USCC, 4, catalog)
    assert catalog == "342023028000"
    assert task == TASK
    assert codes.build_handling_code(task, 1) == f"{TASK}01"
    assert codes.parse_catalog_code(catalog) == codes.CatalogCode("34", "20", "23028", "000")
    assert codes.parse_task_code(task) == codes.TaskCode(USCC, 4, catalog)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("342023028000", ""),
        ("000131A13000", ""),
        ("33013100100Y", ""),
        ("330131001999", ""),
        ("", "this has 0"),
        ("3420230280000", "this has 13"),
        ("34202302800", "this has 11"),
        ("34202302O000", "character 9 is 'O'"),
        ("34202302i000", "character 9 is 'i'"),
        ("34202302S000", "character 9 is 'S'"),
        ("34202302V000", "character 9 is 'V'"),
        ("34202302Z000", "character 9 is 'Z'"),
        ("34202302\uff10000", "character 9"),
        ("992023028000", "the region '99'"),
        ("34A023028000", "the type 'A0'"),
        ("3420230280Y0", "the sub-item '0Y0'"),
    ],
)
def test_a_catalogue_code_is_held_to_the_standard(code: str, words: str) -> None:
    fault = codes.catalog_code_fault(code)
    assert bool(fault) == bool(words)
    assert words in fault


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (TASK, ""),
        (TASK.replace("M4", "M0"), "the level '0'"),
        (TASK.replace("M4", "M8"), "the level '8'"),
        (TASK.replace("M4", "M\u0664"), "the level"),
        (TASK.replace("7M", "7N"), "should be 'M'"),
        (TASK.replace("11341802", "1134180O"), "characters that no unified social credit code has"),
        (TASK[:-1], "this has 30"),
        (TASK.replace("342023", "992023"), "the region '99'"),
    ],
)
def test_a_task_code_is_held_to_the_standard(code: str, words: str) -> None:
    fault = codes.task_code_fault(code)
    assert bool(fault) == bool(words)
    assert words in fault


@pytest.mark.parametrize(("code", "words"), [(TASK + "99", ""), (TASK + "00", "01 to 99"), (TASK, "this has 31")])
def test_a_handling_code_is_held_to_the_standard(code: str, words: str) -> None:
    assert words in codes.handling_code_fault(code)
    assert bool(codes.handling_code_fault(code)) == bool(words)


def test_a_part_of_the_wrong_length_is_named() -> None:
    with pytest.raises(ValueError, match="the main item '2302' should have 5 characters"):
        codes.build_catalog_code("34", "20", "2302", "8000")
    with pytest.raises(ValueError, match="01 to 99"):
        codes.build_handling_code(TASK, 0)


@given(
    region=st.sampled_from(sorted(codes.REGIONS)),
    kind=st.integers(0, 99).map("{:02d}".format),
    main=st.text(codes.ALPHABET, min_size=5, max_size=5),
    sub=st.integers(0, 999).map("{:03d}".format) | st.just("00Y"),
)
def test_what_is_built_is_read_back(region: str, kind: str, main: str, sub: str) -> None:
    code = codes.build_catalog_code(region, kind, main, sub)
    assert codes.parse_catalog_code(code) == codes.CatalogCode(region, kind, main, sub)
    assert str(codes.parse_catalog_code(code)) == code
    assert str(codes.parse_task_code(codes.build_task_code(USCC, 3, code))) == f"{USCC}3{code}"


@given(st.text(max_size=40))
def test_no_text_makes_a_check_fail_otherwise_than_by_saying_so(text: str) -> None:
    for check in (codes.catalog_code_fault, codes.task_code_fault, codes.handling_code_fault, codes.uscc_fault):
        assert isinstance(check(text), str)


@given(position=st.integers(0, 17), character=st.sampled_from(codes.ALPHABET))
def test_one_wrong_character_of_a_credit_code_is_found(position: int, character: str) -> None:
    changed = USCC[:position] + character + USCC[position + 1 :]
    assert bool(codes.uscc_fault(changed)) == (changed != USCC)
