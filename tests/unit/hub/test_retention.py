from calendar import timegm

import pytest
from sqlalchemy import func, insert, select

from filterd.hub import retention
from filterd.hub.arriving import KEPT
from filterd.hub.database import open_database
from filterd.hub.retention import Swept, month_after, month_of, sweep
from filterd.hub.tables import (
    batches,
    candidates,
    checks,
    counts,
    invitations,
    months,
    nodes,
    receipts,
)
from tests.support.steps import each_statement, killed_at

NOW = timegm((2027, 3, 15, 12, 0, 0))
OLD = timegm((2026, 1, 31, 23, 55, 0))  # the last of a month that ended more than 13 months ago
YOUNG = timegm((2026, 2, 1, 0, 0, 0))


@pytest.fixture
def filled(database):
    """Two nodes with counts around the edge of what is kept."""
    with database.write() as connection:
        for node in ("a", "b"):
            connection.execute(insert(nodes).values(_node(node)))
        told = (
            ("a", OLD, "own", 1),
            ("b", OLD, "own", 2),
            ("a", OLD - 86_400 * 40, "own", 4),
            ("a", OLD, "category:games", 8),
            ("a", YOUNG, "own", 16),
        )
        for place, (node, bucket, rule, count) in enumerate(told):
            connection.execute(insert(batches).values(_batch(node, place, bucket)))
            connection.execute(insert(counts).values(_count(node, place, bucket, rule, count)))
    return database


def _node(node):
    text = dict.fromkeys(("public", "name", "province", "kind", "software"), "x")
    return {
        "id": node,
        **text,
        "subscribers": 1,
        "enrolled_at": 0,
        "seen_at": 0,
        "skew": 0,
        "size": 0,
    }


def _batch(node, sequence, bucket):
    told = {
        "node": node,
        "epoch": 1,
        "sequence": sequence,
        "digest": bytes(32),
        "before": bytes(32),
    }
    return {
        **told,
        "lane": "counts",
        "rows": 1,
        "dropped": 0,
        "node_made_at": bucket,
        "arrived_at": bucket * 1000,
        "chain": "whole",
    }


def _count(node, sequence, bucket, rule, count):
    told = {
        "node": node,
        "epoch": 1,
        "sequence": sequence,
        "place": 0,
        "bucket": bucket,
        "span": 300,
    }
    return {
        **told,
        "rule": rule,
        "bracket": "6-10",
        "deed": "block",
        "count": count,
        "clients": "1-4",
    }


def number_of(database, table):
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def sums(database):
    with database.read() as connection:
        rows = connection.execute(
            select(months.c.month, months.c.rule, months.c.count, months.c.nodes)
        )
        return {(row.month, row.rule): (row.count, row.nodes) for row in rows}


SUMS = {
    (timegm((2026, 1, 1, 0, 0, 0)), "own"): (3, 2),
    (timegm((2026, 1, 1, 0, 0, 0)), "category:games"): (8, 1),
    (timegm((2025, 12, 1, 0, 0, 0)), "own"): (4, 1),
}


def test_old_counts_become_sums_of_the_country(filled):
    assert sweep(filled, NOW) == Swept(2, 4, 4)
    assert sums(filled) == SUMS
    assert number_of(filled, counts) == number_of(filled, batches) == 1
    assert sweep(filled, NOW) == Swept(0, 0, 0)
    assert sums(filled) == SUMS


def test_a_month_goes_when_it_is_due_and_not_before(filled):
    sweep(filled, timegm((2027, 1, 31, 23, 59, 0)))
    assert timegm((2025, 12, 1, 0, 0, 0)) not in {month for month, _ in sums(filled)}
    sweep(filled, timegm((2027, 2, 1, 0, 0, 0)))
    assert {month for month, _ in sums(filled)} == {timegm((2025, 12, 1, 0, 0, 0))}


def test_what_is_refused_as_too_old_is_older_than_what_is_summed_up():
    """Else a late batch would be added to a month that was closed."""
    for day in range(366 * 4):
        now = NOW + day * 86_400
        assert month_after(now, -13) <= now - KEPT // 1000 - 300


def test_killed_at_every_step_nothing_is_counted_twice(filled, monkeypatch):
    monkeypatch.setattr(retention, "CHUNK", 2)
    url = filled.engine.url.render_as_string(hide_password=False)
    step = 0
    killed = True
    while killed:
        step += 1
        filled.close()

        def work(reached):
            mine = open_database(url)
            each_statement(mine.engine, reached)
            sweep(mine, NOW)

        killed = killed_at(step, work)
        with filled.read() as connection:
            kept = connection.execute(
                select(func.sum(counts.c.count)).where(counts.c.bucket >= YOUNG)
            )
            assert kept.scalar_one() == 16
    assert sums(filled) == SUMS
    assert number_of(filled, counts) == 1
    assert step > 10


def test_names_receipts_and_codes_go_in_their_time(database):
    days = 86_400
    with database.write() as connection:
        connection.execute(insert(nodes).values(_node("a")))
        for day in (10, 31):
            seen = {"node": "a", "day": NOW - day * days, "domain": "x.example"}
            connection.execute(insert(candidates).values(**seen, count=1, clients="1-4"))
        for size, age in ((1, 400), (2, 390)):
            times = dict.fromkeys(("node_received_at", "node_applied_at", "node_observed_at"), 0)
            proof = {
                "node": "a",
                "size": size,
                "root": b"",
                "state": b"",
                **times,
                "refused": 0,
                "software": "x",
            }
            connection.execute(
                insert(receipts).values(**proof, arrived_at=(NOW - age * days) * 1000, body=b"")
            )
            look = {"node": "a", "size": size, "kind": "open", "subject": "x.example"}
            connection.execute(
                insert(checks).values(**look, node_due_at=0, node_seen_at=0, good=True)
            )
        for at in (1, 40):
            code = {"name": "x", "province": "x", "kind": "school", "subscribers": 1, "made_at": 0}
            connection.execute(
                insert(invitations).values(
                    code_hash=bytes([at]), **code, expires_at=(NOW - at * days) * 1000
                )
            )
    assert sweep(database, NOW) == Swept(0, 0, 4)
    for table in (candidates, receipts, checks, invitations):
        assert number_of(database, table) == 1


def test_months():
    assert month_of(OLD) == timegm((2026, 1, 1, 0, 0, 0))
    assert month_after(OLD, 1) == YOUNG
    assert month_after(YOUNG, -14) == timegm((2024, 12, 1, 0, 0, 0))
