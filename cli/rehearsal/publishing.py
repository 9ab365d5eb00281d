"""A scenario published for its own tests: led by an organ that nobody has registered."""

from datetime import UTC, datetime

from services.cases.published import Published, compile_bundle
from services.matters.domain.bundle import Bundle, Lead, Scenario
from services.matters.messages import bundle_message

COUNTY = 4


def publish(scenario: Scenario) -> Published:
    """A scenario as cases run it, led by an organ made up for its region."""
    uscc = f"11{scenario.origin_region}MB0000000X"
    lead = Lead("lead", uscc, COUNTY)
    bundle = Bundle(scenario, 1, lead, "", datetime(2026, 1, 1, tzinfo=UTC))
    return compile_bundle(bundle_message(bundle).SerializeToString())
