"""Taking in what files say: what is new or changed becomes drafts, all of it or, when asked, what is right."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from sqlalchemy import select

from chassis.database import UnitOfWork
from chassis.problems import Conflict, Invalid, Violation
from services.matters.catalogue import store
from services.matters.catalogue.domain.contents import content_of, digest, entry_of
from services.matters.catalogue.domain.elements import kind_of
from services.matters.catalogue.domain.rules import slips_of
from services.matters.catalogue.domain.versions import State, Version, touched
from services.matters.catalogue.files.assembling import Given
from services.matters.catalogue.files.conversions import WhatFilesSay
from services.matters.catalogue.files.sheets import MAIN
from services.matters.catalogue.files.tables import FileFault
from services.matters.catalogue.store import Act, Kept

ENTRIES_A_REPORT = 500
Report = Callable[[int, int], None]
"""How many entries are checked, and of how many."""


class Outcome(StrEnum):
    """What an import makes of an entry."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(slots=True)
class Imported:
    """What became of the entries of an import; `version` of each by its code."""

    created: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    unchanged: int = 0
    refused: int = 0
    written: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """An import, as somebody asked for it."""

    who: str
    request_id: str
    files: Sequence[tuple[str, bytes]]
    keep_going: bool = False
    dry_run: bool = False

    @property
    def digest(self) -> str:
        """SHA-256 of the files and of what is asked about them."""
        told = hashlib.sha256(repr((self.keep_going, [name for name, _ in self.files])).encode())
        for _, content in self.files:
            told.update(hashlib.sha256(content).digest())
        return told.hexdigest()


def imported_before(work: UnitOfWork, asked: Asked) -> Imported | None:
    """What the same request brought about. Raises Invalid REQUEST_ID_REUSED when it stood for other files."""
    kept = store.imports
    query = select(kept.c.digest, kept.c.outcome).where(kept.c.who == asked.who, kept.c.request_id == asked.request_id)
    row = work.connection.execute(query).one_or_none()
    if row is None:
        return None
    if row.digest != asked.digest:
        fault = Violation("request_id", "was used for another import; give a fresh one")
        raise Invalid("REQUEST_ID_REUSED", "this request_id stands for another import", [fault])
    return Imported(**row.outcome)


def take_in(work: UnitOfWork, asked: Asked, said: WhatFilesSay, report: Report) -> Imported:
    """Make drafts of what is new or changed; faults that only the catalogue knows of go to the findings.

    With a fault nothing is written, unless it was asked to keep going: then the entries without one are.
    """
    codes = [given.code for given in said.entries]
    if not asked.dry_run:
        store.lock(work.connection, codes, add=True)
    before = store.newest(work.connection, codes)
    imported, kept = Imported(), []
    for number, given in enumerate(said.entries, start=1):
        draft = _draft(asked.who, given, before.get(given.code), said)
        if given.faulty:
            imported.refused += 1
        elif draft is None:
            imported.unchanged += 1
        else:
            (imported.changed if given.code in before else imported.created)[given.code] = draft.version.number
            kept.append(draft)
        if number % ENTRIES_A_REPORT == 0:
            report(number, len(codes))
    if not asked.dry_run:
        if asked.keep_going or not said.findings.faults:
            _write(work, asked, kept, imported)
        store.drop_empty(work.connection)
    return imported


def _draft(who: str, given: Given, before: Kept | None, said: WhatFilesSay) -> Kept | None:
    """The draft that an entry becomes; None when nothing changes. What is wrong makes it faulty."""
    content = dict(before.content) if before else {}
    for key, value in given.values.items():
        if value is None or value == []:
            content.pop(key, None)
        else:
            content[key] = value
    if before is None and "name" not in content and "name" not in given.wrong:
        sheet = MAIN[kind_of(given.code)].title
        _refuse(said, given, "", f"there is no entry {given.code}: add it to the sheet {sheet}, or correct the code")
        return None
    entry = entry_of(given.code, content)
    for slip in slips_of(entry):
        if slip.key not in given.wrong:
            _refuse(said, given, slip.key, slip.message)
    content = content_of(entry)
    if given.faulty or (before and before.digest == digest(content)):
        return None
    try:
        version = _next(given.code, before.version if before else None, who)
    except Conflict as conflict:
        _refuse(said, given, "", conflict.message)
        return None
    version = Version(version.code, version.number, version.state, version.hands, entry.effective_on, entry.ends_on)
    return Kept(version, content, digest(content))


def _next(code: str, newest: Version | None, who: str) -> Version:
    if newest is None or newest.state in (State.PUBLISHED, State.RETIRED):
        return Version(code, newest.number + 1 if newest else 1, State.DRAFT, (who,))
    return touched(newest, who)


def _refuse(said: WhatFilesSay, given: Given, key: str, message: str) -> None:
    given.faulty = True
    sheet = MAIN[kind_of(given.code)]
    in_tables: Mapping[str, str] = said.columns.get(given.sheet, {})
    column = (in_tables.get(key) or (sheet.header_of(key) if in_tables else key)) if key else ""
    said.findings.fault(FileFault(given.sheet, given.row, column, message, given.code))


def _write(work: UnitOfWork, asked: Asked, kept: Sequence[Kept], imported: Imported) -> None:
    codes = [each.version.code for each in kept]
    shared = store.substances_of(work.connection, imported.changed)
    store.add_or_replace(work.connection, kept, work.now)
    store.sweep(work.connection, codes, shared)
    done = [Act(each.version.code, each.version.number, "imported", asked.who, "", asked.request_id) for each in kept]
    store.record(work.connection, done, work.now)
    imported.written = True
    work.connection.execute(
        store.imports.insert(),
        {
            "who": asked.who,
            "request_id": asked.request_id,
            "digest": asked.digest,
            "files": [name for name, _ in asked.files],
            "outcome": asdict(imported),
            "at": work.now,
        },
    )
