"""Use cases of tokens and the keys that sign them. One method is one transaction of its caller."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from joserfc.jwk import ECKey

from chassis.clock import new_id
from chassis.database import Database, UnitOfWork
from chassis.problems import Invalid, NotFound, Unavailable, Violation
from chassis.settings import Settings
from chassis.vault import Vault
from services.identity import store, token_store
from services.identity.domain import tokens
from services.identity.domain.directory import Client, Person
from services.identity.domain.keys import SigningKey, gone_before, public_members, stored_key
from services.identity.domain.permissions import granted_scope
from services.identity.domain.tokens import ALGORITHM, Acting

PRUNING_BATCH = 500
PRUNING_PAUSE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A signed access token, how long it lasts, and what it allows."""

    access_token: str
    expires_in: timedelta
    scope: tuple[str, ...]


class Tokens:
    """Access tokens for clients, and the signing keys."""

    def __init__(self, vault: Vault, issuer: str) -> None:
        self._vault = vault
        self._issuer = issuer
        # Checking against a key of nobody's makes an unknown client take as long to refuse as a known one.
        self._nobody = ECKey.generate_key("P-256")
        self._opened: tuple[str, ECKey] | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Build the use cases with the vault and the issuer name of this installation."""
        return cls(Vault.from_settings(settings), settings.issuer)

    def issue(
        self, work: UnitOfWork, assertion: str, scope: Sequence[str] = (), subject_id: str = "", principal_id: str = ""
    ) -> IssuedToken:
        """Issue an access token for a client assertion, which then is used up.

        Raises Unauthenticated INVALID_CLIENT; Forbidden INVALID_SCOPE, SUBJECT_NOT_ALLOWED or NO_MANDATE; NotFound
        PERSON_NOT_FOUND. When it raises, the transaction is rolled back and the assertion may be sent again.
        """
        client = self._authenticate(work, assertion)
        granted = granted_scope(client.role, scope)
        acting = self._acting(work, client, subject_id, principal_id)
        grant = tokens.grant(client, granted, acting, work.now)
        key_id, key = self._signing_key(work)
        claims = tokens.access_claims(grant, issuer=self._issuer, token_id=new_id())
        lifetime = timedelta(seconds=grant.expires_at - grant.issued_at)
        return IssuedToken(tokens.sign(claims, key, key_id), lifetime, granted)

    def public_keys(self, work: UnitOfWork) -> str:
        """Return the JWK set (RFC 7517, 5) in JSON with every key that may have signed a token still good."""
        found = token_store.keys_to_check(work.connection, gone_before(work.now))
        keys = [{**key.public_jwk, "kid": key.key_id, "use": "sig", "alg": ALGORITHM} for key in found]
        return json.dumps({"keys": keys})

    def rotate(self, work: UnitOfWork) -> str:
        """Make a new signing key and return its id; the one before checks tokens until the last of them expires."""
        current = token_store.current_key(work.connection, lock=True)
        if current:
            token_store.retire_key(work.connection, current.key_id, work.now)
        return self._create_key(work).key_id

    def ensure_key(self, work: UnitOfWork) -> str:
        """Return the id of the current signing key, made now if there is none.

        Raises `cryptography.exceptions.InvalidTag` when this installation's vault did not encrypt it.
        """
        return self._signing_key(work)[0]

    def prune(self, database: Database) -> datetime:
        """Delete expired assertions in small transactions, and keys long retired; return when to prune again."""
        while True:
            with database.begin() as work:
                # Clocks of replicas differ a little: what another still takes for unexpired must not be forgotten.
                expired = work.now - tokens.LONGEST_ASSERTION
                count = token_store.forget_assertions(work.connection, expired, PRUNING_BATCH)
                if count < PRUNING_BATCH:
                    token_store.delete_keys(work.connection, gone_before(work.now))
                    return work.now + PRUNING_PAUSE

    def _authenticate(self, work: UnitOfWork, assertion: str) -> Client:
        client_id = tokens.claimed_client_id(assertion)
        client = store.client_by_id(work.connection, client_id)
        key = stored_key(client.public_jwk) if client else self._nobody
        checked = tokens.check_assertion(assertion, key, client_id, issuer=self._issuer, now=work.now)
        if client is None:
            raise tokens.refused()
        if client.disabled:
            raise tokens.refused("the client is disabled")
        if not token_store.remember_assertion(work.connection, checked):
            raise tokens.refused('its "jti" was used before; make a new assertion for each token')
        return client

    def _acting(self, work: UnitOfWork, client: Client, subject_id: str, principal_id: str) -> Acting | None:
        """Return for whom the token acts, or None when it names nobody."""
        tokens.check_may_act(client, subject_id, principal_id)
        if not subject_id and principal_id:
            expectation = "should name the person who acts for the principal"
            violations = [Violation("subject_person_id", expectation)]
            raise Invalid("NO_SUBJECT", f"subject_person_id: {expectation}", violations=violations)
        if not subject_id:
            return None
        subject = self._person(work, subject_id)
        if principal_id in {"", subject_id}:
            return Acting(subject)
        principal = self._person(work, principal_id)
        mandate = store.longest_mandate(work.connection, subject_id, principal_id, work.now)
        return Acting(subject, principal, tokens.check_mandated(mandate, subject_id, principal_id, work.now))

    def _person(self, work: UnitOfWork, person_id: str) -> Person:
        person = store.person_by_id(work.connection, person_id)
        if person is None:
            raise NotFound("PERSON_NOT_FOUND", f"there is no person {person_id}", person_id=person_id)
        return person

    def _signing_key(self, work: UnitOfWork) -> tuple[str, ECKey]:
        """Return the current key, opened; the database says each time which it is, as any replica may rotate."""
        current = token_store.current_key(work.connection) or self._create_key(work)
        opened = self._opened
        if opened is None or opened[0] != current.key_id:
            plain = self._vault.decrypt(current.sealed, context=key_context(current.key_id))
            opened = self._opened = (current.key_id, stored_key(json.loads(plain)))
        return opened

    def _create_key(self, work: UnitOfWork) -> SigningKey:
        """Make a key current, unless another replica does so at the same moment; return the current one."""
        key = ECKey.generate_key("P-256")
        key_id = key.thumbprint()
        plain = json.dumps(key.as_dict(private=True)).encode()
        made = SigningKey(key_id, public_members(key), self._vault.encrypt(plain, context=key_context(key_id)))
        if token_store.add_current_key(work.connection, made, work.now):
            return made
        current = token_store.current_key(work.connection)
        if current is None:
            raise Unavailable("KEY_CHANGING", "the signing key is being changed by another call; try again")
        return current


def key_context(key_id: str) -> str:
    """What the vault binds a signing key to."""
    return f"identity.signing-key.{key_id}"
