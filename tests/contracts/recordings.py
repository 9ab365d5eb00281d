"""Recorded journeys: the events of some cases as they travelled, in their order."""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chassis.bus.events import Envelope, from_headers, to_headers

FOLDER = Path(__file__).parent / "recorded"


@dataclass(frozen=True, slots=True)
class Recording:
    """One journey, and what was handed in for its cases."""

    name: str
    form: Mapping[str, Any]
    result: Mapping[str, Any]
    """Of each step that was completed."""
    events: list[Envelope]

    def of_type(self, event_type: str) -> list[Envelope]:
        """The recorded events of a type."""
        return [event for event in self.events if event.type == event_type]


def recordings() -> list[Recording]:
    """All that are kept, oldest first."""
    return [_read(path) for path in sorted(FOLDER.glob("*.json"))]


def _read(path: Path) -> Recording:
    kept = json.loads(path.read_text("utf-8"))
    events = [from_headers(each["headers"], base64.b64decode(each["body"])) for each in kept["events"]]
    return Recording(path.stem, kept["form"], kept["result"], events)


def keep(name: str, form: Mapping[str, Any], result: Mapping[str, Any], events: Iterable[Envelope]) -> Path:
    """Write a recording; raises FileExistsError when there is one of that name: what was said once stays."""
    path = FOLDER / f"{name}.json"
    kept = {
        "form": form,
        "result": result,
        "events": [
            {"headers": to_headers(event), "body": base64.b64encode(event.body).decode("ascii")} for event in events
        ],
    }
    with path.open("x", encoding="utf-8") as file:
        json.dump(kept, file, ensure_ascii=False, indent=1)
        file.write("\n")
    return path
