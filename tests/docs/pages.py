"""The project's pages, and what stands in them."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Made by somebody or something else, or by a tool.
_NOT_OURS = {".venv", ".cache", ".git", "build", "dist", "node_modules"}


@dataclass(frozen=True, slots=True)
class Code:
    """A fenced block of code, and the language that its fence names."""

    language: str
    text: str


def pages() -> list[Path]:
    return sorted(page for page in ROOT.rglob("*.md") if not _NOT_OURS & set(page.relative_to(ROOT).parts))


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def code_blocks(text: str) -> list[Code]:
    return [Code(*found) for found in re.findall(r"^ *```(\w*)\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)]


def without_code_blocks(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)


def section(text: str, title: str) -> str:
    """What stands below a heading, up to the next of its level or above."""
    found = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,2}} |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"there is no section {title!r}"
    return found[2]


def inline_code(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", without_code_blocks(text))


def links(text: str) -> list[str]:
    """The targets of links, outside of code."""
    plain = re.sub(r"`[^`\n]*`", "", without_code_blocks(text))
    return re.findall(r"\]\(([^)\s]+)\)", plain)


def anchors(text: str) -> set[str]:
    """How GitHub names the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", without_code_blocks(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def tables(text: str) -> list[list[str]]:
    """The cells of every row of every table."""
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        for line in text.splitlines()
        if line.lstrip().startswith("|")
    ]
