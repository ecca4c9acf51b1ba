"""Indexes for those who supervise: who enforces what since when, whose reports are broken."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the indexes."""
    op.create_index("ix_ordering_segment", "ordering", ["segment"], unique=False)
    op.create_index("ix_ordering_revoked_segment", "ordering", ["revoked_segment"], unique=False)
    op.create_index("ix_receipt_size", "receipt", ["size"], unique=False)
    op.create_index(
        "ix_receipt_arrived_at", "receipt", ["arrived_at"], unique=False, postgresql_using="brin"
    )
    op.create_index(
        "ix_batch_dropped",
        "batch",
        ["node"],
        unique=False,
        postgresql_where=sa.text("dropped > 0"),
        sqlite_where=sa.text("dropped > 0"),
    )
