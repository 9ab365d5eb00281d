"""Drawings of scenarios: nothing overlaps, everything is there, and hostile text stays text."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from cli.drawing.cards import cells, clauses, folded
from cli.drawing.layering import lay_out
from cli.drawing.svg import draw
from cli.drawing.tree import tree_of
from cli.main import app
from cli.scenarios.folders import read_folder
from services.matters.domain.names import Name
from services.matters.package.compiler import compile_package
from tests.scenarios.builders import package
from tests.scenarios.large import a_large_package

SCENARIOS = Path(__file__).parents[2] / "scenarios"
SHIPPED = sorted(path.parent for path in SCENARIOS.glob("*/scenario.yaml"))
SVG = "{http://www.w3.org/2000/svg}"


@st.composite
def _graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """Steps that come after some of those before them."""
    count = draw(st.integers(1, 14))
    names = [f"s{number}" for number in range(count)]
    return {
        name: draw(st.lists(st.sampled_from(names[:place]), unique=True, max_size=4)) if place else []
        for place, name in enumerate(names)
    }


@given(_graphs(), st.data())
def test_nothing_overlaps_and_every_edge_goes_to_the_right(
    after: Mapping[str, Sequence[str]], data: st.DataObject
) -> None:
    heights = {name: data.draw(st.floats(20, 200)) for name in after}
    layout = lay_out(after, heights, 20.0)
    assert list(layout.nodes) == list(after)
    for column in layout.columns:
        for one, other in pairwise(column):
            assert other.y - one.y >= (one.height + other.height) / 2 + 20 - 1e-6
    for (start, end), way in layout.ways.items():
        assert start in after[end]
        assert (way[0].name, way[-1].name) == (start, end)
        assert [step.column for step in way] == list(range(way[0].column, way[-1].column + 1))
    assert set(layout.ways) == {(start, end) for end, starts in after.items() for start in starts}
    ends = [(node.y - node.height / 2, node.y + node.height / 2) for node in layout.nodes.values()]
    assert min(top for top, _ in ends) >= -1e-6
    assert max(bottom for _, bottom in ends) <= layout.height + 1e-6


@given(_graphs())
def test_the_same_graph_is_drawn_the_same(after: Mapping[str, Sequence[str]]) -> None:
    heights = dict.fromkeys(after, 60.0)
    one, other = lay_out(after, heights, 20.0), lay_out(after, heights, 20.0)
    places = [[(node.column, node.y) for node in layout.nodes.values()] for layout in (one, other)]
    assert places[0] == places[1]


def test_edges_that_need_not_cross_do_not() -> None:
    after = {"a": [], "b": [], "c": ["b"], "d": ["a"], "e": ["d"], "f": ["c"]}
    layout = lay_out(after, dict.fromkeys(after, 60.0), 20.0)
    above = layout.nodes["a"].y < layout.nodes["b"].y
    assert (layout.nodes["d"].y < layout.nodes["c"].y) == above
    assert (layout.nodes["e"].y < layout.nodes["f"].y) == above


def test_a_graph_of_very_many_long_edges_is_laid_out_soon() -> None:
    names = [f"s{number}" for number in range(98)]
    started = time.process_time()
    layout = lay_out({name: names[:place] for place, name in enumerate(names)}, dict.fromkeys(names, 40.0), 10.0)
    assert time.process_time() - started < 5
    # What is not drawn is still to be seen: by way of the step between.
    assert list(layout.ways) == list(pairwise(names))


def test_a_chain_is_flat() -> None:
    after = {"a": [], "b": ["a"], "c": ["b"]}
    layout = lay_out(after, {"a": 50.0, "b": 120.0, "c": 80.0}, 20.0)
    assert len({round(node.y, 3) for node in layout.nodes.values()}) == 1


# SVG


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_a_shipped_scenario_is_drawn_with_all_its_steps_and_conditions(folder: Path) -> None:
    scenario = compile_package(read_folder(folder))
    root = ET.fromstring(draw(scenario))  # noqa: S314 - made here
    told = [card.findtext(f"{SVG}title") or "" for card in root.iter(f"{SVG}g")]
    for step, words in zip(scenario.steps, told, strict=True):
        assert f"({step.step_id})" in words
        assert step.when in words
    edges = [path for path in root.iter(f"{SVG}path") if "edge" in path.get("class", "")]
    assert len(edges) == sum(len(step.after) for step in scenario.steps)
    perhaps = [path for path in edges if "perhaps" in path.get("class", "")]
    assert len(perhaps) == sum(len(step.after) for step in scenario.steps if step.when)


def test_a_drawing_says_in_words_what_it_shows() -> None:
    root = ET.fromstring(draw(compile_package(package())))  # noqa: S314 - made here
    assert root.get("role") == "img"
    named = [root.find(f"{SVG}title"), root.find(f"{SVG}desc")]
    assert root.get("aria-labelledby") == " ".join(each.get("id", "") for each in named if each is not None)
    assert root.findtext(f"{SVG}title") == "开店 Open a shop"
    desc = root.findtext(f"{SVG}desc") or ""
    assert "消防 after 核验, when form.shop.area > 300." in desc
    assert "制证 after 许可, 消防, point of no return." in desc


def test_a_drawing_has_marks_for_what_is_special() -> None:
    number = 'steps["permit"].result.number'
    changes = (
        ("undo: none, limits", "undo: none, pre_check: true, level: 4, limits"),
        ("optional: true}", "application: none, limits: {statutory: 3 hours}}"),
        ("    undo: task\n", "    undo: task\n    optional: true\n    region_field: shop.region\n"),
        ("undo: task}\n  - {id: card", "undo: task, optional: true}\n  - {id: card"),
        ("pivot: true, ", "pivot: true, needs: 1, "),
        (f"'{number}'", f"'has({number}) ? {number} : string(1)'"),
    )
    text = "".join(ET.fromstring(draw(compile_package(package("", *changes)))).itertext())  # noqa: S314 - made here
    marks = ["预审", "县级", "不可回退", "可不办成", "免申即享", "可撤销", "联合踏勘", "文书"]
    for mark in (*marks, "属地 shop.region", "前置满 1 项", "法定 3 小时", "← number"):
        assert mark in text, mark


def test_a_drawing_says_whose_organ_the_form_names() -> None:
    changes = ("matter: check,", "matter: check, organ_field: owner,")
    text = "".join(ET.fromstring(draw(compile_package(package("", changes)))).itertext())  # noqa: S314 - made here
    assert "由表单指定机关办理" in text
    assert "handled by the organ that form.owner names" in text
    assert "of the organ that the form names" in text


def test_the_same_scenario_gives_the_same_bytes() -> None:
    assert draw(compile_package(a_large_package())) == draw(compile_package(a_large_package()))


def test_no_two_cards_of_a_large_drawing_overlap() -> None:
    root = ET.fromstring(draw(compile_package(a_large_package())))  # noqa: S314 - made here
    boxes = [[float(card[1].get(name, "")) for name in ("x", "y", "width", "height")] for card in root.iter(f"{SVG}g")]
    assert len(boxes) == 50
    for place, (x, y, width, height) in enumerate(boxes):
        assert x >= 0
        assert y >= 0
        assert x + width <= float(root.get("width", ""))
        assert y + height <= float(root.get("height", ""))
        for left, top, wide, high in boxes[place + 1 :]:
            assert x + width <= left or left + wide <= x or y + height <= top or top + high <= y


def test_hostile_text_stays_text() -> None:
    hostile = '</title><script>alert(1)</script><image href="https://evil.example/x"/>&amp;'
    files = package("", ("name: {zh: 开店, en: Open a shop}", f"name: {{zh: '{hostile}', en: 'a]]>\"b'}}"))
    files["matters/fire.yaml"] = files["matters/fire.yaml"].replace("消防".encode(), b"'<g onload=x>'")
    svg = draw(compile_package(files))
    root = ET.fromstring(svg)  # noqa: S314 - made here
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg", "title", "desc", "style", "defs", "marker", "path", "rect", "text", "tspan", "g",
    }  # fmt: skip
    names = {name for element in root.iter() for name in element.attrib}
    assert not [name for name in names if name.startswith("on") or "href" in name]
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "").replace("https://evil.example/x", "")
    assert hostile in (root.findtext(f"{SVG}title") or "")


def test_what_xml_cannot_hold_is_replaced() -> None:
    scenario = replace(compile_package(package("")), name=Name("开\x07店", "Open a shop"))
    root = ET.fromstring(draw(scenario))  # noqa: S314 - made here
    assert "开\N{REPLACEMENT CHARACTER}店" in (root.findtext(f"{SVG}title") or "")


@given(st.text(st.characters(codec="utf-8"), max_size=60), st.floats(4, 30), st.integers(1, 5))
def test_folded_text_fits_and_loses_nothing_but_spaces_and_what_is_cut(text: str, ems: float, most: int) -> None:
    lines = folded(text, ems, most)
    assert 1 <= len(lines) <= most
    assert all(cells(line) <= ems + 1 or len(line) == 1 for line in lines)
    whole = "".join(folded(text, ems, 100))
    assert whole.replace(" ", "") == text.replace(" ", "").strip() or not text.isprintable()


def test_a_condition_has_a_clause_a_line() -> None:
    split = ["form.a > 300", "|| form.b >= 100", "&& form.c"]
    assert clauses("form.a > 300 || form.b >= 100 && form.c", 30, 5) == split
    assert clauses("form.a || form.b || form.c", 30, 2) == ["form.a", "|| form.b …"]


def test_a_long_path_is_broken_before_a_name_and_begins_where_it_stands() -> None:
    path = 'steps["survey-site"].result.dig_length'
    assert folded(f"{path} > 0", 18, 5) == ['steps["survey-site"].result', ".dig_length", "> 0"]
    assert folded(f"当 {path} > 0", 17, 5) == ['当 steps["survey-site"]', ".result.dig_length", "> 0"]
    assert folded("a.bcdefghijk", 3, 5) == ["a.bcd", "efghi", "jk"]


# On a terminal


def test_the_tree_has_every_step_once_below_what_it_waits_for() -> None:
    console = Console(width=200)
    with console.capture() as captured:
        console.print(tree_of(compile_package(package())))
    lines = captured.get().splitlines()
    assert lines[0].startswith("开店 Open a shop  5 个环节")
    for step in ("check", "permit", "fire", "card", "gift"):
        assert len([line for line in lines if f"── {step} " in line]) == 1
    assert any("◇ when form.shop.area > 300" in line for line in lines)
    assert any("⇠ also after fire" in line for line in lines)
    assert any("← number of permit" in line for line in lines)


def _folder(tmp_path: Path, files: Mapping[str, bytes]) -> Path:
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    return tmp_path


def _graph(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["scenario", "graph", *map(str, words)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def test_graph_draws_on_the_terminal_as_svg_and_as_json(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "shop", package())
    code, said = _graph(folder)
    assert code == 0
    assert "card 制证 · 不可回退" in said
    drawing = tmp_path / "shop.svg"
    assert _graph(folder, "--svg", drawing) == (0, f"drawn: {drawing}\n")
    assert _graph(folder, "--svg", "-") == (0, drawing.read_text("utf-8"))
    code, said = _graph(folder, "--json")
    assert [step["id"] for step in json.loads(said)["steps"]] == ["check", "permit", "fire", "card", "gift"]


def test_graph_of_a_faulty_package_draws_nothing(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "shop", package("", ("after: [check]", "after: [chek]")))
    code, said = _graph(folder, "--svg", tmp_path / "shop.svg")
    assert code == 1
    assert 'did you mean "check"?' in said
    assert not (tmp_path / "shop.svg").exists()
