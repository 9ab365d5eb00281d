"""What somebody applies for, and whether a seal can be made of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from chassis.problems import Invalid, Violation
from services.eseal.domain.records import Picture
from services.eseal.domain.seal import ALL, MOST_YEARS, Kind

_CODE = re.compile(r"[0-9A-Z]{12}")
DEFAULT_WIDTH_MM = 42


@dataclass(frozen=True, slots=True)
class Application:
    """An application for a seal."""

    organ_id: str
    reason: str
    kind: Kind = Kind.ORGAN
    name: str = ""
    matters: tuple[str, ...] = (ALL,)
    served_organs: tuple[str, ...] = ()
    picture: bytes = b""
    """An uploaded PNG; empty for one that is drawn."""
    width_mm: int = DEFAULT_WIDTH_MM
    years: int = MOST_YEARS
    outside: bool = False
    replaces: str = ""

    def written(self, organ_name: str) -> str:
        """What is written on the seal."""
        return organ_name if self.kind is Kind.ORGAN else self.name


def check_application(application: Application, organ_name: str, *, drawn: bool) -> None:
    """Raise Invalid BAD_REQUEST that names every fault, or UNPRINTABLE_NAME for a seal whose picture is drawn here."""
    from services.eseal.domain import font  # noqa: PLC0415 (loads on first use)

    faults = list(_faults(application, organ_name))
    if faults:
        raise Invalid("BAD_REQUEST", "there can be no such seal", faults)
    missing = "".join(font.unprintable(f"{organ_name}{application.name}"))
    if missing and drawn:
        fault = Violation("name", f"it has characters that cannot be set: {missing}; upload a picture")
        name = application.written(organ_name)
        raise Invalid("UNPRINTABLE_NAME", f"no seal can be drawn for {name}", [fault], organ_id=application.organ_id)


def picture_for(application: Application, organ_name: str) -> Picture:
    """The picture of the seal: the uploaded one, or one that is drawn. Raises Invalid BAD_PICTURE."""
    from services.eseal.domain import picture, uploaded  # noqa: PLC0415 (loads on first use)

    if application.picture:
        try:
            return uploaded.check(application.picture, application.width_mm)
        except uploaded.BadPictureError as fault:
            raise Invalid("BAD_PICTURE", str(fault), [Violation("picture", str(fault))]) from fault
    if application.kind is Kind.ORGAN:
        return picture.draw_round(organ_name)
    if application.kind is Kind.PERSONAL:
        return picture.draw_plain(application.name)
    return picture.draw_plain(organ_name, application.name)


def _faults(application: Application, organ_name: str) -> Iterator[Violation]:
    kind, name = application.kind, application.name
    if kind is Kind.ORGAN and name not in ("", organ_name):
        yield Violation("name", f"an organ's own seal has the organ's name, {organ_name}")
    if kind is not Kind.ORGAN and (not name or name != name.strip() or not name.isprintable()):
        yield Violation("name", "say what is written on the seal, without spaces around it")
    if kind is Kind.PERSONAL and application.matters:
        yield Violation("matters", "a personal seal is not used by cases: name no matters")
    if kind is not Kind.PERSONAL and not application.matters:
        yield Violation("matters", f'say for which matters it is, by catalogue code, or "{ALL}" for all')
    for number, code in enumerate(application.matters):
        if code != ALL and not _CODE.fullmatch(code):
            yield Violation(
                f"matters[{number}]", f'a catalogue code has 12 digits or upper-case letters, or is "{ALL}"'
            )
    if application.organ_id in application.served_organs:
        yield Violation("served_organ_ids", "the seal's own organ need not be named")
    if not 1 <= application.years <= MOST_YEARS:
        yield Violation("years", f"a seal is good for 1 to {MOST_YEARS} years")
