"""Pictures in notice templates: PNGs of the package, which become a part of the template when it is compiled.

`![30 mm](emblem.png)` on a line of its own shows `templates/emblem.png`, so wide. A compiled template holds its
pictures as data, so that whoever has the template can set it.
"""

import base64
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from chassis.png import BadPngError, decode
from services.matters.package.faults import Fault, Faults, did_you_mean
from services.matters.package.files import LARGEST_PICTURE, MANIFEST, is_picture
from services.matters.package.models import ManifestPart, MatterPart

MOST_PIXELS_A_SIDE = 1_000
NARROWEST_MM, WIDEST_MM = 5, 150
HIGHEST_MM = 80
MOST_PICTURES = 5
"""Of a template."""
MOST_FILES = 20
# In characters, of all steps together: each step has its own copy of the template, and a bundle travels in one message.
MOST_DATA = 1_000_000
_FOLDER = "templates/"
_SHOWN = re.compile(r"^[ \t]*!\[([^\]\n]*)\]\(([^)\n]*)\)[ \t\r]*$", re.MULTILINE)
_WIDTH = re.compile(r"([0-9]{1,3}) mm")
_STRAY = re.compile(r"!\[[^\]\n]*\]\(")
_DATA = re.compile(r"!\[[0-9]{1,3} mm\]\(data:image/png;base64,[A-Za-z0-9+/=]*\)")


def check_pictures(files: Mapping[str, tuple[str, bytes]], shown: set[str], faults: Faults) -> None:
    """Check the pictures among the files, and that templates show each; `shown` are the paths that they name."""
    paths = sorted(filter(is_picture, files))
    if len(paths) > MOST_FILES:
        faults.add(Fault(MANIFEST, 0, 0, "", f"there are {len(paths)} pictures in {_FOLDER}: {MOST_FILES} at most"))
    for path in paths[:MOST_FILES]:
        file, content = files[path]
        try:
            _size(content)
        except BadPngError as fault:
            faults.add(Fault(file, 0, 0, "", f"is no picture for a notice: {fault}"))
        if path not in shown:
            faults.add(Fault(file, 0, 0, "", "no template shows it: name it in one, or take the file away"))


def check_data(
    manifest: ManifestPart, matters: Mapping[str, MatterPart], templates: Mapping[str, str], faults: Faults
) -> None:
    """Refuse more pictures than a bundle can carry."""
    printing = {name: matter.notice.template for name, matter in matters.items() if matter.notice}
    printed = [printing[step.matter] for step in manifest.steps if step.matter in printing]
    size = sum(len(data) for template in printed for data in _DATA.findall(templates.get(template, "")))
    if size > MOST_DATA:
        message = f"the pictures on the notices of all steps take {size} characters, of {MOST_DATA}: take smaller ones"
        faults.add(Fault(MANIFEST, 0, 0, "", message))


def shown_in(text: str) -> set[str]:
    """The paths of the pictures that a template names."""
    return {_FOLDER + found[2] for found in _SHOWN.finditer(text)}


def with_pictures(file: str, text: str, files: Mapping[str, tuple[str, bytes]], faults: Faults) -> str:
    """The template with its pictures in it; what is wrong with a line is a fault, and leaves the line as it is."""
    wrong = [(text.count("\n", 0, place) + 1, message) for place, message in _line_faults(text, files)]
    for line, message in wrong:
        faults.add(Fault(file, line, 1, "", message))
    return text if wrong else _SHOWN.sub(lambda found: _data(found, files), text)


def _line_faults(text: str, files: Mapping[str, tuple[str, bytes]]) -> Iterator[tuple[int, str]]:
    own_lines = {found.start(1): found for found in _SHOWN.finditer(text)}
    for found in _STRAY.finditer(text):
        if found.start() + 2 not in own_lines:
            yield found.start(), "shows a picture beside something else: put the picture on a line of its own"
    for number, found in enumerate(own_lines.values()):
        if number == MOST_PICTURES:
            yield found.start(1), f"is one picture too many: a template has {MOST_PICTURES} at most"
            return
        if message := _picture_fault(found[1], found[2], files):
            yield found.start(1), message


def _picture_fault(width: str, name: str, files: Mapping[str, tuple[str, bytes]]) -> str:
    """What is wrong with a line that shows a picture; empty when nothing is."""
    path = _FOLDER + name
    if path not in files or not is_picture(path):
        known = [each.removeprefix(_FOLDER) for each in files if is_picture(each)]
        return f'there is no picture "{name[:100]}" in {_FOLDER}{did_you_mean(name[:100], known)}'
    wide = _WIDTH.fullmatch(width)
    if wide is None or not NARROWEST_MM <= int(wide[1]) <= WIDEST_MM:
        return f"should say how wide the picture is, {NARROWEST_MM} to {WIDEST_MM} mm, such as ![30 mm]({name})"
    try:
        pixels_wide, pixels_high = _size(files[path][1])
    except BadPngError:
        return ""  # told of the file
    high = int(wide[1]) * pixels_high / pixels_wide
    return "" if high <= HIGHEST_MM else f"shows {name} {high:.0f} mm high, {HIGHEST_MM} at most: make it narrower"


@lru_cache(maxsize=MOST_FILES)
def _size(content: bytes) -> tuple[int, int]:
    """The pixels of a picture that can be decoded, kept for the templates that show it. Raises BadPngError."""
    pixels, _ = decode(content, largest=LARGEST_PICTURE, fewest=1, most=MOST_PIXELS_A_SIDE)
    return pixels.width, pixels.height


def _data(found: re.Match[str], files: Mapping[str, tuple[str, bytes]]) -> str:
    _, content = files[_FOLDER + found[2]]
    return f"![{found[1]}](data:image/png;base64,{base64.b64encode(content).decode()})"
