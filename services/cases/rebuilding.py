"""The rows that a history leads to beside its case (open tasks, incidents, urges, the serial), and those stored.

To whom a task is leased, and until when, is not told by the history and is compared with nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import DecodeError
from sqlalchemy import Connection, Table, select

from duokua.cases.v1 import task_pb2
from services.cases import store, taskbodies
from services.cases.differences import Difference, difference, first_difference, value_at
from services.cases.domain.case import Case
from services.cases.domain.effects import (
    AcceptTask,
    Announce,
    CloseIncident,
    CloseTask,
    Effect,
    IncidentOpened,
    NameHandler,
    OpenTask,
    StepUrged,
)
from services.cases.domain.inputs import KEEPING, Accepted, Answer, Input
from services.cases.domain.numbers import series_and_serial
from services.cases.published import Published
from services.cases.stepinputs import InputsFaultError
from services.cases.urge_store import urge_row
from services.cases.vouching import HandedIn
from services.cases.writes import incident_row, task_row

_LEASE = ("available_at", "lease", "leased_by")
Rows = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Taken:
    """An entry of a history, and what it led to."""

    published: Published
    case: Case
    given: Input
    effects: Sequence[Effect]
    at: datetime
    handed_in: HandedIn
    """As it was then."""


@dataclass(slots=True)
class Rebuilt:
    """The rows of one case, by what names them."""

    tasks: Rows = field(default_factory=dict)
    incidents: Rows = field(default_factory=dict)
    urges: Rows = field(default_factory=dict)

    def take(self, taken: Taken) -> None:
        """Do to the rows what the saga did to those that are stored."""
        given = taken.given
        if isinstance(given, Accepted) and given.task_id in self.tasks:
            self.tasks[given.task_id]["accepted"] = True
        if isinstance(given, Answer) and not isinstance(given, KEEPING):
            self.tasks.pop(given.task_id, None)
        for effect in taken.effects:
            self._follow(taken, effect)

    def _follow(self, taken: Taken, effect: Effect) -> None:
        match effect:
            case OpenTask():
                self._open(taken, effect)
            case CloseTask():
                self.tasks.pop(effect.task_id, None)
            case AcceptTask() if effect.task_id in self.tasks:
                self.tasks[effect.task_id]["accepted"] = True
            case NameHandler() if effect.task_id in self.tasks:
                row = self.tasks[effect.task_id]
                row["body"] = taskbodies.with_handler(row["body"], effect.handler)
            case CloseIncident() if effect.incident_id in self.incidents:
                self.incidents[effect.incident_id]["resolved_at"] = taken.at
            case Announce(event=IncidentOpened() as event):
                self.incidents[event.incident_id] = incident_row(taken.case, event, taken.at)
            case Announce(event=StepUrged() as event):
                row = urge_row(taken.case, event)
                self.urges[f"{row['version']}:{row['step_id']}"] = row

    def _open(self, taken: Taken, effect: OpenTask) -> None:
        form, materials = taken.handed_in.form, taken.handed_in.materials
        try:
            self.tasks[effect.task_id] = task_row(taken.published, taken.case, effect, form, materials)
        except InputsFaultError:
            return  # the next entry says so


def rows_differ(connection: Connection, history: Sequence[Taken]) -> Difference | None:
    """The first row that is not what the history leads to, or None."""
    rebuilt = Rebuilt()
    for taken in history:
        rebuilt.take(taken)
    return next(_differences(connection, history[-1].case, rebuilt), None)


def _differences(connection: Connection, case: Case, rebuilt: Rebuilt) -> Iterator[Difference]:
    tasks = {row["task_id"]: row for row in _stored(connection, store.tasks, case)}
    yield from _compared("tasks", rebuilt.tasks, tasks)
    incidents = {row["incident_id"]: row for row in _stored(connection, store.incidents, case)}
    yield from _compared("incidents", rebuilt.incidents, incidents)
    urges = {f"{row['version']}:{row['step_id']}": row for row in _stored(connection, store.urges, case)}
    yield from _compared("urges", rebuilt.urges, urges)
    yield from _serial(connection, case)


def _stored(connection: Connection, table: Table, case: Case) -> Iterator[dict[str, Any]]:
    for row in connection.execute(select(table).where(table.c.case_id == case.case_id)):
        yield {name: value for name, value in row._mapping.items() if name not in _LEASE}  # noqa: SLF001 - its name


def _compared(table: str, rebuilt: Mapping[str, Any], stored: Mapping[str, Any]) -> Iterator[Difference]:
    for key in [*rebuilt, *(key for key in stored if key not in rebuilt)]:
        path = f"{table}.{key}"
        if key not in stored:
            yield Difference(0, path, f"{path}: the history leads to this row, and it is not there")
        elif key not in rebuilt:
            yield Difference(0, path, f"{path}: this row is stored, and the history leads to none")
        else:
            yield from _columns(path, rebuilt[key], stored[key])


def _columns(path: str, rebuilt: Mapping[str, Any], stored: Mapping[str, Any]) -> Iterator[Difference]:
    for name, value in rebuilt.items():
        if name in _LEASE:
            continue
        if name == "body":
            yield from _body(f"{path}.body", value, stored[name])
        elif stored[name] != value:
            yield difference(f"{path}.{name}", value, stored[name])


def _body(path: str, rebuilt: bytes, stored: bytes) -> Iterator[Difference]:
    """What of a task is otherwise; its fields may be written in any order."""
    try:
        one, other = (MessageToDict(task_pb2.Task.FromString(bytes(each))) for each in (rebuilt, stored))
    except DecodeError:
        yield Difference(0, path, f"{path}: what is stored is no task")
        return
    found = first_difference(one, other)
    if found is not None:
        yield difference(".".join((path, *found)), value_at(one, found), value_at(other, found))


def _serial(connection: Connection, case: Case) -> Iterator[Difference]:
    """Whether the number of the case was counted: else it would be given once more."""
    series, serial = series_and_serial(case.case_number)
    table = store.serials
    last = connection.scalar(select(table.c.last).where(table.c.series == series))
    if last is None or last < serial:
        path = f"serials.{series}"
        counted = "none was" if last is None else f"{last} were"
        told = f"{path}: the case has number {serial} of the series, and {counted} counted"
        yield Difference(0, path, told)
