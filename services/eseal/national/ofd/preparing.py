"""Putting a seal on an OFD of a stranger, but for the signature. To be called in a confined process only."""

from datetime import datetime

from services.eseal.domain.orders import Order, SealingError
from services.eseal.domain.trust import Trust
from services.eseal.national.ofd import sealing
from services.eseal.national.ofd.amending import amend
from services.eseal.national.ofd.package import BadPackageError
from services.eseal.national.ofd.placing import stamps
from services.eseal.national.ofd.prepared import places_of
from services.eseal.national.ofd.screening import screen
from services.eseal.national.ofd.structure import BadDocumentError, read_structure
from services.eseal.national.ofd.xml import BadXmlError
from services.eseal.national.seals import read_seal


def prepare(content: bytes, trust: Trust, seal: bytes, order: Order, now: datetime) -> tuple[bytes, dict[str, object]]:
    """What has to be put into a file, and where everything is in it: see `prepared.py`.

    Raises SealingError and UnreadableError as `screen` and `stamps` do, and with NO_PLACE_FOR_REASON.
    """
    if order.reason:
        raise SealingError("NO_PLACE_FOR_REASON", "an OFD has no place for a reason; ask without one")
    try:
        return _prepared(content, trust, seal, order, now)
    except sealing.LockedError as fault:
        raise SealingError("CERTIFIED", "the file carries a seal that forbids every later change") from fault
    except (BadPackageError, BadDocumentError, BadXmlError) as fault:
        raise SealingError("BROKEN_OFD", f"the file cannot be read as an OFD: {fault}") from fault


def _prepared(
    content: bytes, trust: Trust, seal: bytes, order: Order, now: datetime
) -> tuple[bytes, dict[str, object]]:
    files = screen(content, trust)
    picture = read_seal(seal).picture
    places = stamps(files, read_structure(files), order, (picture.width_mm, picture.height_mm))
    prepared = sealing.prepare(files, seal, places, now, last=order.certify)
    # The file that is signed comes last of those that are added.
    description = prepared.changed.pop(prepared.location)
    amended = amend(content, {**prepared.changed, prepared.location: description})
    end = len(amended.added)
    return amended.added + amended.directory, places_of(amended, prepared.folder, (end - len(description), end))
