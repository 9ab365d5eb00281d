"""Tables of the directory and the queries on them; those of keys and assertions are in `token_store`."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    RowMapping,
    Select,
    String,
    Table,
    select,
    text,
    update,
)

from chassis.database import Document, Instant, insert, service_metadata
from services.identity.domain.directory import Client, Level, Mandate, Organ, Person, PersonKind, Region
from services.identity.domain.permissions import Role

metadata = service_metadata()

regions = Table(
    "regions",
    metadata,
    Column("code", String(6), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("parent_code", String(6), ForeignKey("regions.code")),
    Column("version", Integer, nullable=False),
)

organs = Table(
    "organs",
    metadata,
    Column("organ_id", String(64), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("uscc", String(18), nullable=False, unique=True),
    Column("region_code", String(6), ForeignKey("regions.code"), nullable=False),
    Column("level", String(16), nullable=False),
    Column("parent_organ_id", String(64), ForeignKey("organs.organ_id")),
    Column("version", Integer, nullable=False),
)

persons = Table(
    "persons",
    metadata,
    Column("person_id", String(64), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name", String(100), nullable=False),
    Column("masked_number", String(18), nullable=False),
    Column("assurance", Integer, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    # The keyed fingerprint finds the person of a number; the number itself is there in encrypted form only.
    Column("number_fingerprint", String(64), nullable=False, unique=True),
    Column("sealed_number", LargeBinary, nullable=False),
)

clients = Table(
    "clients",
    metadata,
    Column("client_id", String(64), primary_key=True),
    Column("name", String(100), nullable=False),
    Column("role", String(16), nullable=False),
    Column("organ_id", String(64), ForeignKey("organs.organ_id")),
    Column("public_jwk", Document, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
)

mandates = Table(
    "mandates",
    metadata,
    Column("mandate_id", String(64), primary_key=True),
    Column("agent_person_id", String(64), ForeignKey("persons.person_id"), nullable=False),
    Column("principal_person_id", String(64), ForeignKey("persons.person_id"), nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("revoked", Boolean, nullable=False),
    Index("mandates_of_agent", "agent_person_id", "principal_person_id", "expires_at"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("key_id", String(64), primary_key=True),
    # "current" for the one key that signs, null for all others: uniqueness makes the first key safe to create anywhere.
    Column("slot", String(16), unique=True),
    Column("public_jwk", Document, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("retired_at", Instant),
)

assertions = Table(
    "assertions",
    metadata,
    Column("client_id", String(64), primary_key=True),
    Column("assertion_id", String(128), primary_key=True),
    Column("expires_at", Instant, nullable=False),
    Index("assertions_by_expiry", "expires_at"),
)


def lock_tree(connection: Connection, table: Table) -> None:
    """Let one transaction at a time change a tree: two that each see no cycle could make one together.

    Readers go on. SQLite has one writer at a time anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE"))


def all_regions(connection: Connection) -> dict[str, Region]:
    """Return every region by its code; the country has some 3,300."""
    return {row["code"]: _region(row) for row in connection.execute(select(regions)).mappings()}


def put_regions(connection: Connection, changed: Sequence[Region]) -> None:
    """Write regions, new or changed, in this order: parents first."""
    if not changed:
        return
    statement = insert(connection, regions)
    columns = {name: statement.excluded[name] for name in ("name", "parent_code", "version")}
    connection.execute(
        statement.on_conflict_do_update(index_elements=["code"], set_=columns),
        [{**asdict(region), "parent_code": region.parent_code or None} for region in changed],
    )


def list_regions(connection: Connection, after: str, limit: int) -> list[Region]:
    """Return the regions whose code is above `after`, in order of code."""
    query = select(regions).where(regions.c.code > after).order_by(regions.c.code).limit(limit)
    return [_region(row) for row in connection.execute(query).mappings()]


def region_exists(connection: Connection, code: str) -> bool:
    """Tell whether there is a region of this code."""
    return connection.scalar(select(regions.c.code).where(regions.c.code == code)) is not None


def organ_by_id(connection: Connection, organ_id: str) -> Organ | None:
    """Return an organ, or None."""
    return _one_organ(connection, select(organs).where(organs.c.organ_id == organ_id))


def organ_by_uscc(connection: Connection, uscc: str) -> Organ | None:
    """Return the organ of a unified social credit code, or None."""
    return _one_organ(connection, select(organs).where(organs.c.uscc == uscc))


def put_organ(connection: Connection, organ: Organ) -> None:
    """Write an organ, new or changed."""
    statement = insert(connection, organs).values(
        organ_id=organ.organ_id,
        name=organ.name,
        uscc=organ.uscc,
        region_code=organ.region_code,
        level=organ.level.value,
        parent_organ_id=organ.parent_organ_id or None,
        version=organ.version,
    )
    fields = ("name", "region_code", "level", "parent_organ_id", "version")
    changed = {name: statement.excluded[name] for name in fields}
    connection.execute(statement.on_conflict_do_update(index_elements=["organ_id"], set_=changed))


def list_organs(connection: Connection, after: str, limit: int) -> list[Organ]:
    """Return the organs whose id is above `after`, in order of id, which is that of registration."""
    query = select(organs).where(organs.c.organ_id > after).order_by(organs.c.organ_id).limit(limit)
    return [_organ(row) for row in connection.execute(query).mappings()]


def person_by_id(connection: Connection, person_id: str) -> Person | None:
    """Return a person, or None."""
    row = connection.execute(select(persons).where(persons.c.person_id == person_id)).mappings().one_or_none()
    return _person(row) if row else None


def person_by_fingerprint(connection: Connection, fingerprint: str) -> Person | None:
    """Return the person whose identity number has this keyed fingerprint, or None; the row stays locked."""
    query = select(persons).where(persons.c.number_fingerprint == fingerprint).with_for_update()
    row = connection.execute(query).mappings().one_or_none()
    return _person(row) if row else None


def add_person(connection: Connection, person: Person, fingerprint: str, sealed_number: bytes) -> bool:
    """Write a new person; return False, and write nothing, when the number's person is there already."""
    statement = insert(connection, persons).values(
        person_id=person.person_id,
        kind=person.kind.value,
        name=person.name,
        masked_number=person.masked_number,
        assurance=person.assurance,
        version=person.version,
        number_fingerprint=fingerprint,
        sealed_number=sealed_number,
    )
    added = statement.on_conflict_do_nothing(index_elements=["number_fingerprint"]).returning(persons.c.person_id)
    return connection.scalar(added) is not None


def change_person(connection: Connection, person: Person) -> None:
    """Write the name and assurance of a person, and which version they make."""
    changed = update(persons).where(persons.c.person_id == person.person_id)
    connection.execute(changed.values(name=person.name, assurance=person.assurance, version=person.version))


def client_by_id(connection: Connection, client_id: str) -> Client | None:
    """Return a client, or None."""
    row = connection.execute(select(clients).where(clients.c.client_id == client_id)).mappings().one_or_none()
    return _client(row) if row else None


def add_client(connection: Connection, client: Client) -> bool:
    """Write a new client; return False, and write nothing, when there is one of this id already."""
    statement = insert(connection, clients).values(
        client_id=client.client_id,
        name=client.name,
        role=client.role.value,
        organ_id=client.organ_id or None,
        public_jwk=client.public_jwk,
        disabled=client.disabled,
        created_at=client.created_at,
    )
    added = statement.on_conflict_do_nothing(index_elements=["client_id"]).returning(clients.c.client_id)
    return connection.scalar(added) is not None


def change_client(connection: Connection, client_id: str, **values: Any) -> Client | None:
    """Set columns of a client and return it, or None when there is none."""
    statement = update(clients).where(clients.c.client_id == client_id).values(**values).returning(clients)
    row = connection.execute(statement).mappings().one_or_none()
    return _client(row) if row else None


def list_clients(connection: Connection, after: str, limit: int) -> list[Client]:
    """Return the clients whose id is above `after`, in order of id."""
    query = select(clients).where(clients.c.client_id > after).order_by(clients.c.client_id).limit(limit)
    return [_client(row) for row in connection.execute(query).mappings()]


def mandate_by_id(connection: Connection, mandate_id: str) -> Mandate | None:
    """Return a mandate, or None."""
    row = connection.execute(select(mandates).where(mandates.c.mandate_id == mandate_id)).mappings().one_or_none()
    return _mandate(row) if row else None


def longest_mandate(connection: Connection, agent_id: str, principal_id: str, now: datetime) -> Mandate | None:
    """Return the mandate in force between two persons that lasts longest, or None."""
    query = (
        select(mandates)
        .where(mandates.c.agent_person_id == agent_id, mandates.c.principal_person_id == principal_id)
        .where(mandates.c.revoked.is_(False), mandates.c.expires_at > now)
        .order_by(mandates.c.expires_at.desc())
        .limit(1)
    )
    row = connection.execute(query).mappings().one_or_none()
    return _mandate(row) if row else None


def add_mandate(connection: Connection, mandate: Mandate) -> None:
    """Write a new mandate."""
    connection.execute(
        mandates.insert().values(
            mandate_id=mandate.mandate_id,
            agent_person_id=mandate.agent_person_id,
            principal_person_id=mandate.principal_person_id,
            expires_at=mandate.expires_at,
            revoked=mandate.revoked,
        )
    )


def revoke_mandate(connection: Connection, mandate_id: str) -> None:
    """Mark a mandate as revoked."""
    connection.execute(update(mandates).where(mandates.c.mandate_id == mandate_id).values(revoked=True))


def _one_organ(connection: Connection, query: Select[Any]) -> Organ | None:
    row = connection.execute(query).mappings().one_or_none()
    return _organ(row) if row else None


def _region(row: RowMapping) -> Region:
    return Region(row["code"], row["name"], row["parent_code"] or "", row["version"])


def _organ(row: RowMapping) -> Organ:
    values = {**row, "level": Level(row["level"]), "parent_organ_id": row["parent_organ_id"] or ""}
    return Organ(**values)


def _person(row: RowMapping) -> Person:
    kind = PersonKind(row["kind"])
    return Person(row["person_id"], kind, row["name"], row["masked_number"], row["assurance"], row["version"])


def _client(row: RowMapping) -> Client:
    values = {**row, "role": Role(row["role"]), "organ_id": row["organ_id"] or ""}
    return Client(**values)


def _mandate(row: RowMapping) -> Mandate:
    return Mandate(**row)
