"""Seals ready for use: reading a key and a picture anew for each document would double the cost."""

from chassis.database import UnitOfWork
from services.eseal.domain.seal import Seal, Suite
from services.eseal.levels import Levels
from services.eseal.papers import Press, ofd_press, pdf_press
from services.eseal.seals import national
from services.eseal.seals.desk import SealDesk

_MOST_PRESSES = 256


class Presses:
    """The presses of seals that were used, by the seals' ids."""

    def __init__(self, desk: SealDesk, levels: Levels | None = None) -> None:
        """Without `levels` documents are sealed at level B-B."""
        self._desk = desk
        self._levels = levels or Levels()
        self._presses: dict[str, Press] = {}

    def begin(self, work: UnitOfWork) -> None:
        """Bring up to date what seals are put on with, when a batch begins. For write transactions."""
        self._levels.begin(work)

    def of(self, work: UnitOfWork, seal: Seal) -> Press:
        """The seal ready for use. Whether it may be used is asked of the database each time, before this."""
        if seal.seal_id not in self._presses:
            if len(self._presses) >= _MOST_PRESSES:
                self._presses.clear()
            credential, picture = self._desk.equip(work, seal)
            if seal.suite is Suite.NATIONAL:
                encoded = national.load(work, seal.seal_id)
                press = ofd_press(credential, picture, encoded, self._levels.timestamp)
            else:
                press = pdf_press(credential, picture, self._levels.grade())
            self._presses[seal.seal_id] = press
        return self._presses[seal.seal_id]
