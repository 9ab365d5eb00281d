"""What must hold at the end of a run: the laws that real faults share, and some that only a simulation can look at."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from sqlalchemy import RowMapping, select

from chassis.bus import dead_letters
from services.cases import log_audit
from services.cases import store as cases_store
from services.cases.domain.case import ENDED_CASE
from services.cases.domain.decide import decide
from services.cases.plans import Plans
from services.cases.replaying import replay
from services.eseal import store as eseal_store
from services.notify import store as notify_store
from services.notify.domain.messages import ENDING_EVENTS, STEP_EVENTS
from services.notify.domain.webhooks import Status
from tests.laws import laws
from tests.laws.evidence import Evidence, Record
from tests.simulation.play import Play
from tests.simulation.portal import BUNDLE
from tests.simulation.town import WITH_WEBHOOK

_ORGANS = "SELECT organ_id, name, version FROM organs ORDER BY 1"


def violations(play: Play) -> list[str]:
    """Everything that is not as it must be."""
    found = [*play.stage.faults_seen]
    if play.at_rest:
        found += laws.violations(evidence(play))
        own = (_queues, _copies, _webhooks, _loads, _log, _rebuilt)
        found += [f"{law.__name__[1:]}: {sentence}" for law in own for sentence in law(play)]
    return found


def ends(play: Play) -> Counter[str]:
    """How the cases ended."""
    return Counter(laws.end_of(row) for row in _rows(play, "cases", cases_store.cases))


def evidence(play: Play) -> Evidence:
    """What the shared laws judge."""
    expected: Counter[str] = Counter()
    for event_id in play.operators.left:
        service, reason = play.bad_events.get(event_id, ("", ""))
        expected[f"{service} {reason}"] += 1
    return Evidence(_record(play), play.portal.submitted, play.books.acts, expected, play.stage.parts.decide)


def _record(play: Play) -> Record:
    cases = {row["case_id"]: row for row in _rows(play, "cases", cases_store.cases)}
    history: dict[str, list[RowMapping]] = {case_id: [] for case_id in cases}
    for entry in _rows(play, "cases", cases_store.history):
        history[entry["case_id"]].append(entry)
    with play.stage.databases["cases"].read() as work:
        versions = {row["bundle_version"] for row in cases.values()}
        plans = {version: Plans().of(work.connection, BUNDLE, version).plan for version in versions}
    letters: Counter[str] = Counter()
    for service in play.stage.databases.by_service:
        letters.update(f"{service} {row['reason']}" for row in _rows(play, service, dead_letters.letters))
    documents = [column for column in eseal_store.documents.c if column.name != "content"]
    return Record(
        plans=plans,
        cases=cases,
        history=history,
        tasks=_rows(play, "cases", cases_store.tasks),
        incidents=_rows(play, "cases", cases_store.incidents),
        documents=_rows(play, "eseal", *documents),
        messages=_rows(play, "notify", notify_store.messages),
        dead_letters=letters,
    )


def _rows(play: Play, service: str, *columns: Any) -> list[RowMapping]:
    with play.stage.databases[service].read() as work:
        return list(work.connection.execute(select(*columns)).mappings().all())


def _queues(play: Play) -> Iterator[str]:
    """Nothing is under way: outboxes and queues are empty, nobody waits for an answer."""
    for service in play.stage.databases.by_service:
        count = play.stage.databases.scalar(service, "SELECT count(*) FROM outbox")
        if count:
            yield f"{count} events are in the outbox of {service}"
    yield from play.world.bus.leftovers()
    for number in sorted(play.portal.waiting):
        yield f"submission {number} has no answer"


def _copies(play: Play) -> Iterator[str]:
    """What services keep of each other's data is what its owner has."""
    databases = play.stage.databases
    for service in ("routing", "matters", "eseal"):
        if databases.rows(service, _ORGANS) != databases.rows("identity", _ORGANS):
            yield f"{service} knows other organs than identity"
    regions = "SELECT code, name, version FROM regions ORDER BY 1"
    if databases.rows("routing", regions) != databases.rows("identity", regions):
        yield "routing knows other regions than identity"
    published = databases.rows("matters", "SELECT scenario_id, version FROM bundles ORDER BY 1, 2")
    if databases.rows("cases", "SELECT bundle_id, version FROM bundles ORDER BY 1, 2") != published:
        yield "cases knows other bundles than matters"


def _log(play: Play) -> Iterator[str]:
    """Every entry of every history is one leaf of the case log, and all that was signed is so."""
    waiting = play.stage.databases.scalar("cases", "SELECT count(*) FROM history WHERE leaf IS NULL")
    if waiting:
        yield f"{waiting} entries are in no leaf of the log"
    with play.stage.databases["cases"].read() as work:
        for part in (log_audit.LEAVES, log_audit.CASES):
            for finding in log_audit.audit(work, part, 0, 100_000).findings:
                yield f"{finding.case_id} {finding.description}"


def _webhooks(play: Play) -> Iterator[str]:
    """The office with a webhook was told of its steps, and of the end of the cases that it took part in, once each."""
    organ_id = play.town.organs[WITH_WEBHOOK]
    rows = _rows(play, "notify", notify_store.messages)
    # What the organ above hears too is in two inboxes.
    messages = list(
        {(each["case_id"], each["case_version"], each["event_type"], each["organ_id"]): each for each in rows}.values()
    )
    steps = [each for each in messages if each["organ_id"] == organ_id and each["event_type"] in STEP_EVENTS]
    took_part = {each["case_id"] for each in messages if each["organ_id"] == organ_id}
    told = [each for each in messages if each["event_type"] in ENDING_EVENTS and each["case_id"] in took_part]
    wanted = Counter(each["event_type"] for each in [*steps, *told])
    deliveries = _rows(play, "notify", notify_store.deliveries)
    found = Counter(each["event_type"] for each in deliveries)
    if found != wanted:
        yield f"the webhook should be told {dict(wanted)}, and is told {dict(found)}"
    for each in deliveries:
        if each["status"] != Status.DELIVERED or not play.world.endpoint.received[each["delivery_id"]]:
            yield f"the webhook was not told of {each['source']}: {each['last_error']}"
    for delivery_id in play.world.endpoint.received.keys() - {each["delivery_id"] for each in deliveries}:
        yield f"the webhook was told {delivery_id}, which is not in the log"


def _loads(play: Play) -> Iterator[str]:
    """A case that has ended is no load of its offices."""
    rows = play.stage.databases.rows
    ended = {case_id for case_id, status in rows("cases", "SELECT case_id, status FROM cases") if status in ENDED_CASE}
    for case_id, step_id in rows("routing", "SELECT case_id, step_id FROM decisions WHERE open"):
        if case_id in ended:
            yield f"step {step_id} of the ended {case_id} is still on the load of its office"


def _rebuilt(play: Play) -> Iterator[str]:
    """Every case, with its tasks, incidents and urges, is what its history leads to."""
    if play.stage.parts.decide is not decide:
        return  # a bug was planted in the rules, which the shared laws look for
    plans = Plans()
    with play.stage.databases["cases"].read() as work:
        for row in work.connection.execute(select(cases_store.cases)).all():
            _, found = replay(work, row, plans)
            if found is not None:
                yield f"case {row.case_id}, entry {found.sequence}: {found.description}"
