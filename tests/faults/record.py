"""The platform's own record of a run, read from its databases and its broker."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Table, func, select
from sqlalchemy.exc import OperationalError

from chassis.database import Database
from chassis.settings import SERVICES
from services.cases import store as cases_store
from services.cases.domain.case import ENDED_CASE
from services.cases.plans import Plans
from services.eseal import store as eseal_store
from services.notify import store as notify_store
from tests.laws.evidence import Record
from tests.platform.starting import Installation

_OUTBOX, _INBOX, _DEAD_LETTERS = (cases_store.metadata.tables[name] for name in ("outbox", "inbox", "dead_letters"))
"""Every service has these."""


class Books:
    """Open connections to the databases of all services."""

    def __init__(self, installation: Installation, databases: Mapping[str, Database]) -> None:
        self._installation = installation
        self._databases = databases

    def unfinished(self) -> str:
        """What still moves, in a few words; empty when nothing does."""
        running = self._count_running()
        if running:
            return f"{running} cases have not ended"
        waiting = {name: rows for name, rows in self._outboxes().items() if rows}
        waiting |= {name: count for name, count in self._queues().items() if count}
        return f"events wait: {waiting}" if waiting else ""

    def has_sent(self, service: str, moment: datetime) -> bool:
        """Whether a service's outbox holds no event from before a moment; no, too, while its database is away."""
        older = select(func.count()).select_from(_OUTBOX).where(_OUTBOX.c.created_at < moment)
        try:
            with self._databases[service].read() as work:
                return not work.connection.scalar(older)
        except OperationalError:
            return False

    def events_handled(self) -> int:
        """All events whose effects are committed, in all services."""
        count = select(func.count()).select_from(_INBOX)
        total = 0
        for database in self._databases.values():
            with database.read() as work:
                total += int(work.connection.scalar(count) or 0)
        return total

    def read(self, bundle_id: str) -> Record:
        """All that concerns cases."""
        cases = self._rows("cases", cases_store.cases)
        history: dict[str, list[RowMapping]] = {each["case_id"]: [] for each in cases}
        for entry in self._rows("cases", cases_store.history):
            history[entry["case_id"]].append(entry)
        documents = [column for column in eseal_store.documents.c if column.name != "content"]
        with self._databases["cases"].read() as work:
            plan = Plans().newest(work.connection, bundle_id).plan
        return Record(
            plans={plan.version: plan},
            cases={each["case_id"]: each for each in cases},
            history=history,
            tasks=self._rows("cases", cases_store.tasks),
            incidents=self._rows("cases", cases_store.incidents),
            documents=self._rows("eseal", *documents),
            messages=self._rows("notify", notify_store.messages),
            dead_letters=self._dead_letters(),
        )

    def _rows(self, service: str, *columns: Any) -> list[RowMapping]:
        with self._databases[service].read() as work:
            found = select(*columns)
            first = found.selected_columns[0]
            rows = work.connection.execute(found.order_by(*_keys(columns) or [first])).mappings().all()
        return list(rows)

    def _count_running(self) -> int:
        ended = [str(each) for each in ENDED_CASE]
        query = select(func.count()).select_from(cases_store.cases).where(cases_store.cases.c.status.not_in(ended))
        with self._databases["cases"].read() as work:
            return int(work.connection.scalar(query) or 0)

    def _outboxes(self) -> dict[str, int]:
        counts = {}
        for service, database in self._databases.items():
            with database.read() as work:
                counts[service] = int(work.connection.scalar(select(func.count()).select_from(_OUTBOX)) or 0)
        return counts

    def _queues(self) -> dict[str, int]:
        """Messages in each queue, those in a consumer's hands too."""
        if self._installation.rabbitmq is None:
            return {}
        listed = self._installation.rabbitmq.control("list_queues", "--no-table-headers", "name", "messages")
        return {name: int(count) for name, count in (line.split() for line in listed.splitlines() if line.strip())}

    def _dead_letters(self) -> dict[str, int]:
        found: Counter[str] = Counter()
        for service in SERVICES:
            found.update(f"{service}: {letter['reason']}" for letter in self._rows(service, _DEAD_LETTERS))
        return found


def _keys(columns: tuple[Any, ...]) -> list[Any]:
    return list(columns[0].primary_key) if isinstance(columns[0], Table) else []


@contextmanager
def books(installation: Installation) -> Iterator[Books]:
    """Connections to all databases, closed afterwards."""
    with ExitStack() as stack:
        databases = {}
        for service in SERVICES:
            url = installation.database_url(service)
            databases[service] = Database(url, service, signals_folder=installation.folder / "signals")
            stack.callback(databases[service].close)
        yield Books(installation, databases)
