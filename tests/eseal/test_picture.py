"""The visible picture of a seal."""

import io

import pytest
from PIL import Image

from services.eseal.domain.picture import SIZE, draw, draw_plain


def opened(name: str) -> Image.Image:
    return Image.open(io.BytesIO(draw(name))).convert("RGBA")


@pytest.mark.parametrize("name", ["局", "国家税务总局", "中华人民共和国应急管理部消防救援局浙江省总队", "国" * 100])
def test_a_seal_is_round_red_and_otherwise_transparent(name: str) -> None:
    picture = opened(name)
    assert draw(name).startswith(b"\x89PNG")
    assert picture.size == (SIZE, SIZE)
    ink = picture.getchannel("A")
    corners = [(0, 0), (SIZE - 1, 0), (0, SIZE - 1), (SIZE - 1, SIZE - 1)]
    assert [ink.getpixel(corner) for corner in corners] == [0, 0, 0, 0]
    assert ink.getpixel((SIZE // 2, SIZE // 2)) == 255  # the star
    assert ink.getpixel((8, SIZE // 2)) == 255  # the rim
    assert picture.convert("RGB").getcolors() == [(SIZE * SIZE, (214, 20, 26))]


def test_the_name_is_on_it() -> None:
    assert draw("国家税务总局") != draw("国家粮食总局")
    assert draw("国家税务总局") == draw("国家税务总局")


def test_the_name_is_spread_evenly_to_both_sides() -> None:
    ink = opened("中" * 11).getchannel("A")
    left = ink.crop((0, 0, SIZE // 2, SIZE)).histogram()[255]
    right = ink.crop((SIZE // 2, 0, SIZE, SIZE)).histogram()[255]
    assert abs(left - right) < 0.02 * left


@pytest.mark.parametrize("name", ["张三", "李示例", "欧阳示例"])
def test_a_person_s_name_fills_its_frame_and_does_not_touch_it(name: str) -> None:
    made = draw_plain(name)
    ink = Image.open(io.BytesIO(made.png)).convert("RGBA").getchannel("A")
    edge = ink.width // 16
    left, _, right, _ = ink.crop((edge, edge, ink.width - edge, ink.height - edge)).getbbox() or (0, 0, 0, 0)
    assert 0.6 < (right - left) / ink.width < 0.86
    assert left > 0
    assert made.width_mm == 21
