"""The serial numbers of seals' certificates, by which their authority is asked about them."""

import sqlalchemy as sa
from alembic import op
from cryptography import x509

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_SEALS = sa.table("seals", sa.column("seal_id"), sa.column("certificate_pem"), sa.column("serial_number"))


def upgrade() -> None:
    """Bring the database to this revision."""
    op.add_column("seals", sa.Column("serial_number", sa.String(50), nullable=False, server_default=""))
    op.create_index(op.f("ix_seals_serial_number"), "seals", ["serial_number"])
    for row in op.get_bind().execute(sa.select(_SEALS).where(_SEALS.c.certificate_pem != "")).all():
        number = str(x509.load_pem_x509_certificate(row.certificate_pem.encode()).serial_number)
        op.get_bind().execute(sa.update(_SEALS).where(_SEALS.c.seal_id == row.seal_id).values(serial_number=number))


def downgrade() -> None:
    """Take the database back to the revision before."""
    op.drop_index(op.f("ix_seals_serial_number"), "seals")
    op.drop_column("seals", "serial_number")
