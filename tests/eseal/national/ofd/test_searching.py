"""Where a text stands in an OFD: the place that another program finds too."""

import ofdkit
import pytest

from services.eseal.domain.orders import SealingError
from services.eseal.national.ofd.package import Files, write
from services.eseal.national.ofd.searching import find
from services.eseal.national.ofd.structure import read_structure
from tests.eseal.national.builders import written

PAGE = "Doc_0/Pages/Page_0/Content.xml"


def found(files: Files, text: str, occurrence: int = -1) -> tuple[int, float, float]:
    return find(files, read_structure(files), text, occurrence)


def page(*objects: str) -> Files:
    layer = "".join(objects)
    content = f'<ofd:Page xmlns:ofd="http://www.ofdspec.org/2016"><ofd:Content><ofd:Layer>{layer}</ofd:Layer></ofd:Content></ofd:Page>'
    return {**written().files, PAGE: content.encode()}


def text(code: str, attributes: str = "", *, box: str = "10 20 100 10", of: str = 'X="0" Y="4"') -> str:
    return (
        f'<ofd:TextObject Boundary="{box}" Font="1" Size="4" {attributes}>'
        f"<ofd:TextCode {of}>{code}</ofd:TextCode></ofd:TextObject>"
    )


def test_a_line_of_a_notice_is_found_where_another_program_has_it() -> None:
    files = written(60).files
    number, x, y = found(files, "准予食品经营许可通知书", 1)
    (run,) = [run for run in ofdkit.open(write(files)).pages[number].runs if run.text == "准予食品经营许可通知书"]
    # It is centred on the page, and its base line is where the other has it.
    assert x == pytest.approx(105, abs=3)
    assert run.y - 6 < y < run.y


def test_occurrences_count_from_the_first_page_on_and_backwards_from_the_last() -> None:
    files, text_ = written(60).files, "准予许可"
    first, second, last = (found(files, text_, occurrence) for occurrence in (1, 2, -1))
    assert first[2] < second[2]
    assert (first[0], second[0], last[0]) == (0, 0, 2)
    with pytest.raises(SealingError, match=r"only 5\d times"):
        found(files, text_, 61)


def test_the_middle_is_that_of_the_characters() -> None:
    place = found(page(text("盖章", of='X="0" Y="4" DeltaX="5"')), "盖章")
    # From 0 to 5 + 4 along the line, from 3.52 above it to 0.48 below, in a box at (10, 20).
    assert place == pytest.approx((0, 14.5, 22.48))
    assert found(page(text("请盖章", of='X="0" Y="4" DeltaX="g 2 4"')), "盖章")[1] == pytest.approx(18)


def test_objects_that_are_turned_or_enlarged_are_found_where_they_are_shown() -> None:
    assert found(page(text("盖", 'CTM="2 0 0 2 1 0"')), "盖") == pytest.approx((0, 15, 24.96))


@pytest.mark.parametrize("second", ["14 20 9 9", "18 20 9 9"], ids=["at once", "apart"])
def test_a_text_in_pieces_is_found_on_one_line(second: str) -> None:
    assert found(page(text("盖", box="10 20 9 9"), text("章", box=second)), "盖章")[0] == 0


@pytest.mark.parametrize("second", ["60 20 9 9", "14 30 9 9"], ids=["far apart", "on another line"])
def test_pieces_that_do_not_follow_one_another_are_no_text(second: str) -> None:
    with pytest.raises(SealingError, match="nowhere"):
        found(page(text("盖", box="10 20 9 9"), text("章", box=second)), "盖章")


def test_spaces_do_not_count() -> None:
    files = page(text("（ 盖 章 ）", of='X="0" Y="4" DeltaX="4 4 4 4 4 4"'))
    assert found(files, "（盖章）") == found(files, "（盖 章）")


def test_what_is_not_seen_is_not_found_and_what_pages_are_drawn_on_is() -> None:
    with pytest.raises(SealingError, match="nowhere"):
        found(page(text("盖章", 'Visible="false"')), "盖章")
    files = {**page(), "Doc_0/Template.xml": page(text("盖章"))[PAGE]}
    files["Doc_0/Document.xml"] = files["Doc_0/Document.xml"].replace(
        b"</ofd:CommonData>", b'<ofd:TemplatePage ID="970" BaseLoc="Template.xml"/></ofd:CommonData>'
    )
    files[PAGE] = files[PAGE].replace(b"<ofd:Content>", b'<ofd:Template TemplateID="970"/><ofd:Content>')
    assert found(files, "盖章")[0] == 0


@pytest.mark.parametrize(("text_", "occurrence"), [("", 1), ("  ", 1), ("x" * 201, 1), ("盖章", 0)])
def test_what_is_no_text_to_look_for_is_refused(text_: str, occurrence: int) -> None:
    with pytest.raises(SealingError) as raised:
        found(written().files, text_, occurrence)
    assert raised.value.reason == "BAD_TEXT"
