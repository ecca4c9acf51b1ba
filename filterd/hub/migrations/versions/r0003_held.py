"""What nodes hold back, or let wait for its turn, is not enforced there yet."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; a node that holds something says so again with its next receipt."""
    op.add_column("node", sa.Column("held", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "held",
        sa.Column("node", sa.String(length=64), nullable=False),
        sa.Column("segment", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.Column("node_told_at", sa.BigInteger(), nullable=False),
        sa.Column("released_size", sa.BigInteger(), nullable=True),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        sa.Column("node_released_at", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["node"], ["node.id"], name=op.f("fk_held_node")),
        sa.PrimaryKeyConstraint("node", "segment", name=op.f("pk_held")),
    )
    op.create_index("ix_held_segment", "held", ["segment"], unique=False)
    op.create_index(
        "ix_held_open",
        "held",
        ["node"],
        unique=False,
        postgresql_where=sa.text("released_at IS NULL"),
        sqlite_where=sa.text("released_at IS NULL"),
    )
