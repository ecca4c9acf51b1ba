"""Orders and counts for other programs: CSV, JSON and STIX 2.1, each as of a position of the log.

The same books give the same bytes, but for `as_of`. No node is named in any of it.
"""

import csv
import io
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select

from filterd.feed.acts import signed_json
from filterd.hub import fleet, order_views
from filterd.hub.compliance import Look, Page
from filterd.hub.register import stored_act
from filterd.hub.statistics import Span, signals, sites
from filterd.hub.stix import bundle
from filterd.hub.tables import counts, nodes, orders

Json = Any
PAGE = 500
_COLUMNS = ("authority", "id", "reference", "legal_basis", "category", "effect", "priority",
            "patterns", "state", "not_before", "not_after", "signed_at", "published_at",
            "revoked_at", "expected", "enforcing", "held", "coverage", "late")  # fmt: skip
_SITES = ("day", "nodes", "vn_sites_with_age_label", "vn_sites_without_age_label")
_SIGNALS = ("day", "signal", "age", "nodes", "attempts")
_PACES = ("p50", "p95", "p99")
_DEEDS = ("block", "rewrite", "allow", "pass")
_STEERS = ("=", "+", "-", "@", "\t", "\r", "\n")  # what makes a spreadsheet run a cell


def order_rows(look: Look, span: Span) -> Iterator[dict[str, Json]]:
    """Yield all orders as `views.orders` has them, with `act` as it was signed and `counts` of the
    span by deed.
    """
    counted = counts_of_orders(look, span)
    at = 0
    while rows := order_views.listed(look, Page(PAGE, at)):
        bodies = _bodies(look, [row["digest"] for row in rows])
        for row in rows:
            act = signed_json(stored_act(bodies[row["digest"]]))
            yield {**row, "counts": counted.get(_rule(row), {}), "act": act}
        at += PAGE


def counts_of_orders(look: Look, span: Span) -> dict[str, dict[str, dict[str, int]]]:
    """Return what was done by each order of the span: rule -> deed -> count, first and last (unix
    seconds).
    """
    rows = look.connection.execute(
        select(
            counts.c.rule,
            counts.c.deed,
            func.sum(counts.c.count).label("count"),
            func.min(counts.c.bucket).label("first"),
            func.max(counts.c.bucket + counts.c.span).label("last"),
        )
        .join(nodes, nodes.c.id == counts.c.node)
        .where(counts.c.bucket >= span.start, counts.c.bucket < span.end, look.within)
        .where(counts.c.rule.startswith("order:"))
        .group_by(counts.c.rule, counts.c.deed)
        .order_by(counts.c.rule, counts.c.deed)
    )
    found: dict[str, dict[str, dict[str, int]]] = {}
    for row in rows:
        told = {"count": int(row[2]), "first": row.first, "last": row.last}
        found.setdefault(row.rule, {})[row.deed] = told
    return found


def orders_csv(look: Look, span: Span) -> bytes:
    """Return a table of the orders, one a line, with their counts."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\r\n")  # RFC 4180
    lines.writerow([*_COLUMNS, *(f"{name}_ms" for name in _PACES), *_DEEDS])
    for row in order_rows(look, span):
        cells = [row[name] for name in _COLUMNS] + [row["enforce"][name] for name in _PACES]
        cells += [row["counts"].get(deed, {}).get("count", 0) for deed in _DEEDS]
        lines.writerow([_inert(each) for each in cells])
    return out.getvalue().encode()


def orders_json(look: Look, span: Span) -> bytes:
    """Return the orders with their signatures, and their counts."""
    value = {**_as_of(look, span), "orders": list(order_rows(look, span))}
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode()


def orders_stix(look: Look, span: Span) -> bytes:
    """Return a STIX 2.1 bundle: an indicator for each pattern, a sighting for what was blocked."""
    return json.dumps(bundle(order_rows(look, span)), ensure_ascii=False).encode()


def sites_csv(look: Look, span: Span) -> bytes:
    """Return a table of .vn sites with and without an age label, a day a line; see
    `statistics.sites`.
    """
    return _days_csv(_SITES, (tuple(row.values()) for row in sites(look, span)))


def bypass_csv(look: Look, span: Span) -> bytes:
    """Return a table of signs of going round the filter, by day, kind and age; see
    `statistics.signals`.
    """
    return _days_csv(_SIGNALS, (tuple(row.values()) for row in signals(look, span)))


def _days_csv(names: Sequence[str], rows: Iterable[Sequence[Json]]) -> bytes:
    """Return a table whose first column is a day."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\r\n")
    lines.writerow(names)
    for day, *rest in rows:
        lines.writerow([time.strftime("%Y-%m-%d", time.gmtime(day)), *rest])
    return out.getvalue().encode()


EXPORTS: Mapping[str, tuple[str, Callable[[Look, Span], bytes]]] = {
    "orders.csv": ("text/csv; charset=utf-8", orders_csv),
    "orders.json": ("application/json", orders_json),
    "sites.csv": ("text/csv; charset=utf-8", sites_csv),
    "bypass.csv": ("text/csv; charset=utf-8", bypass_csv),
    "orders.stix": ("application/stix+json;version=2.1", orders_stix),
}


def _as_of(look: Look, span: Span) -> dict[str, Json]:
    size, _ = fleet.head(look)
    return {
        "as_of": look.now,
        "log_size": size,
        "province": look.province,
        "from": span.start,
        "to": span.end,
    }


def _bodies(look: Look, digests: Sequence[str]) -> dict[str, bytes]:
    marks = [bytes.fromhex(each) for each in digests]
    rows = look.connection.execute(
        select(orders.c.digest, orders.c.body).where(orders.c.digest.in_(marks))
    )
    return {bytes(row.digest).hex(): bytes(row.body) for row in rows}


def _rule(row: Mapping[str, Json]) -> str:
    return f"order:{row['authority']}/{row['id']}"


def _inert(value: Json) -> Json:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_STEERS) else value
