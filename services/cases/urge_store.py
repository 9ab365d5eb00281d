"""Urges in the database: each is written down, and they are counted by office."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from prometheus_client import Counter
from sqlalchemy import Connection, Row, case, func, insert, select

from services.cases.domain.case import Case
from services.cases.domain.effects import StepUrged
from services.cases.domain.proceedings import UrgeKind
from services.cases.store import urges

urged = Counter("duokua_case_urges", "Urges written down.", ["kind", "automatic"])


def urge_row(changed: Case, event: StepUrged) -> dict[str, Any]:
    """The row of an urge, of the case after it."""
    urge = event.urge
    return {
        "case_id": changed.case_id,
        "version": changed.version,
        "step_id": urge.step_id,
        "organ_id": urge.organ_id,
        "organ_name": changed.steps[urge.step_id].organ_name,
        "kind": str(urge.kind),
        "automatic": urge.automatic,
        "late": event.late,
        "superior_id": urge.superior_id,
        "at": urge.at,
    }


def add_urges(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write urges down."""
    if rows:
        connection.execute(insert(urges), list(rows))
    for row in rows:
        urged.labels(row["kind"], str(row["automatic"]).lower()).inc()


def count_urges(
    connection: Connection, begins: datetime | None, ends: datetime | None, organ_id: str, after: str, limit: int
) -> Sequence[Row[Any]]:
    """For each office, by its id: urges, supervisions and late steps from ``begins`` to before ``ends``."""
    supervised = urges.c.kind == str(UrgeKind.SUPERVISE)
    step = urges.c.case_id + ":" + urges.c.step_id
    query = (
        select(
            urges.c.organ_id,
            func.max(urges.c.organ_name).label("organ_name"),
            func.sum(case((supervised, 0), else_=1)).label("urges"),
            func.sum(case((supervised, 1), else_=0)).label("supervisions"),
            func.sum(case((urges.c.automatic, 1), else_=0)).label("automatic"),
            func.count(case((urges.c.late, step)).distinct()).label("late_steps"),
        )
        .where(urges.c.organ_id > after)
        .group_by(urges.c.organ_id)
        .order_by(urges.c.organ_id)
        .limit(limit)
    )
    if organ_id:
        query = query.where(urges.c.organ_id == organ_id)
    if begins is not None:
        query = query.where(urges.c.at >= begins)
    if ends is not None:
        query = query.where(urges.c.at < ends)
    return connection.execute(query).all()
