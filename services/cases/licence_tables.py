"""The table of licences that applicants hold."""

from sqlalchemy import Boolean, Column, Date, Index, Integer, MetaData, String, Table


def licence_table(metadata: MetaData) -> Table:
    """Add the table to those of the service: copies of what licences told, without what they say."""
    return Table(
        "held_licences",
        metadata,
        Column("licence_id", String(64), primary_key=True),
        Column("holder_person_id", String(64), nullable=False),
        Column("kind", String(64), nullable=False),
        Column("identifier", String(110), nullable=False),
        Column("issuer_name", String(100), nullable=False),
        Column("valid_from", Date, nullable=False),
        Column("valid_until", Date, nullable=True),
        # Neither held back nor ended; its days are looked at besides.
        Column("valid", Boolean, nullable=False),
        Column("revision", Integer, nullable=False),
        Index("ix_held_licences_holder", "holder_person_id", "kind"),
    )
