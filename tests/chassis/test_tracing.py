"""One trace goes from the call that changed something, through the outbox, to the handler of its event."""

import subprocess
import sys
from pathlib import Path

# In a process of its own: OpenTelemetry takes one provider a process, for good.
PROGRAM = """
import sys
from pathlib import Path

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis.bus.events import Envelope
from chassis.bus.tracing import handling_span
from chassis.database import service_metadata
from chassis.testing import sqlite_database
from duokua.identity.v1 import events_pb2

kept = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(kept))
trace.set_tracer_provider(provider)

metadata = service_metadata()
database = sqlite_database(metadata, Path(sys.argv[1]))
with trace.get_tracer("test").start_as_current_span("the call"), database.begin() as work:
    work.emit(events_pb2.OrganRegistered(version=1), subject="o1")
with database.read() as work:
    row = work.connection.execute(metadata.tables["outbox"].select()).one()
envelope = Envelope(
    id=row.id,
    source="/test",
    type=row.type,
    subject=row.subject,
    time=row.created_at.isoformat(),
    body=row.body,
    traceparent=row.traceparent,
)
with handling_span("routing", row.type, [envelope]):
    pass
database.close()
call, handled = kept.get_finished_spans()
assert handled.name == "handle duokua.identity.v1.OrganRegistered", handled.name
assert handled.context.trace_id == call.context.trace_id
assert handled.parent.span_id == call.context.span_id
print("one trace")
"""


def test_a_handler_continues_the_trace_of_the_call_that_emitted_its_event(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "one trace"), done.stderr
