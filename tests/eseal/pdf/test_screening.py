"""Which files of strangers may carry a seal: those that show one thing for good."""

import io
from collections.abc import Callable

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Stream

from services.eseal.pdf.orders import Order, SealingError
from services.eseal.pdf.screening import screen
from tests.eseal.builders import trust
from tests.eseal.pdf.builders import PLACE, pages, sealed
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


@pytest.mark.parametrize(
    "change",
    [
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


@pytest.mark.parametrize("change", [nothing, links, opens_at_a_page])
def test_what_stays_as_it_is_may_be_sealed(change: Change) -> None:
    screen(changed(change), trust())


def test_a_file_that_is_sealed_may_get_a_further_seal_and_one_that_was_changed_since_none() -> None:
    whole = sealed(order=Order(PLACE))
    screen(whole, trust())
    assert reason(whole + b"\n%more\n") == "ALTERED"
    assert reason(whole.replace(b"Seal1", b"Seal2")) == "ALTERED"


def test_something_before_the_file_is_refused() -> None:
    assert reason(b"\n" + pages()) == "BROKEN_PDF"


def test_a_form_of_many_fields_is_read_to_its_end() -> None:
    screen(many_fields(2_000), trust())
