"""What was said once is understood for ever: recorded events have their effects in every service that hears them."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from chassis.bus.events import source_of
from tests.contracts.effects import CHECKS
from tests.contracts.record import journey
from tests.contracts.recordings import Recording, keep, recordings
from tests.contracts.replay import Change, Replay, from_a_newer_sender, unchanged
from tests.contracts.services import Service, services
from tests.contracts.test_subscriptions import all_events, subscriptions

KEPT = recordings()
CONSUMERS = sorted(service for service, events in subscriptions().items() if events)


@pytest.fixture(params=CONSUMERS)
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    with services(tmp_path, [request.param]) as running:
        yield running[request.param]


@pytest.mark.parametrize("change", [unchanged, from_a_newer_sender])
@pytest.mark.parametrize("recording", KEPT, ids=lambda recording: recording.name)
def test_recorded_events_have_their_effects(service: Service, recording: Recording, change: Change) -> None:
    replay = Replay(service, recording, CHECKS, change)
    replay.play()
    heard = {event.type for event in recording.events} & service.types.keys()
    assert replay.handled == heard
    own = Counter(event.type for event in recording.events if event.source == source_of(service.name))
    own.pop("duokua.matters.v1.BundlePublished", None)  # an operator's doing, whom nobody stands for here
    assert Counter(event.type for event in replay.said) == own, "the same happenings are told otherwise today"


def test_every_event_type_has_been_recorded() -> None:
    assert {event.type for recording in KEPT for event in recording.events} == all_events()


def test_a_recording_made_today_has_every_event_type(tmp_path: Path) -> None:
    assert {event.type for event in journey(tmp_path)} == all_events()


def test_a_recording_is_never_overwritten() -> None:
    (first, *_) = KEPT
    with pytest.raises(FileExistsError):
        keep(first.name, {}, {}, [])
    assert recordings()[0] == first
