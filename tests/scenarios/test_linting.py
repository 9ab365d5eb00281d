"""`duokua scenario lint`: faults of packages, examples and tests together, and advice about what is sound."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.rehearsal.publishing import publish
from cli.rehearsal.running import run_trial
from cli.scenarios.folders import read_folder
from cli.scenarios.linting import Found, look_over
from services.matters.package.compiler import examine_package
from services.matters.package.trialchecks import read_trials
from tests.scenarios.builders import a_test, package
from tests.scenarios.large import a_large_package

SCENARIOS = sorted(path.parent for path in (Path(__file__).parents[2] / "scenarios").glob("*/scenario.yaml"))
LIMITS = (
    ("undo: task}\n  - {id: card", "undo: task, limits: {promised: 2 working days}}\n  - {id: card"),
    (
        "number: 'steps[\"permit\"].result.number'}}",
        "number: 'steps[\"permit\"].result.number'}, limits: {promised: 1 hour}}",
    ),
    ("optional: true}", "optional: true, limits: {promised: 1 hour}}"),
)
SUMMARY = ("licence:", "summary: {zh: 一次办, en: At once}\nlicence:")
TESTS = "".join(
    [
        a_test(then="{case: completed, steps: {fire: skipped}}", name="small"),
        a_test(then="{case: completed, steps: {fire: completed}}", example="large", name="large"),
        *(
            a_test(f"step: {step}, refuse: 不符", then=f"{{steps: {{{step}: refused}}}}", example="large", name=step)
            for step in ("check", "permit", "fire", "card", "gift")
        ),
    ]
)


def sound(tests: str = TESTS, *changes: tuple[str, str]) -> dict[str, bytes]:
    """A package about which there is nothing to say."""
    return {**package(tests, *LIMITS, SUMMARY, *changes), "README.md": b"# Shop\n"}


def advice(files: dict[str, bytes]) -> list[str]:
    found = look_over(files)
    assert found.faults == []
    return [f"{each.place} {each.message}" for each in found.advice]


def test_there_is_nothing_to_say_about_a_package_that_has_everything() -> None:
    assert look_over(sound()) == Found([], [])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("{{ form.owner }}：\n准予{% if form.shop.area > 9 %}大店{% else %}小店{% endif %}\n特此告知。", 2),
        ("{% if form.shop.area > 9 %}准予大店{% endif %}  \n特此告知。", 1),
    ],
)
def test_a_paragraph_that_runs_into_the_next_is_told(text: str, line: int) -> None:
    files = {**sound(), "templates/permit.txt": text.encode()}
    (told,) = advice(files)
    assert told.startswith(
        f"templates/permit.txt:{line}:1 ends with a tag, so the paragraph goes on with the next line"
    )


@pytest.mark.parametrize(
    "text",
    [
        "准予{% if form.shop.area > 9 %}大店{% endif %}。\n特此告知。",
        "{% if form.shop.area > 9 %}\n准予大店。\n{% endif %}\n特此告知。",
        "特此{% if form.shop.area > 9 %}告知{% endif %}",
    ],
)
def test_a_tag_on_a_line_of_its_own_or_at_the_end_of_all_is_meant(text: str) -> None:
    assert advice({**sound(), "templates/permit.txt": text.encode()}) == []


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda folder: folder.name)
def test_there_is_nothing_to_say_about_a_shipped_scenario(folder: Path) -> None:
    assert look_over(read_folder(folder)) == Found([], [])


def test_there_is_nothing_to_say_about_a_large_package_and_its_tests_pass() -> None:
    files = a_large_package()
    assert look_over(files) == Found([], [])
    examined = examine_package(files)
    assert examined.scenario is not None
    published = publish(examined.scenario)
    trials, _ = read_trials(files, examined)
    assert len(examined.scenario.steps) == 50
    assert [each.part.name for each in trials if not run_trial(published, each, files).passed] == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("summary: {zh: 一次办, en: At once}\n", ""), "has no `summary`"),
        (("limits: {promised: 1 working day}", "level: 4"), '"check" has no limit'),
        (("limits: {promised: 1 working day}", "limits: {statutory: 3 hours}"), '"check" promises nothing'),
        (("elements:\n", "elements:\n  age: {name: {zh: 年龄, en: Age}, type: number}\n"), 'no field is "age"'),
        (("form.shop.area > 300", "form.shop.area > 300 || form.shop.area <= 300"), "always holds"),
        (("form.shop.area > 300", "form.shop.area > 0"), "always holds"),
    ],
)
def test_what_could_be_better_is_advised(change: tuple[str, str], told: str) -> None:
    files = sound(TESTS, change)
    files["examples/small.json"] = files["examples/small.json"].replace(b"100", b"310")
    assert [each for each in advice(files) if told in each]


def test_what_another_element_is_made_of_is_used() -> None:
    files = sound(TESTS, ("  seats: {", "  size: {name: {zh: 规模, en: Size}, members: {seats: seats}}\n  seats: {"))
    files["matters/permit.yaml"] = files["matters/permit.yaml"].replace(
        b"shop.seats: {element: seats", b"shop.size: {element: size"
    )
    assert advice(files) == []


def test_what_is_asked_twice_in_one_group_is_advised() -> None:
    files = sound()
    files["matters/card.yaml"] = files["matters/card.yaml"].replace(b"owner: owner}", b"owner: owner, ower: owner}")
    for name in ("small", "large"):
        path = f"examples/{name}.json"
        files[path] = files[path].replace(b'"owner"', b'"ower": "\xe7\x8e\x8b\xe7\xa4\xba", "owner"')
    (told,) = advice(files)
    assert '"ower" and "owner" are both "owner"' in told


def test_a_result_that_is_shared_and_never_read_is_advised() -> None:
    files = sound()
    for name in ("check", "gift"):
        path = f"matters/{name}.yaml"
        files[path] = files[path].replace(b"}", b"}, result: {mark: {type: string, shared: true}}", 1)
    told = advice(files)
    assert [each for each in told if 'matters/check.yaml shares "mark", and no step reads it of "check"' in each]
    assert len(told) == 2


@pytest.mark.parametrize(
    ("without", "told"),
    [
        ("fire", ['no test has "fire" refused']),
        ("small", ['no test has "fire" skipped']),
    ],
)
def test_what_no_test_shows_is_advised(without: str, told: list[str]) -> None:
    blocks = TESTS.split("  - name: ")
    files = sound("  - name: ".join(block for block in blocks if not block.startswith(f"{without}\n")))
    found = advice(files)
    assert len(found) == len(told)
    assert all(words in each for words, each in zip(told, found, strict=True))


def test_a_condition_that_no_test_has_hold_is_advised() -> None:
    files = sound(a_test(then="{case: completed, steps: {fire: skipped}}"))
    assert [each for each in advice(files) if 'no test has "fire" done' in each]


def test_a_package_without_tests_examples_and_readme_is_advised_so() -> None:
    files = {path: text for path, text in sound().items() if not path.startswith(("tests/", "examples/", "README"))}
    assert [each.partition(":")[0] for each in advice(files)] == [
        "scenario.yaml the package has no README.md",
        "scenario.yaml the package has no example of a form",
        "scenario.yaml the package has no tests",
    ]


def test_faults_of_the_package_of_tests_and_of_examples_are_told_at_once() -> None:
    files = sound()
    files["tests/shop.test.yaml"] = files["tests/shop.test.yaml"].replace(b"step: check", b"step: chek")
    files["examples/small.json"] = files["examples/small.json"].replace(b"100", b'"100"')
    found = look_over(files)
    assert [fault.place for fault in found.faults] == [
        "examples/small.json:1:39 shop.area",
        "tests/shop.test.yaml:11:16 tests[2].when[0].step",
    ]
    assert found.advice == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"a": }', "examples/small.json:1:7 is not JSON here: Expecting value"),
        (b"[]", "examples/small.json:1:1 holds no form"),
        (b'\xff{"a": 1}', "examples/small.json:1:1 is not JSON"),
        (b'{\t"shop": 1, "owner": "x"}', "examples/small.json:1:11 shop does not fit the form"),
    ],
)
def test_examples_that_are_no_form_are_faults(content: bytes, told: str) -> None:
    files = {path: text for path, text in sound().items() if not path.startswith("tests/")}
    found = look_over({**files, "examples/small.json": content})
    assert f"{found.faults[0].place} {found.faults[0].message}".startswith(told)


# At the command line


def _folder(tmp_path: Path, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    return tmp_path


def _run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["scenario", *map(str, words)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_lint_says_that_a_package_is_in_order(tmp_path: Path) -> None:
    assert _run("lint", _folder(tmp_path, sound())) == (0, f"{tmp_path} is in order\n")


def test_lint_names_faults_with_file_line_and_column(tmp_path: Path) -> None:
    files = sound()
    files["matters/fire.yaml"] = files["matters/fire.yaml"].replace(b"floor-area", b"flor-area")
    code, said = _run("lint", _folder(tmp_path, files))
    assert code == 1
    assert 'matters/fire.yaml:1:79 fields.shop.area there is no data element "flor-area": did you mean' in said
    assert said.endswith(f"{tmp_path}: 1 fault\n")


def test_advice_fails_only_when_it_is_asked_to(tmp_path: Path) -> None:
    folder = _folder(tmp_path, {path: text for path, text in sound().items() if path != "README.md"})
    code, said = _run("lint", folder)
    assert code == 0
    assert said.endswith("is in order, 1 piece of advice\n")
    assert _run("lint", folder, "--strict")[0] == 1


def test_lint_gives_json(tmp_path: Path) -> None:
    code, said = _run("lint", _folder(tmp_path, {**sound(), "matters/Odd.yaml": b"a: 1"}), "--json")
    assert code == 1
    (fault,) = json.loads(said)["faults"]
    assert (fault["file"], fault["line"]) == ("matters/Odd.yaml", 0)
    assert "small letters" in fault["message"]


def test_test_shows_what_is_expected_and_found_and_the_story(tmp_path: Path) -> None:
    wrong = a_test("step: permit, refuse: 面积不足", then="{case: completed}", name="wrong")
    code, said = _run("test", _folder(tmp_path, sound(TESTS + wrong)))
    assert code == 1
    assert "✗ wrong" in said
    line = TESTS.count("\n") + 6
    assert f"tests/shop.test.yaml:{line}:12 then.case\n        expected  completed\n        found     undone" in said
    assert "permit: refused, 面积不足" in said
    assert "8 tests, 1 failed in" in said


def test_test_runs_what_is_asked_for(tmp_path: Path) -> None:
    folder = _folder(tmp_path, {**sound(), "tests/more.test.yaml": ("tests:\n" + a_test(name="more")).encode()})
    assert "8 tests passed" in _run("test", folder)[1]
    assert "1 test passed" in _run("test", folder, "-k", "more")[1]
    assert "1 test passed" in _run("test", folder / "tests" / "more.test.yaml")[1]
    code, said = _run("test", folder, "-k", "nothing")
    assert (code, said) == (1, f"{folder} has no such test: they are in tests/<name>.test.yaml\n")


def test_test_of_a_faulty_package_says_what_is_wrong(tmp_path: Path) -> None:
    code, said = _run("test", _folder(tmp_path, sound(a_test("step: permti, accept: true"))))
    assert code == 1
    assert 'did you mean "permit"?' in said
    assert "so nothing was tested" in said
    code, said = _run("test", tmp_path, "--json")
    assert code == 1
    assert json.loads(said)["tests"] == []


def test_test_gives_json(tmp_path: Path) -> None:
    code, said = _run("test", _folder(tmp_path, sound()), "--json")
    assert code == 0
    given = json.loads(said)
    assert [each["passed"] for each in given["tests"]] == [True] * 7
    assert given["steps"]["fire"] == {"completed": 3, "refused": 1, "skipped": 1, "undone": 1}


def test_a_file_outside_of_any_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "some.test.yaml").write_text("tests: []")
    with pytest.raises(ValueError, match="is in no scenario package"):
        _run("test", tmp_path / "some.test.yaml")


def test_an_overlay_is_linted_and_tested_with_its_package(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "package", sound())
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text('format: 1\npackage: {id: open-shop, version: "1.0.0"}\nregion: "330108"\n')
    assert _run("lint", folder, "--overlay", overlay)[0] == 0
    assert _run("test", folder, "--overlay", tmp_path)[0] == 1
    assert _run("test", folder, "--overlay", overlay)[0] == 0
    overlay.write_text(overlay.read_text().replace("open-shop", "open-shp"))
    code, said = _run("lint", folder, "--overlay", overlay)
    assert code == 1
    assert "overlay.yaml:2:15 package.id" in said


def test_tests_of_a_package_know_nothing_of_a_step_that_a_region_adds(tmp_path: Path) -> None:
    point = "  - {id: more, name: {zh: 其他, en: More}, after: [check], before: [card]}"
    files = sound(TESTS, ("steps:\n", f"extension_points:\n{point}\nsteps:\n"))
    refused = a_test("step: card, refuse: 不符", then="{case: undone, undone: [permit]}", name="all undone")
    files["tests/more.test.yaml"] = f"tests:\n{refused}".encode()
    folder = _folder(tmp_path / "package", files)
    step = "  - {at: more, id: tobacco, matter: tobacco, undo: task}"
    overlay = {
        "overlay.yaml": f'format: 1\npackage: {{id: open-shop, version: "1.0.0"}}\nregion: "330108"\nsteps:\n{step}\n',
        "matters/tobacco.yaml": '{catalog_code: "330731907000", name: {zh: 烟草, en: Tobacco}, type: "07"}',
    }
    region = _folder(tmp_path / "region", {path: text.encode() for path, text in overlay.items()})
    code, said = _run("test", folder, "--overlay", region)
    assert code == 0, said
    assert "tobacco: 7 completed, 4 undone" in said
