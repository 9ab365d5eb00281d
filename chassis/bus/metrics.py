"""What the bus measures, for Prometheus. Names follow the Prometheus conventions; `service` is the label of all."""

from prometheus_client import Counter, Histogram

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
