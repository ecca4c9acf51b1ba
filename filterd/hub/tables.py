"""The hub's tables, the same on PostgreSQL and SQLite. Changes come by a migration (`migrations/`).

Times are unix milliseconds by the hub's clock unless the name says `node_`. Nothing here names a
client: nodes do not send one. What arrives twice meets a primary key.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

nodes = Table(
    "node",
    metadata,
    Column("id", String(64), primary_key=True),  # of its key
    Column("public", String(64), nullable=False),  # Ed25519, hexadecimal
    Column("name", Text, nullable=False),
    Column("province", String(32), nullable=False),
    Column("kind", String(16), nullable=False),  # school, isp
    Column("subscribers", Integer, nullable=False),  # a node of an ISP weighs by them; a school 1
    Column("enrolled_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),  # no longer taken from
    Column("seen_at", BigInteger, nullable=False),
    Column("skew", Integer, nullable=False),  # seconds that its clock was ahead, when last seen
    Column("software", Text, nullable=False),
    Column("size", BigInteger, nullable=False),  # of the log, by its newest receipt
    Column("held", Integer, nullable=False, server_default="0"),  # segments, as in `holdings`
)

invitations = Table(
    "invitation",
    metadata,
    Column("code_hash", LargeBinary(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("province", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("subscribers", Integer, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("node", String(64)),  # who used it; an invitation is used once
)

people = Table(
    "person",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("role", String(16), nullable=False),  # officer, operator, auditor, province
    Column("province", String(32)),  # what a `province` may see
    Column("token_hash", LargeBinary(32), nullable=False, unique=True),
    Column("made_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
)

audits = Table(
    "audit",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("who", Text, nullable=False),
    Column("what", String(40), nullable=False),
    Column("subject", Text, nullable=False),
    Column("detail", Text, nullable=False),  # JSON
    Column("digest", LargeBinary(32), nullable=False),  # over the digest before and this row
)

segments = Table(
    "segment",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("published_at", BigInteger, nullable=False),  # T1
    Column("canary", Text, nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("root", LargeBinary(32), nullable=False),  # of the tree with it
    Column("edge", LargeBinary, nullable=False),  # that tree's right edge, to go on from
)

orders = Table(
    "ordering",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("authority", Text, nullable=False),
    Column("id", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("legal_basis", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("effect", String(16), nullable=False),
    Column("priority", String(16), nullable=False),
    Column("patterns", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),  # the signed act, zstd over canonical JSON
    Column("not_before", BigInteger, nullable=False),  # unix seconds, as signed
    Column("not_after", BigInteger, nullable=False),
    Column("signed_at", BigInteger, nullable=False),  # T0: the last signature, officer's clock
    Column("submitted_at", BigInteger, nullable=False),
    Column("submitted_by", Text, nullable=False),
    Column("segment", BigInteger),  # None: waits to be published
    Column("revoked_segment", BigInteger),
    Column("revoked_at", BigInteger),
    Index("ix_ordering_name", "authority", "id"),
    Index(None, "segment"),
    Index(None, "revoked_segment"),
)

revocations = Table(  # acts about an order; a revocation is the usual one
    "revocation",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("kind", String(16), nullable=False),  # as `feed/acts.py` names it
    Column("authority", Text, nullable=False),
    Column("order", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("signed_at", BigInteger, nullable=False),
    Column("submitted_at", BigInteger, nullable=False),
    Column("submitted_by", Text, nullable=False),
    Column("segment", BigInteger),
)

receipts = Table(
    "receipt",
    metadata,
    Column("node", String(64), ForeignKey("node.id"), primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    # A later one tells of it, the one of this size: that has hashes and body, which are empty here.
    Column("within", BigInteger),
    Column("root", LargeBinary(32), nullable=False),
    Column("state", LargeBinary(32), nullable=False),
    Column("node_received_at", BigInteger, nullable=False),  # T2
    Column("node_applied_at", BigInteger, nullable=False),  # T3
    Column("node_observed_at", BigInteger, nullable=False),  # T4
    Column("refused", Integer, nullable=False),
    Column("software", Text, nullable=False),
    Column("arrived_at", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),  # as signed: evidence
    Index(None, "size"),  # how fast a segment came to be enforced
    Index("ix_receipt_arrived_at", "arrived_at", postgresql_using="brin"),
)

checks = Table(
    "check_made",
    metadata,
    Column("node", String(64), primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(16), primary_key=True),  # expiry, open
    Column("subject", String(255), primary_key=True),
    Column("node_due_at", BigInteger, nullable=False),
    Column("node_seen_at", BigInteger, nullable=False),
    Column("good", Boolean, nullable=False),
    ForeignKeyConstraint(["node", "size"], ["receipt.node", "receipt.size"]),
)

holdings = Table(  # segments with an order that a node does not enforce yet, as it says
    "held",
    metadata,
    Column("node", String(64), ForeignKey("node.id"), primary_key=True),
    Column("segment", BigInteger, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),  # of the newest receipt that says it is held
    Column("told_at", BigInteger, nullable=False),  # when the first of them arrived
    Column("node_told_at", BigInteger, nullable=False),  # T4 of the newest of them
    Column("released_size", BigInteger),  # of the first receipt since that says it is not
    Column("released_at", BigInteger),  # when that arrived; None: it is held
    Column("node_released_at", BigInteger),  # T4
    Column("body", LargeBinary),  # that receipt as signed: evidence
    Index(None, "segment"),
    Index(
        "ix_held_open",
        "node",
        postgresql_where=text("released_at IS NULL"),
        sqlite_where=text("released_at IS NULL"),
    ),
)

batches = Table(
    "batch",
    metadata,
    Column("node", String(64), ForeignKey("node.id"), primary_key=True),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("before", LargeBinary(32), nullable=False),
    Column("lane", String(16), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("dropped", BigInteger, nullable=False),
    Column("node_made_at", BigInteger, nullable=False),  # unix seconds
    Column("arrived_at", BigInteger, nullable=False),
    # whole: follows the batch before it; gap: that one is not here; fork: it follows another
    Column("chain", String(8), nullable=False),
)
Index(
    "ix_batch_broken",
    batches.c.node,
    batches.c.chain,
    postgresql_where=batches.c.chain != "whole",
    sqlite_where=batches.c.chain != "whole",
)
Index(
    "ix_batch_dropped",
    batches.c.node,
    postgresql_where=batches.c.dropped > 0,
    sqlite_where=batches.c.dropped > 0,
)

counts = Table(
    "counted",
    metadata,
    Column("node", String(64), primary_key=True),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False),  # in its batch
    Column("bucket", BigInteger, nullable=False),  # unix seconds
    Column("span", Integer, nullable=False),
    Column("rule", Text, nullable=False),
    Column("bracket", String(8), nullable=False),
    Column("deed", String(8), nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("clients", String(8), nullable=False),
    # Blocks of rows that came together: the smallest index there is, where there is one.
    Index("ix_counted_bucket", "bucket", postgresql_using="brin"),
)

months = Table(  # what counts become when they are older than they may be kept, each rule apart
    "month",
    metadata,
    Column("month", BigInteger, primary_key=True, autoincrement=False),  # unix seconds, UTC
    Column("rule", Text, primary_key=True),
    Column("bracket", String(8), primary_key=True),
    Column("deed", String(8), primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("nodes", Integer, nullable=False),  # that counted any; for what may be published
)

candidates = Table(
    "candidate",
    metadata,
    Column("node", String(64), primary_key=True),
    Column("day", BigInteger, primary_key=True, autoincrement=False),
    Column("domain", String(253), primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("clients", String(8), nullable=False),
)
