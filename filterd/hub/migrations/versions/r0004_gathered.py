"""A receipt may tell of earlier ones: one body for many rows."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; receipts that are there speak for themselves."""
    op.add_column("receipt", sa.Column("within", sa.BigInteger(), nullable=True))
