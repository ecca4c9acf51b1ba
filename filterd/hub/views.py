"""What people and programs look at: JSON-able values. The web and the command line show the same.

Times are unix milliseconds; an order's `not_before` and `not_after` unix seconds, as signed. All is
read in one transaction of the caller's, on a thread: at 28,000 nodes a view may take a second.
"""

import json
from typing import Any

from sqlalchemy import select

from filterd.hub import chains, fleet, order_views, unblocking
from filterd.hub.audit import verify
from filterd.hub.compliance import DAY, Look, Page
from filterd.hub.pace import pace_json
from filterd.hub.tables import audits

Json = Any
FALSE_WINDOW = 30 * DAY
FIRST, FEW = Page(), Page(50)


def orders(look: Look, page: Page = FEW) -> list[dict[str, Json]]:
    """Return orders, those that wait first, then the newest first, with how they are enforced."""
    return order_views.listed(look, page)


def order(look: Look, authority: str, name: str, page: Page = FIRST) -> dict[str, Json] | None:
    """Return one order with T2, T3 and T4 of each node; None: there is none of that name."""
    return order_views.one(look, authority, name, page)


def nodes(look: Look, page: Page = FIRST) -> list[dict[str, Json]]:
    """Return the nodes that have not ended, by province and name."""
    return fleet.listed(look, page)


def late(look: Look, page: Page = FIRST) -> dict[str, Json]:
    """Return what needs somebody: nodes that are late, silent, refuse orders or have a wrong clock;
    chains of reports that are broken; names that must stay open and are blocked.
    """
    return {
        "nodes": fleet.listed(look, page, wanting=True),
        "chains": chains.broken(look),
        "overblocked": unblocking.overblocked(look),
    }


def status(look: Look) -> dict[str, Json]:
    """Return the state of the whole."""
    size, published_at = fleet.head(look)
    counted = fleet.summary(look)
    ended, not_ended = unblocking.expiries(look)
    published, taken_back = unblocking.false_orders(look, look.now - FALSE_WINDOW)
    chained = chains.broken(look)
    enrolled, subscribers = counted["enrolled"], counted["subscribers"]
    return {
        "at": look.now,
        "size": size,
        "published_at": published_at,
        "orders": order_views.states(look),
        "held_orders": order_views.held(look),
        "waiting": order_views.waiting(look),
        "nodes": counted,
        "coverage": _share(enrolled - counted["late"], enrolled),
        "coverage_weighted": _share(subscribers - counted["late_subscribers"], subscribers),
        "enforce": pace_json(order_views.paced(look)),
        "unblock": {
            "revocation": pace_json(order_views.paced(look, revoked=True)),
            "expiry": pace_json(ended),
            "still_blocked": not_ended,
        },
        "overblocked": unblocking.overblocked(look),
        "false_orders": {
            "published": published,
            "revoked_within_a_day": taken_back,
            "rate": _share(taken_back, published),
        },
        "chains": {
            name: sum(1 for each in chained if each[name]) for name in ("gaps", "forks", "dropped")
        },
    }


def audit(look: Look, page: Page = FIRST) -> dict[str, Json]:
    """Return the newest rows of the audit log, and whether its chain holds; `broken`: the number of
    the first row that does not fit.
    """
    found = verify(look.connection)
    asked = select(*(column for column in audits.c if column.name != "digest"))
    rows = look.connection.execute(
        asked.order_by(audits.c.number.desc()).limit(page.limit).offset(page.offset)
    ).mappings()
    return {
        "rows": found.rows,
        "newest": found.newest.hex(),
        "broken": found.broken,
        "notes": [{**row, "detail": json.loads(row["detail"])} for row in rows],
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
