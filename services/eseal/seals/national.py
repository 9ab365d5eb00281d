"""Seals of the national suite as GB/T 38540 has them: made once, by the platform's maker of seals, and kept."""

import re
import secrets

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from sqlalchemy import select

from chassis.database import UnitOfWork, insert
from services.eseal.domain.records import Picture
from services.eseal.domain.seal import Seal
from services.eseal.keys import Credential
from services.eseal.national.seals import Picture as Shown
from services.eseal.national.seals import make_seal
from services.eseal.tables import national_seals

# 18 characters with the code of the region where the organ is registered (GB 32100-2015).
_REGION = re.compile(r"[0-9A-Z]{2}([0-9]{6})[0-9A-Z]{10}")
_ATTEMPTS = 20
# GB/T 38540 has numbers for the kinds and leaves them to the maker; an organ's seal is 1 in those that are in use.
_KIND = 1


def make(work: UnitOfWork, seal: Seal, picture: Picture, maker: Credential) -> None:
    """Makes the seal of a certificate that was just issued, for its holder alone, and keeps it."""
    if seal.valid_from is None or seal.valid_until is None:
        raise ValueError(f"seal {seal.seal_id} has no certificate yet")
    encoded = make_seal(
        es_id=_number(work, seal),
        name=seal.name,
        picture=Shown("PNG", picture.png, picture.width_mm, picture.height_mm),
        holders=[load_pem_x509_certificate(seal.certificate_pem.encode()).public_bytes(Encoding.DER)],
        maker=maker,
        now=work.now,
        valid_until=seal.valid_until,
        kind=_KIND,
    )
    work.connection.execute(
        national_seals.update().where(national_seals.c.seal_id == seal.seal_id).values(encoded=encoded)
    )


def load(work: UnitOfWork, seal_id: str) -> bytes:
    """The seal, DER."""
    encoded: bytes = work.connection.execute(
        select(national_seals.c.encoded).where(national_seals.c.seal_id == seal_id)
    ).scalar_one()
    return encoded


def _number(work: UnitOfWork, seal: Seal) -> str:
    """A number that no other seal has, taken for this one: six digits of the region, eight of its own."""
    region = _REGION.fullmatch(seal.organ_id)
    for _ in range(_ATTEMPTS):
        number = f"{region[1] if region else '000000'}{secrets.randbelow(10**8):08d}"
        row = {"seal_id": seal.seal_id, "es_id": number, "encoded": b""}
        taken = insert(work.connection, national_seals).on_conflict_do_nothing(index_elements=["es_id"])
        if work.connection.execute(taken, row).rowcount:
            return number
    raise RuntimeError(f"all numbers of seals of the region of organ {seal.organ_id} seem to be taken")
