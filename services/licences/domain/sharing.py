"""What an organ may look up of the licences that others issued, and what holders may consent to."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.problems import Conflict, Invalid, Violation
from services.licences.domain.types import LicenceType, Sharing
from services.licences.domain.words import same_words, words_fault

LONGEST_GRANT = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Grant:
    """授权: a holder lets an organ look up own licences of a type, for a purpose and until a time."""

    grant_id: str
    holder_person_id: str
    organ_id: str
    type_code: str
    purpose: str
    granted_at: datetime
    expires_at: datetime
    withdrawn_at: datetime | None = None
    granted_by: str = ""
    """The holder in person, or an agent in the holder's name; so is `withdrawn_by`."""
    withdrawn_by: str = ""

    def holds(self, now: datetime) -> bool:
        """Whether it is in force."""
        return self.withdrawn_at is None and now < self.expires_at

    def covers(self, purpose: str) -> bool:
        """Whether it is for this purpose: the same words, whatever their width, case and punctuation are."""
        return same_words(self.purpose, purpose)


def check_grant(of: LicenceType, purpose: str, expires_at: datetime, now: datetime) -> None:
    """Raises Conflict NOT_SHARED, Invalid BAD_GRANT for what nobody can consent to."""
    if of.sharing is Sharing.CLOSED:
        raise Conflict(
            "NOT_SHARED", f"a {of.name} is shown to no other organ, whoever consents", type_code=of.type_code
        )
    if not now < expires_at <= now + LONGEST_GRANT:
        fault = Violation("expires_at", f"must be in the future, and at most {LONGEST_GRANT.days} days away")
        raise Invalid("BAD_GRANT", "consent is for a while", [fault])
    unclear = words_fault(purpose)
    if unclear:
        raise Invalid("BAD_GRANT", "consent is for a purpose", [Violation("purpose", unclear)])


def may_look_up(of: LicenceType, organ_id: str, issuer_organ_id: str, grant: Grant | None) -> bool:
    """Whether an organ may see a licence; `grant` is one of its holder to it that is in force."""
    if organ_id == issuer_organ_id or of.sharing is Sharing.OPEN:
        return True
    return of.sharing is Sharing.CONSENT and grant is not None
