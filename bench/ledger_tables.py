"""The table of the service that `bench.bus` measures; apart, because importing its worker makes a process green."""

from sqlalchemy import BigInteger, Column, Double, Identity, Table

from chassis.database import service_metadata

metadata = service_metadata()
entries = Table(
    "entries",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    # When its event was emitted, in Unix seconds.
    Column("emitted_at", Double, nullable=False),
)
