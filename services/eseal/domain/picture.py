"""The visible pictures of seals that are drawn here: the round one of organs, and a plain one for all others.

Round, red, the organ's name around a five-pointed star: the proportions follow the round seals of State organs
(国发〔1999〕25号: the star in the middle, the name from left to right in an arc around it, in Song type); the printed
diameter is 42 mm. The plain one is a frame with lines of text.
"""

import io
import math

from PIL import Image, ImageDraw, ImageFont

from services.eseal.domain import font
from services.eseal.domain.records import Picture

DIAMETER_MM = 42
# 42 mm at about 300 dots per inch.
SIZE = 496
# Drawn larger and scaled down, which smooths every edge.
_OVERSAMPLING = 3
_RED = (214, 20, 26)
_SHORT_NAME = 4
_WIDEST_ARC = math.radians(264)


def draw(name: str) -> bytes:
    """The seal picture of an organ as a PNG with transparency, `SIZE` pixels square."""
    side = SIZE * _OVERSAMPLING
    # Only the coverage is drawn: the colour is the same everywhere, so that scaling leaves no dark fringe.
    ink = Image.new("L", (side, side), 0)
    pen = ImageDraw.Draw(ink)
    rim = side * 0.032
    pen.ellipse((2, 2, side - 3, side - 3), outline=255, width=round(rim))
    pen.polygon(_star(side / 2, side * 0.165), fill=255)
    _write_arc(ink, name)
    return _inked(ink)


def draw_round(name: str) -> Picture:
    """The seal of an organ: its name around a star."""
    return Picture(draw(name), DIAMETER_MM, DIAMETER_MM)


def draw_plain(*lines: str) -> Picture:
    """The seal of anybody else: a frame with one or more lines, as high as they need and as wide as a round one.

    A short name in one line, as of a person, gives a frame half as wide, which it fills.
    """
    is_short = len(lines) == 1 and len(lines[0]) <= _SHORT_NAME
    width_mm = DIAMETER_MM // 2 if is_short else DIAMETER_MM
    width = SIZE * _OVERSAMPLING * width_mm // DIAMETER_MM
    edge = round(SIZE * _OVERSAMPLING * 0.02)
    largest = width * (0.36 if is_short else 0.16)
    sizes = [min(largest, (width - 6 * edge) / max(1, len(line))) for line in lines]
    height = round(sum(size * 1.4 for size in sizes) + 6 * edge)
    # A whole number of millimetres, so that it is printed with its own proportions.
    height_mm = math.ceil(height * width_mm / width)
    height = height_mm * width // width_mm
    ink = Image.new("L", (width, height), 0)
    pen = ImageDraw.Draw(ink)
    pen.rectangle((2, 2, width - 3, height - 3), outline=255, width=edge)
    top = (height - sum(size * 1.4 for size in sizes)) / 2
    for line, size in zip(lines, sizes, strict=True):
        typeface = ImageFont.truetype(str(font.PATH), max(1, round(size)))
        middle = (width / 2, top + size * 0.7)
        pen.text(middle, line, font=typeface, fill=255, anchor="mm", stroke_width=size * 0.012)
        top += size * 1.4
    return Picture(_inked(ink), width_mm, height_mm)


def _inked(ink: Image.Image) -> bytes:
    """A drawn coverage as a red PNG, in its final size.

    Its palette has one red in 256 degrees of transparency: half as large as with a red in every pixel, and every OFD
    holds the picture twice.
    """
    size = (ink.width // _OVERSAMPLING, ink.height // _OVERSAMPLING)
    picture = Image.frombytes("P", size, ink.resize(size, Image.Resampling.LANCZOS).tobytes())
    picture.putpalette(_RED * 256)
    out = io.BytesIO()
    picture.save(out, "PNG", transparency=bytes(range(256)), optimize=True)
    return out.getvalue()


def _star(centre: float, radius: float) -> list[tuple[float, float]]:
    inner = radius * math.sin(math.radians(18)) / math.sin(math.radians(54))
    points = []
    for index in range(10):
        reach = radius if index % 2 == 0 else inner
        angle = math.radians(36 * index - 90)
        points.append((centre + reach * math.cos(angle), centre + reach * math.sin(angle)))
    return points


def _write_arc(ink: Image.Image, name: str) -> None:
    """Writes the name along the rim, upright at the top, evenly spread to both sides."""
    side = ink.width
    height, radius, step = _type_size(len(name), side)
    typeface = ImageFont.truetype(str(font.PATH), round(height))
    box = round(height * 1.7)
    for index, character in enumerate(name):
        glyph = Image.new("L", (box, box), 0)
        # A little stroke: seals are cut bolder than text is printed.
        ImageDraw.Draw(glyph).text(
            (box / 2, box / 2), character, font=typeface, fill=255, anchor="mm", stroke_width=height * 0.012
        )
        angle = step * (index - (len(name) - 1) / 2)
        # Long names are set narrower, as on a cut seal, so that the characters do not touch.
        narrow = min(1.0, step * radius / (height * 1.02)) if len(name) > 1 else 1.0
        glyph = glyph.resize((max(1, round(box * narrow)), box), Image.Resampling.LANCZOS)
        glyph = glyph.rotate(-math.degrees(angle), resample=Image.Resampling.BICUBIC, expand=True)
        x = side / 2 + radius * math.sin(angle) - glyph.width / 2
        y = side / 2 - radius * math.cos(angle) - glyph.height / 2
        ink.paste(255, (round(x), round(y)), glyph)


def _type_size(count: int, side: int) -> tuple[float, float, float]:
    """Height of the type, radius of its middle line, and angle between two characters."""
    height = side * (0.148 if count <= 14 else 0.132 if count <= 20 else 0.112 if count <= 28 else 3.1 / count)
    radius = side * 0.5 - side * 0.055 - height * 0.5
    step = min(math.radians(29), _WIDEST_ARC / max(1, count - 1))
    return height, radius, step
