"""The lives of seals: each method is one use case in one transaction that the caller opens and commits."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from sqlalchemy.exc import IntegrityError

from chassis.clock import new_id
from chassis.database import UnitOfWork
from chassis.problems import Conflict, Exists, Invalid, NotFound, Violation
from chassis.settings import Settings
from services.eseal import store as organ_store
from services.eseal.certificates import outside, outside_national
from services.eseal.certificates.authorities import Authorities, Authority
from services.eseal.certificates.issuing import issue
from services.eseal.certificates.outside import BadCertificateError, OutsideTrust
from services.eseal.domain.records import Picture
from services.eseal.domain.seal import Act, Entry, Kind, Seal, State, Suite, check_replaceable, perform
from services.eseal.keys.keystore import KeyStore
from services.eseal.seals import national, store
from services.eseal.seals.application import Application, check_application, picture_for

_REQUESTS = {Suite.INTERNATIONAL: outside.make_request, Suite.NATIONAL: outside_national.make_request}
_ACCEPTED = {Suite.INTERNATIONAL: outside.accept, Suite.NATIONAL: outside_national.accept}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: the subject, and the one organ whose seals it may see; empty for all organs."""

    subject: str
    organ_id: str = ""


class Register:
    """Takes applications, makes seals, and says what may still be done with each."""

    def __init__(
        self, keys: KeyStore, authorities: Authorities | None = None, outside: OutsideTrust | None = None
    ) -> None:
        self._keys = keys
        self._authorities = authorities or Authorities(keys)
        self._outside = outside or OutsideTrust()

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """With the keys of this installation."""
        return cls(
            KeyStore.from_settings(settings),
            Authorities.from_settings(settings),
            OutsideTrust.from_settings(settings),
        )

    def apply(self, work: UnitOfWork, actor: Actor, application: Application) -> Seal:
        """Takes an application.

        Raises NotFound ORGAN_NOT_FOUND, SEAL_NOT_FOUND, Invalid BAD_REQUEST, UNPRINTABLE_NAME, BAD_PICTURE, Exists
        SEAL_EXISTS, APPLICATION_EXISTS, Conflict SEAL_NOT_REPLACEABLE, SUITE_NOT_AVAILABLE.
        """
        organ_id = application.organ_id
        organ_name = organ_store.organ_name(work.connection, organ_id)
        if organ_name is None or actor.organ_id not in ("", organ_id):
            raise _organ_not_found(organ_id)
        for served in application.served_organs:
            if organ_store.organ_name(work.connection, served) is None:
                raise _organ_not_found(served)
        kept = self._kept_picture(work, actor, application, organ_name)
        check_application(application, organ_name, drawn=not application.picture and kept is None)
        if application.kind is not Kind.ORGAN and organ_store.is_name_of_organ(work.connection, application.name):
            fault = Violation("name", "an organ is called so: only its own seal has its name, and nothing else")
            raise Invalid("BAD_REQUEST", f"no seal but an organ's own is called {application.name}", [fault])
        suite = organ_store.suite_of(work.connection, organ_id)
        self._keys.check(suite)
        seal = Seal(
            seal_id=new_id(),
            organ_id=organ_id,
            organ_name=organ_name,
            kind=application.kind,
            suite=suite,
            name=application.written(organ_name),
            matters=application.matters,
            served_organs=application.served_organs,
            years=application.years,
            outside=application.outside,
            applied_by=actor.subject,
            applied_at=work.now,
            replaces=application.replaces,
            uploaded=bool(application.picture) or kept is not None,
        )
        self._check_place(work, actor, seal)
        picture = kept or picture_for(application, organ_name)
        try:
            with work.connection.begin_nested():
                store.add_seal(work.connection, seal, picture)
        except IntegrityError as fault:
            there = store.seal_on_the_way(work.connection, seal.slot)
            raise _application_exists(seal, there or "") from fault
        store.add_entry(work.connection, seal.seal_id, Act.APPLIED, actor.subject, work.now, application.reason)
        return seal

    def approve(self, work: UnitOfWork, actor: Actor, seal_id: str, reason: str, *, hold: bool) -> Seal:
        """Approves an application: makes the key, and unless the certificate comes from outside, the seal.

        Puts it into use unless `hold`. Raises NotFound SEAL_NOT_FOUND, Forbidden FOUR_EYES, Conflict WRONG_SEAL_STATE,
        SUITE_NOT_AVAILABLE, Exists SEAL_EXISTS.
        """
        seal = _perform(work, self._take(work, actor, seal_id), Act.APPROVED, actor, reason)
        key_id, key = self._keys.make(work, seal.suite)
        seal = replace(seal, key_id=key_id)
        if seal.outside:
            store.save_seal(work.connection, seal)
            return seal
        seal = _perform(work, seal, Act.MADE, actor, "")
        issuing = self._authorities.issuing(work, seal.suite)
        seal = issue(seal, key, issuing, work.now, self._authorities.published(issuing[0]))
        self._keep_made(work, seal)
        return seal if hold else self.activate(work, actor, seal_id, "")

    def certificate_request(self, work: UnitOfWork, actor: Actor, seal_id: str) -> str:
        """The request for the certificate of a seal that is to have one from outside, PEM.

        Raises NotFound SEAL_NOT_FOUND, Conflict WRONG_SEAL_STATE.
        """
        seal = self.seal(work, actor, seal_id)
        _expect_waiting(seal)
        return _REQUESTS[seal.suite](seal, self._keys.load(work, seal.key_id))

    def import_certificate(
        self, work: UnitOfWork, actor: Actor, seal_id: str, certificate_pem: str, chain_pem: str, *, hold: bool
    ) -> Seal:
        """Makes a seal with a certificate from outside, and puts it into use unless `hold`.

        Raises NotFound SEAL_NOT_FOUND, Conflict WRONG_SEAL_STATE, SEAL_NOT_REPLACEABLE, Invalid BAD_CERTIFICATE.
        """
        seal = self._take(work, actor, seal_id)
        _expect_waiting(seal)
        public_key = self._keys.load(work, seal.key_id).public_key
        try:
            accept = _ACCEPTED[seal.suite]
            seal = accept(seal, public_key, certificate_pem, chain_pem, self._outside, work.now)
        except BadCertificateError as fault:
            raise Invalid("BAD_CERTIFICATE", str(fault), [Violation(fault.field, str(fault))]) from fault
        seal = _perform(work, seal, Act.MADE, actor, f"certificate {seal.serial_number} from outside")
        self._keep_made(work, seal)
        return seal if hold else self.activate(work, actor, seal_id, "")

    def reject(self, work: UnitOfWork, actor: Actor, seal_id: str, reason: str) -> Seal:
        """Turns an application down. Raises NotFound SEAL_NOT_FOUND, Conflict WRONG_SEAL_STATE."""
        return self._simply(work, actor, seal_id, Act.REJECTED, reason)

    def activate(self, work: UnitOfWork, actor: Actor, seal_id: str, reason: str) -> Seal:
        """Puts a seal that is made into use, and one whose place it takes out of use.

        Raises NotFound SEAL_NOT_FOUND, Conflict WRONG_SEAL_STATE, SEAL_NOT_REPLACEABLE, Exists SEAL_EXISTS.
        """
        seal = _perform(work, self._take(work, actor, seal_id), Act.ACTIVATED, actor, reason)
        there = store.seal_in_use(work.connection, seal.slot)
        if there is not None:
            before = self._take(work, actor, there)
            if there != seal.replaces:
                raise _seal_exists(seal, there)
            check_replaceable(before, seal)
            before = _perform(work, before, Act.REPLACED, actor, f"replaced by {seal_id}")
            store.save_seal(work.connection, before)
        store.save_seal(work.connection, seal)
        return seal

    def suspend(self, work: UnitOfWork, actor: Actor, seal_id: str, reason: str) -> Seal:
        """Stops the use of a seal. Raises NotFound SEAL_NOT_FOUND, Conflict WRONG_SEAL_STATE."""
        return self._simply(work, actor, seal_id, Act.SUSPENDED, reason)

    def resume(self, work: UnitOfWork, actor: Actor, seal_id: str, reason: str) -> Seal:
        """Lets a seal be used again. Raises NotFound SEAL_NOT_FOUND, Conflict WRONG_SEAL_STATE."""
        return self._simply(work, actor, seal_id, Act.RESUMED, reason)

    def revoke(self, work: UnitOfWork, actor: Actor, seal_id: str, reason: str) -> Seal:
        """Ends the use of a seal for good; what it sealed stays valid.

        Raises NotFound SEAL_NOT_FOUND, Conflict WRONG_SEAL_STATE.
        """
        return self._simply(work, actor, seal_id, Act.REVOKED, reason)

    def set_suite(self, work: UnitOfWork, organ_id: str, suite: Suite) -> None:
        """Says which algorithms new seals of an organ have.

        Raises NotFound ORGAN_NOT_FOUND, Conflict SUITE_NOT_AVAILABLE.
        """
        self._keys.check(suite)
        if not organ_store.set_suite(work.connection, organ_id, suite):
            raise _organ_not_found(organ_id)

    def rotate_authority(self, work: UnitOfWork, suite: Suite, *, root: bool) -> None:
        """Has the issuing authority of a suite, and with `root` its root, followed by new ones.

        Raises Conflict SUITE_NOT_AVAILABLE.
        """
        self._keys.check(suite)
        self._authorities.rotate(work, suite, root=root)

    def authorities(self, work: UnitOfWork) -> Sequence[Authority]:
        """Every authority of the platform, retired ones too."""
        return self._authorities.all(work)

    def seal(self, work: UnitOfWork, actor: Actor, seal_id: str) -> Seal:
        """A seal. Raises NotFound SEAL_NOT_FOUND."""
        return _visible(store.seal_by_id(work.connection, seal_id), actor, seal_id)

    def picture(self, work: UnitOfWork, seal: Seal) -> Picture:
        """What a seal looks like."""
        return store.picture_of(work.connection, seal.seal_id)

    def history(self, work: UnitOfWork, seal: Seal) -> Sequence[Entry]:
        """What was done to a seal."""
        return store.history_of(work.connection, seal.seal_id)

    def list_seals(
        self, work: UnitOfWork, actor: Actor, after: str, limit: int, *, organ_id: str = "", state: State | None = None
    ) -> Sequence[Seal]:
        """Seals by id, from the one after `after`, as far as the actor may see them."""
        wanted = actor.organ_id or organ_id
        if organ_id and wanted != organ_id:
            return []
        return store.list_seals(work.connection, after, limit, organ_id=wanted, state=state)

    def _keep_made(self, work: UnitOfWork, seal: Seal) -> None:
        """Keeps a seal whose certificate was just issued."""
        store.save_seal(work.connection, seal)
        if seal.suite is Suite.NATIONAL:
            picture = store.picture_of(work.connection, seal.seal_id)
            national.make(work, seal, picture, self._authorities.maker(work))

    def _simply(self, work: UnitOfWork, actor: Actor, seal_id: str, act: Act, reason: str) -> Seal:
        seal = _perform(work, self._take(work, actor, seal_id), act, actor, reason)
        store.save_seal(work.connection, seal)
        return seal

    def _take(self, work: UnitOfWork, actor: Actor, seal_id: str) -> Seal:
        return _visible(store.take_seal(work.connection, seal_id), actor, seal_id)

    def _kept_picture(
        self, work: UnitOfWork, actor: Actor, application: Application, organ_name: str
    ) -> Picture | None:
        """The uploaded picture of a seal that is remade with the same name and without another picture."""
        if application.picture or not application.replaces:
            return None
        before = self.seal(work, actor, application.replaces)
        if before.uploaded and before.name == application.written(organ_name):
            return self.picture(work, before)
        return None

    def _check_place(self, work: UnitOfWork, actor: Actor, seal: Seal) -> None:
        """Raise when there is a seal in the place of a new one that it does not replace."""
        waiting = store.seal_on_the_way(work.connection, seal.slot)
        if waiting is not None:
            raise _application_exists(seal, waiting)
        if seal.replaces:
            check_replaceable(self.seal(work, actor, seal.replaces), seal)
            return
        there = store.seal_in_use(work.connection, seal.slot)
        if there is not None:
            raise _seal_exists(seal, there)


def _perform(work: UnitOfWork, seal: Seal, act: Act, actor: Actor, reason: str) -> Seal:
    """The seal after an act that its history now tells of; the caller keeps the seal."""
    after = perform(seal, act, actor.subject)
    store.add_entry(work.connection, seal.seal_id, act, actor.subject, work.now, reason)
    return after


def _expect_waiting(seal: Seal) -> None:
    if seal.state is not State.APPROVED:
        message = f"seal {seal.seal_id} is {seal.state}: only one that is APPROVED waits for a certificate from outside"
        raise Conflict("WRONG_SEAL_STATE", message, seal_id=seal.seal_id, state=seal.state)


def _visible(seal: Seal | None, actor: Actor, seal_id: str) -> Seal:
    """The seal, if there is one that the actor may see: another organ's is as if there were none."""
    if seal is None or actor.organ_id not in ("", seal.organ_id):
        raise NotFound("SEAL_NOT_FOUND", f"there is no seal {seal_id}", seal_id=seal_id)
    return seal


def _organ_not_found(organ_id: str) -> NotFound:
    return NotFound("ORGAN_NOT_FOUND", f"there is no organ {organ_id}", organ_id=organ_id)


def _seal_exists(seal: Seal, there: str) -> Exists:
    message = f"the organ has the seal {there} of this kind and name in use; renew it, or revoke it first"
    return Exists("SEAL_EXISTS", message, organ_id=seal.organ_id, seal_id=there)


def _application_exists(seal: Seal, there: str) -> Exists:
    message = f"a seal {seal.name} of this kind has been applied for already: approve or reject that application first"
    return Exists("APPLICATION_EXISTS", message, organ_id=seal.organ_id, seal_id=there)
