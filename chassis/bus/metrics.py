"""What the bus measures, for Prometheus. Names follow the Prometheus conventions; `service` is the label of all.

What is counted in databases at each scrape is in `scraping.py`.
"""

from collections.abc import Iterable
from datetime import datetime

from prometheus_client import Counter, Gauge, Histogram

from chassis.bus.events import Envelope

published = Counter("duokua_outbox_published", "Events that the broker took over from the outbox.", ["service"])
unroutable = Counter("duokua_outbox_unroutable", "Attempts to publish what no queue takes.", ["service", "type"])
relay_failures = Counter("duokua_outbox_relay_failures", "Rounds of the relay that failed.", ["service"])
confirm_seconds = Histogram(
    "duokua_publish_confirm_seconds",
    "From the first event of a batch written to the last confirmed.",
    ["service"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
batch_events = Histogram(
    "duokua_consumer_batch_events", "Events in a received batch.", ["service"], buckets=(1, 2, 5, 10, 20, 50, 100, 200)
)
batch_seconds = Histogram(
    "duokua_consumer_batch_seconds",
    "From a batch received to its effects committed and settled.",
    ["service"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
)
handled = Counter("duokua_consumer_handled", "Events whose effect was committed.", ["service"])
duplicates = Counter("duokua_consumer_duplicates", "Events dropped because they had been handled.", ["service"])
retries = Counter("duokua_consumer_retries", "Events put off to a later attempt.", ["service"])
dead_letters = Counter("duokua_consumer_dead_letters", "Events given up.", ["service", "reason"])
replays = Counter("duokua_dead_letter_replays", "Dead letters that were tried again.", ["service", "outcome"])
paused = Counter("duokua_consumer_paused", "Pauses because the database or broker is away.", ["service", "cause"])
in_hand = Gauge("duokua_consumer_in_hand_events", "Events received and not settled yet.", ["service"])
lag_seconds = Histogram(
    "duokua_consumer_lag_seconds",
    "From an event's time to its effect committed.",
    ["service"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 3600, 21600),
)


def note_lag(service: str, envelopes: Iterable[Envelope], now: datetime) -> None:
    """Observe how late events took effect; one whose time cannot be read is left out."""
    observe = lag_seconds.labels(service).observe
    for envelope in envelopes:
        try:
            late = (now - datetime.fromisoformat(envelope.time)).total_seconds()
        except (TypeError, ValueError):  # no time, or one without a zone
            continue
        observe(max(0.0, late))
