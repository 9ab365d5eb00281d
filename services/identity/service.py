"""Use cases of the directory; those of tokens are in `token_service`. One method is one transaction of its caller."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Self

from chassis.clock import new_id
from chassis.database import UnitOfWork
from chassis.problems import Invalid, NotFound, Unavailable, Violation
from chassis.settings import Settings
from chassis.vault import Vault
from services.identity import messages, store
from services.identity.domain import directory
from services.identity.domain.directory import Client, Mandate, Organ, Person, PersonKind, Region
from services.identity.domain.identifiers import check_uscc, is_region_code, mask
from services.identity.domain.keys import operator_client_id, public_key, public_members
from services.identity.domain.permissions import Role

# Faults travel in the trailers of a call, which have room for some 8 KB.
MOST_VIOLATIONS = 20
_NUMBER = "identity.person-number"


class Identity:
    """Regions, organs, persons, clients and mandates."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Build the use cases with the vault of this installation."""
        return cls(Vault.from_settings(settings))

    def register_regions(self, work: UnitOfWork, regions: Sequence[Region]) -> None:
        """Add regions, parents first, or rename and move those that are there; raise Invalid naming every bad one."""
        store.lock_tree(work.connection, store.regions)
        known = store.all_regions(work.connection)
        violations: list[Violation] = []
        changed: dict[str, Region] = {}
        for position, region in enumerate(regions):
            fault = _fault_of_region(region, known)
            if fault:
                violations.append(Violation(f"regions[{position}].{fault[0]}", fault[1]))
                continue
            before = known.get(region.code)
            if before is None or replace(before, version=region.version) != region:
                after = replace(region, version=before.version + 1 if before else 1)
                known[region.code] = changed[region.code] = after
        if violations:
            summary = f"{len(violations)} of {len(regions)} regions cannot be registered"
            raise Invalid("BAD_REGION", summary, violations=violations[:MOST_VIOLATIONS])
        store.put_regions(work.connection, list(changed.values()))
        for region in changed.values():
            work.emit(messages.region_registered(region), subject=region.code)

    def list_regions(self, work: UnitOfWork, after: str, limit: int) -> list[Region]:
        """Return up to `limit` regions with codes above `after`."""
        return store.list_regions(work.connection, after, limit)

    def register_organ(self, work: UnitOfWork, draft: Organ) -> Organ:
        """Add an organ, or change the one of the same code; `organ_id` and `version` of the draft do not count."""
        uscc = check_uscc(draft.uscc, "organ.uscc")
        store.lock_tree(work.connection, store.organs)
        before = store.organ_by_uscc(work.connection, uscc)
        organ_id = before.organ_id if before else new_id()
        after = replace(draft, uscc=uscc, organ_id=organ_id, version=before.version if before else 1)
        self._check_organ_place(work, after)
        if after == before:
            return before
        if before:
            after = replace(after, version=before.version + 1)
        store.put_organ(work.connection, after)
        work.emit(messages.organ_registered(after), subject=after.organ_id)
        return after

    def get_organ(self, work: UnitOfWork, organ_id: str) -> Organ:
        """Return an organ; raise NotFound ORGAN_NOT_FOUND."""
        organ = store.organ_by_id(work.connection, organ_id)
        if organ is None:
            raise NotFound("ORGAN_NOT_FOUND", f"there is no organ {organ_id}", organ_id=organ_id)
        return organ

    def list_organs(self, work: UnitOfWork, after: str, limit: int) -> list[Organ]:
        """Return up to `limit` organs with ids above `after`."""
        return store.list_organs(work.connection, after, limit)

    def register_person(self, work: UnitOfWork, kind: PersonKind, name: str, number: str, assurance: int) -> Person:
        """Add a person, or return the one who has this number, with a better name and assurance if there is one."""
        number = directory.check_identity_number(kind, number)
        directory.check_assurance(assurance)
        context = f"{_NUMBER}.{kind.value}"
        fingerprint = self._vault.fingerprint(number.encode(), context=context)
        person = Person(new_id(), kind, name, mask(number), assurance)
        sealed = self._vault.encrypt(number.encode(), context=number_context(kind.value, person.person_id))
        if store.add_person(work.connection, person, fingerprint, sealed):
            work.emit(messages.person_registered(person, fingerprint), subject=person.person_id)
            return person
        before = store.person_by_fingerprint(work.connection, fingerprint)
        if before is None:
            raise Unavailable("PERSON_CHANGING", "this person is being changed by another call; try again")
        after = before.seen_again(name, assurance)
        if after != before:
            store.change_person(work.connection, after)
            work.emit(messages.person_registered(after, fingerprint), subject=after.person_id)
        return after

    def register_client(self, work: UnitOfWork, name: str, role: Role, organ_id: str, public_jwk: str) -> Client:
        """Add a system that may call the platform, known by its public key."""
        directory.check_client_organ(role, organ_id)
        key = public_key(public_jwk)
        if organ_id:
            self.get_organ(work, organ_id)
        client = Client(new_id(), name, role, organ_id, public_members(key), disabled=False, created_at=work.now)
        store.add_client(work.connection, client)
        return client

    def ensure_operator(self, work: UnitOfWork, public_jwk: str, name: str) -> Client:
        """Add the first operator by its public key unless it is there; one that was changed or disabled stays so."""
        key = public_key(public_jwk)
        client_id = operator_client_id(key)
        client = Client(client_id, name, Role.OPERATOR, "", public_members(key), disabled=False, created_at=work.now)
        store.add_client(work.connection, client)
        return store.client_by_id(work.connection, client_id) or client

    def list_clients(self, work: UnitOfWork, after: str, limit: int) -> list[Client]:
        """Return up to `limit` clients with ids above `after`."""
        return store.list_clients(work.connection, after, limit)

    def replace_client_key(self, work: UnitOfWork, client_id: str, public_jwk: str) -> Client:
        """Give a client another public key; assertions signed by the one before are refused from now on."""
        members = public_members(public_key(public_jwk))
        return _client_found(store.change_client(work.connection, client_id, public_jwk=members), client_id)

    def disable_client(self, work: UnitOfWork, client_id: str) -> Client:
        """Refuse all further tokens to a client; those that it holds expire within 15 minutes."""
        return _client_found(store.change_client(work.connection, client_id, disabled=True), client_id)

    def grant_mandate(
        self, work: UnitOfWork, agent_id: str, principal_id: str, expires_at: datetime, *, acting: str, acting_for: str
    ) -> Mandate:
        """Let a natural person act for another until a time.

        `acting` and `acting_for` are the persons whom the caller's token names, empty for a system of its own.
        """
        directory.check_grantor(principal_id, acting, acting_for)
        agent, principal = self.get_person(work, agent_id), self.get_person(work, principal_id)
        directory.check_mandate(agent, principal, expires_at, work.now)
        mandate = Mandate(new_id(), agent_id, principal_id, expires_at)
        store.add_mandate(work.connection, mandate)
        return mandate

    def revoke_mandate(self, work: UnitOfWork, mandate_id: str, *, acting: str) -> Mandate:
        """End a mandate now; raise NotFound MANDATE_NOT_FOUND."""
        mandate = store.mandate_by_id(work.connection, mandate_id)
        if mandate is None:
            raise NotFound("MANDATE_NOT_FOUND", f"there is no mandate {mandate_id}", mandate_id=mandate_id)
        directory.check_revoker(mandate, acting)
        store.revoke_mandate(work.connection, mandate_id)
        return replace(mandate, revoked=True)

    def get_person(self, work: UnitOfWork, person_id: str) -> Person:
        """Return a person; raise NotFound PERSON_NOT_FOUND."""
        person = store.person_by_id(work.connection, person_id)
        if person is None:
            raise NotFound("PERSON_NOT_FOUND", f"there is no person {person_id}", person_id=person_id)
        return person

    def _check_organ_place(self, work: UnitOfWork, organ: Organ) -> None:
        """Raise Invalid BAD_ORGAN unless the organ's region and parent are there, and it is not above itself."""
        violations: list[Violation] = []
        if not store.region_exists(work.connection, organ.region_code):
            violations.append(Violation("organ.region_code", f"there is no region {organ.region_code}"))
        parent = organ.parent_organ_id

        def above(organ_id: str) -> str:
            found = store.organ_by_id(work.connection, organ_id)
            return found.parent_organ_id if found else ""

        if parent and not store.organ_by_id(work.connection, parent):
            violations.append(Violation("organ.parent_organ_id", f"there is no organ {parent}"))
        elif directory.is_own_ancestor(organ.organ_id, parent, above):
            violations.append(Violation("organ.parent_organ_id", "an organ cannot be above itself"))
        if violations:
            raise Invalid("BAD_ORGAN", "the organ cannot be registered there", violations=violations)


def _fault_of_region(region: Region, known: Mapping[str, Region]) -> tuple[str, str] | None:
    """Return the field and what is wrong with it, or None; `known` has the regions registered so far."""
    if not is_region_code(region.code):
        return "code", "should be six digits (GB/T 2260)"
    if region.parent_code and region.parent_code not in known and region.parent_code != region.code:
        return "parent_code", f"there is no region {region.parent_code}; register parents first"
    if directory.is_own_ancestor(region.code, region.parent_code, lambda code: known[code].parent_code):
        return "parent_code", "a region cannot be above itself"
    return None


def _client_found(client: Client | None, client_id: str) -> Client:
    if client is None:
        raise NotFound("CLIENT_NOT_FOUND", f"there is no client {client_id}", client_id=client_id)
    return client


def number_context(kind: str, person_id: str) -> str:
    """What the vault binds the identity number of a person to."""
    return f"{_NUMBER}.{kind}.{person_id}"
