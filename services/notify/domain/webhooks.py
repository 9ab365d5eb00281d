"""How a webhook is signed, judged and tried again, after the Standard Webhooks specification."""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import IntEnum

SECRET_BYTES = 32
_SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix that the specification gives to every secret

# The delays that the specification advises: together about three days, then it is given up.
_DELAYS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
MOST_ATTEMPTS = len(_DELAYS) + 1

# Spreads what failed together, so that a recovering endpoint is not met by all of it at once.
_JITTER = 0.2

_LONGEST_RETRY_AFTER = timedelta(hours=24)


class Status(IntEnum):
    """Where a delivery stands; the numbers of the contract."""

    PENDING = 1
    DELIVERED = 2
    FAILED = 3


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt: an HTTP status, or 0 and the error that kept one from coming."""

    http_status: int = 0
    error: str = ""
    retry_after: str = ""

    @property
    def delivered(self) -> bool:
        """Any 2xx: the endpoint has it."""
        return 200 <= self.http_status < 300

    @property
    def gone(self) -> bool:
        """The endpoint wants no more messages, ever."""
        return self.http_status == 410


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a delivery becomes after an attempt; `next_attempt_at` is set while it is pending."""

    status: Status
    error: str = ""
    next_attempt_at: datetime | None = None


def secret_text(secret: bytes) -> str:
    """The secret as its receiver keeps it."""
    return _SECRET_PREFIX + base64.b64encode(secret).decode()


def signed_headers(secret: bytes, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers that let the receiver know who sent the body, when, and that it is whole."""
    timestamp = int(at.timestamp())
    content = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.new(secret, content, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }


def outcome(answer: Answer, attempts: int, now: datetime, chance: float) -> Outcome:
    """What becomes of a delivery after its `attempts`-th attempt.

    `chance`, between 0 and 1, spreads the next one. A redirect is a failure: where it leads was not checked.
    """
    if answer.delivered:
        return Outcome(Status.DELIVERED)
    error = answer.error or f"the endpoint answered {answer.http_status}"
    if answer.gone:
        return Outcome(Status.FAILED, f"{error} Gone; the webhook is disabled")
    if attempts >= MOST_ATTEMPTS:
        return Outcome(Status.FAILED, f"{error}; given up after {attempts} attempts")
    delay = _DELAYS[attempts - 1] * (1 + _JITTER * chance)
    asked = retry_after(answer.retry_after, now)
    return Outcome(Status.PENDING, error, now + max(delay, min(asked, _LONGEST_RETRY_AFTER)))


def retry_after(header: str, now: datetime) -> timedelta:
    """The wait that a Retry-After header asks for (RFC 9110, 10.2.3), at most a day; zero when unclear."""
    text = header.strip()
    if text.isascii() and text.isdigit():
        # Longer numbers would overflow; a day is the most that is honoured anyway.
        return timedelta(seconds=min(int(text[:10]), int(_LONGEST_RETRY_AFTER.total_seconds())))
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return timedelta()
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(moment - now, timedelta()), _LONGEST_RETRY_AFTER)
