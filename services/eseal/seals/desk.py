"""Where seals are used: the one way to a seal's key, which keeps a record of every use and every refused attempt."""

from dataclasses import replace

from cryptography.x509 import load_pem_x509_certificate, load_pem_x509_certificates

from chassis.clock import new_id
from chassis.database import UnitOfWork
from services.eseal import store as organ_store
from services.eseal.domain.records import Picture
from services.eseal.domain.seal import Seal
from services.eseal.domain.use import Purpose, Refusal, choose, refused_by_hand
from services.eseal.keys import Credential
from services.eseal.keys.keystore import KeyStore
from services.eseal.seals import store


class SealDesk:
    """Hands out seals for a purpose."""

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys

    def choose(self, work: UnitOfWork, purpose: Purpose) -> Seal | Refusal:
        """The seal for a purpose, as things are in the database now, or why there is none."""
        suite = organ_store.suite_of(work.connection, purpose.organ_id)
        return choose(store.seals_in_use(work.connection, purpose.organ_id), purpose, work.now, suite)

    def named(self, work: UnitOfWork, seal_id: str, purpose: Purpose) -> tuple[Purpose, Seal | Refusal]:
        """The seal that an official names, or why it may not be used so; and the purpose with the seal's own organ."""
        seal = store.seal_by_id(work.connection, seal_id)
        if seal is None:
            return purpose, Refusal("", "NO_SEAL", f"there is no seal {seal_id}")
        purpose = replace(purpose, organ_id=seal.organ_id)
        return purpose, refused_by_hand(seal, purpose, work.now) or seal

    def equip(self, work: UnitOfWork, seal: Seal) -> tuple[Credential, Picture]:
        """What it takes to use a seal that was chosen; it never changes, so that it may be kept."""
        certificate = load_pem_x509_certificate(seal.certificate_pem.encode())
        chain = load_pem_x509_certificates(seal.chain_pem.encode()) if seal.chain_pem else []
        key = self._keys.load(work, seal.key_id)
        return Credential(key, certificate, chain), store.picture_of(work.connection, seal.seal_id)


def record(work: UnitOfWork, purpose: Purpose, *, seal_id: str, refusal: str = "", document_id: str = "") -> None:
    """Write down a use, or with `refusal` an attempt that was refused; in the transaction of what it was for."""
    use = store.Use(
        use_id=new_id(),
        seal_id=seal_id,
        organ_id=purpose.organ_id,
        for_organ_id=purpose.for_organ_id,
        catalog_code=purpose.catalog_code,
        case_id=purpose.case_id,
        step_id=purpose.step_id,
        title=purpose.title,
        actor=purpose.actor,
        at=work.now,
        refusal=refusal,
        document_id=document_id,
        official=purpose.official,
    )
    store.add_use(work.connection, use)
