"""How webhooks are signed, judged and tried again."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.notify.domain.webhooks import (
    MOST_ATTEMPTS,
    Answer,
    Status,
    outcome,
    retry_after,
    secret_text,
    signed_headers,
)

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
secrets = st.binary(min_size=24, max_size=32)


@given(secrets, st.uuids().map(str), st.text().filter(lambda text: "\r" not in text))
def test_the_specifications_own_library_accepts_the_signature(secret: bytes, message_id: str, text: str) -> None:
    now = datetime.now(UTC)
    body = base64.b64encode(text.encode())
    headers = signed_headers(secret, message_id, now, b'"' + body + b'"')
    Webhook(secret_text(secret)).verify(b'"' + body + b'"', headers)


@pytest.mark.parametrize("changed", ["webhook-id", "webhook-timestamp", "webhook-signature", "body"])
def test_the_specifications_own_library_refuses_what_was_changed(changed: str) -> None:
    body = b'{"type": "x"}'
    headers = signed_headers(bytes(32), "message", datetime.now(UTC), body)
    if changed == "body":
        body = b'{"type": "y"}'
    else:
        other = signed_headers(bytes(31) + b"1", "other", datetime.now(UTC) - timedelta(seconds=1), body)
        headers[changed] = other[changed]
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_text(bytes(32))).verify(body, headers)


@given(st.integers(200, 299), st.integers(1, 20))
def test_any_2xx_is_delivered(status: int, attempts: int) -> None:
    assert outcome(Answer(status), attempts, NOW, 0.5).status is Status.DELIVERED


@given(st.sampled_from([0, 101, 301, 302, 400, 404, 429, 500, 503]), st.integers(1, MOST_ATTEMPTS), st.floats(0, 1))
def test_anything_else_is_tried_again_later_and_later_and_then_given_up(
    status: int, attempts: int, chance: float
) -> None:
    result = outcome(Answer(status), attempts, NOW, chance)
    if attempts == MOST_ATTEMPTS:
        assert (result.status, result.next_attempt_at) == (Status.FAILED, None)
        return
    assert result.status is Status.PENDING
    assert result.next_attempt_at is not None
    assert timedelta(seconds=5) <= result.next_attempt_at - NOW <= timedelta(hours=29)
    if attempts + 1 < MOST_ATTEMPTS:
        later = outcome(Answer(status), attempts + 1, NOW, chance).next_attempt_at
        assert later is not None
        assert later > result.next_attempt_at


def test_the_first_delays_are_those_of_the_specification() -> None:
    delays = [(outcome(Answer(500), attempt, NOW, 0).next_attempt_at or NOW) - NOW for attempt in range(1, 7)]
    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    assert delays == [timedelta(seconds=5), 5 * minute, 30 * minute, 2 * hour, 5 * hour, 10 * hour]


def test_gone_is_given_up_at_once() -> None:
    result = outcome(Answer(410), 1, NOW, 0)
    assert result.status is Status.FAILED
    assert "410 Gone" in result.error


def test_an_error_is_told_in_place_of_a_status() -> None:
    assert outcome(Answer(error="cannot connect: Connection refused"), 1, NOW, 0).error.startswith("cannot connect")
    assert outcome(Answer(503), MOST_ATTEMPTS, NOW, 0).error == "the endpoint answered 503; given up after 10 attempts"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("99999999999999999999999999", 86400),
        ("Mon, 02 Mar 2026 01:01:00 GMT", 60),
        ("Mon, 02 Mar 2020 01:01:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86400),
        ("soon", 0),
        ("-5", 0),
        ("٣", 0),
        ("", 0),
    ],
)
def test_retry_after_is_honoured_within_a_day(header: str, seconds: int) -> None:
    assert retry_after(header, NOW) == timedelta(seconds=seconds)


def test_retry_after_puts_the_next_attempt_off_but_never_brings_it_forward() -> None:
    assert outcome(Answer(503, retry_after="60"), 1, NOW, 0).next_attempt_at == NOW + timedelta(seconds=60)
    assert outcome(Answer(503, retry_after="1"), 1, NOW, 0).next_attempt_at == NOW + timedelta(seconds=5)


@given(st.text(max_size=40))
def test_no_retry_after_header_breaks_the_rule(header: str) -> None:
    assert timedelta() <= retry_after(header, NOW) <= timedelta(days=1)
