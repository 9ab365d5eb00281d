"""The files of a scenario package: which there may be, and how large."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping

from services.matters.package.faults import Fault, Faults, did_you_mean, scenario_invalid

MANIFEST = "scenario.yaml"

MOST_FILES = 200
# In bytes.
LARGEST_YAML = 256_000
LARGEST_FILE = 1_000_000
LARGEST_PICTURE = 20_000
LARGEST_PACKAGE = 3_500_000
# In characters.
LONGEST_PATH = 200

_MATTER = re.compile(r"matters/([a-z][a-z0-9]*(?:-[a-z0-9]+)*)\.yaml")
_TEMPLATE = re.compile(r"templates/[a-z0-9]+(?:-[a-z0-9]+)*\.txt")
_PICTURE = re.compile(r"templates/[a-z0-9]+(?:-[a-z0-9]+)*\.png")
_EXAMPLE = re.compile(r"examples/[A-Za-z0-9_-]+\.json")
_TESTS = re.compile(r"tests/[a-z0-9]+(?:-[a-z0-9]+)*\.test\.yaml")
# What a package carries for people; the platform keeps none of it.
_FOR_PEOPLE = re.compile(
    r"(?:README|CHANGELOG)(?:\.[A-Za-z-]+)?\.md|LICENSE|docs/.+\.(?:md|svg|png)|examples/.+\.(?:json|yaml|txt)"
)
_WHAT_THERE_MAY_BE = (
    f"a package has {MANIFEST}, matters/<name>.yaml, templates/<name>.txt, examples/<name>.json, "
    "templates/<name>.png, tests/<name>.test.yaml, README.md, CHANGELOG.md, LICENSE and docs/"
)


def collect(pairs: Iterable[tuple[str, bytes]]) -> dict[str, bytes]:
    """Gather the files of a package by path. Raises Invalid SCENARIO_INVALID for a path given twice."""
    files: dict[str, bytes] = {}
    faults = Faults()
    for path, content in pairs:
        if path in files:
            faults.add(Fault(path, 0, 0, "", "the package has this path twice: keep one of them"))
        files[path] = content
    if faults:
        raise scenario_invalid(faults.all())
    return files


def check_files(files: Mapping[str, bytes], faults: Faults) -> None:
    """Refuse paths that lead out of the package, files that nobody reads, and sizes that nobody needs."""
    if MANIFEST not in files:
        faults.add(Fault(MANIFEST, 0, 0, "", "the package has no scenario.yaml: add it at the top of the folder"))
    size_faults(files, MANIFEST, str, faults)
    check_collisions(files, faults)
    for path in files:
        if fault := path_fault(path):
            faults.add(Fault(path, 0, 0, "", fault))


def size_faults(
    files: Mapping[str, bytes],
    first: str,
    shown: Callable[[str], str],
    faults: Faults,
    *,
    most: int = MOST_FILES,
    largest: int = LARGEST_PACKAGE,
) -> None:
    """Refuse too many and too large files; `first` is the file that stands for all, `shown` how a file is named."""
    if len(files) > most:
        faults.add(Fault(first, 0, 0, "", f"there are {len(files)} files: {most} at most"))
    size = sum(len(content) for content in files.values())
    if size > largest:
        faults.add(Fault(first, 0, 0, "", f"all files have {size} bytes: {largest} at most"))
    for path, content in files.items():
        if len(content) > largest_of(path):
            faults.add(Fault(shown(path), 0, 0, "", f"has {len(content)} bytes: {largest_of(path)} at most"))


def check_collisions(paths: Iterable[str], faults: Faults) -> None:
    """Refuse paths that some machines take for the same one, or write in another way."""
    seen: dict[str, str] = {}
    for path in sorted(paths):
        if unicodedata.normalize("NFC", path) != path:
            faults.add(Fault(path, 0, 0, "", "is not in the composed form of Unicode (NFC): give it its name anew"))
        folded = unicodedata.normalize("NFC", path.casefold())
        if folded in seen:
            faults.add(Fault(path, 0, 0, "", f'is "{seen[folded]}" too where case does not count: rename one of them'))
        seen.setdefault(folded, path)


def largest_of(path: str) -> int:
    """How many bytes a file of this name may have."""
    if is_picture(path):
        return LARGEST_PICTURE
    return LARGEST_YAML if path.endswith(".yaml") else LARGEST_FILE


def matter_name(path: str) -> str:
    """The name that steps give to the matter in this file; empty when the file holds none."""
    found = _MATTER.fullmatch(path)
    return found.group(1) if found else ""


def is_template(path: str) -> bool:
    """Tell whether a file is a notice's template."""
    return _TEMPLATE.fullmatch(path) is not None


def is_picture(path: str) -> bool:
    """Tell whether a file is a picture for templates."""
    return _PICTURE.fullmatch(path) is not None


def holds_tests(path: str) -> bool:
    """Tell whether a file holds tests of the scenario."""
    return _TESTS.fullmatch(path) is not None


def is_example(path: str) -> bool:
    """Tell whether a file is a filled-in form for tests of an overlay."""
    return _EXAMPLE.fullmatch(path) is not None


def text_of(path: str, content: bytes, faults: Faults) -> str | None:
    """Read a file as UTF-8; None, with a fault at the place, when it is something else."""
    try:
        return content.decode("utf-8").removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    except UnicodeDecodeError as error:
        good = content[: error.start].decode("utf-8")
        line = good.count("\n") + 1
        column = len(good) - (good.rfind("\n") + 1) + 1
        faults.add(Fault(path, line, column, "", "is not UTF-8 here: save the file as UTF-8"))
        return None


def path_fault(path: str) -> str:
    """Say why no package has a file of this name; empty when one may."""
    if fault := trick(path):
        return fault
    if len(path) > LONGEST_PATH:
        return f"is longer than {LONGEST_PATH} characters"
    if path == MANIFEST or matter_name(path) or holds_tests(path) or _FOR_PEOPLE.fullmatch(path):
        return ""
    if is_template(path) or is_picture(path):
        return ""
    if path.startswith(("matters/", "templates/", "tests/")):
        return (
            "file names are small letters, digits and single hyphens: matters/<name>.yaml, templates/<name>.txt, "
            "templates/<name>.png, tests/<name>.test.yaml"
        )
    suggestion = did_you_mean(path, [MANIFEST]) if "/" not in path else ""
    return f"is no file of a scenario package{suggestion}; {_WHAT_THERE_MAY_BE}"


def trick(path: str) -> str:
    """Say how a path would lead out of the package, or hide."""
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        return "is an absolute path: paths start at the package's folder"
    if "\\" in path:
        return "has a backslash: write paths with forward slashes"
    if not path.isprintable():
        return "has a control character in its path"
    parts = path.split("/")
    if ".." in parts or "." in parts or "" in parts:
        return 'has ".", ".." or an empty part: a path goes straight down from the package\'s folder'
    return ""
