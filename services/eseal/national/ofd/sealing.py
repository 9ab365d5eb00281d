"""Putting a seal on an OFD: GB/T 33190, 18, with a signature of GB/T 38540 in version 4.

A seal covers every file of the package but the list of signatures, which has to grow with a second seal, and the files
of its own signature; a later seal covers the earlier ones.
"""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.eseal.keys import Credential
from services.eseal.national import signatures
from services.eseal.national.ofd import xml
from services.eseal.national.ofd.package import Files, write
from services.eseal.national.ofd.prepared import SIGNED_FOLDER
from services.eseal.national.ofd.stamps import Stamp, check
from services.eseal.national.ofd.structure import (
    ROOT,
    BadDocumentError,
    part,
    read_structure,
    resolve,
    with_signatures,
)
from services.eseal.national.ofd.xml import BadXmlError, Element, make
from services.eseal.national.oids import SM2_WITH_SM3, SM3
from services.eseal.national.signatures import Timestamp
from services.eseal.national.sm3 import sm3

LIST = "Doc_0/Signs/Signatures.xml"


class LockedError(Exception):
    """The document has a seal that covers the list of seals, and would be broken by a further one."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed OFD, its files, and the SM3 (hexadecimal) of what its last signature signs."""

    content: bytes
    files: Files
    signed_digest: str


class Sealer:
    """A seal ready for use, for any number of documents."""

    def __init__(self, seal: bytes, signer: Credential) -> None:
        """`seal`: as `seals.make_seal` made it. `signer`: one of its holders."""
        self._seal = seal
        self._signer = signer

    def seal(
        self, files: Files, stamps: Sequence[Stamp], *, now: datetime, timestamp: Timestamp | None = None
    ) -> Sealed:
        """The document sealed, with the seal's picture in these places, at the moment `now`; raises as `prepare`."""
        prepared = prepare(files, self._seal, stamps, now)
        value, signed = signatures.sign(
            self._seal,
            self._signer,
            data_hash=sm3(prepared.changed[prepared.location]),
            property_info="/" + prepared.location,
            now=now,
            timestamp=timestamp,
        )
        files = {**files, **prepared.changed, prepared.value: value}
        return Sealed(write(files), files, sm3(signed).hex())


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a further seal puts into a document, but for the value of its signature, for which no key is needed.

    `changed` are the files that are new, or other than before; `folder` has those of the signature.
    """

    changed: Files
    folder: str

    @property
    def location(self) -> str:
        """The file that describes the signature, whose digest is signed."""
        return f"{self.folder}/Signature.xml"

    @property
    def value(self) -> str:
        """The file that is still missing."""
        return f"{self.folder}/SignedValue.dat"


def prepare(files: Files, seal: bytes, stamps: Sequence[Stamp], now: datetime, *, last: bool = False) -> Prepared:
    """A seal with its picture in these places, without the signature's value; `last` allows no further seal after it.

    Raises BadDocumentError for what is no OFD, BadPlaceError for a place that is not on it, LockedError.
    """
    structure = read_structure(files)
    check(stamps, structure.pages)
    changed: Files = {}
    if structure.signatures is None:
        changed[ROOT] = with_signatures(files, LIST)
    listed = structure.signatures or LIST
    try:
        entries = _entries(files, listed)
    except BadXmlError as fault:
        raise BadDocumentError(str(fault)) from fault
    prepared = Prepared(changed, _free_folder(files, listed))
    number = len(entries)
    entry = make("Signature", "", ID=_identifier(entries, number), Type="Seal", BaseLoc="/" + prepared.location)
    changed[f"{prepared.folder}/Seal.esl"] = seal
    changed[listed] = xml.serialise(make("Signatures", "", make("MaxSignId", str(number + 1)), *entries, entry))
    covered = {name: data for name, data in (files | changed).items() if last or name != listed}
    changed[prepared.location] = xml.serialise(_description(covered, prepared, stamps, now))
    return prepared


def _entries(files: Files, listed: str) -> list[Element]:
    """The signatures that are there; raises LockedError when one of them covers the list."""
    if listed not in files:
        return []
    entries = list(xml.children(xml.parse(files[listed], "Signatures"), "Signature"))
    for entry in entries:
        location = resolve(entry.get("BaseLoc", ""), listed)
        signed = xml.needed(xml.parse(part(files, location), "Signature"), "SignedInfo")
        references = xml.children(xml.needed(signed, "References"), "Reference")
        if any(resolve(each.get("FileRef", ""), location) == listed for each in references):
            raise LockedError("a seal on the document covers the list of seals: no further one can be added")
    return entries


def _free_folder(files: Files, listed: str) -> str:
    parent = listed.rpartition("/")[0]
    if not SIGNED_FOLDER.fullmatch(parent):
        parent = LIST.rpartition("/")[0]
    taken = {name.removeprefix(f"{parent}/").partition("/")[0].casefold() for name in files}
    return next(f"{parent}/Sign_{number}" for number in range(len(taken) + 1) if f"sign_{number}" not in taken)


def _identifier(entries: Sequence[Element], number: int) -> str:
    taken = {entry.get("ID") for entry in entries}
    return next(str(each) for each in range(number + 1, 2 * number + 2) if str(each) not in taken)


def _description(covered: Files, prepared: Prepared, stamps: Sequence[Stamp], now: datetime) -> Element:
    references = make("References", "", CheckMethod=SM3)
    for name, data in covered.items():
        value = base64.b64encode(sm3(data)).decode("ascii")
        references.append(make("Reference", "", make("CheckValue", value), FileRef="/" + name))
    # What is signed is known by its digest, so it is another one each time, the same file in the same second too.
    once = secrets.token_hex(8)
    shown = [_annotation(stamp, f"s{number}-{once}") for number, stamp in enumerate(stamps, start=1)]
    signed = make(
        "SignedInfo",
        "",
        make("Provider", "", ProviderName="Duokua", Version="1.0", Company="Duokua"),
        make("SignatureMethod", SM2_WITH_SM3),
        make("SignatureDateTime", f"{now:%Y%m%d%H%M%SZ}"),
        references,
        *shown,
        make("Seal", "", make("BaseLoc", f"/{prepared.folder}/Seal.esl")),
    )
    return make("Signature", "", signed, make("SignedValue", "/" + prepared.value))


def _annotation(stamp: Stamp, identifier: str) -> Element:
    annotation = make("StampAnnot", "", ID=identifier, PageRef=stamp.page_id, Boundary=_box(stamp.box))
    if stamp.shown is not None:
        annotation.set("Clip", _box(stamp.shown))
    return annotation


def _box(box: Sequence[float]) -> str:
    return " ".join(f"{value:.3f}".rstrip("0").rstrip(".") for value in box)
