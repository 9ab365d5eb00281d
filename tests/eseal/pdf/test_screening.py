"""Which files of strangers may carry a seal: those that show one thing for good."""

import io
import re
from collections.abc import Callable
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Stream

from services.eseal.domain.answers import Verdict
from services.eseal.domain.orders import Order, SealingError
from services.eseal.pdf.screening import screen
from tests.eseal.builders import trust
from tests.eseal.pdf.builders import PLACE, judged, pages, sealed
from tests.eseal.verification.test_judges import many_fields

Change = Callable[[pikepdf.Pdf], None]


def changed(change: Change) -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pages())) as pdf:
        change(pdf)
        pdf.save(out)
    return out.getvalue()


def reason(content: bytes) -> str:
    with pytest.raises(SealingError) as raised:
        screen(content, trust())
    return raised.value.reason


def script(pdf: pikepdf.Pdf) -> None:
    pdf.Root.OpenAction = Dictionary(S=Name.JavaScript, JS="app.alert(1)")


def launch(pdf: pikepdf.Pdf) -> None:
    action = pdf.make_indirect(Dictionary(S=Name.Launch, F="calc.exe"))
    pdf.pages[0].Annots = Array([Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=[0, 0, 9, 9], A=action)])


def following_script(pdf: pikepdf.Pdf) -> None:
    following = Dictionary(S=Name.JavaScript, JS=pdf.make_stream(b"app.alert(1)"))
    pdf.Root.OpenAction = Dictionary(S=Name.URI, URI="http://example.com", Next=Array([following]))


def layers(pdf: pikepdf.Pdf) -> None:
    group = pdf.make_indirect(Dictionary(Type=Name.OCG, Name="second text"))
    pdf.Root.OCProperties = Dictionary(OCGs=Array([group]), D=Dictionary(OFF=Array([group])))


def own_drawing(pdf: pikepdf.Pdf) -> None:
    pdf.Root.AcroForm = Dictionary(Fields=Array([]), XFA=pdf.make_stream(b"<xdp/>"))


def drawn_by_readers(pdf: pikepdf.Pdf) -> None:
    pdf.Root.AcroForm = Dictionary(Fields=Array([]), NeedAppearances=True)


def film(pdf: pikepdf.Pdf) -> None:
    pdf.pages[0].Annots = Array([Dictionary(Type=Name.Annot, Subtype=Name.RichMedia, Rect=[0, 0, 9, 9])])


def another_file(pdf: pikepdf.Pdf) -> None:
    picture = Stream(pdf, b"", Type=Name.XObject, Subtype=Name.Image, Width=1, Height=1, F="elsewhere.jpg")
    pdf.pages[0].Resources.XObject = Dictionary(P=pdf.make_indirect(picture))


def another_on_paper(pdf: pikepdf.Pdf) -> None:
    picture = Stream(pdf, b"0", Type=Name.XObject, Subtype=Name.Image, Width=1, Height=1, Alternates=Array([]))
    pdf.pages[0].Resources.XObject = Dictionary(P=pdf.make_indirect(picture))


def note(flags: int | None, subtype: Name = Name.FreeText) -> Change:
    def change(pdf: pikepdf.Pdf) -> None:
        picture = Dictionary(N=pdf.make_stream(b"0 0 9 9 re f", Subtype=Name.Form, BBox=Array([0, 0, 9, 9])))
        made = Dictionary(Type=Name.Annot, Subtype=subtype, Rect=[0, 0, 500, 500], AP=picture)
        if flags is not None:
            made.F = flags
        pdf.pages[0].Annots = Array([pdf.make_indirect(made)])

    return change


def page_of_another_file(pdf: pikepdf.Pdf) -> None:
    form = Stream(pdf, b"", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 9, 9]))
    form.Ref = Dictionary(F="elsewhere.pdf", Page=0)
    pdf.pages[0].Resources.XObject = Dictionary(P=pdf.make_indirect(form))


def of_the_press(pdf: pikepdf.Pdf) -> None:
    picture = Stream(pdf, b"0", Type=Name.XObject, Subtype=Name.Image, Width=1, Height=1, OPI=Dictionary())
    pdf.pages[0].Resources.XObject = Dictionary(P=pdf.make_indirect(picture))


@pytest.mark.parametrize(
    "change",
    [
        note(None),  # on screen only
        note(0x4 | 0x2),  # hidden
        note(0x4 | 0x20),  # on paper only
        note(0x4 | 0x100),  # while the mouse is over it
        note(0x80, Name.Stamp),
        page_of_another_file,
        of_the_press,
        script,
        launch,
        following_script,
        layers,
        own_drawing,
        drawn_by_readers,
        film,
        another_file,
        another_on_paper,
    ],
)
def test_what_may_show_something_else_later_is_refused(change: Change) -> None:
    assert reason(changed(change)) == "CHANGEABLE_CONTENT"


def links(pdf: pikepdf.Pdf) -> None:
    action = Dictionary(S=Name.URI, URI="http://example.com")
    pdf.pages[0].Annots = Array([Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=[0, 0, 9, 9], A=action)])


def opens_at_a_page(pdf: pikepdf.Pdf) -> None:
    pdf.Root.OpenAction = Dictionary(S=Name.GoTo, D=Array([pdf.pages[0].obj, Name.Fit]))


def nothing(_: pikepdf.Pdf) -> None:
    """As it is."""


@pytest.mark.parametrize("change", [nothing, links, opens_at_a_page, note(0x4), note(0x84, Name.Stamp)])
def test_what_stays_as_it_is_may_be_sealed(change: Change) -> None:
    screen(changed(change), trust())


@pytest.mark.parametrize(
    "how",
    [
        {"linearize": True},
        {"object_stream_mode": pikepdf.ObjectStreamMode.generate},
        {"object_stream_mode": pikepdf.ObjectStreamMode.generate, "linearize": True},
    ],
)
def test_files_are_sealed_however_their_objects_are_listed(how: dict[str, Any]) -> None:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pages(3))) as pdf:
        pdf.save(out, **how)
    screen(out.getvalue(), trust())
    assert judged(sealed(out.getvalue())).verdict is Verdict.GENUINE


def test_a_file_whose_table_lists_an_object_twice_is_refused() -> None:
    """Some readers take the first, some the last: the official would see another page than the applicant."""
    content = pages()
    number, place = (int(each) for each in re.findall(rb"(\d+) 0 obj\s*<<\s*/Filter", content)[:1] * 2)
    place = content.index(b"\n%d 0 obj" % number) + 1
    start = len(content)
    entry = b"%d 1\n%010d 00000 n \n" % (number, place)
    before = int(re.findall(rb"startxref\s+(\d+)", content)[-1])
    trailer = re.findall(rb"trailer\s*<<(.*?)>>\s*startxref", content, re.DOTALL)[-1]
    for entries in (entry, entry * 2):
        table = b"xref\n0 1\n0000000000 65535 f \n%strailer\n<<%s/Prev %d>>\n" % (entries, trailer, before)
        updated = content + table + b"startxref\n%d\n%%%%EOF\n" % start
        if entries == entry:
            screen(updated, trust())
        else:
            assert reason(updated) == "BROKEN_PDF"


def test_a_file_that_is_sealed_may_get_a_further_seal_and_one_that_was_changed_since_none() -> None:
    whole = sealed(order=Order(PLACE))
    screen(whole, trust())
    assert reason(whole + b"\n%more\n") == "ALTERED"
    assert reason(whole.replace(b"Seal1", b"Seal2")) == "ALTERED"


def test_something_before_the_file_is_refused() -> None:
    assert reason(b"\n" + pages()) == "BROKEN_PDF"


def test_a_form_of_many_fields_is_read_to_its_end() -> None:
    screen(many_fields(2_000), trust())
