"""`duokua scenario new`."""

import json
import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer

from cli.output import say

_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_REGION = re.compile(r"[1-9][0-9]{5}")


def new(
    scenario_id: Annotated[str, typer.Argument(metavar="ID", help="Of the scenario: small letters, digits, hyphens.")],
    name: Annotated[str, typer.Option(help="Its name in Chinese.")] = "示例一件事",
    name_en: Annotated[str, typer.Option(help="Its name in English.")] = "An example",
    region: Annotated[str, typer.Option(help="Where it is made: a region of GB/T 2260.")] = "330106",
    folder: Annotated[Path | None, typer.Option(help="Where to; by default a folder with the id here.")] = None,
) -> None:
    """Start a scenario: a small one that is whole, with tests that pass. Nothing that is there is touched."""
    if not _SLUG.fullmatch(scenario_id):
        raise ValueError(
            f'"{scenario_id}" is no id: small letters, digits and single hyphens, such as "open-restaurant"'
        )
    if not _REGION.fullmatch(region):
        raise ValueError(f'"{region}" is no region of GB/T 2260: six digits, such as 330106')
    for text in (name, name_en):
        if not text.strip() or len(text) > 200:
            raise ValueError("a name has 1 to 200 characters")
    made = folder or Path(scenario_id)
    if made.exists():
        raise ValueError(f"{made} is there already: choose another folder, or take it away")
    make(made, scenario_id, name, name_en, region)
    say(f"made {made}: a scenario of four steps, with tests")
    say(f"duokua scenario lint {made}")
    say(f"duokua scenario test {made}")
    say(f"duokua scenario graph {made}")


def make(folder: Path, scenario_id: str, name: str, name_en: str, region: str) -> None:
    """Write the files of a new scenario into a folder that is not there yet."""
    from services.matters.package import schemas  # noqa: PLC0415 - only what a command needs is loaded

    words = {
        "@id@": scenario_id,
        "@zh@": json.dumps(name, ensure_ascii=False),
        "@en@": json.dumps(name_en, ensure_ascii=False),
        "@title@": f"{name_en} ({name})",
        "@region@": region,
        "@province@": region[:2],
    }
    folder.mkdir(parents=True)
    _copy(files("cli.scenarios").joinpath("template"), folder, words)
    # What editors need, apart from the package: nobody reads hidden files of it.
    for _ in schemas.write(folder / ".schema"):
        pass


def _copy(source: Traversable, target: Path, words: dict[str, str]) -> None:
    for each in source.iterdir():
        path = target / each.name
        if each.is_dir():
            path.mkdir()
            _copy(each, path, words)
        else:
            text = each.read_text("utf-8")
            for token, word in words.items():
                text = text.replace(token, word)
            path.write_text(text, encoding="utf-8")
