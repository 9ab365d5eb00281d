"""Seals on files of officials, in the format that the seal's suite says: PDF, or OFD for the national suite.

Each format has two halves, between which a process of its own prepares the file: what that process has to know of the
seal, and signing what it prepared. pyHanko and what reads OFD is loaded in that process alone.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from chassis.database import UnitOfWork
from services.eseal.cms.signing import CmsSigner
from services.eseal.domain import records
from services.eseal.domain.findings import Format
from services.eseal.domain.orders import Order
from services.eseal.domain.seal import Seal, Suite
from services.eseal.levels import Levels
from services.eseal.national import signatures
from services.eseal.national.ofd.prepared import Prepared as PreparedOfd
from services.eseal.national.sm3 import sm3
from services.eseal.papers import Paper
from services.eseal.pdf.prepared import Prepared as PreparedPdf
from services.eseal.preparation.preparers import Addition, Wanted
from services.eseal.seals import national
from services.eseal.seals import store as seal_store
from services.eseal.seals.desk import SealDesk


class Files(Protocol):
    """Files of one format."""

    def wanted(self, work: UnitOfWork, seal: Seal, order: Order) -> Wanted:
        """What preparing a file for a seal takes. For write transactions."""

    def sealed(self, work: UnitOfWork, seal: Seal, content: bytes, addition: Addition) -> Paper:
        """A file sealed, as it was prepared."""


def files_of(desk: SealDesk, levels: Levels) -> Mapping[Suite, Files]:
    """The format that seals of a suite go on."""
    return {Suite.INTERNATIONAL: _PdfFiles(desk, levels), Suite.NATIONAL: _OfdFiles(desk, levels)}


class _PdfFiles:
    def __init__(self, desk: SealDesk, levels: Levels) -> None:
        self._desk = desk
        self._levels = levels

    def wanted(self, work: UnitOfWork, seal: Seal, order: Order) -> Wanted:
        self._levels.begin(work)
        grade = self._levels.grade()
        picture = seal_store.picture_of(work.connection, seal.seal_id)
        validation = grade.validation() if grade.validation else None
        order = replace(order, width_mm=float(picture.width_mm))
        return Wanted(Format.PDF, order, work.now, picture.png, grade.room, validation)

    def sealed(self, work: UnitOfWork, seal: Seal, content: bytes, addition: Addition) -> Paper:
        grade, places = self._levels.grade(), addition.places
        prepared = PreparedPdf.appended(content, addition.data, places["start"], places["end"], grade.room)
        credential, _ = self._desk.equip(work, seal)
        signature = CmsSigner(credential).detached(prepared.digest, stamp=grade.stamp)
        return Paper(prepared.sealed(signature), prepared.digest.hex(), records.PDF)


class _OfdFiles:
    def __init__(self, desk: SealDesk, levels: Levels) -> None:
        self._desk = desk
        self._levels = levels

    def wanted(self, work: UnitOfWork, seal: Seal, order: Order) -> Wanted:
        self._levels.begin(work)
        return Wanted(Format.OFD, order, work.now, national.load(work, seal.seal_id))

    def sealed(self, work: UnitOfWork, seal: Seal, content: bytes, addition: Addition) -> Paper:
        prepared = PreparedOfd.of(content, addition.data, addition.places)
        credential, _ = self._desk.equip(work, seal)
        value, signed = signatures.sign(
            national.load(work, seal.seal_id),
            credential,
            data_hash=prepared.digest,
            property_info="/" + prepared.location,
            now=work.now,
            timestamp=self._levels.timestamp,
        )
        return Paper(prepared.sealed(content, value), sm3(signed).hex(), records.OFD)
