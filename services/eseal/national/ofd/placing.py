"""Where on an OFD the picture of a seal is shown, as an order has it."""

from services.eseal.domain.orders import POINTS_A_MM, At, AtText, Order, SealingError, page_index
from services.eseal.national.ofd.package import Files
from services.eseal.national.ofd.searching import find
from services.eseal.national.ofd.stamps import BadPlaceError, Stamp, riding
from services.eseal.national.ofd.structure import Structure


def stamps(files: Files, structure: Structure, order: Order, size: tuple[float, float]) -> list[Stamp]:
    """The places of a seal of this width and height (mm).

    Raises SealingError with NO_PLACE, NO_SUCH_PAGE, OFF_THE_PAGE, BAD_TEXT, TEXT_NOT_FOUND, ONE_PAGE.
    """
    places = [] if order.place is None else [_shown(files, structure, order.place, size)]
    if order.riding:
        try:
            places += riding(structure.pages, *size)
        except BadPlaceError as fault:
            raise SealingError("OFF_THE_PAGE", str(fault)) from fault
    if not places:
        raise SealingError("NO_PLACE", "a seal on an OFD is seen: say where, or have it go across the edges")
    return places


def _shown(files: Files, structure: Structure, place: At | AtText, size: tuple[float, float]) -> Stamp:
    number, x, y = _middle(files, structure, place)
    page = structure.pages[number]
    across, up = (each / 2 for each in size)
    if not (across <= x <= page.width - across and up <= y <= page.height - up):
        shown = [each * POINTS_A_MM for each in (*size, x, page.height - y, page.width, page.height)]
        raise SealingError(
            "OFF_THE_PAGE",
            "a seal of {:.0f} by {:.0f} points at ({:.0f}, {:.0f}) is not wholly on page {}, which has {:.0f} by "
            "{:.0f}".format(*shown[:4], number + 1, *shown[4:]),
        )
    return Stamp(page.id, (x - across, y - up, *size))


def _middle(files: Files, structure: Structure, place: At | AtText) -> tuple[int, float, float]:
    """The page, from 0, and the place on it in millimetres from its upper left corner."""
    if isinstance(place, At):
        number = page_index(place.page, len(structure.pages))
        return number, place.x / POINTS_A_MM, structure.pages[number].height - place.y / POINTS_A_MM
    number, x, y = find(files, structure, place.text, place.occurrence)
    return number, x + place.dx / POINTS_A_MM, y - place.dy / POINTS_A_MM
