"""Traces across the bus: only calls of the OpenTelemetry API, which do nothing in a process without its SDK."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import Link, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from chassis.bus.events import TRACEPARENT, Envelope

_tracer = trace.get_tracer("chassis.bus")
_propagator = TraceContextTextMapPropagator()


def _tracing() -> bool:
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider | trace.NoOpTracerProvider)


@contextmanager
def handling_span(service: str, event: str, envelopes: Sequence[Envelope]) -> Iterator[None]:
    """A span for one call of a handler.

    A single event continues its sender's trace; several are linked to theirs, for a span has one parent only.
    """
    if not _tracing():
        yield
        return
    alone = len(envelopes) == 1
    contexts = [_propagator.extract({TRACEPARENT: each.traceparent}) for each in envelopes if each.traceparent]
    with _tracer.start_as_current_span(
        f"handle {event}",
        context=contexts[0] if alone and contexts else None,
        kind=SpanKind.CONSUMER,
        links=[] if alone else [Link(trace.get_current_span(context).get_span_context()) for context in contexts],
        attributes={
            "messaging.system": "rabbitmq",
            "messaging.operation.type": "process",
            "messaging.batch.message_count": len(envelopes),
            "messaging.destination.name": event,
            "duokua.service": service,
        },
    ):
        yield


@contextmanager
def publishing_span(service: str, events: int) -> Iterator[None]:
    """A span for one batch that the relay publishes."""
    if not _tracing():
        yield
        return
    attributes: dict[str, str | int] = {
        "messaging.operation.type": "send",
        "messaging.batch.message_count": events,
        "duokua.service": service,
    }
    with _tracer.start_as_current_span("publish outbox", kind=SpanKind.PRODUCER, attributes=attributes):
        yield
