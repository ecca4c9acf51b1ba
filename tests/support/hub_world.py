"""A hub's books as some days of a country would leave them: nodes, orders, receipts, batches.

All of it follows from its arguments; the same seed is the same country.
"""

import hashlib
import random
from dataclasses import dataclass, field

from sqlalchemy import insert

from filterd.hub import tables

NOW = 1_770_000_000_000  # unix milliseconds
MINUTE = 60_000
DAY = 86_400_000
PROVINCES = ("north", "south", "east", "west")
ROWS = 20_000  # of one statement


def node_id(at):
    """Return the id of the node of that number; they look like keys' ids."""
    return hashlib.sha256(b"%d" % at).hexdigest()


@dataclass
class World:
    """Rows of each table, to be changed before they are written."""

    rows: dict = field(default_factory=lambda: {t.name: [] for t in tables.metadata.sorted_tables})

    def add(self, table, **values):
        self.rows[table.name].append(values)

    def write(self, connection):
        for table in tables.metadata.sorted_tables:
            rows = self.rows[table.name]
            for at in range(0, len(rows), ROWS):
                connection.execute(insert(table), rows[at : at + ROWS])

    def node(self, at, **changed):
        values = {
            "id": node_id(at),
            "public": node_id(at),
            "name": f"School {at}",
            "province": PROVINCES[at % len(PROVINCES)],
            "kind": "school",
            "subscribers": 1,
            "enrolled_at": NOW - 30 * DAY,
            "ended_at": None,
            "seen_at": NOW - MINUTE,
            "skew": 0,
            "software": "1.0",
            "size": 0,
            "held": 0,
        }
        self.add(tables.nodes, **{**values, **changed})
        return node_id(at)

    def segment(self, number, published_at, **changed):
        values = {"number": number, "published_at": published_at}
        values |= {"canary": f"c{number}.canary.example", "urgent": False}
        values |= {"root": bytes(32), "edge": b""}
        self.add(tables.segments, **{**values, **changed})

    def order(self, name, segment, **changed):
        values = {
            "digest": name.encode().rjust(32, b"\0"),
            "authority": "ministry",
            "id": name,
            "reference": f"{name}/QD",
            "legal_basis": "decree-1",
            "category": "gambling",
            "effect": "block",
            "priority": "normal",
            "patterns": 1,
            "body": b"",
            "not_before": NOW // 1000 - 40 * 86_400,
            "not_after": NOW // 1000 + 40 * 86_400,
            "signed_at": NOW - DAY,
            "submitted_at": NOW - DAY,
            "submitted_by": "officer",
            "segment": segment,
            "revoked_segment": None,
            "revoked_at": None,
        }
        self.add(tables.orders, **{**values, **changed})

    def receipt(self, node, size, observed_at, **changed):
        values = {
            "node": node,
            "size": size,
            "root": bytes(32),
            "state": bytes(32),
            "node_received_at": observed_at - 60,
            "node_applied_at": observed_at - 40,
            "node_observed_at": observed_at,
            "refused": 0,
            "software": "1.0",
            "arrived_at": observed_at + 50,
            "body": b"{}",
        }
        self.add(tables.receipts, **{**values, **changed})

    def hold(self, node, segment, *, size, told_at, released_at=None, **changed):
        """Count it in the node's row as well, as the hub does."""
        values = {"node": node, "segment": segment, "size": size, "told_at": told_at}
        values |= {"node_told_at": told_at - 50, "released_at": released_at, "body": None}
        values |= {"released_size": None, "node_released_at": None}
        if released_at is not None:
            values |= {"released_size": size, "node_released_at": released_at - 50, "body": b"{}"}
        elif (row := next(each for each in self.rows["node"] if each["id"] == node)) is not None:
            row["held"] += 1
        self.add(tables.holdings, **{**values, **changed})

    def check(self, node, size, kind, subject, *, due_at, seen_at, good):
        self.add(
            tables.checks,
            node=node,
            size=size,
            kind=kind,
            subject=subject,
            node_due_at=due_at,
            node_seen_at=seen_at,
            good=good,
        )

    def batch(self, node, sequence, **changed):
        values = {
            "node": node,
            "epoch": 1,
            "sequence": sequence,
            "digest": bytes([sequence + 1]) * 32,
            "before": bytes([sequence]) * 32,
            "lane": "counts",
            "rows": 0,
            "dropped": 0,
            "node_made_at": NOW // 1000 - 600,
            "arrived_at": NOW - 600_000 + sequence,
            "chain": "whole",
        }
        self.add(tables.batches, **{**values, **changed})

    def counted(self, node, place, rule, count, **changed):
        values = {"node": node, "epoch": 1, "sequence": 0, "place": place}
        values |= {"bucket": (NOW // 1000 - 4 * 86_400) // 300 * 300, "span": 300, "rule": rule}
        values |= {"bracket": "11-12", "deed": "block", "count": count, "clients": "5-19"}
        self.add(tables.counts, **{**values, **changed})


def country(nodes, orders, seed=1):
    """Return a world of `nodes` that took `orders`, one a segment, a minute apart, most at once."""
    dice, world = random.Random(seed), World()
    first = NOW - (orders + 20) * MINUTE
    for number in range(orders):
        world.segment(number, first + number * MINUTE)
        world.order(f"2026-{number + 1}", number, signed_at=first + number * MINUTE - 90_000)
    for at in range(nodes):
        skew = dice.choice((0,) * 30 + (1, -1, 45, -600))
        behind = dice.choice((0,) * 40 + (1, 3, orders))
        isp = at % 50 == 7
        size = max(0, orders - behind)
        node = world.node(
            at,
            skew=skew,
            size=size,
            kind="isp" if isp else "school",
            name=f"Provider {at}" if isp else f"School {at}",
            subscribers=dice.randrange(1000, 90_000) if isp else 1,
            seen_at=NOW - (dice.randrange(MINUTE) if behind == 0 else 3 * 3_600_000),
        )
        for number in range(size):
            t4 = first + number * MINUTE + int(dice.lognormvariate(5.6, 0.5))
            world.receipt(
                node, number + 1, t4 + skew * 1000, arrived_at=t4 + 30, refused=int(at % 97 == 5)
            )
    return world
